import OrderedJSON

/// Writes values as YAML whose bytes depend on the values only: sections as indented blocks, lists of scalars in one line.
enum YAMLWriter {
    /// The text of a whole document.
    static func text(_ object: JSONObject) -> String {
        var output = ""
        write(object, indent: 0, to: &output)
        return output
    }

    private static func write(_ object: JSONObject, indent: Int, to output: inout String, inItem: Bool = false) {
        var isFirst = inItem
        for (key, value) in object {
            output += (isFirst ? "" : String(repeating: " ", count: indent)) + quoted(key) + ":"
            isFirst = false
            switch value {
            case .object(let inner) where !inner.isEmpty:
                output += "\n"
                write(inner, indent: indent + 2, to: &output)
            case .array(let elements) where elements.contains { $0.objectValue != nil }:
                output += "\n"
                for element in elements {
                    output += String(repeating: " ", count: indent + 2) + "- "
                    if case .object(let inner) = element, !inner.isEmpty {
                        write(inner, indent: indent + 4, to: &output, inItem: true)
                    } else {
                        output += flow(element) + "\n"
                    }
                }
            default: output += " " + flow(value) + "\n"
            }
        }
    }

    private static func flow(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): quoted(text)
        case .array(let elements): "[" + elements.map(flow).joined(separator: ", ") + "]"
        default: value.text()
        }
    }

    /// A word stays plain; anything that YAML could read otherwise is put between double quotes.
    private static func quoted(_ text: String) -> String {
        let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        let isWord =
            text.utf8.first.map { (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2F } == true
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || "-_./".utf8.contains($0)
            }
        if isWord, !words.contains(text.lowercased()) { return text }
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: output += "\\\""
            case 0x5C: output += "\\\\"
            case 0x0A: output += "\\n"
            case 0x09: output += "\\t"
            case 0x0D: output += "\\r"
            case 0..<0x20, 0x7F...0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: output += escape(scalar.value, "u", 4)
            case 0x1FFFE...: output += scalar.value & 0xFFFE == 0xFFFE ? escape(scalar.value, "U", 8) : String(scalar)
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output + "\""
    }

    private static func escape(_ value: UInt32, _ letter: String, _ width: Int) -> String {
        let hex = String(value, radix: 16)
        return "\\" + letter + String(repeating: "0", count: width - hex.count) + hex
    }
}
