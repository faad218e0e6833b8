/// Cuts mathematical text into tokens in one pass: LaTeX, plain text, or both mixed.
struct Tokenizer {
    /// Tokens beyond which a text is refused.
    static let maximumTokens = 20_000
    /// Digits of one number.
    static let maximumDigits = 2048
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    private var lexemes: [Lexeme] = []
    /// Open `(`, `[` and `\{`: a comma between digits parts members there, not thousands.
    private var brackets = 0
    private var environments = 0
    private var spaced = false
    private var onNewLine = false

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// The tokens of normalised text.
    static func tokens(_ bytes: ArraySlice<UInt8>) throws(MathSyntaxError) -> [Lexeme] {
        var tokenizer = Tokenizer(bytes)
        while tokenizer.position < bytes.endIndex {
            guard tokenizer.lexemes.count < maximumTokens else { throw MathSyntaxError("too many tokens") }
            try tokenizer.step()
        }
        return tokenizer.lexemes
    }

    private mutating func append(_ token: Token) {
        lexemes.append(Lexeme(token: token, spaced: spaced, onNewLine: onNewLine))
        spaced = false
        onNewLine = false
    }

    private mutating func step() throws(MathSyntaxError) {
        let byte = bytes[position]
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D, 0x7E:
            position += 1
            spaced = true
            if byte == 0x0A { onNewLine = true }
        case 0x30...0x39: try number()
        case 0x2E where digit(at: position + 1) != nil: try number()
        case 0x5C: try backslash()
        case _ where MathText.isLetter(byte): letters()
        case 0x24: position += 1  // a math delimiter inside the answer
        case 0x28, 0x5B, 0x29, 0x5D:
            brackets += byte == 0x28 || byte == 0x5B ? 1 : -1
            brackets = max(0, brackets)
            fallthrough
        case 0x21, 0x25...0x27, 0x2A...0x2F, 0x3A...0x3E, 0x5E, 0x5F, 0x7B...0x7D:
            position += 1
            append(.sign(Unicode.Scalar(byte)))
        default: throw MathSyntaxError("a character that is no mathematics")
        }
    }

    // MARK: Letters

    private mutating func letters() {
        let start = position
        while let byte = byte(at: position), MathText.isLetter(byte) { position += 1 }
        let run = MathText.string(bytes[start..<position])
        let count = position - start
        if count == 1 {
            append(.symbol(run))
        } else if CommandNames.plainWords.contains(run)
            || CommandNames.plainWords.contains(run.lowercased()) && count > 3
        {
            append(.word(CommandNames.plainWords.contains(run) ? run : run.lowercased()))
        } else if bytes[start..<position].allSatisfy(MathText.isUpper) {
            append(.symbol(run))
        } else if count >= 4 || isUnit(run) {
            append(.word(run))
        } else {
            for letter in run { append(.symbol(String(letter))) }
        }
    }

    /// Letters right behind a number that are a unit of more than one letter.
    private func isUnit(_ run: String) -> Bool {
        guard case .number = lexemes.last?.token else { return false }
        return Units.isPlain(run)
    }

    // MARK: Commands

    private mutating func backslash() throws(MathSyntaxError) {
        guard let next = byte(at: position + 1) else { throw MathSyntaxError("a lonely backslash") }
        if MathText.isLetter(next) { return try command() }
        position += 2
        switch next {
        case 0x2C, 0x3B, 0x3A, 0x20, 0x0A: spaced = true  // \, \; \: and the control space
        case 0x21, 0x2F, 0x28, 0x29, 0x5B, 0x5D, 0x22: break  // \! \/ and math delimiters
        case 0x7B, 0x7D:
            brackets = max(0, brackets + (next == 0x7B ? 1 : -1))
            append(.command(next == 0x7B ? "{" : "}"))
        case 0x25: append(.sign("%"))
        case 0x24: append(.sign("$"))
        case 0x7C: append(.command("norm"))
        case 0x5C: newline()
        default: throw MathSyntaxError("an escaped character that is no mathematics")
        }
    }

    /// `\\`: a new row inside an environment; outside, a doubled backslash before a command.
    private mutating func newline() {
        if environments == 0, let next = byte(at: position), MathText.isLetter(next) {
            position -= 1
            return
        }
        append(.command("\\"))
        if byte(at: position) == 0x5B, let end = bytes[position...].prefix(16).firstIndex(of: 0x5D) {
            position = end + 1  // \\[2pt]
        }
    }

    private mutating func command() throws(MathSyntaxError) {
        let start = position + 1
        position = start
        while let byte = byte(at: position), MathText.isLetter(byte) { position += 1 }
        var name = MathText.string(bytes[start..<position])
        if byte(at: position) == 0x2A, name == "operatorname" { position += 1 }
        switch name {
        case "left", "right", "bigl", "bigr", "Bigl", "Bigr":
            return delimiter(isLeft: name.hasSuffix("l") || name == "left")
        case "operatorname", "mathbb": return try named(name)
        case "begin", "end": return try environment(isBegin: name == "begin")
        case _ where CommandNames.text.contains(name): return try text(name)
        case _ where CommandNames.vanishing.contains(name):
            _ = try group()
            return
        default: break
        }
        if CommandNames.ignored.contains(name) {
            spaced = true
            return
        }
        if name.hasPrefix("quad"), name.count > 4 {  // \quadx: a space and what follows it
            position = start + 4
            spaced = true
            return
        }
        name = CommandNames.synonyms[name] ?? name
        if name == "{" || name == "[" { brackets += 1 }
        if name == "}" || name == "]" { brackets = max(0, brackets - 1) }
        let isSign = name.utf8.count == 1 && !["{", "}", "e", "i"].contains(name)
        if isSign, let scalar = name.unicodeScalars.first {
            append(.sign(scalar))
        } else {
            append(CommandNames.letters.contains(name) ? .symbol("\\" + name) : .command(name))
        }
    }

    private mutating func delimiter(isLeft: Bool) {
        if byte(at: position) == 0x2E { position += 1 }
        if byte(at: position) == 0x7C {
            position += 1
            append(.command(isLeft ? "left|" : "right|"))
        } else if matches("\\vert") || matches("\\lvert") || matches("\\rvert") {
            position += matches("\\vert") ? 5 : 6
            append(.command(isLeft ? "left|" : "right|"))
        }
    }

    private mutating func named(_ kind: String) throws(MathSyntaxError) {
        let name: String
        if let inside = try group() {
            name = MathText.string(MathText.trimmed(inside))
        } else {
            while byte(at: position) == 0x20 { position += 1 }
            guard let letter = byte(at: position), MathText.isLetter(letter) else {
                throw MathSyntaxError("\\\(kind) without a name")
            }
            position += 1
            name = String(Unicode.Scalar(letter))
        }
        if kind == "mathbb" { return append(.command("mathbb" + name)) }
        append(.command(CommandNames.synonyms[name] ?? name))
    }

    private mutating func environment(isBegin: Bool) throws(MathSyntaxError) {
        guard let inside = try group() else { throw MathSyntaxError("an environment without a name") }
        let name = MathText.string(MathText.trimmed(inside)).replacing("*", with: "")
        environments += isBegin ? 1 : -1
        if isBegin, name == "array" || name == "tabular" { _ = try group() }
        append(isBegin ? .begin(name) : .end(name))
    }

    private mutating func text(_ name: String) throws(MathSyntaxError) {
        guard let inside = try group() else {
            spaced = true
            return
        }
        let content = MathText.trimmed(inside)
        if content.isEmpty {
            spaced = true
        } else if content.count == 1, let letter = content.first, MathText.isLetter(letter) {
            append(name == "mathrm" ? .symbol(String(Unicode.Scalar(letter))) : .text(MathText.string(content)))
        } else {
            let text = MathText.string(content)
            // \text{min} is minutes, unless arguments follow.
            let isFunction = CommandNames.functions[text] != nil && (text != "min" || byte(at: position) == 0x28)
            append(isFunction ? .command(text) : .text(text))
        }
    }

    /// The content of the group that follows; `nil` if none does.
    private mutating func group() throws(MathSyntaxError) -> ArraySlice<UInt8>? {
        var index = position
        while let byte = byte(at: index), byte <= 0x20 { index += 1 }
        guard byte(at: index) == 0x7B else { return nil }
        let first = index + 1
        var depth = 0
        while let byte = byte(at: index) {
            if byte == 0x5C {
                index += 2
                continue
            }
            if byte == 0x7B { depth += 1 }
            if byte == 0x7D {
                depth -= 1
                if depth == 0 {
                    position = index + 1
                    return bytes[first..<index]
                }
            }
            index += 1
        }
        throw MathSyntaxError("an open brace")
    }

    // MARK: Cursor

    private func byte(at index: Int) -> UInt8? {
        index < bytes.endIndex && index >= bytes.startIndex ? bytes[index] : nil
    }

    private func digit(at index: Int) -> UInt8? { byte(at: index).flatMap { MathText.isDigit($0) ? $0 : nil } }

    private func matches(_ text: StaticString, at offset: Int = 0) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.endIndex - position - offset >= count else { return false }
        return text.withUTF8Buffer { needle in
            for index in 0..<count where bytes[position + offset + index] != needle[index] { return false }
            return true
        }
    }
}

// MARK: - Numbers

extension Tokenizer {
    private mutating func number() throws(MathSyntaxError) {
        var literal = Literal(whole: digits())
        if (1...3).contains(literal.whole.utf8.count), literal.whole.utf8.first != 0x30 { groups(&literal) }
        if byte(at: position) == 0x2E, digit(at: position + 1) != nil {
            position += 1
            literal.fraction = digits()
        }
        try repetend(&literal)
        if literal.repetend.isEmpty { try exponent(&literal) }
        guard literal.whole.utf8.count + (literal.fraction?.utf8.count ?? 0) <= Self.maximumDigits else {
            throw MathSyntaxError("a number of more than \(Self.maximumDigits) digits")
        }
        append(.number(literal))
    }

    private mutating func digits() -> String {
        let start = position
        while digit(at: position) != nil { position += 1 }
        return MathText.string(bytes[start..<position])
    }

    private static let always: [StaticString] = ["{,}", ",\\!", "\\!,"]
    private static let blanks: [StaticString] = ["\\,", "\\ ", " ", "~", "\\:", "\\;"]

    /// Groups of exactly three digits, all after the same separator.
    private mutating func groups(_ literal: inout Literal) {
        let separators = Self.always + (brackets == 0 ? [","] : []) + Self.blanks
        guard let separator = separators.first(where: { isGroup(after: $0) }) else { return }
        let (start, whole) = (position, literal.whole)
        while isGroup(after: separator), literal.whole.utf8.count <= Self.maximumDigits {
            let first = groupStart(after: separator)
            literal.whole += MathText.string(bytes[first..<first + 3])
            position = first + 3
        }
        literal.isGrouped = true
        // 12,345,6 is a list of three, whatever it means.
        if byte(at: position) == 0x2C, digit(at: position + 1) != nil, separator.utf8CodeUnitCount == 1 {
            position = start
            literal = Literal(whole: whole)
        }
    }

    private func groupStart(after separator: StaticString) -> Int {
        var first = position + separator.utf8CodeUnitCount
        if separator.utf8CodeUnitCount == 3 { while byte(at: first) == 0x20 { first += 1 } }  // 32,\! 349
        return first
    }

    private func isGroup(after separator: StaticString) -> Bool {
        guard matches(separator) else { return false }
        let first = groupStart(after: separator)
        for offset in 0..<3 where digit(at: first + offset) == nil { return false }
        guard digit(at: first + 3) == nil else { return false }
        // A blank may also part a mixed number's fraction: in `2 100/300`, 100 is no group.
        let isBlank = Self.blanks.contains { $0.utf8CodeUnitCount == separator.utf8CodeUnitCount && matches($0) }
        return !(isBlank && byte(at: first + 3) == 0x2F)
    }

    /// `\overline{3}`, `\bar{3}`, `\dot{1}4285\dot{7}` behind a decimal point.
    private mutating func repetend(_ literal: inout Literal) throws(MathSyntaxError) {
        let point = literal.fraction == nil && byte(at: position) == 0x2E
        let offset = point ? 1 : 0
        guard point || literal.fraction != nil else { return }
        let start = position
        if matches("\\overline", at: offset) || matches("\\bar", at: offset) {
            position += offset + (matches("\\overline", at: offset) ? 9 : 4)
            guard let digits = try digitGroup() else {
                position = start
                return
            }
            literal.repetend = digits
        } else if matches("\\dot", at: offset) {
            position += offset + 4
            guard let first = try digitGroup() else {
                position = start
                return
            }
            var digits = first
            let mark = position
            let between = self.digits()
            if matches("\\dot") {
                position += 4
                guard let last = try digitGroup() else { throw MathSyntaxError("a dot without a digit") }
                digits += between + last
            } else {
                position = mark
            }
            literal.repetend = digits
        } else {
            return
        }
        if point { literal.fraction = "" }
    }

    private mutating func digitGroup() throws(MathSyntaxError) -> String? {
        if let digit = digit(at: position) {
            position += 1
            return String(Unicode.Scalar(digit))
        }
        guard let inside = try group(), !inside.isEmpty, inside.allSatisfy(MathText.isDigit), inside.count <= 512 else {
            return nil
        }
        return MathText.string(inside)
    }

    /// `e23`, `E-5` behind the digits, if no letter follows.
    private mutating func exponent(_ literal: inout Literal) throws(MathSyntaxError) {
        guard let mark = byte(at: position), mark | 0x20 == 0x65 else { return }
        var index = position + 1
        var isNegative = false
        if let sign = byte(at: index), sign == 0x2B || sign == 0x2D {
            isNegative = sign == 0x2D
            index += 1
        }
        let first = index
        while digit(at: index) != nil { index += 1 }
        guard index > first, byte(at: index).map({ !MathText.isLetter($0) && $0 != 0x2E }) ?? true else { return }
        guard index - first <= 15, let value = Int(MathText.string(bytes[first..<index])) else {
            throw MathSyntaxError("an exponent of more than 15 digits")
        }
        literal.exponent = isNegative ? -value : value
        position = index
    }
}
