import ArgumentParser
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import TextGeneration

/// `touchstone export`.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Converts a model or adapter between Hugging Face folders and GGUF files.",
        discussion: """
            A model folder becomes a .gguf file with tokenizer and chat template for llama.cpp and Ollama, or the other way \
            round; numbers stay as they are unless --dtype says otherwise, and quantised blocks become half precision in a \
            folder. A folder or file of the same format is written anew, for another --dtype or other shards.

            An adapter folder becomes a .gguf adapter, for which --base names the model that it belongs to, or the other \
            way round. Its scaling is the same there, rsLoRA and alpha patterns included. 'touchstone quantize' makes \
            smaller files. With --experts an adapter folder is written anew with its experts fused, as PEFT has them beside \
            transformers 5, or one by one, as vLLM has them.

            With --initialize random a folder of config.json and tokenizer becomes a model with fresh weights, as a \
            recipe's model.initialize makes them: to train from nothing, or to measure a shape of which there is no model.

            Example:
              touchstone export Qwen3-0.6B --output qwen3-0.6b.gguf
              touchstone export model-q4_k_m.gguf --output model-folder --dtype bf16
              touchstone export my-adapter --base Qwen3-0.6B --output my-adapter.gguf
              touchstone export my-adapter --experts fused --output my-adapter-for-peft
              touchstone export my-shape --initialize random --seed 7 --output my-model
            """)

    @Argument(help: ArgumentHelp("A model or adapter: a folder or a .gguf file.", valueName: "path"))
    var path: String

    @Option(name: .long, help: ArgumentHelp("The folder or .gguf file to write; must not exist.", valueName: "path"))
    var output: String

    @Option(name: .long, help: "File format; gguf if the output ends in .gguf.")
    var format: ModelFormat?

    @Option(name: .long, help: "How numbers are stored; as they are unless given.")
    var dtype: Merge.StoredNumbers?

    @Option(name: .long, help: ArgumentHelp("The base of an adapter that becomes GGUF.", valueName: "model"))
    var base: String?

    @Option(name: .long, help: "How an adapter folder has its experts' factors.")
    var experts: ExpertLayout?

    @Option(name: .long, help: "Weights: those of the model, or fresh ones for a folder that needs none.")
    var initialize = Recipe.Model.Initialize.pretrained

    @Option(name: .long, help: ArgumentHelp("Of the fresh weights.", valueName: "n"))
    var seed: UInt64 = 42

    @OptionGroup var messages: MessageOptions

    func run() throws {
        try OutputPath.requireFree(output)
        Interruption.removeOutput()
        let target = format ?? (output.hasSuffix(".gguf") ? .gguf : .safetensors)
        if initialize == .random {
            try write(try freshModel(), as: target)
        } else if PathKind("\(path)/adapter_config.json") != .missing {
            try exportAdapter(try AdapterFolder(path: path), to: target)
        } else if case .gguf(let file) = try ModelLocation(path), AdapterFile.isOne(file) {
            guard target == .safetensors else {
                throw CommandFailure("\(path) is a GGUF adapter already; give a folder as --output")
            }
            try AdapterFile.write(file, toFolder: output)
        } else {
            try write(try ModelContents(try ModelLocation(path).origin()), as: target)
        }
        try StandardOutput.write(line: ["output": .string(output), "format": .string(target.rawValue)])
    }

    private func write(_ contents: ModelContents, as target: ModelFormat) throws {
        switch target {
        case .safetensors: try contents.write(toFolder: output, type: dtype?.type)
        case .gguf: try contents.write(toGGUF: output, type: dtype?.type)
        }
    }

    /// The folder's model with fresh weights.
    private func freshModel() throws -> ModelContents {
        let folder = try HuggingFaceFolder(path: path, hasWeights: false)
        let weights = try InitializedWeights(configuration: folder.config, path: path, seed: seed)
        return try weights.contents(of: folder, type: weights.storedType)
    }

    private func exportAdapter(_ adapter: AdapterFolder, to target: ModelFormat) throws {
        guard target == .gguf else {
            guard experts != nil || dtype != nil else {
                throw CommandFailure(
                    "\(path) is a PEFT folder already; end --output in .gguf to make a GGUF adapter, or say what is to change "
                        + "with --experts or --dtype")
            }
            return try adapter.write(to: output, experts: experts ?? .separate, type: dtype?.type)
        }
        guard let base else {
            throw CommandFailure("\(path) is an adapter: give the model that it belongs to with --base")
        }
        let origin = try ModelLocation(base).origin()
        for module in adapter.moduleNames {
            let shape = try origin.tensor(named: module + ".weight")?.shape
            guard let stored = adapter.adapters[module],
                shape == [stored.loraB.shape[0], stored.loraA.shape[1]]
                    || module == "lm_head" && shape == nil
            else {
                throw CommandFailure(
                    "\(path): module '\(module)' does not fit \(base), where it is \(shape.map { "\($0)" } ?? "missing"); is the "
                        + "adapter for another base?")
            }
        }
        try AdapterFile.write(
            adapter, base: origin.configuration, basePath: base, type: dtype?.type ?? .float32, to: output)
    }
}

extension Recipe.Model.Initialize: ExpressibleByArgument {}
extension ExpertLayout: ExpressibleByArgument {}
