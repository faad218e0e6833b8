import OrderedJSON

/// Reads the fields of a request's JSON object; the errors name the field, what it is and what was expected.
struct RequestFields {
    let object: JSONObject

    /// A request's body.
    ///
    /// - Throws: `ServingError` for what is no JSON object.
    init(body: some Sequence<UInt8>) throws(ServingError) {
        let value: JSONValue
        do { value = try JSONValue(parsing: body, maximumDepth: 64) } catch {
            throw ServingError(.invalidRequest, "the body is not JSON: \(error.message) at byte \(error.offset)")
        }
        guard let object = value.objectValue else {
            throw ServingError(.invalidRequest, "the body is \(Self.shown(value)), expected a JSON object")
        }
        self.object = object
    }

    init(_ object: JSONObject) { self.object = object }

    /// A field that is there and not null.
    subscript(key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    /// The first of several names that is given; for fields that go by more than one.
    func first(_ keys: String...) -> String { keys.first { self[$0] != nil } ?? keys[0] }

    func fault(_ key: String, _ expected: String) -> ServingError {
        let got = self[key].map { "is \(Self.shown($0))" } ?? "is missing"
        return ServingError(.invalidRequest, "'\(key)' \(got), expected \(expected)", parameter: key)
    }

    func text(_ key: String) throws(ServingError) -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.stringValue else { throw fault(key, "a text") }
        return text
    }

    func requiredText(_ key: String) throws(ServingError) -> String {
        guard let text = try text(key), !text.isEmpty else { throw fault(key, "a text") }
        return text
    }

    func flag(_ key: String) throws(ServingError) -> Bool? {
        guard let value = self[key] else { return nil }
        guard let flag = value.boolValue else { throw fault(key, "true or false") }
        return flag
    }

    func integer(_ key: String, _ range: ClosedRange<Int>) throws(ServingError) -> Int? {
        guard let value = self[key] else { return nil }
        guard let number = value.intValue, range.contains(number) else {
            throw fault(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func number(_ key: String, _ range: ClosedRange<Double>) throws(ServingError) -> Double? {
        guard let value = self[key] else { return nil }
        guard let number = value.doubleValue, range.contains(number) else {
            throw fault(key, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A text or a list of texts.
    func texts(_ key: String, limit: Int) throws(ServingError) -> [String] {
        guard let value = self[key] else { return [] }
        let texts = (value.arrayValue ?? [value]).map(\.stringValue)
        guard !texts.contains(nil), texts.count <= limit else { throw fault(key, "a text or at most \(limit) texts") }
        return texts.compactMap { $0 }
    }

    func object(_ key: String) throws(ServingError) -> JSONObject? {
        guard let value = self[key] else { return nil }
        guard let object = value.objectValue else { throw fault(key, "an object") }
        return object
    }

    /// Refuses fields that ask for what can't be had, unless they have their neutral value.
    func refuse(_ unsupported: [(key: String, neutral: [JSONValue], why: String)]) throws(ServingError) {
        for (key, neutral, why) in unsupported {
            guard let value = self[key], !neutral.contains(value) else { continue }
            throw ServingError(.invalidRequest, "'\(key)' is \(Self.shown(value)): \(why)", parameter: key)
        }
    }

    /// A value as a message shows it: never a long text of the client's.
    static func shown(_ value: JSONValue) -> String {
        switch value {
        case .array(let elements): return "a list of \(elements.count)"
        case .object: return "an object"
        default:
            let text = value.text()
            return text.count > 40 ? text.prefix(40) + "…" : text
        }
    }
}
