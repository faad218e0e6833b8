import Distribution
import Foundation
import OrderedJSON
import Synchronization

/// JSON Lines whose results are written in their order, whichever rank works on them: the first rank reads, all of them
/// use, and the first one writes.
///
/// A line that can't be used is reported and skipped when its turn has come; the command then ends with status 1.
final class SharedLines {
    private let items: SharedItems
    private let group: RankGroup
    private let messages: Messages
    /// Says where a line stands.
    private let place: @Sendable (_ line: Int) -> String
    /// Lines at a time that are computed efficiently.
    private let enough: Int
    private var failures = 0
    /// What was counted in the results written so far.
    private(set) var written = (results: 0, tokens: 0)

    /// Opens a file; `-` is standard input.
    init(path: String, group: RankGroup, messages: Messages, enough: Int = 1) throws {
        let input = group.isFirst ? try JSONLinesInput(path: path, messages: messages) : nil
        let name = input?.name ?? path
        place = { "\(name): line \($0)" }
        (self.group, self.messages, self.enough) = (group, messages, enough)
        let reader = Mutex(input)
        items = SharedItems(group) {
            try reader.withLock { input in
                try input?.nextLine().map { line, index in Self.message(line) }
            }
        }
    }

    /// A single line in place of a file.
    ///
    /// - Parameter name: Where it comes from.
    init(_ line: JSONObject, name: String, group: RankGroup, messages: Messages) {
        place = { _ in name }
        (self.group, self.messages, enough) = (group, messages, 1)
        let bytes = Array(JSONValue.object(line).text().utf8)
        let rest = Mutex<LineReader.Line?>(LineReader.Line(number: 1, bytes: bytes, isTooLong: false))
        items = SharedItems(group) { rest.withLock { $0.take() }.map { Self.message($0) } }
    }

    /// Further lines for this rank; those that are no objects are reported.
    ///
    /// - Parameter held: Lines that this rank has begun and not finished; with none it waits.
    /// - Parameter wanted: Lines that it has room for.
    /// - Returns: `nil` when there are no more; perhaps none where some are in work.
    /// - Throws: `CommandFailure` when the file can't be read or the user interrupts; `DistributionError`.
    func take(held: Int = 0, wanted: Int) throws -> [InputLine]? {
        guard !Interruption.isRequested else { throw CommandFailure(reported: .interrupted) }
        guard let taken = try items.take(held: held, wanted: wanted, enough: enough) else { return nil }
        var lines: [InputLine] = []
        for item in taken {
            let line = try Self.line(item)
            do { lines.append(try JSONLinesInput.parse(line, index: item.number)) } catch let error as LineError {
                fail(item.number, line: line.number, error)
            }
        }
        return lines
    }

    /// Hands in a line's result.
    ///
    /// - Parameter index: The line's.
    /// - Parameter part: Which of the line's results it is.
    /// - Parameter isLast: Whether there are no further ones.
    /// - Parameter tokens: What it is counted as.
    func put(_ result: JSONObject, index: Int, part: Int = 0, isLast: Bool = true, tokens: Int = 0) {
        var message = MessageWriter()
        message.add(tokens)
        message.add(JSONValue.object(result).text())
        items.put(message.bytes, number: index, part: part, isLast: isLast)
    }

    /// Hands in that a line can't be used.
    func fail(_ line: InputLine, _ error: LineError) { fail(line.index, line: line.number, error) }

    private func fail(_ index: Int, line: Int, _ error: LineError) {
        var message = MessageWriter()
        message.add(-line)
        message.add(error.message)
        items.put(message.bytes, number: index)
    }

    /// Writes what is ready.
    ///
    /// - Throws: `OutputClosed` or `CommandFailure` when it can't be written, `DistributionError` when a rank has given up.
    func flush() throws { try write(items.collect() ?? []) }

    /// Does the work, and writes all results in the end; returns when all ranks are done. Where it ends early, what is
    /// finished is written all the same.
    ///
    /// - Throws: What the work throws, and as `flush()`.
    nonisolated(nonsending) func run(_ work: () async throws -> Void) async throws {
        do {
            try await work()
            if group.isFirst { while let results = try items.collect(waits: true) { try write(results) } }
            _ = try group.exchange([])
        } catch {
            try? write(items.abandon())
            throw error
        }
    }

    /// Ends the command with status 1 if some lines could not be used.
    func finish() throws { if failures > 0 { throw CommandFailure(reported: .failed) } }

    private func write(_ results: [[UInt8]]) throws {
        for result in results {
            var reader = MessageReader(result)
            let (tokens, text) = (try reader.integer(), try reader.text())
            guard tokens >= 0 else {
                failures += 1
                messages.error("\(place(-tokens)): \(text)")
                continue
            }
            try StandardOutput.write(text + "\n")
            written.results += 1
            written.tokens += tokens
        }
    }

    private static func message(_ line: LineReader.Line) -> [UInt8] {
        var message = MessageWriter()
        message.add(line.number)
        message.add(line.isTooLong ? 1 : 0)
        message.add(octets: line.bytes)
        return message.bytes
    }

    private static func line(_ item: SharedItems.Item) throws(DistributionError) -> LineReader.Line {
        var reader = MessageReader(item.bytes)
        let (number, isTooLong) = (try reader.integer(), try reader.integer() != 0)
        return LineReader.Line(number: number, bytes: try reader.octets(), isTooLong: isTooLong)
    }
}
