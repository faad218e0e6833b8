/// Why a recipe or its data can't be used.
public struct RecipeError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// The file is not there, can't be opened, or is too large.
        case unreadable
        /// The text is not YAML, or uses what recipes do without (anchors, tags, several documents).
        case malformed
        /// The YAML is sound, but keys or values are wrong.
        case invalid
        /// A data file, or a task that can't be generated.
        case data
    }

    /// Where a value comes from.
    public enum Place: Hashable, Sendable {
        /// Line and column in the file, from 1; columns count characters.
        case line(Int, column: Int)
        /// A `--set` override, as it was given.
        case override(String)
    }

    /// One thing that is wrong.
    public struct Fault: Hashable, Sendable, CustomStringConvertible {
        /// The file, or `recipe` when the text did not come from one.
        public let source: String
        /// Line and column, or the override.
        public let place: Place
        /// The key path, such as `rollout.temperature`; empty for the whole file.
        public let path: String
        /// What is wrong, what was expected, and what to do.
        public let message: String

        /// `source:line:column: path: message`, or `--set override: path: message`.
        public var description: String {
            let prefix =
                switch place {
                case .line(let line, let column): "\(source):\(line):\(column)"
                case .override(let text): "--set \(text)"
                }
            return path.isEmpty ? "\(prefix): \(message)" : "\(prefix): \(path): \(message)"
        }
    }

    /// The kind of fault.
    public let code: Code
    /// All faults, in the order of the file; overrides come last.
    public let faults: [Fault]
    /// All faults, one a line.
    public let message: String
    /// The error underneath, if there is one.
    public let cause: (any Error)?
    /// The message.
    public var description: String { message }

    /// An error of one message without a place in a recipe.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.faults = []
        self.message = message
        self.cause = cause
    }

    /// An error of several faults; they are sorted by place.
    init(_ code: Code, faults: [Fault]) {
        self.code = code
        self.faults = faults.enumerated().sorted {
            Self.precedes($0.element.place, $1.element.place, $0.offset, $1.offset)
        }
        .map(\.element)
        self.message = self.faults.map(\.description).joined(separator: "\n")
        self.cause = nil
    }

    private static func precedes(_ a: Place, _ b: Place, _ first: Int, _ second: Int) -> Bool {
        switch (a, b) {
        case (.line(let lineA, let columnA), .line(let lineB, let columnB)):
            (lineA, columnA, first) < (lineB, columnB, second)
        case (.line, .override): true
        case (.override, .line): false
        case (.override, .override): first < second
        }
    }
}
