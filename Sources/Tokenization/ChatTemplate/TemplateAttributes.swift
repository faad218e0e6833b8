extension TemplateInterpreter {
    /// `value.name`: a method before a key, as Jinja looks it up.
    func attribute(_ name: String, of value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
        if let found = try member(name, of: value) { return found }
        if case .dictionary(let dictionary) = value, let found = dictionary[.string(name)] { return found }
        return .undefined("\(value.description) has no attribute '\(name)'")
    }

    /// `value[key]`: a key before a method.
    func item(_ key: TemplateValue, of value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
        if case .undefined(let message) = value { throw ChatTemplateError(.undefined, message) }
        if case .dictionary(let dictionary) = value, let found = dictionary[key] { return found }
        if let index = key.asInteger {
            if let values = value.sequence?.values {
                let place = index < 0 ? index + values.count : index
                if values.indices.contains(place) { return values[place] }
                return .undefined("'\(value.typeName) object' has no element \(index)")
            }
            if case .string(let text) = value {
                try charge(bytes: text.utf8.count)
                guard index.magnitude <= text.utf8.count else {
                    return .undefined("'str object' has no element \(index)")
                }
                let scalars = text.unicodeScalars
                let (start, bound) =
                    index < 0 ? (scalars.endIndex, scalars.startIndex) : (scalars.startIndex, scalars.endIndex)
                if let place = scalars.index(start, offsetBy: index, limitedBy: bound), place < scalars.endIndex {
                    return .string(String(scalars[place]))
                }
                return .undefined("'str object' has no element \(index)")
            }
        }
        if case .string(let name) = key, let found = try member(name, of: value) { return found }
        return .undefined("\(value.description) has no attribute \(try representation(of: key).prefix(80))")
    }

    /// An attribute or method of the object itself.
    private func member(_ name: String, of value: TemplateValue) throws(ChatTemplateError) -> TemplateValue? {
        switch value {
        case .undefined(let message): throw ChatTemplateError(.undefined, message)
        case .namespace(let number): return namespaces[number].first { $0.name == name }?.value
        case .loop(let loop): return try attribute(name, of: loop)
        case .macro(let number):
            return name == "name" ? .string(macros[number].syntax.name) : nil
        case .string: return TemplateMethod.stringNames.contains(name) ? .method(TemplateMethod(value, name)) : nil
        case .dictionary:
            if TemplateMethod.dictionaryNames.contains(name) { return .method(TemplateMethod(value, name)) }
            return TemplateMethod.dictionaryMutators.contains(name) ? unsafe(name, of: value) : nil
        case .list:
            if TemplateMethod.listNames.contains(name) { return .method(TemplateMethod(value, name)) }
            return TemplateMethod.listMutators.contains(name) ? unsafe(name, of: value) : nil
        case .tuple:
            return name == "index" || name == "count" ? .method(TemplateMethod(value, name)) : nil
        default: return nil
        }
    }

    private func unsafe(_ name: String, of value: TemplateValue) -> TemplateValue {
        .undefined("access to attribute '\(name)' of '\(value.typeName)' object is unsafe: values can't be changed")
    }

    private func attribute(_ name: String, of loop: TemplateLoop) throws(ChatTemplateError) -> TemplateValue? {
        let values = loop.items.values
        switch name {
        case "index": return .integer(loop.index + 1)
        case "index0": return .integer(loop.index)
        case "revindex": return .integer(values.count - loop.index)
        case "revindex0": return .integer(values.count - loop.index - 1)
        case "first": return .bool(loop.index == 0)
        case "last": return .bool(loop.index == values.count - 1)
        case "length": return .integer(values.count)
        case "depth", "depth0": return .integer(name == "depth" ? 1 : 0)
        case "previtem":
            return loop.index > 0 ? values[loop.index - 1] : .undefined("there is no previous item")
        case "nextitem":
            return loop.index + 1 < values.count ? values[loop.index + 1] : .undefined("there is no next item")
        case "cycle", "changed": return .method(TemplateMethod(.loop(loop), name))
        default: return nil
        }
    }

    /// `value[start:stop:step]`
    func slice(_ value: TemplateValue, _ bounds: [TemplateValue]) throws(ChatTemplateError) -> TemplateValue {
        if case .undefined(let message) = value { throw ChatTemplateError(.undefined, message) }
        var numbers: [Int?] = []
        for bound in bounds {
            if case .none = bound {
                numbers.append(nil)
            } else if let integer = bound.asInteger {
                numbers.append(integer)
            } else {
                throw ChatTemplateError(.type, "slice indices must be integers or None, not \(bound.typeName)")
            }
        }
        switch value {
        case .string(let text):
            try charge(text.utf8.count / 8)
            let scalars = Array(text.unicodeScalars)
            var result = String.UnicodeScalarView()
            for index in try sliceIndices(numbers, count: scalars.count) { result.append(scalars[index]) }
            return .string(String(result))
        case .list(let elements), .tuple(let elements), .range(let elements):
            try charge(elements.values.count)
            let values = try sliceIndices(numbers, count: elements.values.count).map { elements.values[$0] }
            if case .range = value { return .range(try TemplateElements(values)) }
            return try rewrapped(value, values)
        default: throw ChatTemplateError(.type, "'\(value.typeName)' object can't be sliced")
        }
    }

    /// The indices of a Python slice.
    private func sliceIndices(_ bounds: [Int?], count: Int) throws(ChatTemplateError) -> [Int] {
        let step = bounds[2] ?? 1
        guard step != 0 else { throw ChatTemplateError(.type, "slice step cannot be zero") }
        let (lowest, highest) = step > 0 ? (0, count) : (-1, count - 1)
        func clamp(_ bound: Int?, _ fallback: Int) -> Int {
            guard let bound else { return fallback }
            return min(max(bound < 0 ? bound + count : bound, lowest), highest)
        }
        let start = clamp(bounds[0], step > 0 ? lowest : highest)
        let stop = clamp(bounds[1], step > 0 ? highest : lowest)
        // A step beyond the length selects at most one element; limiting it keeps the walk from overflowing.
        let bounded = max(min(step, count + 1), -count - 1)
        return Array(stride(from: start, to: stop, by: bounded))
    }

    /// Follows a dotted path as the `attribute` argument of filters does.
    ///
    /// - Parameter fallback: What stands for a step that leads nowhere.
    func path(
        _ path: TemplateValue, of value: TemplateValue, fallback: TemplateValue? = nil
    ) throws(ChatTemplateError) -> TemplateValue {
        guard case .string(let text) = path else {
            let found = try item(path, of: value)
            return found.isUndefined ? fallback ?? found : found
        }
        var result = value
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            let key = Int(part).map(TemplateValue.integer) ?? .string(String(part))
            result = try item(key, of: result)
            if result.isUndefined, let fallback { result = fallback }
        }
        return result
    }
}
