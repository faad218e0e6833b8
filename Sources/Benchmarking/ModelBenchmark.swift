import InferenceCore
import QwenModel
import Randomness
import TensorCore

/// Times what a model is used for, on this machine, against what the machine allows.
///
/// Tokens are drawn at random: the work does not depend on them. Lengths are fixed, as no end token is given.
public struct ModelBenchmark {
    /// What can be timed.
    public enum Part: String, CaseIterable, Sendable {
        /// New tokens for 1, 8, 32 and 64 sequences with prompts of 64 tokens.
        case decode
        /// A prompt of 512 tokens.
        case prefill
        /// Prompts of 512 to 8,192 tokens, with the share of attention.
        case context
        /// Log-probabilities of 8 sequences of 256 tokens.
        case score
        /// The gradient of a LoRA adapter (rank 16, all linear layers) over 8 sequences of 256 tokens, and AdamW.
        case train
        /// A whole GRPO step: 4 prompts, 8 completions each, 128 tokens.
        case grpo
        /// The gradient over a group of 16 answers of 64 tokens to a prompt of 512, the prompt shared and not.
        case sharing
    }

    /// The model.
    let model: QwenModel
    /// An adapter that generation wears in the GRPO step and training moves.
    let work: ModelWork
    /// Runs that a figure is the median of.
    let runs: Int

    /// A benchmark of a model.
    public init(_ model: QwenModel, limits: MachineLimits, runs: Int) {
        self.model = model
        self.runs = max(1, runs)
        work = ModelWork(model, limits: limits)
    }

    /// Times a part.
    ///
    /// - Parameter report: Is given each figure as soon as it is there.
    /// - Throws: The errors of model and trainer.
    public func run(_ part: Part, report: (Timing) throws -> Void) throws {
        switch part {
        case .decode: for batch in [1, 8, 32, 64] { try report(try decode(batch: batch, prompt: 64, new: 128)) }
        case .prefill: try report(prefill(tokens: 512))
        case .context: for count in [512, 1024, 2048, 4096, 8192] { try report(context(tokens: count)) }
        case .score: try report(score(sequences: 8, length: 256))
        case .train: for timing in try train(sequences: 8, length: 256) { try report(timing) }
        case .grpo: try report(try policyStep(prompts: 4, samples: 8, promptLength: 75, new: 128))
        case .sharing: for timing in try sharing(prompt: 512, samples: 16, answer: 64) { try report(timing) }
        }
    }

    /// Random tokens of a sequence; ids that no vocabulary of 256 and more lacks.
    func tokens(_ count: Int, sequence: Int) -> [Int] {
        let address = RandomAddress(seed: 1, purpose: .shuffle, prompt: sequence)
        let size = Double(model.configuration.vocabularySize)
        return (0..<count).map { min(Int(address.uniform(at: $0) * size), model.configuration.vocabularySize - 1) }
    }
}
