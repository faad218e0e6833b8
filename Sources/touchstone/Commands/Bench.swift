import ArgumentParser
import Benchmarking
import Foundation
import OrderedJSON
import TensorCore
import TextGeneration

/// `touchstone bench`.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Times a model on this machine, against what the machine allows.",
        discussion: """
            First the limits are measured: multiply-adds of floats, dot products of bfloat16, reading memory. Then each \
            part runs several times; the median is told with its share of what these limits would allow for the model's \
            matrices alone. Other work on the machine lowers every figure: compare only what ran side by side.

            Example:
              touchstone bench Qwen2.5-Coder-0.5B-Instruct --part decode --part train
            """)

    /// What can be timed.
    enum Part: String, CaseIterable, ExpressibleByArgument {
        case kernels, decode, prefill, context, score, train, grpo, sharing
    }

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Option(name: .long, help: ArgumentHelp("What to time; may be repeated. All unless given.", valueName: "part"))
    var part: [Part] = []

    @Option(name: .long, help: ArgumentHelp("Runs that each figure is the median of.", valueName: "n"))
    var runs = 3

    @Flag(name: .long, help: "JSON Lines in place of a table.")
    var json = false

    @OptionGroup var compute: ComputeOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard (1...1000).contains(runs) else {
            throw ValidationError("--runs is \(runs), expected 1 to 1000")
        }
    }

    func run() throws {
        compute.apply()
        let loaded = try OpenedModel(model, adapter: nil, compute: compute, messages: messages.messages)
        messages.messages.info("the model is loaded; \(Self.gibi(MemoryUse.currentBytes)) GiB are held")
        for part in part.isEmpty ? Part.allCases : part {
            // Measured for each part: what a shared machine gives changes by the minute.
            let limits = MachineLimits.measured()
            try write(limits)
            if let part = ModelBenchmark.Part(rawValue: part.rawValue) {
                try ModelBenchmark(loaded.model, limits: limits, runs: runs).run(part, report: write)
            } else {
                try KernelBenchmark(loaded.model, limits: limits, runs: runs).run(report: write)
            }
        }
    }

    private func write(_ limits: MachineLimits) throws {
        if json {
            return try StandardOutput.write(line: [
                "threads": .integer(ComputeDevice.threadCount), "kernels": .string("\(ComputeDevice.kernelLevel)"),
                "float32_flops": .double(limits.float32), "bfloat16_flops": .double(limits.bfloat16),
                "read_bytes_per_second": .double(limits.bandwidth),
            ])
        }
        try StandardOutput.write(
            "limits with \(ComputeDevice.threadCount) threads and \(ComputeDevice.kernelLevel) kernels: float32 "
                + "\(Self.giga(limits.float32)) GFLOP/s, bfloat16 \(Self.giga(limits.bfloat16)) GFLOP/s, reading "
                + "\(Self.giga(limits.bandwidth)) GB/s\n")
    }

    /// A number with so many decimals.
    private static func decimal(_ value: Double, decimals: Int) -> String { String(format: "%.\(decimals)f", value) }

    private static func gibi(_ bytes: Int) -> String { decimal(Double(bytes) / Double(1 << 30), decimals: 2) }

    private static func giga(_ value: Double) -> String { decimal(value / 1e9, decimals: 0) }

    private func write(_ timing: Timing) throws {
        if json { return try StandardOutput.write(line: timing.json) }
        var line = timing.name.padded(to: 50)
        line += Self.decimal(timing.rate, decimals: 1).padded(to: 10, left: true)
        line += " " + timing.unit.padded(to: 16)
        line += Self.decimal(timing.share * 100, decimals: 0).padded(to: 4, left: true) + " % of the limit"
        if let peak = timing.peakBytes {
            line += ", peak \(Self.gibi(peak)) GiB"
        }
        for phase in timing.phases {
            line += ", \(phase.name) \(Self.decimal(phase.seconds, decimals: 2)) s"
        }
        try StandardOutput.write(line + "\n")
    }
}

extension String {
    /// The text filled up with spaces, behind it or before it.
    fileprivate func padded(to width: Int, left: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - count))
        return left ? space + self : self + space
    }
}
