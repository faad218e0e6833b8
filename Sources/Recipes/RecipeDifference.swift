import OrderedJSON

extension Recipe {
    /// A key that two recipes have different values for.
    public struct Difference: Hashable, Sendable, CustomStringConvertible {
        /// The key's path, such as `rollout.temperature`.
        public let key: String
        /// The one recipe's value as YAML has it; `nil` where it has none.
        public let value: String?
        /// The other's.
        public let other: String?

        /// `rollout.temperature: 0.8 instead of 1`.
        public var description: String { "\(key): \(value ?? "nothing") instead of \(other ?? "nothing")" }
    }

    /// Where two resolved recipes differ, in the order of their keys.
    public func differences(from other: Recipe) -> [Difference] {
        let (mine, theirs) = (leaves(), other.leaves())
        let keys = mine.keys + theirs.keys.filter { mine[$0] == nil }
        return keys.compactMap { key in
            guard mine[key] != theirs[key] else { return nil }
            return Difference(key: key, value: mine[key]?.text(.spaced), other: theirs[key]?.text(.spaced))
        }
    }

    /// The resolved values that hold no others, by key path such as `rollout.temperature`.
    public var settings: JSONObject { leaves() }

    /// The values that hold no others, by key path.
    private func leaves() -> JSONObject {
        var object = written()
        for key in Self.keys(notFor: kind) { object[key] = nil }
        var result = JSONObject()
        func add(_ value: JSONValue, _ path: String) {
            switch value {
            case .object(let inner) where !inner.isEmpty: for (key, value) in inner { add(value, "\(path).\(key)") }
            case .array(let elements) where elements.contains { $0.objectValue != nil }:
                for (index, element) in elements.enumerated() { add(element, "\(path).\(index)") }
            default: result[path] = value
            }
        }
        for (key, value) in object { add(value, key) }
        return result
    }
}
