import OrderedJSON

/// Reading of JSON files of a model folder, stricter than JSON itself: a repeated key is a fault, not a choice.
enum JSONFile {
    /// The largest file that is read as JSON, in bytes; tokenizers and indexes of the largest models stay far below.
    static let maximumByteCount = 100_000_000

    /// Reads a file that must hold one JSON object.
    static func object(in file: MappedFile) throws(ModelFileError) -> JSONObject {
        guard file.bytes.count <= maximumByteCount else {
            throw ModelFileError(
                .malformed,
                "\(file.path) has \(file.bytes.count) bytes; expected JSON of at most \(maximumByteCount)")
        }
        return try object(parsing: file.bytes, of: file.path)
    }

    /// Reads bytes that must hold one JSON object.
    ///
    /// - Parameter place: What the bytes are, for error messages.
    static func object(parsing bytes: UnsafeRawBufferPointer, of place: String) throws(ModelFileError) -> JSONObject {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw ModelFileError(.malformed, "\(place): \(error)", cause: error)
        }
        guard let object = value.objectValue else {
            throw ModelFileError(.malformed, "\(place) is not a JSON object; expected {…}")
        }
        if let key = firstRepeatedKey(in: bytes) {
            throw ModelFileError(
                .malformed, "\(place): the key \(quoted(key)) appears twice in one object; remove one of them")
        }
        return object
    }

    /// The first key that occurs twice in the same object of a sound JSON text.
    private static func firstRepeatedKey(in bytes: UnsafeRawBufferPointer) -> String? {
        var keysOfOpenObjects: [Set<String>] = []
        var lastString = 0..<0
        var position = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): keysOfOpenObjects.append([])
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = keysOfOpenObjects.popLast()
            case UInt8(ascii: "\""):
                let start = position
                position += 1
                while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                    position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
                }
                lastString = start..<min(position + 1, bytes.count)
            case UInt8(ascii: ":"):
                let key = (try? JSONValue(parsing: bytes[lastString]))?.stringValue ?? ""
                let depth = keysOfOpenObjects.count - 1
                if depth >= 0, !keysOfOpenObjects[depth].insert(key).inserted { return key }
            default: break
            }
            position += 1
        }
        return nil
    }
}

/// A text of a file for use inside a one-line message: quoted, shortened, control characters escaped.
func quoted(_ text: some StringProtocol, limit: Int = 80) -> String {
    JSONValue.string(text.count > limit ? text.prefix(limit) + "…" : String(text)).text()
}
