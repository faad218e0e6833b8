/// Cuts a stream of bytes into lines, holding no more than a limit.
struct LineSplitter {
    private var bytes: [UInt8] = []
    private var start = 0
    /// Where to go on looking for a line's end.
    private var scanned = 0
    private var skipsLine = false
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Whether a line without an end has more bytes than allowed.
    var overflowed: Bool { bytes.count - start > limit }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        if start > 0 {
            bytes.removeFirst(start)
            (scanned, start) = (scanned - start, 0)
        }
        bytes += more
    }

    /// The next whole line without its end, or `nil` if there is none yet.
    mutating func next() -> [UInt8]? {
        while true {
            guard let end = bytes[scanned...].firstIndex(of: 0x0A) else {
                scanned = bytes.count
                return nil
            }
            var line = bytes[start..<end]
            (start, scanned) = (end + 1, end + 1)
            if skipsLine {
                skipsLine = false
                continue
            }
            if line.last == 0x0D { line.removeLast() }
            return Array(line)
        }
    }

    /// Forgets what came before, and the rest of a line that has begun.
    mutating func skipBegunLine() {
        if start < bytes.count { skipsLine = true }
        (bytes, start, scanned) = ([], 0, 0)
    }

    /// Forgets the begun line if it is too long.
    mutating func dropOverflow() {
        if overflowed { skipBegunLine() }
    }
}
