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

    /// The most bytes that all storages have held at once.
    public static var mostBytesHeld: Int { BlockCache.contents.withLock { $0.mostUsed } }

    deinit {
        if owner == nil { BlockCache.give(pointer, capacity) }
    }
}

/// Freed blocks by size. They never make the memory held more than the most that was ever in use at once and a little: beyond
/// that, those that were freed longest ago go back to the system.
private enum BlockCache {
    /// Bytes beyond the most in use. Phases that take turns use blocks of different sizes; without room for the small ones of
    /// one phase, the few large ones of the other would go to the system and come back each time.
    static let slack = 64 << 20

    struct Contents: @unchecked Sendable {
        /// Blocks of a size and when they were freed, the oldest first.
        var blocks: [Int: [(pointer: UnsafeMutableRawPointer, time: Int)]] = [:]
        var kept = 0
        var used = 0
        var mostUsed = 0
        var time = 0

        /// Removes blocks until no more is held than was once in use, and the slack.
        mutating func surplus() -> [(pointer: UnsafeMutableRawPointer, capacity: Int)] {
            var surplus: [(pointer: UnsafeMutableRawPointer, capacity: Int)] = []
            while kept > 0, used + kept > mostUsed + BlockCache.slack,
                let oldest = blocks.min(by: { ($0.value.first?.time ?? .max) < ($1.value.first?.time ?? .max) }),
                !oldest.value.isEmpty
            {
                surplus.append((oldest.value[0].pointer, oldest.key))
                blocks[oldest.key]?.removeFirst()
                kept -= oldest.key
            }
            return surplus
        }
    }

    static let contents = Mutex(Contents())

    /// Sizes come in steps of an eighth, so that blocks of nearly equal size are shared.
    static func capacity(for byteCount: Int) -> Int {
        guard byteCount > 512 else { return max(64, (byteCount + 63) & ~63) }
        let step = 1 << (Int.bitWidth - byteCount.leadingZeroBitCount - 4)
        return (byteCount + step - 1) & ~(step - 1)
    }

    static func take(_ capacity: Int) -> UnsafeMutableRawPointer {
        let (block, surplus) = contents.withLock { contents in
            contents.used += capacity
            contents.mostUsed = max(contents.mostUsed, contents.used)
            guard let block = contents.blocks[capacity]?.popLast() else {
                return (nil as UnsafeMutableRawPointer?, contents.surplus())
            }
            contents.kept -= capacity
            return (block.pointer, [])
        }
        for block in surplus { LargePages.free(block.pointer, block.capacity) }
        return block ?? LargePages.allocate(capacity)
    }

    static func give(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        contents.withLock { contents in
            contents.time += 1
            contents.used -= capacity
            contents.kept += capacity
            contents.blocks[capacity, default: []].append((block, contents.time))
        }
    }
}

/// Memory from the system: large blocks are mapped one by one, of large pages as far as they reach, and go back whole when
/// they are freed; small ones come from the general allocator. (Sizes of large blocks are multiples of any small page.)
private enum LargePages {
    private static let page = 2 << 20

    static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer {
        guard capacity >= page else { return .allocate(byteCount: capacity, alignment: 64) }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        // Mapped with room to spare, and cut to where a large page begins.
        guard let start = mmap(nil, capacity + page, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
            OutOfMemory.end(capacity)
        }
        let skipped = (page - Int(bitPattern: start) % page) % page
        let block = start + skipped
        if skipped > 0 { munmap(start, skipped) }
        munmap(block + capacity, page - skipped)
        #if os(Linux)
            madvise(block, capacity / page * page, MADV_HUGEPAGE)
        #endif
        return block
    }

    static func free(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
        guard capacity >= page else { return block.deallocate() }
        munmap(block, capacity)
    }
}
