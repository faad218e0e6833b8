/// The global functions of a template.
enum TemplateFunctions {
    /// The names that are implemented.
    static let names: Set<String> = ["range", "namespace", "dict", "raise_exception", "strftime_now"]
    /// The longest range, as the reference's sandbox has it.
    static let maximumRange = 100_000
}

extension TemplateInterpreter {
    /// Calls a global function.
    func callFunction(_ name: String, _ arguments: TemplateArguments) throws(ChatTemplateError) -> TemplateValue {
        switch name {
        case "range": return try makeRange(try arguments.bind("range()", "start", "stop", "step", required: 1))
        case "namespace":
            let dictionary = try makeDictionary(arguments, "namespace()")
            namespaces.append([])
            for (key, value) in dictionary.pairs {
                if case .string(let name) = key { namespaces[namespaces.count - 1].append((name, value)) }
            }
            return .namespace(namespaces.count - 1)
        case "dict": return .dictionary(try makeDictionary(arguments, "dict()"))
        case "strftime_now":
            let format = try arguments.bind("strftime_now()", "format", required: 1)[0] ?? .none
            return .string(try PythonNumber.date(now, format: try text(of: format)))
        case "raise_exception":
            let message = try arguments.bind("raise_exception()", "message", required: 1)[0] ?? .none
            throw ChatTemplateError(.raised, String(try text(of: message).prefix(2000)))
        default: throw ChatTemplateError(.unsupported, "the function '\(name)' is not supported")
        }
    }

    private func makeRange(_ bounds: [TemplateValue?]) throws(ChatTemplateError) -> TemplateValue {
        var numbers: [Int] = []
        for case .some(let bound) in bounds {
            guard let number = bound.asInteger else {
                throw ChatTemplateError(.type, "'\(bound.typeName)' object cannot be interpreted as an integer")
            }
            numbers.append(number)
        }
        let start = numbers.count == 1 ? 0 : numbers[0]
        let stop = numbers.count == 1 ? numbers[0] : numbers[1]
        let step = numbers.count > 2 ? numbers[2] : 1
        guard step != 0 else { throw ChatTemplateError(.type, "range() arg 3 must not be zero") }
        let (distance, isTooFar) = stop.subtractingReportingOverflow(start)
        let size = distance == 0 || (distance < 0) != (step < 0) ? 0 : (distance.magnitude - 1) / step.magnitude + 1
        guard !isTooFar, size <= TemplateFunctions.maximumRange else {
            throw ChatTemplateError(.limit, "a range has at most \(TemplateFunctions.maximumRange) elements")
        }
        try charge(Int(size))
        var values: [TemplateValue] = []
        var current = start
        for _ in 0..<Int(size) {
            values.append(.integer(current))
            current = current &+ step
        }
        return .range(TemplateElements(scalars: values))
    }

    private func makeDictionary(
        _ arguments: TemplateArguments, _ owner: String
    ) throws(ChatTemplateError) -> TemplateDictionary {
        guard arguments.positional.count <= 1 else {
            throw ChatTemplateError(.type, "\(owner) takes at most 1 argument, got \(arguments.positional.count)")
        }
        var pairs: [(TemplateValue, TemplateValue)] = []
        if case .dictionary(let dictionary) = arguments.positional.first {
            pairs = dictionary.pairs
        } else if let source = arguments.positional.first {
            for element in try elements(of: source).values {
                let pair = try elements(of: element).values
                guard pair.count == 2 else {
                    throw ChatTemplateError(.type, "\(owner) needs pairs, got \(pair.count) values")
                }
                pairs.append((pair[0], pair[1]))
            }
        }
        try charge(pairs.count)
        return try TemplateDictionary(pairs + arguments.named.map { (.string($0.name), $0.value) })
    }
}
