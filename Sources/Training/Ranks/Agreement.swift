import Distribution

extension RankGroup {
    /// Brings the outcomes of all ranks together. Where any has failed, all ranks throw the error of the first that has,
    /// so that every rank goes on at the same place.
    ///
    /// - Returns: Each rank's value, by rank.
    func agree<Value: Portable>(_ own: Result<Value, any Error>) throws -> [Value] {
        guard count > 1 else { return [try own.get()] }
        var message = MessageWriter()
        switch own {
        case .success(let value):
            message.add("")
            value.write(to: &message)
        case .failure(let error): SentError(error).write(to: &message)
        }
        let messages = try exchange(message.bytes)
        var values: [Value] = []
        for (rank, bytes) in messages.enumerated() {
            if rank == self.rank {
                values.append(try own.get())
                continue
            }
            var reader = MessageReader(bytes)
            let error = try SentError(from: &reader)
            if !error.code.isEmpty { throw error.received(from: name(of: rank)) }
            values.append(try Value(from: &reader))
        }
        return values
    }

    /// The same for what can only fail with the trainer's own errors.
    func agree<Value: Portable>(_ own: Result<Value, TrainingError>) throws(TrainingError) -> [Value] {
        do { return try agree(own.mapError { $0 as any Error }) } catch let error as TrainingError {
            throw error
        } catch {
            throw TrainingError(.ranks, "\(error)", cause: error)
        }
    }

    /// Throws on all ranks if any of them was asked to stop.
    func check(_ signal: StopSignal) throws(TrainingError) {
        let own = Result { () throws(TrainingError) in try signal.check() }
        _ = try agree(own.map { Nothing() })
    }

    /// Does something on the first rank; the others wait until it is done, and fail with it.
    func first(_ body: () throws -> Void) throws {
        _ = try agree(Result { if isFirst { try body() } }.map { Nothing() })
    }

    /// Computes pieces, each on one of the ranks.
    ///
    /// - Parameter costs: What each piece will take, in any unit.
    /// - Returns: The pieces' results, in their order.
    func map<Value: Portable>(
        costs: [Double], _ body: (_ piece: Int) throws(TrainingError) -> Value
    ) throws(TrainingError) -> [Value] { try map(share(costs: costs), closing: nil, body) }

    /// Computes pieces of some work, and brings together what they have added up.
    func map<Value: Portable>(
        _ share: WorkShare, closing sums: PartialSums?, _ body: (_ piece: Int) throws(TrainingError) -> Value
    ) throws(TrainingError) -> [Value] {
        var own = Pieces<Value>()
        var outcome = Result<Void, TrainingError>.success(())
        do {
            while let piece = try share.next() { own.add(try body(piece), at: piece) }
            // Where another rank gave up, its error is told below.
            _ = try sums?.close()
        } catch {
            sums?.abandon()
            outcome = .failure(error as? TrainingError ?? TrainingError(.ranks, "\(error)", cause: error))
        }
        return try Pieces.joined(try agree(outcome.map { own }), count: share.pieces)
    }
}

/// What says only that it is there.
struct Nothing: Portable {
    init() {}
    init(from message: inout MessageReader) throws(DistributionError) {}
    func write(to message: inout MessageWriter) {}
}

/// Results of some pieces of a piece of work.
struct Pieces<Value: Portable>: Portable {
    private var numbers: [Int] = []
    private var values: [Value] = []

    init() {}

    mutating func add(_ value: Value, at number: Int) {
        numbers.append(number)
        values.append(value)
    }

    /// The results of all ranks, in the pieces' order.
    ///
    /// - Throws: `TrainingError` (`ranks`) where one is missing.
    static func joined(_ parts: [Pieces], count: Int) throws(TrainingError) -> [Value] {
        var all = [Value?](repeating: nil, count: count)
        for part in parts {
            for (number, value) in zip(part.numbers, part.values) where all.indices.contains(number) {
                all[number] = value
            }
        }
        let values = all.compactMap { $0 }
        guard values.count == count else {
            throw TrainingError(
                .ranks, "\(count - values.count) of \(count) pieces were computed by no rank; please report it")
        }
        return values
    }

    init(from message: inout MessageReader) throws(DistributionError) {
        numbers = try message.integers()
        values = try message.values(Value.self)
    }

    func write(to message: inout MessageWriter) {
        message.add(numbers)
        message.add(values)
    }
}

/// An error on its way to other ranks; without code: none.
private struct SentError: Portable {
    let code: String
    let text: String

    init(_ error: any Error) {
        code = (error as? TrainingError)?.code.rawValue ?? "other"
        text = String(describing: error)
    }

    init(from message: inout MessageReader) throws(DistributionError) {
        code = try message.text()
        text = code.isEmpty ? "" : try message.text()
    }

    func write(to message: inout MessageWriter) {
        message.add(code)
        message.add(text)
    }

    /// The error as the other ranks throw it. One that every rank would have had tells no rank.
    func received(from rank: String) -> TrainingError {
        guard let code = TrainingError.Code(rawValue: code) else { return TrainingError(.ranks, "\(rank): \(text)") }
        return TrainingError(code, code == .interrupted ? text : "\(rank): \(text)")
    }
}
