import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import TensorCore

/// What a run's results depend on besides its state: the recipe, the content of every file it reads, and the kernels.
public struct Provenance: Sendable, Checkpointable {
    /// The resolved recipe.
    public private(set) var recipe = ""
    /// SHA-256 by what was read: a file's name, `data.train`, `data.evaluation`.
    public private(set) var digests: [String: String] = [:]
    /// The instruction set of the kernels; others differ in the last bits.
    public private(set) var kernels = ""

    init() {}

    /// What a run that begins now depends on. Reads every byte of the model: about a second for each gigabyte.
    ///
    /// - Throws: `ModelFileError` for a file that can't be read.
    public init(_ recipe: Recipe, model: LoadedModel, data: (train: DataSet, evaluation: [NamedSet])) throws {
        self.recipe = recipe.resolvedYAML()
        kernels = "\(ComputeDevice.kernelLevel)"
        for (name, path) in Self.files(of: model.source) { digests[name] = try ContentDigest.ofFile(path) }
        if let path = recipe.model.chatTemplate { digests["model.chat_template"] = try ContentDigest.ofFile(path) }
        for (key, path) in [
            ("", recipe.adapter.initial), ("adapter.beneath.", recipe.adapter.beneath),
            ("algorithm.kl.", recipe.algorithm.kl.adapter),
        ] {
            guard let path else { continue }
            for name in ["adapter_config.json", "adapter_model.safetensors"] {
                digests[key + name] = try ContentDigest.ofFile("\(path)/\(name)")
            }
        }
        digests["data.train"] = data.train.contentDigest
        for set in data.evaluation {
            digests[set.name.isEmpty ? "data.evaluation" : "data.evaluation.\(set.name)"] = set.data.contentDigest
        }
    }

    /// The files of a model that results can depend on.
    private static func files(of source: any WeightSource) -> [(name: String, path: String)] {
        if source is GGUFModel { return [("model.gguf", source.path)] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: source.path)) ?? []
        let texts: Set = [
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
            "model.safetensors.index.json",
        ]
        let hasWeights = !(source is InitializedWeights)
        return names.filter { texts.contains($0) || hasWeights && $0.hasSuffix(".safetensors") }.sorted()
            .map { ($0, "\(source.path)/\($0)") }
    }
}

extension Provenance {
    /// Keys that may change from one part of a run to the next: how long, where and how fast, but not what. Paths may
    /// change because the content that they lead to is compared.
    public static let harmlessKeys: Set<String> = [
        "name", "steps", "sft.epochs", "run_dir", "threads", "publish", "checkpoint.every", "checkpoint.keep",
        "evaluation.every", "rollout.max_batch", "batch.activation_memory", "model.path", "model.chat_template",
        "model.weights", "adapter.initial", "adapter.beneath",
        "algorithm.kl.adapter", "data.train.path", "data.evaluation.path", "data.screen.path",
        "rollout.engine.urls", "rollout.engine.directory", "rollout.engine.server_directory",
        "rollout.engine.key_variable", "rollout.engine.concurrency", "rollout.engine.timeout",
        "rollout.engine.retries", "rollout.engine.patience",
    ]

    /// Whether a key may change; those of a list's entries are named without their place.
    static func isHarmless(_ key: String) -> Bool {
        let parts = key.split(separator: ".")
        let isEntry = parts.count == 4 && parts[0] == "data" && parts[2].allSatisfy(\.isNumber)
        return harmlessKeys.contains(isEntry ? "\(parts[0]).\(parts[1]).\(parts[3])" : key)
    }

    /// Checks that a run may go on from here.
    ///
    /// - Parameter current: What it would depend on now.
    /// - Returns: What the user should know.
    /// - Throws: `TrainingError` (`changed`) naming everything that differs.
    func check(_ current: Provenance) throws -> [String] {
        let (old, new) = (try Recipe(yaml: recipe, folder: "/"), try Recipe(yaml: current.recipe, folder: "/"))
        let differences = new.differences(from: old)
        var faults = differences.filter { !Self.isHarmless($0.key) }.map(\.description)
        for name in Set(digests.keys).union(current.digests.keys).sorted() where digests[name] != current.digests[name]
        {
            func short(_ digest: String?) -> String { digest.map { "SHA-256 \($0.prefix(12))…" } ?? "none" }
            faults.append("\(name): \(short(current.digests[name])) instead of \(short(digests[name]))")
        }
        guard faults.isEmpty else {
            throw TrainingError(
                .changed,
                "the run can't go on: it began with another recipe, model or data: \(faults.joined(separator: "; ")); "
                    + "put them back, or begin a new run")
        }
        var notes: [String] = []
        if kernels != current.kernels {
            notes.append(
                "the run began with \(kernels) kernels, this machine has \(current.kernels): it goes on soundly, but not "
                    + "with the same last bits")
        }
        if differences.contains(where: { ["steps", "sft.epochs"].contains($0.key) }),
            ![.constant, .inverseSqrt].contains(new.schedule.kind)
        {
            notes.append(
                "another number of steps bends the \(new.schedule.kind.rawValue) schedule from here on; "
                    + "a run that had this number from its beginning would differ")
        }
        return notes
    }

    /// The recipe, digests and kernels.
    public var savedState: SavedState {
        [
            "recipe": .text(recipe), "kernels": .text(kernels),
            "sha256": .group(SavedState(digests.mapValues { .text($0) })),
        ]
    }

    /// Takes back what a run depended on.
    public mutating func restore(_ state: SavedState) throws {
        recipe = try state.text("recipe")
        kernels = try state.text("kernels")
        let saved = try state.group("sha256")
        digests = [:]
        for name in saved.names { digests[name] = try saved.text(name) }
    }
}

extension DataSet {
    /// SHA-256 over the rows as a run sees them, whatever they came from; of an endless set, over the first 256.
    var contentDigest: String {
        var digest = ContentDigest()
        for index in 0..<(count ?? 256) {
            let row = row(index: index)
            switch row.content {
            case .messages(let messages): digest.update("messages " + JSONValue.array(messages).text())
            case .text(let text): digest.update("text " + text)
            case .completion(let prompt, let completion):
                digest.update("prompt " + prompt)
                digest.update("completion " + completion)
            case .tokens(let ids, let mask): digest.update("tokens \(ids) \(mask)")
            }
            digest.update(row.answer ?? "")
            digest.update(JSONValue.object(row.columns).text())
        }
        return digest.hexadecimal
    }
}
