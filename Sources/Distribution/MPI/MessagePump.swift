import Foundation

/// Moves messages between this rank and the others, until all have said farewell.
///
/// A message is a header of 16 bytes, its channel and its length, and then its bytes in pieces that fit MPI's counts. MPI
/// keeps the messages of a pair of ranks in order, so a header is always followed by what belongs to it.
final class MessagePump {
    private typealias Handle = MPILibrary.Handle

    private static let headerTag: Int32 = 1
    private static let bodyTag: Int32 = 2
    private static let headerSize = 16
    private static let pieceSize = 1 << 28

    private let library: MPILibrary
    private let start: MPITransport.Start
    private let outbox: Monitor<MPITransport.Outbox>
    private let inbox: Inbox
    private var sends: [Transfer] = []
    private var arrivals: [Arrival]
    private var watch: SilenceWatch
    private var idleRounds = 0

    init(
        _ library: MPILibrary, _ start: MPITransport.Start, outbox: Monitor<MPITransport.Outbox>, inbox: Inbox,
        timeout: Double
    ) {
        (self.library, self.start, self.outbox, self.inbox) = (library, start, outbox, inbox)
        watch = SilenceWatch(ranks: start.hosts.count, own: start.rank, timeout: timeout, now: Self.now)
        arrivals = start.hosts.indices.filter { $0 != start.rank }.map { Arrival(rank: $0) }
    }

    /// Seconds of a clock that never goes back.
    private static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }

    /// Works until everybody has said farewell.
    ///
    /// - Throws: `DistributionError` (`lost`, `failed`, `malformed`).
    func run() throws(DistributionError) {
        for arrival in arrivals { try expect(arrival) }
        while true {
            var isBusy = try sendAll()
            for arrival in arrivals where !arrival.hasEnded { isBusy = try advance(arrival) || isBusy }
            try checkSilence()
            if sends.isEmpty, arrivals.allSatisfy(\.hasEnded), outbox.change({ $0.isClosing && $0.messages.isEmpty }) {
                library.finish()
                return
            }
            pause(isBusy)
        }
    }

    /// Sleeps a little where nothing moves, and longer where nothing has for a while: the processor is for computing. A message
    /// on its way moves only when the library is called, so it is not left for long.
    private func pause(_ isBusy: Bool) {
        idleRounds = isBusy ? 0 : idleRounds + 1
        guard idleRounds > 3 else { return }
        let isMoving = !sends.isEmpty || arrivals.contains { $0.body != nil }
        outbox.pause(idleRounds < 200 ? 5e-5 : isMoving ? 2e-4 : 1e-3) { !$0.messages.isEmpty }
    }

    /// Begins to send what waits, and forgets what has been sent.
    private func sendAll() throws(DistributionError) -> Bool {
        let messages = outbox.change { outbox in
            defer { outbox.messages = [] }
            return outbox.messages
        }
        for message in messages { try send(message.bytes, to: message.rank, on: message.channel) }
        let before = sends.count
        var left: [Transfer] = []
        for transfer in sends where try !transfer.isDone(library) { left.append(transfer) }
        sends = left
        return !messages.isEmpty || left.count < before
    }

    private func send(_ bytes: [UInt8], to rank: Int, on channel: Channel) throws(DistributionError) {
        let transfer = Transfer(size: Self.headerSize + bytes.count)
        let memory = transfer.memory
        memory.storeBytes(of: UInt64(channel.rawValue).littleEndian, as: UInt64.self)
        memory.storeBytes(of: UInt64(bytes.count).littleEndian, toByteOffset: 8, as: UInt64.self)
        UnsafeMutableRawBufferPointer(rebasing: memory[Self.headerSize...]).copyBytes(from: bytes)
        try library.send(
            UnsafeRawBufferPointer(rebasing: memory[..<Self.headerSize]), to: rank, tag: Self.headerTag,
            transfer.addRequest())
        for place in stride(from: Self.headerSize, to: memory.count, by: Self.pieceSize) {
            let piece = UnsafeRawBufferPointer(rebasing: memory[place..<min(place + Self.pieceSize, memory.count)])
            try library.send(piece, to: rank, tag: Self.bodyTag, transfer.addRequest())
        }
        sends.append(transfer)
        watch.sent(to: rank, Self.now)
        if channel == .farewell { watch.sentLast(to: rank) }
    }

    /// Waits for the next header of a rank.
    private func expect(_ arrival: Arrival) throws(DistributionError) {
        let transfer = Transfer(size: Self.headerSize)
        try library.receive(transfer.memory, from: arrival.rank, tag: Self.headerTag, transfer.addRequest())
        (arrival.header, arrival.body) = (transfer, nil)
    }

    /// Takes what has arrived from a rank.
    ///
    /// - Returns: Whether anything has.
    private func advance(_ arrival: Arrival) throws(DistributionError) -> Bool {
        if let body = arrival.body {
            guard try body.isDone(library) else { return false }
            try complete(arrival, Array(body.memory))
            return true
        }
        guard let header = arrival.header, try header.isDone(library) else { return false }
        watch.heard(arrival.rank, Self.now)
        let code = UInt64(littleEndian: header.memory.load(as: UInt64.self))
        let length = UInt64(littleEndian: header.memory.load(fromByteOffset: 8, as: UInt64.self))
        guard let channel = UInt8(exactly: code).flatMap({ Channel(rawValue: $0) }), length < 1 << 40 else {
            throw DistributionError(
                .malformed,
                "\(start.name(of: arrival.rank)) sent a header that this program does not know; is it of another version?"
            )
        }
        arrival.channel = channel
        guard length > 0 else {
            try complete(arrival, [])
            return true
        }
        let body = Transfer(size: Int(length))
        for place in stride(from: 0, to: body.memory.count, by: Self.pieceSize) {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: body.memory[place..<min(place + Self.pieceSize, body.memory.count)])
            try library.receive(piece, from: arrival.rank, tag: Self.bodyTag, body.addRequest())
        }
        arrival.body = body
        return true
    }

    /// Hands a whole message over, and waits for the next.
    private func complete(_ arrival: Arrival, _ message: [UInt8]) throws(DistributionError) {
        watch.heard(arrival.rank, Self.now)
        if arrival.channel != .beat { inbox.deliver(message, from: arrival.rank, on: arrival.channel) }
        guard arrival.channel != .farewell else {
            inbox.end(arrival.rank)
            watch.heardLast(arrival.rank)
            arrival.hasEnded = true
            return
        }
        try expect(arrival)
    }

    /// Sends signs of life where nothing else was sent, and looks for those who send none.
    private func checkSilence() throws(DistributionError) {
        let now = Self.now
        if let lost = watch.lost(now) {
            throw DistributionError(
                .lost,
                "\(start.name(of: lost)) has not been heard of for \(Int(watch.timeout)) s: it was stopped, its machine is "
                    + "down, or the network is; all ranks end, and the newest checkpoint is whole. Go on with --resume")
        }
        for rank in watch.due(now) { try send([], to: rank, on: .beat) }
    }
}

/// What one rank is sending to this one.
private final class Arrival {
    let rank: Int
    var channel = Channel.beat
    var header: Transfer?
    var body: Transfer?
    var hasEnded = false

    init(rank: Int) { self.rank = rank }
}

/// Bytes on their way, with the requests that move them.
private final class Transfer {
    let memory: UnsafeMutableRawBufferPointer
    private var requests: [UnsafeMutablePointer<MPILibrary.Handle>] = []

    init(size: Int) { memory = .allocate(byteCount: size, alignment: 16) }

    deinit {
        for request in requests { request.deallocate() }
        memory.deallocate()
    }

    func addRequest() -> UnsafeMutablePointer<MPILibrary.Handle> {
        let request = UnsafeMutablePointer<MPILibrary.Handle>.allocate(capacity: 1)
        requests.append(request)
        return request
    }

    /// Whether all has been moved.
    func isDone(_ library: MPILibrary) throws(DistributionError) -> Bool {
        while let request = requests.last {
            guard try library.isDone(request) else { return false }
            requests.removeLast()
            request.deallocate()
        }
        return true
    }
}
