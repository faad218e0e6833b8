import Foundation

/// What a rank needs of shared items.
struct ItemDemand: Portable, Hashable {
    /// Items that it has begun and not finished; without any it waits for the answer.
    let held: Int
    /// Items that it has room for.
    let wanted: Int
    /// Items at a time that it computes efficiently.
    let enough: Int

    init(held: Int, wanted: Int, enough: Int) { (self.held, self.wanted, self.enough) = (held, wanted, enough) }

    init(from message: inout MessageReader) throws(DistributionError) {
        (held, wanted, enough) = (try message.integer(), try message.integer(), try message.integer())
    }

    func write(to message: inout MessageWriter) { for value in [held, wanted, enough] { message.add(value) } }
}

/// Reads items ahead on a thread of the first rank, and gives them to whoever asks.
final class ItemSupply: Sendable {
    /// An answer to a rank: some items, or `nil` when there are no more.
    typealias Answer = (rank: Int, items: [SharedItems.Item]?)

    /// Bytes that are read ahead at most.
    private static let aheadBytes = 64 << 20
    /// Items that may wait for the result of an earlier one.
    private static let unfinished = 1 << 16

    private struct State {
        var ready: ArraySlice<SharedItems.Item> = []
        var readyBytes = 0
        /// Items read so far, and those whose results have been taken.
        var (read, finished) = (0, 0)
        /// Whether nothing more will be read, and why if not because all was.
        var isDrained = false
        var failure: (any Error)?
        /// Ranks that wait for an answer.
        var asks: [(rank: Int, demand: ItemDemand)] = []
    }

    private let state = Monitor(State())
    private let ranks: Int
    private let answer: @Sendable (Answer) -> Void

    /// - Parameter answer: Sends an answer to another rank; called by any thread.
    init(ranks: Int, answer: @escaping @Sendable (Answer) -> Void) { (self.ranks, self.answer) = (ranks, answer) }

    /// Begins to read.
    func start(_ read: @escaping @Sendable () throws -> [UInt8]?) {
        Thread.detachNewThread { [self] in while hasRoom() { add(Result { try read() }) } }
    }

    /// Waits until there is room for another item; false when no more is wanted.
    private func hasRoom() -> Bool {
        state.wait { state in
            if state.isDrained { return false }
            let isFull =
                state.readyBytes >= Self.aheadBytes || state.read - state.finished >= Self.unfinished
            return isFull ? nil : true
        }
    }

    private func add(_ result: Result<[UInt8]?, any Error>) {
        let answers = state.change { state -> [Answer] in
            guard !state.isDrained else { return [] }
            switch result {
            case .success(let bytes?):
                state.ready.append(SharedItems.Item(number: state.read, bytes: bytes))
                state.readyBytes += bytes.count
                state.read += 1
            case .success: state.isDrained = true
            case .failure(let error): (state.isDrained, state.failure) = (true, error)
            }
            return replies(&state)
        }
        for answer in answers { self.answer(answer) }
    }

    /// Another rank's question; answered when there is something to say.
    func ask(_ demand: ItemDemand, rank: Int) {
        let answers = state.change { state -> [Answer] in
            state.asks.append((rank, demand))
            return replies(&state)
        }
        for answer in answers { self.answer(answer) }
    }

    private func replies(_ state: inout State) -> [Answer] {
        var answers: [Answer] = []
        while let ask = state.asks.first, state.isDrained || !state.ready.isEmpty {
            state.asks.removeFirst()
            answers.append((ask.rank, take(ask.demand, from: &state)))
        }
        return answers
    }

    /// Items for the first rank itself; without any in its hands it waits for them.
    ///
    /// - Returns: `nil` when there are no more.
    /// - Throws: What reading has failed with.
    func take(_ demand: ItemDemand) throws -> [SharedItems.Item]? {
        let taken = state.wait { state -> Result<[SharedItems.Item]?, any Error>? in
            if let failure = state.failure { return .failure(failure) }
            guard state.isDrained || !state.ready.isEmpty || demand.held > 0 else { return nil }
            return .success(take(demand, from: &state))
        }
        return try taken.get()
    }

    private func take(_ demand: ItemDemand, from state: inout State) -> [SharedItems.Item]? {
        guard !state.ready.isEmpty else { return state.isDrained ? nil : [] }
        let held = max(0, min(demand.held, state.read))
        let begun = Portion.begun(of: state.ready.count + held, ranks: ranks, enough: demand.enough)
        let count = max(held == 0 ? 1 : 0, min(demand.wanted, begun - held))
        let items = Array(state.ready.prefix(count))
        state.ready = state.ready.dropFirst(count)
        state.readyBytes -= items.reduce(0) { $0 + $1.bytes.count }
        return items
    }

    /// The results of so many items have been taken.
    func finish(_ count: Int) { state.change { $0.finished = count } }

    /// Whether so many items are all there are.
    func isEnd(_ count: Int) -> Bool { state.change { $0.isDrained && $0.read == count } }

    /// Gives out nothing more.
    func close() {
        let answers = state.change { state -> [Answer] in
            (state.isDrained, state.ready, state.readyBytes) = (true, [], 0)
            return replies(&state)
        }
        for answer in answers { self.answer(answer) }
    }
}
