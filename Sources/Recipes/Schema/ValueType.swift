import Foundation
import OrderedJSON

/// How a value of a recipe is described, read and written. Each key's type is one of these.
struct ValueType<Value: Sendable>: Sendable {
    /// The type in the reference table.
    let name: String
    /// Reads a value at a path; notes a fault and returns `nil` when it is wrong.
    let read: @Sendable (Located, [String], inout RecipeReader) -> Value?
    /// The value as the resolved recipe has it.
    let write: @Sendable (Value) -> JSONValue
    /// The rows of the reference table below this value, if it is a section.
    let rows: @Sendable (_ path: String, _ value: Value) -> [Recipe.KeyDocumentation]

    init(
        name: String, read: @escaping @Sendable (Located, [String], inout RecipeReader) -> Value?,
        write: @escaping @Sendable (Value) -> JSONValue,
        rows: @escaping @Sendable (String, Value) -> [Recipe.KeyDocumentation] = { _, _ in [] }
    ) {
        self.name = name
        self.read = read
        self.write = write
        self.rows = rows
    }
}

extension ValueType where Value == Int {
    /// An integer within bounds.
    static func integer(_ bounds: ClosedRange<Int>) -> Self {
        let name =
            bounds.upperBound == .max
            ? "integer ≥ \(bounds.lowerBound)" : "integer from \(bounds.lowerBound) to \(bounds.upperBound)"
        return Self(name: name) { value, path, reader in
            guard let number = value.scalar?.intValue, bounds.contains(number) else {
                reader.unexpected(value, path, "an \(name)")
                return nil
            }
            return number
        } write: {
            .integer($0)
        }
    }
}

/// The bounds of a decimal number.
enum NumberBounds: Sendable {
    case any
    case above(Double)
    case atLeast(Double)
    case from(Double, to: Double)
    case over(Double, to: Double)

    var description: String {
        func spell(_ value: Double) -> String { value == value.rounded() ? String(Int(value)) : String(value) }
        return switch self {
        case .any: ""
        case .above(let low): " > \(spell(low))"
        case .atLeast(let low): " ≥ \(spell(low))"
        case .from(let low, let high): " from \(spell(low)) to \(spell(high))"
        case .over(let low, let high): " > \(spell(low)) and ≤ \(spell(high))"
        }
    }

    func contains(_ value: Double) -> Bool {
        guard value.isFinite else { return false }
        return switch self {
        case .any: true
        case .above(let low): value > low
        case .atLeast(let low): value >= low
        case .from(let low, let high): value >= low && value <= high
        case .over(let low, let high): value > low && value <= high
        }
    }
}

extension ValueType where Value == Double {
    /// A finite number within bounds.
    static func number(_ bounds: NumberBounds) -> Self {
        Self(name: "number\(bounds.description)") { value, path, reader in
            guard let number = value.scalar?.doubleValue, bounds.contains(number) else {
                reader.unexpected(value, path, "a number\(bounds.description)")
                return nil
            }
            return number
        } write: {
            .double($0)
        }
    }
}

extension ValueType where Value == Bool {
    /// `true` or `false`.
    static var flag: Self {
        Self(name: "true or false") { value, path, reader in
            guard let flag = value.scalar?.boolValue else {
                reader.unexpected(value, path, "true or false")
                return nil
            }
            return flag
        } write: {
            .bool($0)
        }
    }
}

extension ValueType where Value == String {
    /// Text that is not empty; a word that reads as a number or a truth value needs quotes.
    static var text: Self {
        Self(name: "text") { value, path, reader in
            guard let text = value.scalar?.stringValue else {
                let hint = value.scalar.map { $0.isNull ? "" : " (put quotes around it if text is meant)" } ?? ""
                reader.fault(path, "expected text, got \(value.summary)\(hint)", at: value.place)
                return nil
            }
            guard !text.isEmpty else {
                reader.fault(path, "expected text, got an empty one; leave the key out instead", at: value.place)
                return nil
            }
            return text
        } write: {
            .string($0)
        }
    }

    /// An address of the web, or a path.
    static var place: Self {
        let (text, path) = (Self.text, Self.path)
        return Self(name: "address or path") { value, place, reader in
            guard let given = text.read(value, place, &reader) else { return nil }
            let isAddress = given.hasPrefix("http://") || given.hasPrefix("https://")
            return isAddress ? given : path.read(value, place, &reader)
        } write: {
            text.write($0)
        }
    }

    /// A path; a relative one starts from the recipe's folder.
    static var path: Self {
        let text = Self.text
        return Self(name: "path") { value, path, reader in
            guard let given = text.read(value, path, &reader) else { return nil }
            guard !given.utf8.contains(0), given.utf8.count <= 4096 else {
                reader.fault(
                    path, "expected a path, got one with a null character or of over 4096 bytes", at: value.place)
                return nil
            }
            return reader.absolute(given)
        } write: {
            .string($0)
        }
    }
}

extension ValueType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of a few words.
    static func choice() -> Self {
        let words = Value.allCases.map(\.rawValue)
        return Self(name: words.map { "`\($0)`" }.joined(separator: ", ")) { value, path, reader in
            let word = value.scalar?.stringValue ?? ""
            if let choice = Value(rawValue: word) { return choice }
            let hint = Suggestion.nearest(to: word, among: words).map { "; did you mean '\($0)'?" } ?? ""
            let expected = words.count == 1 ? words[0] : "one of \(words.joined(separator: ", "))"
            reader.fault(path, "expected \(expected), got \(value.summary)\(hint)", at: value.place)
            return nil
        } write: {
            .string($0.rawValue)
        }
    }
}

extension ValueType {
    /// A value or null.
    static func optional<Wrapped>(_ type: ValueType<Wrapped>) -> Self where Value == Wrapped? {
        Self(name: "\(type.name), or null") { value, path, reader in
            if value.isNull { return .some(nil) }
            return type.read(value, path, &reader).map { .some($0) }
        } write: {
            $0.map(type.write) ?? .null
        } rows: { path, value in
            value.map { type.rows(path, $0) } ?? []
        }
    }

    /// A list of values.
    static func list<Element>(of type: ValueType<Element>, count: ClosedRange<Int>, _ what: String) -> Self
    where Value == [Element] {
        Self(name: "list of \(what)") { value, path, reader in
            guard case .list(let elements) = value.content else {
                reader.unexpected(value, path, "a list of \(what)")
                return nil
            }
            guard count.contains(elements.count) else {
                let least =
                    count.lowerBound == count.upperBound
                    ? "" : elements.count < count.lowerBound ? "at least " : "at most "
                let limit = elements.count < count.lowerBound ? count.lowerBound : count.upperBound
                reader.fault(path, "expected \(least)\(limit) \(what), got \(elements.count)", at: value.place)
                return nil
            }
            let read = elements.enumerated().map { type.read($0.element, path + [String($0.offset)], &reader) }
            let sound = read.compactMap { $0 }
            return sound.count == read.count ? sound : nil
        } write: {
            .array($0.map(type.write))
        }
    }

    /// A range of integers, given as one number or as [least, greatest].
    static func range(_ bounds: ClosedRange<Int>) -> Self where Value == ClosedRange<Int> {
        let name = "integer or [least, greatest], within \(bounds.lowerBound) and \(bounds.upperBound)"
        return Self(name: name) { value, path, reader in
            var ends: [Int] = []
            switch value.content {
            case .scalar: ends = value.scalar?.intValue.map { [$0, $0] } ?? []
            case .list(let elements): ends = elements.count == 2 ? elements.compactMap { $0.scalar?.intValue } : []
            case .map: break
            }
            guard ends.count == 2, ends[0] <= ends[1], bounds.contains(ends[0]), bounds.contains(ends[1]) else {
                reader.unexpected(value, path, "an \(name)")
                return nil
            }
            return ends[0]...ends[1]
        } write: {
            .array([.integer($0.lowerBound), .integer($0.upperBound)])
        }
    }
}
