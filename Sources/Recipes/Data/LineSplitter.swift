/// Cuts a stream of bytes into lines, whatever the pieces it arrives in. Line ends are LF or CR LF; a byte order mark at
/// the beginning is dropped; only one line is held at a time, and no more of it than the cap.
struct LineSplitter {
    /// One line without its end.
    struct Line {
        /// From 1.
        let number: Int
        let bytes: ArraySlice<UInt8>
        /// Whether the line was longer than the cap; `bytes` is then empty.
        let isTooLong: Bool
    }

    static let maximumBytes = 16 << 20

    private let maximumBytes: Int
    private var pending: [UInt8] = []
    private var isTooLong = false
    private var number = 0

    init(maximumBytes: Int = Self.maximumBytes) { self.maximumBytes = maximumBytes }

    /// Takes the next bytes and hands out the lines that end in them.
    mutating func feed(_ bytes: ArraySlice<UInt8>, _ body: (Line) throws(RecipeError) -> Void) throws(RecipeError) {
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0A) {
            keep(rest[..<end])
            try flush(body)
            rest = rest[(end + 1)...]
        }
        keep(rest)
    }

    /// Hands out the last line when it has no end.
    mutating func finish(_ body: (Line) throws(RecipeError) -> Void) throws(RecipeError) {
        if !pending.isEmpty || isTooLong { try flush(body) }
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) {
        if isTooLong { return }
        if pending.count + bytes.count > maximumBytes {
            isTooLong = true
            pending = []
        } else {
            pending.append(contentsOf: bytes)
        }
    }

    private mutating func flush(_ body: (Line) throws(RecipeError) -> Void) throws(RecipeError) {
        number += 1
        var line = pending[...]
        if line.last == 0x0D { line.removeLast() }
        if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        let flushed = Line(number: number, bytes: line, isTooLong: isTooLong)
        isTooLong = false
        defer { pending.removeAll(keepingCapacity: pending.capacity < 1 << 20) }
        try body(flushed)
    }
}
