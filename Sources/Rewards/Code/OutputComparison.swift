import OrderedJSON

/// How a program's output is compared with the expected one.
///
/// The whole output counts: a part of it, or more than it, is wrong. Numbers are compared as they are written; a
/// tolerance must be asked for, because a relative one accepts neighbours of large integers.
struct OutputComparison: Hashable, Sendable {
    enum Form: String, CaseIterable, Hashable, Sendable {
        /// The same words in the same order, however they are spaced.
        case tokens
        /// The same lines, but for blanks at a line's end and empty lines at the end.
        case lines
        /// The same bytes.
        case exact
    }

    var form = Form.lines
    /// How far a number may be from one that is written with a decimal point; relative above 1, absolute below.
    var tolerance: Double?

    init() {}

    /// Reads `compare` and `tolerance`.
    init(_ row: JSONObject) throws(RewardFailure) {
        if let word = row["compare"]?.stringValue {
            guard let form = Form(rawValue: word) else {
                throw RewardFailure(.badRow, "compare is '\(word.prefix(40))', expected tokens, lines or exact")
            }
            self.form = form
        }
        tolerance = row["tolerance"]?.doubleValue.map { min(max($0, 0), 0.1) }
    }

    func accepts(_ output: [UInt8], expected: String) -> Bool {
        let wanted = Array(expected.utf8)
        switch form {
        case .exact: return output == wanted
        case .tokens: return sameWords(Self.words(output[...]), Self.words(wanted[...]))
        case .lines:
            let (got, asked) = (Self.lines(output), Self.lines(wanted))
            return got.count == asked.count
                && zip(got, asked).allSatisfy { line, other in
                    line == other || (tolerance != nil && sameWords(Self.words(line), Self.words(other)))
                }
        }
    }

    private func sameWords(_ got: [ArraySlice<UInt8>], _ wanted: [ArraySlice<UInt8>]) -> Bool {
        got.count == wanted.count && zip(got, wanted).allSatisfy { $0 == $1 || isNear($0, $1) }
    }

    private func isNear(_ got: ArraySlice<UInt8>, _ wanted: ArraySlice<UInt8>) -> Bool {
        guard let tolerance, wanted.contains(0x2E), got.count < 400, wanted.count < 400,
            let value = Double(String(decoding: got, as: UTF8.self)), value.isFinite,
            let goal = Double(String(decoding: wanted, as: UTF8.self)), goal.isFinite
        else { return false }
        return abs(value - goal) <= tolerance * max(1, abs(goal))
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func words(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        bytes.split(whereSeparator: isBlank)
    }

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            line.prefix(line.count - line.reversed().prefix(while: isBlank).count)
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
