/// A program with its arguments, environment and working folder.
public struct WorkerCommand: Hashable, Sendable {
    /// What a process finds in its environment.
    public enum Environment: Hashable, Sendable {
        /// This process's own environment with some variables set, or removed where the value is `nil`.
        case inherited(changes: [String: String?] = [:])
        /// These variables and nothing else.
        case exactly([String: String])
    }

    /// A path, or a name that is looked up in `PATH`.
    public var executable: String
    /// The arguments after the program's own name.
    public var arguments: [String]
    /// The environment.
    public var environment: Environment
    /// The folder in which it starts; `nil` for this process's own.
    public var workingFolder: String?
    /// Whether the program is a launcher that ends when its child does. When it must be killed, its children are killed
    /// first, so that it can still reap them; the group only if it lives on for two seconds.
    public var killsChildrenFirst = false

    /// A command of its parts.
    public init(
        _ executable: String, _ arguments: [String] = [], environment: Environment = .inherited(),
        workingFolder: String? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingFolder = workingFolder
    }

    /// A command whose first word is the program, as recipes write it.
    ///
    /// - Throws: `WorkerError` (`cannotStart`) if there is no word or the first one is empty.
    public init(words: [String], workingFolder: String? = nil) throws(WorkerError) {
        guard let first = words.first, !first.isEmpty else {
            throw WorkerError(
                .cannotStart,
                "command: got \(words), expected a program and its arguments, such as [python3, worker.py]")
        }
        self.init(first, Array(words.dropFirst()), workingFolder: workingFolder)
    }

    /// Program and arguments on one line of at most 80 characters, for messages.
    var shortText: String {
        let text = ([executable] + arguments).joined(separator: " ").filter { !$0.isNewline }
        return text.count > 80 ? text.prefix(79) + "…" : text
    }
}
