import OrderedJSON

/// A call of a tool that a model has written.
struct ToolCall: Equatable, Sendable {
    let id: String
    let name: String
    /// JSON text.
    let arguments: String

    /// OpenAI's form of it.
    ///
    /// - Parameter index: Its place, which pieces of a stream carry.
    func json(index: Int? = nil) -> JSONValue {
        var object = JSONObject()
        if let index { object["index"] = .integer(index) }
        object["id"] = .string(id)
        object["type"] = "function"
        object["function"] = ["name": .string(name), "arguments": .string(arguments)]
        return .object(object)
    }
}

/// Reads the calls of tools out of an answer, in the form that Qwen's templates ask for:
/// `<tool_call>{"name": …, "arguments": {…}}</tool_call>`. What only looks like one stays text.
struct ToolCallReader: Sendable {
    /// What a piece of text led to.
    struct Output: Equatable {
        var text = ""
        var calls: [ToolCall] = []
    }

    private static let opening = "<tool_call>"
    private static let closing = "</tool_call>"
    /// Longest call that is waited for, in bytes.
    private static let maximumBytes = 1 << 20

    private var outside = TagFinder(opening)
    private var inside = TagFinder(closing)
    private var isInside = false
    private var call = ""
    /// White space before a call, which belongs to no text.
    private var space = ""

    /// Takes a piece of text.
    mutating func append(_ piece: String) -> Output {
        var output = Output()
        var rest: String? = piece
        while let text = rest {
            if isInside {
                let (before, after) = inside.append(text)
                call += before
                if after == nil, call.utf8.count > Self.maximumBytes { giveUp(&output) }
                rest = after
                if after != nil { close(&output) }
            } else {
                let (before, after) = outside.append(text)
                add(before, &output)
                isInside = after != nil
                rest = after
            }
        }
        return output
    }

    /// The rest, at the end.
    mutating func finish() -> Output {
        var output = Output()
        if isInside {
            call += inside.finish()
            giveUp(&output)
        } else {
            add(outside.finish(), &output)
            output.text += space
        }
        return output
    }

    private mutating func add(_ text: String, _ output: inout Output) {
        let all = space + text
        let end = all.lastIndex { !$0.isWhitespace }.map { all.index(after: $0) } ?? all.startIndex
        space = String(all[end...])
        output.text += all[..<end]
    }

    private mutating func close(_ output: inout Output) {
        isInside = false
        guard let value = try? JSONValue(parsing: call), let name = value["name"]?.stringValue else {
            output.text += space + Self.opening + call + Self.closing
            (call, space) = ("", "")
            return
        }
        let arguments = value["arguments"] ?? [:]
        let id = "call_" + (0..<2).map { _ in Self.hexadecimal(.random(in: 0...UInt64.max)) }.joined().prefix(24)
        output.calls.append(
            ToolCall(id: id, name: name, arguments: arguments.stringValue ?? arguments.text()))
        (call, space) = ("", "")
    }

    /// A call that does not end is text.
    private mutating func giveUp(_ output: inout Output) {
        output.text += space + Self.opening + call
        (call, space, isInside) = ("", "", false)
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
