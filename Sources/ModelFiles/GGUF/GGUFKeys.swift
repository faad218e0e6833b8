/// Reads metadata by key and type. A key that is absent gives `nil`; one of a wrong type or range is an error.
struct GGUFKeys {
    let file: GGUFFile

    init(_ file: GGUFFile) { self.file = file }

    func wrong(_ key: String, _ value: GGUFValue, expected: String) -> ModelFileError {
        ModelFileError(.malformed, "\(file.file.path): \(key) is \(value.summary), expected \(expected)")
    }

    func integer(_ key: String, in range: Range<Int>) throws(ModelFileError) -> Int? {
        guard let value = file.metadata[key] else { return nil }
        guard let number = value.intValue, range.contains(number) else {
            throw wrong(
                key, value, expected: "an integer from \(range.lowerBound) up to, not including, \(range.upperBound)")
        }
        return number
    }

    /// A size or count: at least 1, and small enough that products of two don't overflow.
    func size(_ key: String) throws(ModelFileError) -> Int? { try integer(key, in: 1..<1 << 31) }

    /// A finite number that is greater than 0.
    func positive(_ key: String) throws(ModelFileError) -> Double? {
        guard let value = file.metadata[key] else { return nil }
        guard let number = value.doubleValue, number > 0, number.isFinite else {
            throw wrong(key, value, expected: "a number greater than 0 (float32)")
        }
        return number
    }

    func bool(_ key: String) throws(ModelFileError) -> Bool? {
        guard let value = file.metadata[key] else { return nil }
        guard let flag = value.boolValue else { throw wrong(key, value, expected: "a bool") }
        return flag
    }

    func string(_ key: String) throws(ModelFileError) -> String? {
        guard let value = file.metadata[key] else { return nil }
        guard let text = value.stringValue else { throw wrong(key, value, expected: "a string") }
        return text
    }

    func strings(_ key: String) throws(ModelFileError) -> [String]? {
        guard let value = file.metadata[key] else { return nil }
        guard let texts = value.stringsValue else { throw wrong(key, value, expected: "an array of strings") }
        return texts
    }

    /// The value that a reader finds, which must be there.
    func require<Value>(
        _ key: String, _ read: (String) throws(ModelFileError) -> Value?
    ) throws(ModelFileError) -> Value {
        guard let value = try read(key) else {
            throw ModelFileError(.missing, "\(file.file.path): metadata key '\(key)' is not there, but it is needed")
        }
        return value
    }
}
