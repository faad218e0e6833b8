import OrderedJSON

/// A Swift type whose values are arguments and results of generated Python functions.
protocol PythonData: Sendable {
    /// The type as a signature has it.
    static var pythonType: String { get }
    /// The value as a test has it.
    var json: JSONValue { get }
}

extension Int: PythonData {
    static var pythonType: String { "int" }
    var json: JSONValue { .integer(self) }
}

extension Bool: PythonData {
    static var pythonType: String { "bool" }
    var json: JSONValue { .bool(self) }
}

extension String: PythonData {
    static var pythonType: String { "str" }
    var json: JSONValue { .string(self) }
}

extension Array: PythonData where Element: PythonData {
    static var pythonType: String { "list[\(Element.pythonType)]" }
    var json: JSONValue { .array(map(\.json)) }
}

extension Optional: PythonData where Wrapped: PythonData {
    static var pythonType: String { "\(Wrapped.pythonType) | None" }
    var json: JSONValue { self?.json ?? .null }
}

extension Dictionary: PythonData where Key == String, Value: PythonData {
    static var pythonType: String { "dict[str, \(Value.pythonType)]" }
    /// In the order of the keys, so that a problem is the same in every process.
    var json: JSONValue {
        var object = JSONObject()
        for key in keys.sorted() { object[key] = self[key]?.json }
        return .object(object)
    }
}

extension JSONValue {
    /// The value as a Python literal.
    var pythonLiteral: String {
        switch self {
        case .null: "None"
        case .bool(let flag): flag ? "True" : "False"
        case .integer(let number): String(number)
        case .double(let number): String(number)
        case .string: text()
        case .array(let elements): "[\(elements.map(\.pythonLiteral).joined(separator: ", "))]"
        case .object(let object):
            "{\(object.map { "\(JSONValue.string($0.key).text()): \($0.value.pythonLiteral)" }.joined(separator: ", "))}"
        }
    }
}

extension Int {
    /// The remainder as Python has it: with the divisor's sign.
    func modulo(_ divisor: Int) -> Int {
        let remainder = self % divisor
        return remainder != 0 && (remainder < 0) != (divisor < 0) ? remainder + divisor : remainder
    }

    /// The quotient rounded down, as Python's `//` has it.
    func floorDivided(by divisor: Int) -> Int { (self - modulo(divisor)) / divisor }

    /// The decimal digits of the absolute value.
    var digits: [Int] { String(magnitude).compactMap(\.wholeNumberValue) }

    /// Whether it is a prime number.
    var isPrime: Bool { self > 1 && !(2..<self).prefix { $0 * $0 <= self }.contains { isMultiple(of: $0) } }
}
