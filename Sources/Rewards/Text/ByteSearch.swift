/// Searching short ASCII words in long byte strings.
enum ByteSearch {
    /// The offset of the last occurrence of a needle.
    static func last(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
        guard !needle.isEmpty, bytes.count >= needle.count else { return nil }
        var start = bytes.count - needle.count
        while start >= 0 {
            if matches(needle, in: bytes, at: start) { return start }
            start -= 1
        }
        return nil
    }

    /// The offset of the first occurrence at or after a place.
    static func first(of needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard !needle.isEmpty, start >= 0 else { return nil }
        var index = start
        while index <= bytes.count - needle.count {
            if matches(needle, in: bytes, at: index) { return index }
            index += 1
        }
        return nil
    }

    /// The offsets of all occurrences that don't overlap.
    static func all(of needle: [UInt8], in bytes: [UInt8]) -> [Int] {
        guard !needle.isEmpty, bytes.count >= needle.count else { return [] }
        var found: [Int] = []
        var start = 0
        while start <= bytes.count - needle.count {
            if matches(needle, in: bytes, at: start) {
                found.append(start)
                start += needle.count
            } else {
                start += 1
            }
        }
        return found
    }

    /// Whether the needle stands at an offset.
    static func matches(_ needle: [UInt8], in bytes: [UInt8], at start: Int) -> Bool {
        guard start >= 0, bytes.count - start >= needle.count else { return false }
        for index in needle.indices where bytes[start + index] != needle[index] { return false }
        return true
    }
}
