import OrderedJSON

/// A value of a running template, as the Python object it stands for behaves.
///
/// Lists and dictionaries can't be changed by a template (the reference renders in an immutable sandbox), so they are
/// values. Namespaces and macros are numbers of entries in the interpreter's tables: no reference cycle and no long chain
/// of objects can come about.
enum TemplateValue {
    /// Jinja's `Undefined`, with the message of the error that using it raises.
    case undefined(String)
    case none
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case list(TemplateElements)
    case tuple(TemplateElements)
    /// `range(…)`
    case range(TemplateElements)
    /// What `map`, `select` and the like give: always true, no length, no items.
    case generator(TemplateElements)
    /// `dict.keys()`, `dict.values()`, `dict.items()`
    case view(name: String, TemplateElements)
    case dictionary(TemplateDictionary)
    case namespace(Int)
    case macro(Int)
    case loop(TemplateLoop)
    /// A global function.
    case function(String)
    case method(TemplateMethod)

    /// How many containers are inside one another.
    var depth: Int {
        switch self {
        case .list(let elements), .tuple(let elements), .range(let elements), .generator(let elements),
            .view(_, let elements):
            elements.depth
        case .dictionary(let dictionary): dictionary.depth
        case .loop(let loop): loop.items.depth
        case .method(let method): method.receiver.depth + 1
        default: 0
        }
    }

    /// Python's name of the type.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .double: "float"
        case .string: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .range: "range"
        case .generator: "generator"
        case .view(let name, _): name
        case .dictionary: "dict"
        case .namespace: "Namespace"
        case .macro: "Macro"
        case .loop: "LoopContext"
        case .function: "function"
        case .method: "builtin_function_or_method"
        }
    }

    /// How Jinja names it where an attribute is missing.
    var description: String {
        switch self {
        case .none: "None"
        default: "'\(typeName) object'"
        }
    }

    /// `bool(value)`
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .double(let value): value != 0
        case .string(let value): !value.isEmpty
        case .list(let elements), .tuple(let elements), .range(let elements), .view(_, let elements):
            !elements.values.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .loop(let loop): loop.items.values.count > 0
        case .generator, .namespace, .macro, .function, .method: true
        }
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }

    /// The integer, counting a bool as Python does.
    var asInteger: Int? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The number as a double, if it is a number.
    var asDouble: Double? {
        if case .double(let value) = self { return value }
        return asInteger.map(Double.init)
    }

    /// The elements of a value that has a length and an order, other than a string.
    var sequence: TemplateElements? {
        switch self {
        case .list(let elements), .tuple(let elements), .range(let elements): elements
        default: nil
        }
    }
}

/// The elements of a list; how deep they nest is bounded, so that nothing that walks or frees them can exhaust the stack.
struct TemplateElements {
    /// Containers inside one another.
    static let maximumDepth = 160

    let values: [TemplateValue]
    let depth: Int

    init(_ values: [TemplateValue]) throws(ChatTemplateError) {
        var depth = 0
        for value in values { depth = max(depth, value.depth) }
        guard depth < Self.maximumDepth else {
            throw ChatTemplateError(.limit, "lists or mappings are nested deeper than \(Self.maximumDepth) levels")
        }
        self.values = values
        self.depth = depth + 1
    }

    /// Values without anything inside them.
    init(scalars values: [TemplateValue]) {
        self.values = values
        depth = 1
    }
}

/// A dictionary in the order of insertion.
final class TemplateDictionary {
    /// A key with Python's equality: 1, 1.0 and True are one key, and texts are compared scalar by scalar.
    enum Key: Hashable {
        case none
        case integer(Int)
        case double(Double)
        case string(String)

        static func == (left: Key, right: Key) -> Bool {
            switch (left, right) {
            case (.none, .none): true
            case (.integer(let left), .integer(let right)): left == right
            case (.double(let left), .double(let right)): left == right
            case (.string(let left), .string(let right)): PythonText.equal(left, right)
            default: false
            }
        }

        func hash(into hasher: inout Hasher) {
            switch self {
            case .none: hasher.combine(0)
            case .integer(let value): hasher.combine(value)
            case .double(let value): hasher.combine(value)
            case .string(var text): text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
            }
        }

        init(_ value: TemplateValue) throws(ChatTemplateError) {
            switch value {
            case .none: self = .none
            case .string(let text): self = .string(text)
            case .double(let number): self = Int(exactly: number).map(Key.integer) ?? .double(number)
            default:
                guard let integer = value.asInteger else {
                    throw ChatTemplateError(.type, "unhashable type: '\(value.typeName)' can't be a key")
                }
                self = .integer(integer)
            }
        }
    }

    private(set) var keys: [TemplateValue] = []
    private(set) var values: [TemplateValue] = []
    private var places: [Key: Int] = [:]
    private(set) var depth = 1

    var count: Int { keys.count }

    init(_ pairs: some Sequence<(TemplateValue, TemplateValue)> = [(TemplateValue, TemplateValue)]())
        throws(ChatTemplateError)
    {
        for (key, value) in pairs {
            let place = try Key(key)
            guard value.depth < TemplateElements.maximumDepth else {
                throw ChatTemplateError(
                    .limit, "lists or mappings are nested deeper than \(TemplateElements.maximumDepth) levels")
            }
            depth = max(depth, value.depth + 1)
            if let index = places[place] {
                values[index] = value
            } else {
                places[place] = keys.count
                keys.append(key)
                values.append(value)
            }
        }
    }

    /// The value of a key; nil when it is absent or can't be a key.
    subscript(key: TemplateValue) -> TemplateValue? {
        guard let place = try? Key(key), let index = places[place] else { return nil }
        return values[index]
    }

    var pairs: [(TemplateValue, TemplateValue)] { Array(zip(keys, values)) }
}

/// The `loop` variable at one turn.
struct TemplateLoop {
    let items: TemplateElements
    let index: Int
    /// The number of the `for` statement's run, for `loop.changed`.
    let run: Int
}

/// A method taken from a value.
final class TemplateMethod {
    let receiver: TemplateValue
    let name: String

    init(_ receiver: TemplateValue, _ name: String) {
        self.receiver = receiver
        self.name = name
    }
}

extension TemplateValue {
    /// The template's view of a JSON value.
    init(_ json: JSONValue, depth: Int = 0) throws(ChatTemplateError) {
        guard depth < TemplateElements.maximumDepth else {
            throw ChatTemplateError(
                .limit, "the conversation is nested deeper than \(TemplateElements.maximumDepth) levels")
        }
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .double(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .array(let elements):
            var values: [TemplateValue] = []
            values.reserveCapacity(elements.count)
            for element in elements { values.append(try TemplateValue(element, depth: depth + 1)) }
            self = .list(try TemplateElements(values))
        case .object(let object):
            var pairs: [(TemplateValue, TemplateValue)] = []
            for (key, value) in object { pairs.append((.string(key), try TemplateValue(value, depth: depth + 1))) }
            self = .dictionary(try TemplateDictionary(pairs))
        }
    }
}
