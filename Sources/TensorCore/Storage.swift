import Foundation
import Synchronization

/// A block of memory aligned to 64 bytes. Freed blocks are kept for the next request of their size, since asking the
/// system for large blocks again and again costs more than many of the operations on them.
public final class Storage: @unchecked Sendable {
    /// The first byte.
    public let pointer: UnsafeMutableRawPointer
    /// How many bytes may be used.
    public let byteCount: Int
    private let capacity: Int
    private let owner: AnyObject?

    /// Takes memory whose contents are undefined.
    public init(byteCount: Int) {
        self.byteCount = byteCount
        capacity = BlockCache.capacity(for: byteCount)
        pointer = BlockCache.take(capacity)
        owner = nil
    }

    /// Memory that belongs to something else, for example a mapped file, which stays alive as long as this.
    public init(borrowing pointer: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
        self.pointer = pointer
        self.byteCount = byteCount
        self.owner = owner
        capacity = 0
    }

    deinit {
        if owner == nil { BlockCache.give(pointer, capacity) }
    }
}

/// Freed blocks by size.
private enum BlockCache {
    struct Contents: @unchecked Sendable {
        var blocks: [Int: [UnsafeMutableRawPointer]] = [:]
        var bytes = 0
    }

    static let contents = Mutex(Contents())
    /// Above this many bytes kept, freed blocks go back to the system.
    static let limit = 1 << 30

    /// Sizes come in steps of an eighth, so that blocks of nearly equal size are shared.
    static func capacity(for byteCount: Int) -> Int {
        guard byteCount > 512 else { return max(64, (byteCount + 63) & ~63) }
        let step = 1 << (Int.bitWidth - byteCount.leadingZeroBitCount - 4)
        return (byteCount + step - 1) & ~(step - 1)
    }

    static func take(_ capacity: Int) -> UnsafeMutableRawPointer {
        let kept = contents.withLock { contents -> UnsafeMutableRawPointer? in
            guard let block = contents.blocks[capacity]?.popLast() else { return nil }
            contents.bytes -= capacity
            return block
        }
        return kept ?? UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
    }

    static func give(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        let kept = contents.withLock { contents in
            guard contents.bytes + capacity <= limit else { return false }
            contents.blocks[capacity, default: []].append(block)
            contents.bytes += capacity
            return true
        }
        if !kept { block.deallocate() }
    }
}
