extension TemplateMethod {
    /// The methods of `str` that are implemented.
    static let stringNames: Set<String> = [
        "startswith", "endswith", "split", "rsplit", "strip", "lstrip", "rstrip", "upper", "lower", "title",
        "capitalize", "replace", "join", "find", "rfind", "index", "rindex", "count", "removeprefix", "removesuffix",
        "splitlines", "partition", "rpartition", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower",
        "zfill", "format",
    ]
    /// The methods of `dict` that are implemented.
    static let dictionaryNames: Set<String> = ["items", "keys", "values", "get", "copy"]
    /// The methods of `dict` that the reference's immutable sandbox refuses.
    static let dictionaryMutators: Set<String> = ["clear", "pop", "popitem", "setdefault", "update"]
    /// The methods of `list` that are implemented.
    static let listNames: Set<String> = ["index", "count", "copy"]
    /// The methods of `list` that the reference's immutable sandbox refuses.
    static let listMutators: Set<String> = [
        "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
    ]
}

extension TemplateInterpreter {
    /// Calls a method.
    func callMethod(
        _ method: TemplateMethod, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        switch method.receiver {
        case .string(let text): return try callStringMethod(method.name, text, arguments)
        case .dictionary(let dictionary): return try callMethod(method.name, of: dictionary, arguments)
        case .list(let elements), .tuple(let elements):
            if method.name == "copy" { return method.receiver }
            let value = try arguments.bind("\(method.name)()", "value", required: 1)[0] ?? .none
            var count = 0
            for (index, element) in elements.values.enumerated() where try equal(element, value) {
                if method.name == "index" { return .integer(index) }
                count += 1
            }
            guard method.name == "count" else { throw ChatTemplateError(.type, "the value is not in the list") }
            return .integer(count)
        case .loop(let loop): return try callMethod(method.name, of: loop, arguments)
        default: throw ChatTemplateError(.unsupported, "the method '\(method.name)' is not supported")
        }
    }

    private func callMethod(
        _ name: String, of dictionary: TemplateDictionary, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        if name == "get" {
            let bound = try arguments.bind("get()", "key", "default", required: 1)
            let key = bound[0] ?? .none
            if case .undefined = key { return bound[1] ?? .none }
            _ = try TemplateDictionary.Key(key)
            return dictionary[key] ?? bound[1] ?? .none
        }
        _ = try arguments.bind("\(name)()")
        try charge(dictionary.count)
        switch name {
        case "keys": return .view(name: "dict_keys", try TemplateElements(dictionary.keys))
        case "values": return .view(name: "dict_values", try TemplateElements(dictionary.values))
        case "items": return .view(name: "dict_items", try items(of: dictionary))
        default: return .dictionary(dictionary)
        }
    }

    /// The pairs of a dictionary as tuples.
    func items(of dictionary: TemplateDictionary) throws(ChatTemplateError) -> TemplateElements {
        var items: [TemplateValue] = []
        for (key, value) in dictionary.pairs { items.append(.tuple(try TemplateElements([key, value]))) }
        return try TemplateElements(items)
    }

    private func callMethod(
        _ name: String, of loop: TemplateLoop, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        if name == "cycle" {
            guard !arguments.positional.isEmpty else { throw ChatTemplateError(.type, "no items for cycling given") }
            return arguments.positional[loop.index % arguments.positional.count]
        }
        let last = changedValues[loop.run]
        changedValues[loop.run] = arguments.positional
        guard let last, last.count == arguments.positional.count else { return .bool(true) }
        for (old, new) in zip(last, arguments.positional) where !(try equal(old, new)) { return .bool(true) }
        return .bool(false)
    }
}
