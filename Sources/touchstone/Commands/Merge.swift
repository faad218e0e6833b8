import ArgumentParser
import Foundation
import Merging
import ModelFiles
import OrderedJSON
import TextGeneration

/// `touchstone merge`.
struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Merges adapters into a base model, or into one adapter, and proves the result.",
        discussion: """
            Each --adapter is a PEFT folder, with :WEIGHT behind it if its weight is not 1. Into a base (Hugging Face \
            folder or .gguf) the default method is sum: every adapter's update, exactly. With --adapter-only the default is \
            cat, which is as exact, with the sum of the ranks. The other methods are PEFT's, under PEFT's names; 'linear' \
            works on the factors and is not the sum of the updates.

            Numbers are computed in single precision, rounded once, and stored as in the base unless --dtype says \
            otherwise. The result is read back before it gets its name: its logits on probe prompts are compared with those \
            of base and adapters. A result that equals the base or deviates is an error, and nothing is left behind.

            Writes one line of JSON: what was compared, and the approximation error of lossy methods.

            Example:
              touchstone merge Qwen3-0.6B --adapter runs/math/adapter --output Qwen3-0.6B-math
              touchstone merge Qwen3-0.6B --adapter math:0.7 --adapter code:0.3 --method ties --density 0.5 --output both
              touchstone merge --adapter math --adapter code --adapter-only --method svd --rank 16 --output both-lora
            """)

    /// How numbers are stored.
    enum StoredNumbers: String, CaseIterable, ExpressibleByArgument {
        case f32, f16, bf16

        var type: StoredType {
            switch self {
            case .f32: .float32
            case .f16: .float16
            case .bf16: .bfloat16
            }
        }
    }

    @Argument(help: ArgumentHelp("The base: a Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String?

    @Option(
        name: .long, help: ArgumentHelp("A PEFT folder and its weight; may be repeated.", valueName: "folder[:weight]"))
    var adapter: [String]

    @Option(name: .long, help: "How adapters are joined; sum into a base, cat with --adapter-only unless given.")
    var method: MergeMethod?

    @Option(
        name: .long, help: ArgumentHelp("Share of numbers that ties, dare and magnitude_prune keep.", valueName: "d"))
    var density: Double?

    @Option(name: .long, help: ArgumentHelp("Rank of the result of the SVD methods.", valueName: "r"))
    var rank: Int?

    @Option(name: .long, help: "How ties elects signs: by the sum of the values, or by their number.")
    var majoritySign: Combination.MajoritySign?

    @Option(name: .long, help: ArgumentHelp("Seed of dare's random choice: same seed, same bytes.", valueName: "s"))
    var seed: UInt64 = 0

    @Flag(name: .long, help: "Write one adapter instead of a model.")
    var adapterOnly = false

    @Flag(name: .long, help: "Allow a head that is the embedding to become a matrix of its own.")
    var untie = false

    @Option(name: .long, help: ArgumentHelp("The folder or .gguf file to write; must not exist.", valueName: "path"))
    var output: String

    @Option(name: .long, help: "File format; gguf if the output ends in .gguf.")
    var format: ModelFormat?

    @Option(name: .long, help: "How numbers are stored; as in the base unless given.")
    var dtype: StoredNumbers?

    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard !adapter.isEmpty else { throw ValidationError("there is no --adapter: give at least one") }
        guard adapterOnly || model != nil else {
            throw ValidationError("MODEL is missing: give the base, or --adapter-only to join adapters alone")
        }
        if adapterOnly, model != nil || untie || format == .gguf {
            throw ValidationError("--adapter-only writes a PEFT folder: leave out MODEL, --untie and --format gguf")
        }
        do { _ = try combination() } catch { throw ValidationError("\(error)") }
        _ = try adapter.map(Self.parts)
    }

    private func combination() throws -> Combination {
        try Combination(
            method ?? (adapterOnly ? .cat : .sum), density: density, rank: rank, majoritySign: majoritySign, seed: seed)
    }

    /// A folder and the weight behind its last colon.
    private static func parts(_ argument: String) throws -> (path: String, weight: Double) {
        guard let colon = argument.lastIndex(of: ":"), PathKind(argument) == .missing else { return (argument, 1) }
        let text = argument[argument.index(after: colon)...]
        guard let weight = Double(text), weight.isFinite else {
            throw ValidationError("--adapter \(argument): the weight is '\(text)', expected a number")
        }
        return (String(argument[..<colon]), weight)
    }

    func run() throws {
        let messages = messages.messages
        try OutputPath.requireFree(output)
        Interruption.removeOutput()
        let adapters = try adapter.map(Self.parts).map { try WeightedAdapter(path: $0.path, weight: $0.weight) }
        if adapterOnly {
            let combined = try CombinedAdapter(adapters, try combination())
            guard combined.weights.contains(where: { $0.loraB.contains { $0 != 0 } && $0.loraA.contains { $0 != 0 } })
            else {
                throw CommandFailure("the merged adapter is zero: it would change nothing")
            }
            try combined.write(to: output, type: dtype?.type ?? .float32)
            try StandardOutput.write(line: [
                "output": .string(output), "method": .string(try combination().method.rawValue),
                "rank": .integer(combined.configuration.r), "modules": .integer(combined.weights.count),
                "approximation_error": .double(combined.relativeError),
            ])
            return
        }
        let location = try ModelLocation(model ?? "")
        let merge = try BaseMerge(try location.origin(), adapters, try combination(), untie: untie)
        let target = format ?? (output.hasSuffix(".gguf") ? .gguf : .safetensors)
        let probes = location.hasTokenizer ? try Self.probes(location) : []
        let report = try merge.write(to: output, format: target, type: dtype?.type, probes: probes)
        warn(report, messages)
        try StandardOutput.write(line: Self.line(report, output: output, method: try combination().method))
    }

    private static func probes(_ location: ModelLocation) throws -> [[Int]] {
        let tokenizer = try location.tokenizer()
        return [
            "Question: what is 17 + 25? Answer:", "def fibonacci(n):\n    \"\"\"Returns", "The capital of France is",
            "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n",
        ].map { tokenizer.encode($0) }
    }

    private func warn(_ report: MergeReport, _ messages: Messages) {
        if let skipped = report.skipped {
            messages.warning("the merged tensors were checked, but no logits were compared: \(skipped)")
        } else if report.difference > 0.25 * report.effect {
            messages.warning(
                "rounding takes \(Int((100 * report.difference / report.effect).rounded())) % of the adapters' effect on "
                    + "logits; --dtype f32 keeps it")
        }
        if let error = report.approximationError, error > 0.1 {
            messages.warning(
                "the method's result is \(Int((100 * error).rounded())) % away from the sum of the updates; sum and cat are exact"
            )
        }
    }

    private static func line(_ report: MergeReport, output: String, method: MergeMethod) -> JSONObject {
        var line: JSONObject = [
            "output": .string(output), "method": .string(method.rawValue),
            "changed_tensors": .integer(report.changedTensors), "probe_tokens": .integer(report.probeTokens),
        ]
        if report.skipped == nil {
            line["largest_logit_difference"] = .float(report.largestDifference)
            line["rms_logit_difference"] = .float(Float(report.difference))
            line["rms_logit_effect"] = .float(Float(report.effect))
            line["same_likeliest_token"] = .integer(report.sameLikeliest)
        }
        if let error = report.approximationError { line["approximation_error"] = .double(error) }
        return line
    }
}

extension MergeMethod: ExpressibleByArgument {}
extension Combination.MajoritySign: ExpressibleByArgument {}
extension ModelFormat: ExpressibleByArgument {}

/// Where a command writes.
enum OutputPath {
    /// Refuses what exists already, but an empty folder.
    static func requireFree(_ path: String) throws {
        let isEmptyFolder =
            PathKind(path) == .folder && (try? FileManager.default.contentsOfDirectory(atPath: path))?.isEmpty == true
        guard PathKind(path) == .missing || isEmptyFolder else {
            throw CommandFailure("\(path) exists already; remove it or choose another --output")
        }
    }
}

extension ModelLocation {
    /// The model as it lies there, for writing it anew.
    func origin() throws -> ModelContents.Origin {
        switch self {
        case .folder(let path): .folder(try HuggingFaceFolder(path: path))
        case .gguf(let file): .gguf(try GGUFModel(file))
        }
    }
}
