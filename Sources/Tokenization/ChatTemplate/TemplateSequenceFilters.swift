extension TemplateInterpreter {
    /// The filters that work on sequences and mappings.
    func applySequenceFilter(
        _ name: String, to value: TemplateValue, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let owner = "filter '\(name)'"
        switch name {
        case "length", "count":
            _ = try arguments.bind(owner)
            return .integer(try length(of: value))
        case "list":
            _ = try arguments.bind(owner)
            return .list(try elements(of: value))
        case "items":
            _ = try arguments.bind(owner)
            if case .undefined = value { return .generator(TemplateElements(scalars: [])) }
            guard case .dictionary(let dictionary) = value else {
                throw ChatTemplateError(.type, "can only get item pairs from a mapping, got \(value.typeName)")
            }
            try charge(dictionary.count)
            return .generator(try items(of: dictionary))
        case "first", "last":
            _ = try arguments.bind(owner)
            let values = try elements(of: value).values
            return (name == "first" ? values.first : values.last) ?? .undefined("no \(name) item, sequence was empty")
        case "reverse":
            _ = try arguments.bind(owner)
            let values = try elements(of: value)
            guard case .string(let text) = value else {
                return .generator(try TemplateElements(values.values.reversed()))
            }
            return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
        case "join":
            let bound = try arguments.bind(owner, "d", "attribute")
            var texts: [String] = []
            for element in try elements(of: value).values {
                texts.append(
                    try text(
                        of: try bound[1].map { (path) throws(ChatTemplateError) in
                            try self.path(path, of: element)
                        } ?? element))
            }
            return .string(try join(texts, try text(of: bound[0] ?? .string(""))))
        case "map": return .generator(try TemplateElements(try mapped(value, arguments)))
        case "select", "reject", "selectattr", "rejectattr": return try selected(name, value, arguments)
        case "attr":
            let key = try text(of: try arguments.bind(owner, "name", required: 1)[0] ?? .none)
            if case .dictionary = value, !TemplateMethod.dictionaryNames.contains(key) {
                return .undefined("'dict object' has no attribute '\(key)'")
            }
            return try attribute(key, of: value)
        case "sort", "dictsort", "unique", "min", "max", "sum": return try applyOrderFilter(name, to: value, arguments)
        default: throw ChatTemplateError(.unsupported, "the filter '\(name.prefix(60))' is not supported")
        }
    }

    /// `len(value)`
    func length(of value: TemplateValue) throws(ChatTemplateError) -> Int {
        switch value {
        case .undefined: return 0
        case .string(let text):
            try charge(text.utf8.count / 32)
            return text.unicodeScalars.count
        case .list(let elements), .tuple(let elements), .range(let elements), .view(_, let elements):
            return elements.values.count
        case .dictionary(let dictionary): return dictionary.count
        case .loop(let loop): return loop.items.values.count
        default: throw ChatTemplateError(.type, "object of type '\(value.typeName)' has no len()")
        }
    }

    private func mapped(_ value: TemplateValue, _ arguments: TemplateArguments) throws(ChatTemplateError)
        -> [TemplateValue]
    {
        let values = try elements(of: value).values
        var results: [TemplateValue] = []
        if arguments.positional.isEmpty, arguments.named.contains(where: { $0.name == "attribute" }) {
            let bound = try arguments.bind("filter 'map'", "attribute", "default")
            for element in values {
                let fallback = bound[1].flatMap { isNone($0) ? nil : $0 }
                results.append(try path(bound[0] ?? .none, of: element, fallback: fallback))
            }
            return results
        }
        guard case .string(let filter) = arguments.positional.first else {
            throw ChatTemplateError(.type, "filter 'map' needs the name of a filter, or 'attribute'")
        }
        let rest = TemplateArguments(positional: Array(arguments.positional.dropFirst()), named: arguments.named)
        for element in values {
            results.append(
                try nested { () throws(ChatTemplateError) in try applyFilter(filter, to: element, rest) })
        }
        return results
    }

    private func selected(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        var rest = arguments.positional[...]
        var attribute: TemplateValue?
        if name.hasSuffix("attr") {
            attribute = rest.popFirst()
            if attribute == nil { throw ChatTemplateError(.type, "filter '\(name)' needs the name of an attribute") }
        }
        var test: String?
        if let given = rest.popFirst() {
            guard case .string(let name) = given else { throw ChatTemplateError(.type, "the name of a test is no str") }
            test = name
        }
        let testArguments = TemplateArguments(positional: Array(rest), named: arguments.named)
        var kept: [TemplateValue] = []
        for element in try elements(of: value).values {
            try charge()
            var subject = element
            if let attribute { subject = try path(attribute, of: element) }
            let isKept: Bool
            if let test { isKept = try applyTest(test, to: subject, testArguments) } else { isKept = subject.isTrue }
            if isKept == name.hasPrefix("select") { kept.append(element) }
        }
        return .generator(try TemplateElements(kept))
    }

    private func applyOrderFilter(
        _ name: String, to value: TemplateValue, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let owner = "filter '\(name)'"
        if name == "dictsort" { return try sortedItems(of: value, arguments) }
        let values = try elements(of: value).values
        if name == "sum" {
            let bound = try arguments.bind(owner, "attribute", "start")
            var total = bound[1] ?? .integer(0)
            for element in values {
                var part = element
                if let attribute = bound[0], !isNone(attribute) { part = try path(attribute, of: element) }
                total = try calculate(total, "+", part)
            }
            return total
        }
        let bound =
            name == "sort"
            ? try arguments.bind(owner, "reverse", "case_sensitive", "attribute")
            : [nil] + (try arguments.bind(owner, "case_sensitive", "attribute"))
        let isReversed = bound[0]?.isTrue ?? false
        let keys = try keys(of: values, attribute: bound[2], isCaseSensitive: bound[1]?.isTrue ?? false)
        if name == "unique" {
            var seen: Set<TemplateDictionary.Key> = []
            var kept: [TemplateValue] = []
            for (key, element) in zip(keys, values) where seen.insert(try TemplateDictionary.Key(key)).inserted {
                kept.append(element)
            }
            return .generator(try TemplateElements(kept))
        }
        if name == "sort" { return .list(try TemplateElements(try order(keys, isReversed).map { values[$0] })) }
        guard var best = values.indices.first else { return .undefined("no aggregated item, sequence was empty") }
        for index in values.indices.dropFirst() {
            let isBetter = name == "min" ? try precedes(keys[index], keys[best]) : try precedes(keys[best], keys[index])
            if isBetter { best = index }
        }
        return values[best]
    }

    private func keys(
        of values: [TemplateValue], attribute: TemplateValue?, isCaseSensitive: Bool
    ) throws(ChatTemplateError) -> [TemplateValue] {
        var keys: [TemplateValue] = []
        for value in values {
            guard let attribute, !isNone(attribute) else {
                keys.append(try folded(value, isCaseSensitive))
                continue
            }
            // `attribute='a,b'` sorts by several.
            guard case .string(let text) = attribute, text.utf8.contains(UInt8(ascii: ",")) else {
                keys.append(try folded(try path(attribute, of: value), isCaseSensitive))
                continue
            }
            var parts: [TemplateValue] = []
            for part in text.split(separator: ",") {
                parts.append(try folded(try path(.string(String(part)), of: value), isCaseSensitive))
            }
            keys.append(.list(try TemplateElements(parts)))
        }
        return keys
    }

    private func folded(_ value: TemplateValue, _ isCaseSensitive: Bool) throws(ChatTemplateError) -> TemplateValue {
        guard !isCaseSensitive, case .string(let text) = value else { return value }
        try charge(bytes: text.utf8.count)
        return .string(text.lowercased())
    }

    /// The places of keys in ascending (or descending) order; equal ones keep their order.
    private func order(_ keys: [TemplateValue], _ isReversed: Bool) throws(ChatTemplateError) -> [Int] {
        var order = Array(keys.indices)
        var width = 1
        while width < order.count {
            var merged: [Int] = []
            merged.reserveCapacity(order.count)
            for start in stride(from: 0, to: order.count, by: 2 * width) {
                let middle = min(start + width, order.count)
                let end = min(start + 2 * width, order.count)
                var (left, right) = (start, middle)
                while left < middle, right < end {
                    let (first, second) = (keys[order[left]], keys[order[right]])
                    let takesRight = isReversed ? try precedes(first, second) : try precedes(second, first)
                    merged.append(order[takesRight ? right : left])
                    if takesRight { right += 1 } else { left += 1 }
                }
                merged += order[left..<middle] + order[right..<end]
            }
            order = merged
            width *= 2
        }
        return order
    }

    private func sortedItems(
        of value: TemplateValue, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let bound = try arguments.bind("filter 'dictsort'", "case_sensitive", "by", "reverse")
        if case .undefined(let message) = value { throw ChatTemplateError(.undefined, message) }
        guard case .dictionary(let dictionary) = value else {
            throw ChatTemplateError(.type, "filter 'dictsort' needs a mapping, got \(value.typeName)")
        }
        let field = try string(bound[1], "filter 'dictsort'") ?? "key"
        guard field == "key" || field == "value" else {
            throw ChatTemplateError(.type, "you can only sort by either 'key' or 'value', got '\(field.prefix(40))'")
        }
        let keys = try keys(
            of: field == "key" ? dictionary.keys : dictionary.values, attribute: nil,
            isCaseSensitive: bound[0]?.isTrue ?? false)
        let items = try items(of: dictionary).values
        return .list(try TemplateElements(try order(keys, bound[2]?.isTrue ?? false).map { items[$0] }))
    }
}
