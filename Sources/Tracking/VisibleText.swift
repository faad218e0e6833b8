/// Text from outside as it may be shown: what a reader can't see, or what would move other text, is made visible, and what
/// is too long is cut with a note.
public enum VisibleText {
    /// A text of at most some characters (Unicode scalars), with a note of how many were left out.
    ///
    /// Control characters become their pictures (`␀`), those that turn the writing's direction `⟨U+202E⟩`; line ends and
    /// tabs stay.
    public static func of(_ text: String, limit: Int = .max) -> String {
        var result = ""
        var (taken, rest) = (0, 0)
        for scalar in text.unicodeScalars {
            guard taken < limit else {
                rest += 1
                continue
            }
            taken += 1
            append(scalar, to: &result)
        }
        return rest == 0 ? result : result + " […\(rest) more characters]"
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        switch scalar.value {
        case 0x09, 0x0A: result.unicodeScalars.append(scalar)
        case 0..<0x20: result.unicodeScalars.append(Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}")
        case 0x7F: result += "\u{2421}"
        case 0x80..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0x2028, 0x2029, 0xFFF9...0xFFFB,
            0xFEFF, 0xFFFE, 0xFFFF:
            let digits = String(scalar.value, radix: 16, uppercase: true)
            result += "⟨U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "⟩"
        default: result.unicodeScalars.append(scalar)
        }
    }
}
