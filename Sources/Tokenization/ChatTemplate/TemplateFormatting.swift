extension TemplateInterpreter {
    /// `format % arguments` with the conversions `%s`, `%r`, `%d`, `%i`, `%f`, `%.2f` and `%%`.
    func formatPercent(_ format: String, _ arguments: [TemplateValue]) throws(ChatTemplateError) -> String {
        var result = ""
        var rest = arguments[...]
        var scalars = format.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            var decimals: Int?
            if scalars.first == "." {
                scalars.removeFirst()
                var digits = ""
                while let digit = scalars.first, digit.isASCII, ("0"..."9").contains(digit), digits.utf8.count < 3 {
                    digits.unicodeScalars.append(digit)
                    scalars.removeFirst()
                }
                decimals = Int(digits) ?? 0
            }
            guard let conversion = scalars.popFirst() else { throw ChatTemplateError(.type, "incomplete format") }
            if conversion == "%" {
                result += "%"
                continue
            }
            guard let value = rest.popFirst() else {
                throw ChatTemplateError(.type, "not enough arguments for format string")
            }
            let text = try convert(value, conversion, decimals)
            try charge(bytes: text.utf8.count, total: result.utf8.count + text.utf8.count)
            result += text
        }
        guard rest.isEmpty else {
            throw ChatTemplateError(.type, "not all arguments converted during string formatting")
        }
        return result
    }

    private func convert(
        _ value: TemplateValue, _ conversion: Unicode.Scalar, _ decimals: Int?
    ) throws(ChatTemplateError) -> String {
        switch conversion {
        case "s" where decimals == nil: return try text(of: value)
        case "r" where decimals == nil: return try representation(of: value)
        case "d", "i":
            if case .double(let number) = value { return String(try PythonNumber.integer(number)) }
            guard let integer = value.asInteger else {
                throw ChatTemplateError(.type, "%\(conversion) format: a number is required, not \(value.typeName)")
            }
            return String(integer)
        case "f":
            guard let number = value.asDouble else {
                throw ChatTemplateError(.type, "must be real number, not \(value.typeName)")
            }
            return PythonNumber.fixed(number, decimals: decimals ?? 6)
        default: throw ChatTemplateError(.unsupported, "the format '%\(conversion)' is not supported")
        }
    }

    /// `format.format(arguments)` with `{}`, `{0}`, `{name}`, `{{` and `}}`.
    func formatBraces(_ format: String, _ arguments: TemplateArguments) throws(ChatTemplateError) -> String {
        var result = ""
        var automatic = 0
        var isNumbered = false
        var scalars = format.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "{" || scalar == "}" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            if scalars.first == scalar {
                result.unicodeScalars.append(scalar)
                scalars.removeFirst()
                continue
            }
            guard scalar == "{", let close = scalars.firstIndex(of: "}") else {
                throw ChatTemplateError(.type, "single '\(scalar)' encountered in format string")
            }
            let field = String(Substring(scalars[..<close]))
            scalars = scalars[scalars.index(after: close)...]
            let value: TemplateValue?
            if field.isEmpty {
                value = automatic < arguments.positional.count ? arguments.positional[automatic] : nil
                automatic += 1
            } else if let index = Int(field) {
                isNumbered = true
                value = arguments.positional.indices.contains(index) ? arguments.positional[index] : nil
            } else if field.unicodeScalars.allSatisfy(PythonText.isWordCharacter) {
                value = arguments.named.first { $0.name == field }?.value
            } else {
                throw ChatTemplateError(.unsupported, "the format field '{\(field.prefix(40))}' is not supported")
            }
            guard !isNumbered || automatic == 0 else {
                throw ChatTemplateError(.type, "format fields are either all numbered or none is")
            }
            guard let value else {
                throw ChatTemplateError(.type, "there is no argument for the format field '{\(field.prefix(40))}'")
            }
            let text = try text(of: value)
            try charge(bytes: text.utf8.count, total: result.utf8.count + text.utf8.count)
            result += text
        }
        return result
    }
}
