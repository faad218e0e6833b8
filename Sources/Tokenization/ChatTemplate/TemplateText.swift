import OrderedJSON

extension TemplateInterpreter {
    /// `str(value)`
    func text(of value: TemplateValue) throws(ChatTemplateError) -> String {
        switch value {
        case .string(let text): return text
        case .undefined: return ""
        default:
            var result = ""
            try writeRepresentation(of: value, to: &result)
            return result
        }
    }

    /// `repr(value)`
    func representation(of value: TemplateValue) throws(ChatTemplateError) -> String {
        var result = ""
        try writeRepresentation(of: value, to: &result)
        return result
    }

    private func writeRepresentation(of value: TemplateValue, to output: inout String) throws(ChatTemplateError) {
        try charge()
        switch value {
        case .undefined: output += "Undefined"
        case .none: output += "None"
        case .bool(let value): output += value ? "True" : "False"
        case .integer(let value): output += String(value)
        case .double(let value):
            output +=
                value.isFinite ? JSONValue.pythonSpelling(of: value) : value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
        case .string(let text):
            try charge(bytes: text.utf8.count, total: output.utf8.count + text.utf8.count)
            output += PythonText.representation(text)
        case .list(let elements): try writeList(elements, "[", "]", to: &output)
        case .tuple(let elements): try writeList(elements, "(", elements.values.count == 1 ? ",)" : ")", to: &output)
        case .view(let name, let elements): try writeList(elements, name + "([", "])", to: &output)
        case .range(let elements): try writeRange(elements, to: &output)
        case .dictionary(let dictionary): try write(dictionary.pairs, "{", "}", to: &output)
        case .namespace(let number):
            let pairs = namespaces[number].map { (TemplateValue.string($0.name), $0.value) }
            try write(pairs, "<Namespace {", "}>", to: &output)
        case .macro(let number): output += "<Macro \(PythonText.representation(macros[number].syntax.name))>"
        case .loop(let loop): output += "<LoopContext \(loop.index + 1)/\(loop.items.values.count)>"
        case .generator: output += "<generator object>"
        case .function(let name): output += "<function \(name)>"
        case .method(let method): output += "<built-in method \(method.name) of \(method.receiver.typeName) object>"
        }
    }

    private func writeList(
        _ elements: TemplateElements, _ open: String, _ close: String, to output: inout String
    ) throws(ChatTemplateError) {
        output += open
        for (index, element) in elements.values.enumerated() {
            if index > 0 { output += ", " }
            try writeRepresentation(of: element, to: &output)
        }
        output += close
    }

    private func writeRange(_ elements: TemplateElements, to output: inout String) throws(ChatTemplateError) {
        let numbers = elements.values.prefix(2).compactMap(\.asInteger)
        let first = numbers.first ?? 0
        let step = numbers.count > 1 ? numbers[1] &- first : 1
        let end = first &+ step &* elements.values.count
        output += "range(\(first), \(end)\(step == 1 ? "" : ", \(step)"))"
    }

    private func write(
        _ pairs: [(TemplateValue, TemplateValue)], _ open: String, _ close: String, to output: inout String
    ) throws(ChatTemplateError) {
        output += open
        for (index, pair) in pairs.enumerated() {
            if index > 0 { output += ", " }
            try writeRepresentation(of: pair.0, to: &output)
            output += ": "
            // A namespace can hold itself, so its depth is bounded here and not by its making.
            var part = ""
            try nested { () throws(ChatTemplateError) in try writeRepresentation(of: pair.1, to: &part) }
            try charge(bytes: part.utf8.count, total: output.utf8.count + part.utf8.count)
            output += part
        }
        output += close
    }
}

/// `json.dumps` with the arguments that chat templates give to `tojson`.
struct TemplateJSONWriter {
    var isASCII = false
    var indentation: String?
    var itemSeparator = ", "
    var keySeparator = ": "
    var sortsKeys = false

    /// Appends the JSON text of a value.
    func write(
        _ value: TemplateValue, to output: inout String, level: Int = 0, in interpreter: TemplateInterpreter
    ) throws(ChatTemplateError) {
        try interpreter.charge(bytes: 32 * (level + 1), total: output.utf8.count)
        switch value {
        case .none: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += String(value)
        case .double(let value): output += JSONValue.pythonSpelling(of: value)
        case .string(let text): try write(text, to: &output, in: interpreter)
        case .list(let elements), .tuple(let elements):
            try writeItems(elements.values.count, "[", "]", to: &output, level: level) {
                (index, output) throws(ChatTemplateError) in
                try write(elements.values[index], to: &output, level: level + 1, in: interpreter)
            }
        case .dictionary(let dictionary):
            var pairs: [(key: String, value: TemplateValue)] = []
            for (key, value) in dictionary.pairs { pairs.append((try keyText(key), value)) }
            if sortsKeys { pairs.sort { PythonText.precedes($0.key, $1.key) } }
            try writeItems(pairs.count, "{", "}", to: &output, level: level) {
                (index, output) throws(ChatTemplateError) in
                try write(pairs[index].key, to: &output, in: interpreter)
                output += keySeparator
                try write(pairs[index].value, to: &output, level: level + 1, in: interpreter)
            }
        default: throw ChatTemplateError(.type, "Object of type \(value.typeName) is not JSON serializable")
        }
    }

    private func keyText(_ key: TemplateValue) throws(ChatTemplateError) -> String {
        switch key {
        case .string(let text): return text
        case .none: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .double(let value): return JSONValue.pythonSpelling(of: value)
        default: throw ChatTemplateError(.type, "a key of type \(key.typeName) is not JSON serializable")
        }
    }

    private func writeItems(
        _ count: Int, _ open: String, _ close: String, to output: inout String, level: Int,
        item: (Int, inout String) throws(ChatTemplateError) -> Void
    ) throws(ChatTemplateError) {
        output += open
        for index in 0..<count {
            if index > 0 { output += itemSeparator }
            writeLineBreak(level + 1, to: &output)
            try item(index, &output)
        }
        if count > 0 { writeLineBreak(level, to: &output) }
        output += close
    }

    private func writeLineBreak(_ level: Int, to output: inout String) {
        guard let indentation else { return }
        output += "\n"
        for _ in 0..<level { output += indentation }
    }

    private func write(
        _ text: String, to output: inout String, in interpreter: TemplateInterpreter
    ) throws(ChatTemplateError) {
        try interpreter.charge(bytes: text.utf8.count, total: output.utf8.count + text.utf8.count)
        let quoted = JSONValue.string(text).text()
        guard isASCII else {
            output += quoted
            return
        }
        for scalar in quoted.unicodeScalars {
            if scalar.isASCII, scalar.value != 0x7F {
                output.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let hex = String(unit, radix: 16)
                    output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                }
            }
        }
    }
}
