import ArgumentParser
import Distribution
import QwenModel
import TensorCore

/// How much a command tells on standard error.
struct MessageOptions: ParsableArguments {
    @Flag(name: .long, help: "Only errors on standard error.")
    var quiet = false

    @Option(name: .long, help: ArgumentHelp("How much is told on standard error.", valueName: "level"))
    var logLevel = Messages.Level.info

    /// The messages of the command.
    var messages: Messages { Messages(level: quiet ? .error : logLevel) }
}

/// Where lines come from.
struct InputOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The JSON Lines to read; - is standard input.", valueName: "file"))
    var input = "-"
}

extension WeightStorage: ExpressibleByArgument {}

/// How a model computes.
struct ComputeOptions: ParsableArguments {
    /// The number types to compute with.
    enum Precision: String, CaseIterable, ExpressibleByArgument {
        case fp32, bf16

        var elementType: ElementType { self == .fp32 ? .float32 : .bfloat16 }
    }

    @Option(name: .long, help: "Number type of the weights: bf16 is fast, fp32 the reference.")
    var precision = Precision.bf16

    @Option(
        name: .long,
        help: """
            Quantised weights of a .gguf file in memory: as stored, or expanded to numbers. The results are the same bits; \
            with fp32 they are always expanded.
            """)
    var weights = WeightStorage.stored

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Threads to compute with; 0 takes every processor. Results don't depend on it.", valueName: "n"))
    var threads = 0

    func validate() throws {
        guard (0...1024).contains(threads) else {
            throw ValidationError("--threads is \(threads), expected 0 (every processor) to 1024")
        }
    }

    /// Sets the number of threads; the ranks of a machine share its processors unless told otherwise.
    func apply(_ group: RankGroup = .alone) {
        ComputeDevice.threadCount = threads
        if threads == 0 { RankOptions.shareThreads(group) }
    }
}
