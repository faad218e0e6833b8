/// The filters after `|`.
enum TemplateFilters {
    /// The names that are implemented.
    static let names: Set<String> = [
        "abs", "attr", "capitalize", "count", "d", "default", "dictsort", "first", "float", "format", "indent", "int",
        "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace",
        "reverse", "round", "safe", "select", "selectattr", "sort", "string", "sum", "title", "tojson", "trim",
        "unique",
        "upper", "wordcount",
    ]
}

extension TemplateInterpreter {
    /// `value | name(arguments)`
    func applyFilter(
        _ name: String, to value: TemplateValue, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let owner = "filter '\(name)'"
        switch name {
        case "default", "d":
            let bound = try arguments.bind(owner, "default_value", "boolean")
            let isReplaced = value.isUndefined || (bound[1]?.isTrue ?? false) && !value.isTrue
            return isReplaced ? bound[0] ?? .string("") : value
        case "tojson": return .string(try json(of: value, arguments))
        case "upper", "lower", "title", "capitalize":
            _ = try arguments.bind(owner)
            return try callStringMethod(name, try text(of: value), arguments)
        case "string", "safe":
            _ = try arguments.bind(owner)
            return .string(try text(of: value))
        case "trim":
            let characters = try string(try arguments.bind(owner, "chars")[0], owner)
            let text = try text(of: value)
            try charge(bytes: text.utf8.count)
            return .string(PythonText.strip(text, characters))
        case "replace":
            let bound = try arguments.bind(owner, "old", "new", "count", required: 2)
            let (old, new) = (try text(of: bound[0] ?? .none), try text(of: bound[1] ?? .none))
            var limit = -1
            if let count = bound[2], case .integer = count { limit = try integer(count, -1) }
            return .string(try replace(old, by: new, in: try text(of: value), limit: limit))
        case "format":
            guard arguments.named.isEmpty else {
                throw ChatTemplateError(.unsupported, "named arguments of \(owner) are not supported")
            }
            return .string(try formatPercent(try text(of: value), arguments.positional))
        case "indent": return .string(try indented(try text(of: value), arguments))
        case "wordcount":
            let words = PythonText.splitSpace(try text(of: value)).flatMap { word in
                word.unicodeScalars.split { !PythonText.isWordCharacter($0) }
            }
            return .integer(words.count)
        case "int", "float", "abs", "round": return try applyNumberFilter(name, to: value, arguments)
        default: return try applySequenceFilter(name, to: value, arguments)
        }
    }

    private func json(of value: TemplateValue, _ arguments: TemplateArguments) throws(ChatTemplateError) -> String {
        let bound = try arguments.bind("filter 'tojson'", "ensure_ascii", "indent", "separators", "sort_keys")
        var writer = TemplateJSONWriter()
        writer.isASCII = bound[0]?.isTrue ?? false
        writer.sortsKeys = bound[3]?.isTrue ?? false
        switch bound[1] {
        case nil, .some(.none): break
        case .string(let text):
            try charge(bytes: text.utf8.count)
            writer.indentation = String(text.prefix(256))
        case .some(let width):
            let count = try integer(width, 0)
            guard count <= 256 else {
                throw ChatTemplateError(.limit, "tojson indents by at most 256 spaces, got \(count)")
            }
            writer.indentation = String(repeating: " ", count: max(count, 0))
        }
        if writer.indentation != nil { writer.itemSeparator = "," }
        if let separators = bound[2], !isNone(separators) {
            let parts = try elements(of: separators).values
            guard parts.count == 2, case .string(let item) = parts[0], case .string(let key) = parts[1],
                item.utf8.count <= 256, key.utf8.count <= 256
            else { throw ChatTemplateError(.type, "tojson's separators must be two short strings") }
            (writer.itemSeparator, writer.keySeparator) = (item, key)
        }
        var output = ""
        try writer.write(value, to: &output, in: self)
        return output
    }

    func isNone(_ value: TemplateValue) -> Bool { if case .none = value { true } else { false } }

    private func indented(_ text: String, _ arguments: TemplateArguments) throws(ChatTemplateError) -> String {
        let bound = try arguments.bind("filter 'indent'", "width", "first", "blank")
        var indentation = "    "
        if case .string(let given) = bound[0] {
            indentation = given
        } else if let width = bound[0] {
            let count = try integer(width, 4)
            guard count <= 4096 else {
                throw ChatTemplateError(.limit, "indent takes at most 4096 spaces, got \(count)")
            }
            indentation = String(repeating: " ", count: max(count, 0))
        }
        let lines = (text + "\n").split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        try charge(bytes: text.utf8.count, total: text.utf8.count + lines.count * indentation.utf8.count)
        var result = ""
        for (index, line) in lines.enumerated() {
            if index > 0 { result += "\n" }
            let isIndented = index == 0 ? bound[1]?.isTrue ?? false : bound[2]?.isTrue ?? false || !line.isEmpty
            if isIndented { result += indentation }
            result += line
        }
        return result
    }

    private func applyNumberFilter(
        _ name: String, to value: TemplateValue, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        if case .undefined(let message) = value { throw ChatTemplateError(.undefined, message) }
        switch name {
        case "int":
            let bound = try arguments.bind("filter 'int'", "default", "base")
            let fallback = bound[0] ?? .integer(0)
            if let integer = value.asInteger { return .integer(integer) }
            if case .double(let number) = value {
                return number.isFinite ? .integer(try PythonNumber.integer(number)) : fallback
            }
            guard case .string(let text) = value else { return fallback }
            if let integer = PythonNumber.integer(text, base: try integer(bound[1], 10)) { return .integer(integer) }
            guard let number = PythonNumber.double(text), number.isFinite else { return fallback }
            return .integer(try PythonNumber.integer(number))
        case "float":
            let fallback = try arguments.bind("filter 'float'", "default")[0] ?? .double(0)
            if let number = value.asDouble { return .double(number) }
            guard case .string(let text) = value else { return fallback }
            return PythonNumber.double(text).map(TemplateValue.double) ?? fallback
        case "abs":
            _ = try arguments.bind("filter 'abs'")
            if case .double(let number) = value { return .double(number.magnitude) }
            guard let integer = value.asInteger else {
                throw ChatTemplateError(.type, "bad operand type for abs(): '\(value.typeName)'")
            }
            return integer < 0 ? try negate(.integer(integer)) : .integer(integer)
        default: return try rounded(value, arguments)
        }
    }

    private func rounded(_ value: TemplateValue, _ arguments: TemplateArguments) throws(ChatTemplateError)
        -> TemplateValue
    {
        let bound = try arguments.bind("filter 'round'", "precision", "method")
        let precision = try integer(bound[0], 0)
        let method = try string(bound[1], "filter 'round'") ?? "common"
        guard let number = value.asDouble else {
            throw ChatTemplateError(.type, "type \(value.typeName) doesn't define __round__ method")
        }
        guard (0...50).contains(precision) else {
            throw ChatTemplateError(.unsupported, "round takes a precision of 0 to 50, got \(precision)")
        }
        let scale = try PythonNumber.power(10, Double(precision))
        switch method {
        case "common":
            if case .integer(let integer) = value { return .integer(integer) }
            return .double(Double(PythonNumber.fixed(number, decimals: precision)) ?? number)
        case "ceil": return .double((number * scale).rounded(.up) / scale)
        case "floor": return .double((number * scale).rounded(.down) / scale)
        default:
            throw ChatTemplateError(.type, "round's method must be common, ceil or floor, got '\(method.prefix(40))'")
        }
    }
}
