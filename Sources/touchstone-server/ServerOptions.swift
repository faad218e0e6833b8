import ArgumentParser
import Foundation
import TensorCore

/// The command line of the server.
struct ServerOptions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "touchstone serve",
        abstract: "Serves a model and its adapters over HTTP, as OpenAI's API has it.",
        discussion: """
            "model" of a request picks the base or an adapter by name. Without options only this machine is served. What \
            is served is what 'touchstone generate' gives for the same seed, prompt and adapter, whoever else is served.

            Example:
              touchstone serve Qwen3-0.6B --adapter math=Checkpoints/run/adapter --adapters-dir served --port 8000
            """)

    /// Number types to compute with.
    enum Precision: String, CaseIterable, ExpressibleByArgument {
        case fp32, bf16

        var elementType: ElementType { self == .fp32 ? .float32 : .bfloat16 }
    }

    /// Where sampling settings come from that a request does not give.
    enum SamplingDefaults: String, CaseIterable, ExpressibleByArgument {
        /// OpenAI's: the model's own distribution.
        case openai
        /// The model's generation_config.json.
        case model
    }

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Option(name: .long, help: ArgumentHelp("An adapter to serve; may be repeated.", valueName: "name=folder"))
    var adapter: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp("Serve every adapter in this folder, and what is written there later.", valueName: "folder"))
    var adaptersDir: String?

    @Option(
        name: .long,
        help: ArgumentHelp("A folder that adapters may be loaded from over HTTP; may be repeated.", valueName: "folder")
    )
    var allowAdaptersFrom: [String] = []

    @Option(name: .long, help: ArgumentHelp("Address to listen at.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(name: .long, help: ArgumentHelp("Port to listen at; 0 takes a free one.", valueName: "n"))
    var port = 8000

    @Option(name: .long, help: ArgumentHelp("Keys that requests must bring, one a line.", valueName: "file"))
    var apiKeyFile: String?

    @Option(name: .long, help: ArgumentHelp("Keys for loading and unloading adapters, one a line.", valueName: "file"))
    var adminKeyFile: String?

    @Flag(name: .long, help: "Serve other machines without keys.")
    var withoutKey = false

    @Option(name: .long, help: ArgumentHelp("A name of the model for requests; may be repeated.", valueName: "name"))
    var servedModelName: [String] = []

    @Option(name: .long, help: ArgumentHelp("Sequences that are generated at the same time.", valueName: "n"))
    var maxBatch = 32

    @Option(
        name: .long, help: ArgumentHelp("Completions that may wait besides; more are refused (429).", valueName: "n"))
    var maxQueue = 256

    @Option(name: .long, help: ArgumentHelp("Longest sequence in tokens, prompt included.", valueName: "n"))
    var maxContext: Int?

    @Option(name: .long, help: ArgumentHelp("Memory for keys and values.", valueName: "MiB"))
    var cacheMemory = 4096

    @Option(name: .long, help: ArgumentHelp("Tokens of a completion whose request gives no limit.", valueName: "n"))
    var defaultMaxTokens = 2048

    @Option(name: .long, help: ArgumentHelp("Longest body of a request.", valueName: "MiB"))
    var maxBody = 8

    @Option(name: .long, help: ArgumentHelp("Connections at the same time.", valueName: "n"))
    var maxConnections = 4096

    @Option(name: .long, help: ArgumentHelp("Seconds for a request, waiting included; 0 is no limit.", valueName: "s"))
    var requestTimeout = 600.0

    @Option(name: .long, help: ArgumentHelp("Seconds for what runs when the server is to end.", valueName: "s"))
    var grace = 30.0

    @Option(name: .long, help: "Sampling settings that a request does not give.")
    var samplingDefaults = SamplingDefaults.openai

    @Option(name: .long, help: ArgumentHelp("Jinja text to use in place of the model's template.", valueName: "file"))
    var chatTemplate: String?

    @Option(name: .long, help: "Number type of the weights: bf16 is fast, fp32 the reference.")
    var precision = Precision.bf16

    @Option(name: .long, help: ArgumentHelp("Threads to compute with; 0 takes every processor.", valueName: "n"))
    var threads = 0

    @Flag(name: .long, help: "Write a line of each request to standard error: method, place, status, milliseconds.")
    var logRequests = false

    @Flag(name: .long, help: "Write the requests' bodies too. They hold what users have written.")
    var logBodies = false

    /// Whether the server only listens to this machine.
    var isLocal: Bool { ["127.0.0.1", "localhost", "::1"].contains(host) }

    /// The adapters of the command line.
    var namedAdapters: [(name: String, folder: String)] {
        get throws {
            try adapter.map { text in
                let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2 else {
                    throw ValidationError("--adapter is '\(text)', expected NAME=FOLDER")
                }
                return (parts[0], parts[1])
            }
        }
    }

    func validate() throws {
        let numbers: [(String, Int, ClosedRange<Int>)] = [
            ("--port", port, 0...65535), ("--max-batch", maxBatch, 1...4096), ("--max-queue", maxQueue, 0...1_000_000),
            ("--max-context", maxContext ?? 1, 1...100_000_000), ("--cache-memory", cacheMemory, 1...10_000_000),
            ("--default-max-tokens", defaultMaxTokens, 1...10_000_000), ("--max-body", maxBody, 1...1024),
            ("--max-connections", maxConnections, 1...1_000_000), ("--threads", threads, 0...1024),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            throw ValidationError("\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
        guard (0...1e6).contains(requestTimeout), (0...1e6).contains(grace) else {
            throw ValidationError("--request-timeout and --grace are seconds, 0 to 1000000")
        }
        guard isLocal || apiKeyFile != nil || withoutKey else {
            throw ValidationError(
                "--host \(host) serves other machines: give --api-key-file, or --without-key to serve everybody")
        }
        _ = try namedAdapters
    }
}
