import ArgumentParser
import Foundation

/// What standard error is told: errors, warnings, and what is going on.
struct Messages: Sendable {
    /// How much is told; each level includes those before it.
    enum Level: String, CaseIterable, Comparable, ExpressibleByArgument, Sendable {
        case error, warning, info, debug

        static func < (a: Level, b: Level) -> Bool {
            (allCases.firstIndex(of: a) ?? 0) < (allCases.firstIndex(of: b) ?? 0)
        }
    }

    /// Errors alone, for what goes wrong before the options are known.
    static let standard = Messages(level: .error)

    /// How much is told.
    let level: Level
    /// Takes each finished line; standard error by default.
    let write: @Sendable (String) -> Void

    init(level: Level, write: @escaping @Sendable (String) -> Void = Messages.toStandardError) {
        self.level = level
        self.write = write
    }

    func error(_ text: String) { write("touchstone: \(text)\n") }
    func warning(_ text: String) { if level >= .warning { write("touchstone: warning: \(text)\n") } }
    func info(_ text: String) { if level >= .info { write("touchstone: \(text)\n") } }
    func debug(_ text: String) { if level >= .debug { write("touchstone: \(text)\n") } }

    @Sendable private static func toStandardError(_ line: String) {
        // Nobody can be told that standard error is closed.
        try? TextOutput(descriptor: STDERR_FILENO, name: "standard error").write(line)
    }
}
