import OrderedJSON

/// A programming task: how a program is tested.
///
/// A task is read from what the usual data sets write; see `init(row:)`.
public struct CodeTask: Hashable, Sendable {
    /// The two ways of testing.
    enum Tests: Hashable, Sendable {
        /// Functions are called; the object is what the tester reads.
        case functions(JSONObject)
        /// The program is run on inputs.
        case programs([ProgramCase], OutputComparison)
    }

    /// One run of a program.
    struct ProgramCase: Hashable, Sendable {
        var input: String
        var output: String
    }

    /// How the program is tested.
    let tests: Tests
    /// How many tests there are, as far as that is known without running them.
    let count: Int
    /// Python that runs before the program in its own module: imports and classes that the task promises.
    let prelude: [String]
    /// The start of the function that a completion may continue without repeating it.
    let prompt: String?
    /// The name of the function or class under test; empty if the data don't tell.
    let entryPoint: String

    init(_ tests: Tests, count: Int, prelude: [String] = [], prompt: String? = nil, entryPoint: String = "") {
        self.tests = tests
        self.count = count
        self.prelude = prelude
        self.prompt = prompt
        self.entryPoint = entryPoint
    }

    /// Whether functions are called, which only Python programs can do.
    var callsFunctions: Bool { if case .functions = tests { true } else { false } }

    /// What is run for a program: texts that come before it in its module, and the source.
    func source(of program: String) -> (prelude: [String], source: String) {
        guard let prompt else { return (prelude, program) }
        let definitions = ["def ", "async def ", "class "].map { $0 + entryPoint }
        let isWhole = program.split(whereSeparator: \.isNewline).contains { line in
            let follows = { (start: String) in
                guard line.hasPrefix(start) else { return false }
                let next = line.dropFirst(start.count).first
                return next == "(" || next == ":" || next == " " || next == "=" || next == "["
            }
            return entryPoint.isEmpty || (definitions + [entryPoint]).contains(where: follows)
        }
        return isWhole ? (prelude + [prompt], program) : (prelude, prompt + program)
    }
}
