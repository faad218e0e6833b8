import FileTesting
import Foundation
import OrderedJSON
import Testing

/// The built program, which lies beside the test bundle.
enum Program {
    /// What a run left behind.
    struct Outcome {
        var status: Int32
        var output: String
        var messages: String

        /// The output's lines as JSON.
        var lines: [JSONValue] {
            get throws { try output.split(separator: "\n").map { try JSONValue(parsing: String($0)) } }
        }
    }

    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let path: String = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let beside = bundle.appendingPathComponent("touchstone").path
        return FileManager.default.isExecutableFile(atPath: beside)
            ? beside : package.appendingPathComponent(".build/debug/touchstone").path
    }()

    /// Runs the program.
    ///
    /// - Parameter program: Another program that runs it, such as a shell.
    /// - Parameter during: Is called while it runs.
    static func run(
        _ arguments: [String], input: String = "", program: String = path, during: ((Process) throws -> Void)? = nil
    ) throws -> Outcome {
        let folder = try TemporaryFolder()
        let (source, output, messages) = (folder.path("in"), folder.path("out"), folder.path("err"))
        try Data(input.utf8).write(to: URL(fileURLWithPath: source))
        for path in [output, messages] { try Data().write(to: URL(fileURLWithPath: path)) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: source))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: messages))
        try process.run()
        try during?(process)
        process.waitUntilExit()
        func text(_ path: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        }
        return Outcome(
            status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
            output: try text(output), messages: try text(messages))
    }

    /// Runs the program over objects and requires that it succeeds with a line each.
    static func lines(_ arguments: [String], _ objects: [JSONValue]) throws -> [JSONValue] {
        let outcome = try run(arguments, input: objects.map { $0.text() + "\n" }.joined())
        try #require(outcome.status == 0, "\(arguments): \(outcome.messages)")
        return try outcome.lines
    }
}

/// The reference data beside the package.
enum Reference {
    static let shared = Program.package.deletingLastPathComponent().appendingPathComponent("shared")
    static let isPresent = FileManager.default.fileExists(atPath: path("fixtures/models/qwen3_tied/config.json"))
    /// Whether the published tokenizers are there.
    static let hasTokenizers = FileManager.default.fileExists(atPath: path("tokenizers/qwen25-tokenizer/vocab.json"))
    static let missing: Comment = "reference data ../shared/fixtures is missing"
    static let model = path("fixtures/models/qwen3_tied")

    static func path(_ name: String) -> String { shared.appendingPathComponent(name).path }

    static func json(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    /// Every n-th line of a JSON Lines file.
    static func rows(_ name: String, every step: Int = 1) throws -> [JSONValue] {
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path(name))), as: UTF8.self)
        let lines = text.split(separator: "\n")
        return try stride(from: 0, to: lines.count, by: step).map { try JSONValue(parsing: String(lines[$0])) }
    }
}
