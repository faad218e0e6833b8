import Foundation
import Tracking

/// What the commands write.
enum Output {
    /// Writes to standard output.
    ///
    /// - Throws: `OutputError` if nobody reads any more or it can't be written.
    static func write(_ text: String) throws {
        do { try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) } catch {
            throw OutputError(cause: error)
        }
    }

    /// A text from outside in a table: on one line, without hidden characters, of a moderate length.
    static func cell(_ text: String) -> String {
        VisibleText.of(text.replacing("\n", with: "␊").replacing("\t", with: " "), limit: 400)
    }

    /// `2026-01-31 14:23`, from ISO 8601.
    static func minute(_ text: String) -> String { cell(String(text.prefix(16)).replacing("T", with: " ")) }

    /// A number of four digits.
    static func number(_ value: Double?) -> String {
        guard let value else { return "–" }
        return value.isFinite ? String(format: "%.4g", value) : "\(value)"
    }

    /// `71.0 %`.
    static func percent(_ value: Double?) -> String { value.map { String(format: "%.1f %%", $0 * 100) } ?? "–" }
}

/// Standard output can't be written.
struct OutputError: Error, CustomStringConvertible {
    let cause: any Error
    var description: String { "standard output can't be written: \(cause.localizedDescription)" }
}
