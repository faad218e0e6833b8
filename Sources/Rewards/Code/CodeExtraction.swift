/// Finds the program in a completion.
public enum CodeExtraction {
    /// The program of a completion, or `nil` if it has none.
    ///
    /// It is the last complete fenced block that is tagged with the language, else the last one without a tag. A text
    /// without any fence is taken as a program itself, as base models write it. Fences are those of CommonMark: three or
    /// more backticks or tildes, indented by at most three spaces, closed by a line of at least as many. A thought before
    /// `</think>` is not searched.
    public static func program(in completion: String, language: CodeLanguage) -> String? {
        let text = ThinkTags.answer(in: completion).map(String.init) ?? completion
        let lines = lines(of: text)
        var tagged: Range<Int>?
        var untagged: Range<Int>?
        var open: (fence: Fence, line: Int)?
        var firstFence: (fence: Fence, line: Int)?
        for (number, line) in lines.enumerated() {
            guard let fence = Fence(line) else { continue }
            if firstFence == nil { firstFence = (fence, number) }
            guard let begun = open else {
                open = (fence, number)
                continue
            }
            guard fence.closes(begun.fence) else { continue }
            let body = begun.line + 1..<number
            if begun.fence.tag.isEmpty {
                untagged = body
            } else if language.isMeant(by: begun.fence.tag) {
                tagged = body
            }
            open = nil
        }
        if let body = tagged ?? untagged { return joined(lines[body]) }
        guard let first = firstFence else { return text.isEmpty ? nil : joined(lines[...]) }
        // The prompt may have opened the block that the completion closes.
        guard open?.line == first.line, first.fence.tag.isEmpty, first.line > 0 else { return nil }
        return joined(lines[..<first.line])
    }

    private static func lines(of text: String) -> [[UInt8]] {
        text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            Array(line.last == 0x0D ? line.dropLast() : line)
        }
    }

    private static func joined(_ lines: ArraySlice<[UInt8]>) -> String {
        String(decoding: Array(lines.joined(separator: [0x0A])), as: UTF8.self) + "\n"
    }

    /// A line that opens or closes a block.
    private struct Fence {
        let character: UInt8
        let length: Int
        let tag: String

        init?(_ line: [UInt8]) {
            let start = line.prefix(4).prefix { $0 == 0x20 }.count
            guard start < 4, start < line.count, line[start] == 0x60 || line[start] == 0x7E else { return nil }
            character = line[start]
            let rest = line[start...].drop { [character] in $0 == character }
            length = line.count - start - rest.count
            guard length >= 3, character == 0x7E || !rest.contains(0x60) else { return nil }
            let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
            let trimmed = rest.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
            tag = String(decoding: trimmed.prefix(200), as: UTF8.self)
        }

        func closes(_ other: Fence) -> Bool { character == other.character && length >= other.length && tag.isEmpty }
    }
}
