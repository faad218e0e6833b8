import Foundation
import OrderedJSON

/// The reader of standard output has gone; the program ends quietly.
struct OutputClosed: Error {}

/// A descriptor that text is written to, without a buffer: what is finished can be read at once.
struct TextOutput {
    let descriptor: Int32
    /// For messages.
    let name: String

    /// Writes a text as a whole.
    ///
    /// - Throws: `OutputClosed` when nobody reads any more, else `CommandFailure`.
    func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { buffer in
            var rest = UnsafeRawBufferPointer(buffer)
            while !rest.isEmpty {
                let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
                if written >= 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest[written...])
                } else {
                    try waitOrFail(errno)
                }
            }
        }
    }

    private func waitOrFail(_ code: Int32) throws {
        switch code {
        case EINTR: return
        case EAGAIN:
            var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&request, 1, -1)
        case EPIPE: throw OutputClosed()
        default: throw CommandFailure("can't write to \(name): \(String(cString: strerror(code)))")
        }
    }
}

/// Where results go.
enum StandardOutput {
    static let stream = TextOutput(descriptor: STDOUT_FILENO, name: "standard output")

    /// Writes a text.
    static func write(_ text: String) throws { try stream.write(text) }

    /// Writes a JSON object as a line.
    static func write(line object: JSONObject) throws { try write(JSONValue.object(object).text() + "\n") }
}
