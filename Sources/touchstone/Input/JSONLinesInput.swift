import OrderedJSON

/// JSON Lines, read one by one. A line that can't be used is reported and skipped, as `cat` does with a file that is
/// missing; the command then ends with status 1.
struct JSONLinesInput {
    private var reader: LineReader
    private let messages: Messages
    private var index = 0
    /// How many lines could not be used.
    private(set) var failures = 0

    /// Opens a file; `-` is standard input.
    init(path: String, messages: Messages) throws {
        reader = try LineReader(path: path)
        self.messages = messages
    }

    /// The next line that can be used; `nil` at the end.
    ///
    /// - Parameter use: Makes something of a line; a `LineError` is reported with the line's number, any other error goes
    ///   through.
    mutating func next<Value>(_ use: (InputLine) throws -> Value) throws -> Value? {
        while let (line, index) = try nextLine() {
            do { return try use(try Self.parse(line, index: index)) } catch let error as LineError {
                failures += 1
                messages.error("\(reader.name): line \(line.number): \(error.message)")
            }
        }
        return nil
    }

    /// The next line that is not blank, with its place among them; `nil` at the end.
    mutating func nextLine() throws -> (line: LineReader.Line, index: Int)? {
        while let line = try reader.next() {
            if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }), !line.isTooLong { continue }
            defer { index += 1 }
            return (line, index)
        }
        return nil
    }

    /// What the lines' file is called.
    var name: String { reader.name }

    /// Uses every line.
    ///
    /// - Throws: At the end `CommandFailure` if some could not be used.
    mutating func forEach(_ use: (InputLine) throws -> Void) throws {
        while try next(use) != nil {}
        try finish()
    }

    /// Ends the command with status 1 if some lines could not be used.
    func finish() throws { if failures > 0 { throw CommandFailure(reported: .failed) } }

    /// The object that a line holds.
    static func parse(_ line: LineReader.Line, index: Int) throws -> InputLine {
        guard !line.isTooLong else {
            throw LineError("longer than \(LineReader.maximumBytes) bytes; is this JSON Lines?")
        }
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: line.bytes) } catch {
            throw LineError("\(error); expected one JSON object a line")
        }
        guard let object = value.objectValue else {
            throw LineError("the line is \(InputLine.shown(value)), expected a JSON object")
        }
        return InputLine(number: line.number, index: index, object: object)
    }
}
