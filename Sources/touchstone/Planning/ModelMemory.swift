import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Training

/// How the weights of a model may be kept: a precision, or one of the block types that `touchstone quantize` writes.
enum WeightForm: String, CaseIterable {
    case fp32, bf16
    case q8 = "q8_0"
    case q4 = "q4_K"

    /// What a model of this form asks for, without training and generation.
    func demand(_ model: QwenConfiguration) -> MemoryDemand {
        var demand = MemoryDemand(model: model, precision: self == .fp32 ? .float32 : .bfloat16)
        switch self {
        case .fp32, .bf16: break
        case .q8: demand.weightBytes = model.weightBytes(quantized: .q8x0)
        case .q4: demand.weightBytes = model.weightBytes(quantized: .q4k)
        }
        return demand
    }
}

extension MemoryDemand {
    /// Rank of the adapter that training is told for: on every linear layer but the routers and the head.
    static let exampleRank = 16

    /// With generation of some sequences, each of a prompt of its own.
    func generating(sequences count: Int, promptTokens: Int, newTokens: Int) -> MemoryDemand {
        var demand = self
        (demand.prompts, demand.sequences) = (count, count)
        (demand.promptTokens, demand.newTokens) = (promptTokens, newTokens)
        return demand
    }

    /// With training of an adapter by GRPO.
    func training(prompts count: Int, completions: Int, promptTokens: Int, newTokens: Int)
        -> MemoryDemand
    {
        var demand = generating(
            sequences: count * completions, promptTokens: promptTokens, newTokens: newTokens)
        demand.prompts = count
        for layer in model.linearShapes.dropLast() where !layer.name.hasSuffix("mlp.gate") {
            demand.trainedCount += Self.exampleRank * (layer.inputs + layer.outputs)
            demand.adapter.keep(Self.exampleRank, of: layer.name, in: model)
        }
        demand.unitTokens = promptTokens + completions * newTokens
        demand.stepTokens = count * demand.unitTokens
        return demand
    }
}

/// Memory of a model by the form of its weights and by context, and what fits this machine.
enum ModelMemory {
    /// Contexts that are told, as far as the model reaches.
    private static let contexts = [2048, 8192, 32768, 131_072]
    /// New tokens of the last part of a context.
    private static let newTokens = 256

    /// Weights, keys and values of a token, and for each context the peak of generating one sequence, and of training on
    /// groups of one prompt and 8 completions that fill it.
    static func report(_ model: QwenConfiguration) -> JSONObject {
        JSONObject(
            WeightForm.allCases.map { form in
                let demand = form.demand(model)
                var object: JSONObject = [
                    "weights_bytes": .integer(demand.weightBytes ?? model.weightBytes(demand.precision)),
                    "token_bytes": .integer(model.keyValueBytes(demand.precision)),
                ]
                for context in contexts where context <= model.maxPositionEmbeddings {
                    object["context \(context)"] = .object(peaks(demand, context: context))
                }
                return (form.rawValue, .object(object))
            })
    }

    private static func peaks(_ demand: MemoryDemand, context: Int) -> JSONObject {
        let generating = demand.generating(
            sequences: 1, promptTokens: context - newTokens, newTokens: newTokens)
        let training = demand.training(
            prompts: 1, completions: 8, promptTokens: context - newTokens, newTokens: newTokens)
        return [
            "generation_bytes": .integer(generating.plan.peakBytes),
            "training_bytes": .integer(training.plan.peakBytes),
        ]
    }

    /// For each form of the weights the largest known model that this machine can generate with, and train.
    ///
    /// - Parameter memory: Bytes of the machine.
    static func largest(memory: Int, context: Int) -> JSONObject {
        let models = KnownModel.all.sorted {
            $0.configuration.parameterCount < $1.configuration.parameterCount
        }
        return JSONObject(
            WeightForm.allCases.map { form in
                func largest(_ key: String) -> JSONValue {
                    let fitting = models.last { model in
                        let peak =
                            peaks(form.demand(model.configuration), context: context)[key]?.intValue ?? .max
                        return peak <= memory
                    }
                    return fitting.map { .string($0.name) } ?? .null
                }
                return (
                    form.rawValue,
                    ["generation": largest("generation_bytes"), "training": largest("training_bytes")]
                )
            })
    }

    /// The memory of this machine, in bytes.
    static var machineBytes: Int { Int(clamping: ProcessInfo.processInfo.physicalMemory) }
}
