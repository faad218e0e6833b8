import Foundation

/// Reads the lines of a file or of standard input one by one. Line ends are LF or CR LF; a byte order mark at the beginning
/// is dropped.
struct LineReader {
    /// One line without its end.
    struct Line {
        /// From 1.
        let number: Int
        let bytes: [UInt8]
        /// Whether the line was longer than the limit; `bytes` is then empty.
        let isTooLong: Bool
    }

    /// Longest line that is accepted, in bytes.
    static let maximumBytes = 64 << 20

    /// The file's name, or `standard input`.
    let name: String
    private let descriptor: Int32
    private let maximumBytes: Int
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    private var number = 0

    /// Opens a file; `-` is standard input.
    ///
    /// - Throws: `CommandFailure` if the file can't be opened.
    init(path: String, maximumBytes: Int = maximumBytes) throws {
        self.maximumBytes = maximumBytes
        guard path != "-" else {
            name = "standard input"
            descriptor = STDIN_FILENO
            return
        }
        name = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(
                "\(path): \(String(cString: strerror(errno))); --input takes a file of JSON Lines or -")
        }
    }

    /// The next line; `nil` at the end, where the file is closed.
    mutating func next() throws -> Line? {
        var line: [UInt8] = []
        var isTooLong = false
        while true {
            let end = buffer[position...].firstIndex(of: 0x0A)
            let piece = buffer[position..<(end ?? buffer.count)]
            if line.count + piece.count > maximumBytes { isTooLong = true }
            if isTooLong { line = [] } else { line += piece }
            position = end.map { $0 + 1 } ?? buffer.count
            if end != nil { break }
            if try !fill() {
                if line.isEmpty && !isTooLong { return nil }
                break
            }
        }
        number += 1
        if line.last == 0x0D { line.removeLast() }
        if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        return Line(number: number, bytes: line, isTooLong: isTooLong)
    }

    /// Reads the next piece of the file; false at its end.
    private mutating func fill() throws -> Bool {
        guard !isAtEnd else { return false }
        var failure: Int32 = 0
        buffer = [UInt8](unsafeUninitializedCapacity: 1 << 16) { space, count in
            var got = -1
            repeat { got = read(descriptor, space.baseAddress, space.count) } while got < 0 && errno == EINTR
            if got < 0 { failure = errno }
            count = max(0, got)
        }
        position = 0
        guard failure == 0 else {
            throw CommandFailure("\(name): can't be read: \(String(cString: strerror(failure)))")
        }
        if buffer.isEmpty {
            isAtEnd = true
            if descriptor != STDIN_FILENO { close(descriptor) }
        }
        return !buffer.isEmpty
    }
}
