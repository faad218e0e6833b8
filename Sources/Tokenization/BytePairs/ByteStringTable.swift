/// Byte strings numbered from 0 in one block of memory, with the number of each found by hashing.
///
/// Keys compare as bytes. (Swift's strings compare by canonical equivalence, which vocabularies must not.)
struct ByteStringTable: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [UInt32] = []
    /// Number + 1 in open addressing, 0 where empty.
    private var slots: [UInt32]

    /// A table that will hold at most `capacity` strings of together less than 4 GiB.
    init(capacity: Int, bytes byteCapacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
        ends.reserveCapacity(capacity)
        bytes.reserveCapacity(byteCapacity)
    }

    /// How many strings there are.
    var count: Int { ends.count }

    /// The string of a number that has been given out.
    subscript(number: Int) -> ArraySlice<UInt8> {
        bytes[(number > 0 ? Int(ends[number - 1]) : 0)..<Int(ends[number])]
    }

    /// The number of a string.
    func find(_ key: UnsafeRawBufferPointer) -> Int? {
        let number = slots[slot(of: key)]
        return number == 0 ? nil : Int(number) - 1
    }

    /// The number of a string.
    func find(_ key: some Collection<UInt8>) -> Int? {
        if let found = key.withContiguousStorageIfAvailable({ find(UnsafeRawBufferPointer($0)) }) { return found }
        return Array(key).withUnsafeBytes { find($0) }
    }

    /// Adds a string under the next number; an equal one from before keeps its own, which is returned.
    ///
    /// - Parameter findable: `false` keeps the string out of the hash table: it has a number only.
    mutating func append(_ key: UnsafeRawBufferPointer, findable: Bool = true) -> Int? {
        if findable {
            let slot = slot(of: key)
            guard slots[slot] == 0 else { return Int(slots[slot]) - 1 }
            slots[slot] = UInt32(ends.count + 1)
        }
        bytes.append(contentsOf: key)
        ends.append(UInt32(bytes.count))
        return nil
    }

    /// The slot that holds a key, or the empty one where it belongs.
    private func slot(of key: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: key)
        var slot = hasher.finalize() & (slots.count - 1)
        while slots[slot] != 0, !isEqual(Int(slots[slot]) - 1, key) { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private func isEqual(_ number: Int, _ key: UnsafeRawBufferPointer) -> Bool {
        let string = self[number]
        return string.count == key.count && string.elementsEqual(key)
    }
}
