/// Cuts a template into tokens with Jinja's whitespace control: `trim_blocks` and `lstrip_blocks` on,
/// `keep_trailing_newline` off, as chat templates are rendered everywhere.
struct TemplateLexer {
    /// The largest template in Unicode scalars; published ones have some ten thousand.
    static let maximumLength = 1 << 21

    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    /// Whether the text at `position` begins a line of the output's source.
    private var atLineStart = true
    private var tokens: [LocatedToken] = []

    /// All tokens of a template, ending with `.end`.
    static func tokens(of text: String) throws(ChatTemplateError) -> [LocatedToken] {
        guard text.utf8.count <= maximumLength * 4 else {
            throw ChatTemplateError(.limit, "the template is larger than \(maximumLength) characters")
        }
        var lexer = TemplateLexer(text)
        guard lexer.source.count <= maximumLength else {
            throw ChatTemplateError(.limit, "the template is larger than \(maximumLength) characters")
        }
        do throws(ChatTemplateError) { try lexer.run() } catch { throw error.located(at: lexer.line) }
        return lexer.tokens
    }

    private init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        var previous: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            if scalar == "\r" {
                scalars.append("\n")
            } else if scalar != "\n" || previous != "\r" {
                scalars.append(scalar)
            }
            previous = scalar
        }
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
        position + offset < source.count ? source[position + offset] : nil
    }

    private func matches(_ text: StaticString, at index: Int) -> Bool {
        guard index >= 0, index + text.utf8CodeUnitCount <= source.count else { return false }
        for offset in 0..<text.utf8CodeUnitCount where source[index + offset].value != UInt32(text.utf8Start[offset]) {
            return false
        }
        return true
    }

    private mutating func advance(to end: Int) {
        while position < end {
            if source[position] == "\n" { line += 1 }
            position += 1
        }
    }

    private func endOfSpace(from index: Int) -> Int {
        var index = index
        while index < source.count, PythonText.isSpace(source[index]) { index += 1 }
        return index
    }

    private mutating func emit(_ token: TemplateToken) { tokens.append(LocatedToken(token: token, line: line)) }

    private mutating func run() throws(ChatTemplateError) {
        while position < source.count {
            var index = position
            while index < source.count, !opensTag(at: index) { index += 1 }
            guard index < source.count else {
                emitData(upTo: index)
                break
            }
            try lexTag(at: index)
        }
        emit(.end)
    }

    private func opensTag(at index: Int) -> Bool {
        guard source[index] == "{", index + 1 < source.count else { return false }
        return source[index + 1] == "%" || source[index + 1] == "{" || source[index + 1] == "#"
    }

    /// Lexes the text before the tag at `index`, and the tag.
    private mutating func lexTag(at index: Int) throws(ChatTemplateError) {
        let isOutput = source[index + 1] == "{"
        let sign: Unicode.Scalar? = index + 2 < source.count ? source[index + 2] : nil
        let isSigned = sign == "-" || sign == "+"
        emitData(upTo: index, sign: sign, isOutput: isOutput)
        if source[index + 1] == "#" {
            advance(to: index + (isSigned ? 3 : 2))
            return try skipComment()
        }
        if !isOutput, let start = endOfRawTag(at: index) {
            advance(to: start)
            return try lexRaw()
        }
        emit(isOutput ? .outputBegin : .blockBegin)
        advance(to: index + (isSigned ? 3 : 2))
        try lexInside(isOutput: isOutput)
    }

    /// Emits the text up to `end`, stripped as the tag that begins there asks for.
    private mutating func emitData(upTo end: Int, sign: Unicode.Scalar? = nil, isOutput: Bool = true) {
        var stop = end
        if sign == "-" {
            while stop > position, PythonText.isSpace(source[stop - 1]) { stop -= 1 }
        } else if sign != "+", !isOutput {
            var start = stop
            while start > position, source[start - 1] != "\n", PythonText.isSpace(source[start - 1]) { start -= 1 }
            if start > position ? source[start - 1] == "\n" : atLineStart { stop = start }
        }
        if stop > position {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: source[position..<stop])
            emit(.data(String(text)))
        }
        advance(to: end)
    }

    private mutating func skipComment() throws(ChatTemplateError) {
        let start = position
        var index = position
        while index < source.count, !matches("#}", at: index) { index += 1 }
        guard index < source.count else { throw ChatTemplateError(.syntax, "a comment is not closed: expected '#}'") }
        finishTag(at: index, sign: index > start ? source[index - 1] : nil)
    }

    /// Moves behind the two delimiter characters at `index` and the space that the sign before them takes away.
    private mutating func finishTag(at index: Int, sign: Unicode.Scalar?) {
        var end = index + 2
        if sign == "-" {
            end = endOfSpace(from: end)
        } else if sign != "+", end < source.count, source[end] == "\n" {
            end += 1
        }
        advance(to: end)
        atLineStart = end > 0 && source[end - 1] == "\n"
    }

    private func endOfWord(_ word: StaticString, at index: Int) -> Int? {
        let start = endOfSpace(from: index)
        guard matches(word, at: start) else { return nil }
        return endOfSpace(from: start + word.utf8CodeUnitCount)
    }

    private func skipSign(at index: Int) -> Int {
        index < source.count && (source[index] == "-" || source[index] == "+") ? index + 1 : index
    }

    /// The index behind `{% raw %}` if that is what begins at `index`.
    private func endOfRawTag(at index: Int) -> Int? {
        guard let end = endOfWord("raw", at: skipSign(at: index + 2)) else { return nil }
        if matches("-%}", at: end) { return endOfSpace(from: end + 3) }
        return matches("%}", at: end) ? end + 2 : nil
    }

    private mutating func lexRaw() throws(ChatTemplateError) {
        atLineStart = position > 0 && source[position - 1] == "\n"
        for index in position..<source.count where matches("{%", at: index) {
            guard let end = endOfWord("endraw", at: skipSign(at: index + 2)) else { continue }
            let close = skipSign(at: end)
            guard matches("%}", at: close) else { continue }
            emitData(upTo: index, sign: source[index + 2], isOutput: false)
            return finishTag(at: close, sign: close > end ? source[end] : nil)
        }
        throw ChatTemplateError(.syntax, "a raw block is not closed: expected '{% endraw %}'")
    }

    /// Lexes the inside of an output or block tag, and its end.
    private mutating func lexInside(isOutput: Bool) throws(ChatTemplateError) {
        let close: StaticString = isOutput ? "}}" : "%}"
        var brackets: [Unicode.Scalar] = []
        while true {
            advance(to: endOfSpace(from: position))
            guard let scalar = peek() else {
                throw ChatTemplateError(.syntax, "a tag is not closed: expected '\(close)'")
            }
            if brackets.isEmpty {
                let isSigned = (scalar == "-" || scalar == "+" && !isOutput) && matches(close, at: position + 1)
                if isSigned || matches(close, at: position) {
                    emit(isOutput ? .outputEnd : .blockEnd)
                    // Only block tags take the newline after them; an output tag behaves as with '+'.
                    let sign: Unicode.Scalar? = isSigned ? scalar : isOutput ? "+" : nil
                    return finishTag(at: position + (isSigned ? 1 : 0), sign: sign)
                }
            }
            try lexToken(scalar, brackets: &brackets)
        }
    }

    private mutating func lexToken(_ scalar: Unicode.Scalar, brackets: inout [Unicode.Scalar]) throws(ChatTemplateError)
    {
        if scalar == "'" || scalar == "\"" { return try lexString(quote: scalar) }
        if scalar.isASCII, ("0"..."9").contains(scalar) {
            let literal = try NumberLiteral(source, at: position)
            emit(literal.token)
            return advance(to: literal.end)
        }
        if PythonText.isWordCharacter(scalar) {
            var end = position
            while end < source.count, PythonText.isWordCharacter(source[end]) { end += 1 }
            var name = String.UnicodeScalarView()
            name.append(contentsOf: source[position..<end])
            emit(.name(String(name)))
            return advance(to: end)
        }
        for pair in ["//", "**", "==", "!=", ">=", "<="] as [StaticString] where matches(pair, at: position) {
            emit(.symbol("\(pair)"))
            return advance(to: position + 2)
        }
        guard "+-/*%~[](){}><=.:|,;".unicodeScalars.contains(scalar) else {
            throw ChatTemplateError(.syntax, "unexpected character '\(scalar)'")
        }
        if "([{".unicodeScalars.contains(scalar) { brackets.append(scalar) }
        if ")]}".unicodeScalars.contains(scalar) {
            let expected: Unicode.Scalar = scalar == ")" ? "(" : scalar == "]" ? "[" : "{"
            guard brackets.popLast() == expected else { throw ChatTemplateError(.syntax, "unexpected '\(scalar)'") }
        }
        emit(.symbol(String(scalar)))
        advance(to: position + 1)
    }

    private mutating func lexString(quote: Unicode.Scalar) throws(ChatTemplateError) {
        var text = String.UnicodeScalarView()
        var index = position + 1
        while index < source.count, source[index] != quote {
            if source[index] == "\\" {
                let escape = try StringEscape(source, at: index)
                text.append(contentsOf: escape.scalars)
                index = escape.end
            } else {
                text.append(source[index])
                index += 1
            }
        }
        guard index < source.count else {
            throw ChatTemplateError(.syntax, "a string is not closed: expected \(quote)")
        }
        emit(.string(String(text)))
        advance(to: index + 1)
    }
}
