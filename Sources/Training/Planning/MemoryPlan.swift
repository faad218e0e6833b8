import InferenceCore
import QwenModel
import TensorCore

/// What a run will hold in memory, told from sizes alone before anything is loaded.
///
/// The process holds the weights, the adapter with its optimizer, and what the tokenizer needs all the time. On top comes
/// what the phase that needs most holds: memory that one phase frees serves the next.
public struct MemoryPlan: Sendable, Hashable {
    /// One use of memory.
    public struct Part: Sendable, Hashable {
        /// What for.
        public let name: String
        /// How much.
        public let bytes: Int
    }

    /// Held from the beginning to the end.
    public internal(set) var held: [Part] = []
    /// Held while completions are generated.
    public internal(set) var rollout: [Part] = []
    /// Held during the forward and backward passes of an update.
    public internal(set) var update: [Part] = []

    /// The most that is held at once.
    public var peakBytes: Int { held.bytes + max(rollout.bytes, update.bytes) }
}

extension [MemoryPlan.Part] {
    /// The sum.
    public var bytes: Int { reduce(0) { $0 + $1.bytes } }
}

/// The sizes that decide how much memory a run takes.
public struct MemoryDemand: Sendable, Hashable {
    /// The model.
    public var model: QwenConfiguration
    /// Type of its weights, keys and values.
    public var precision: ElementType
    /// Bytes of its weights, where they are not all of that type.
    public var weightBytes: Int?
    /// Numbers that are trained.
    public var trainedCount = 0
    /// Whether they are all of the model's, not an adapter's.
    public var trainsModel = false
    /// What the adapter holds besides low-rank factors that are trained.
    public var adapter = AdapterDemand()
    /// Numbers that the optimizer keeps for each trained one.
    public var optimizerMoments = 2
    /// Completions that are generated at the same time; 0 for none.
    public var sequences = 0
    /// Prompts that they continue.
    public var prompts = 0
    /// Tokens of the longest prompt.
    public var promptTokens = 0
    /// Tokens of the longest completion.
    public var newTokens = 0
    /// Tokens of the largest unit that is learned at once, at most: a prompt with its completions; 0 where none is.
    public var unitTokens = 0
    /// Tokens that a step learns in all.
    public var stepTokens = 0
    /// How much one pass takes on.
    public var limits = PassLimits(tokens: 8192)

    /// A demand without training and generation.
    public init(model: QwenConfiguration, precision: ElementType) {
        (self.model, self.precision) = (model, precision)
    }

    /// Bytes of a process without a model: code, and the buffers of its threads.
    private static let processBytes = 40 << 20
    /// Bytes of a tokenizer for each token of the vocabulary: texts, merges and their tables.
    private static let tokenizerBytes = 360
    /// Pages of keys and values that an engine takes at a time.
    private static let pagesAtATime = 64

    /// What it comes to.
    public var plan: MemoryPlan {
        var plan = MemoryPlan()
        plan.held = [
            .init(name: "process and tokenizer", bytes: Self.processBytes + Self.tokenizerBytes * model.vocabularySize),
            .init(name: "weights", bytes: weightBytes ?? model.weightBytes(precision)),
        ]
        if trainedCount > 0 {
            plan.held += [
                .init(name: "trained numbers, their gradient", bytes: 8 * trainedCount),
                .init(name: "optimizer", bytes: 4 * optimizerMoments * trainedCount),
            ]
            if !trainsModel { plan.held += adapterParts }
        }
        if sequences > 0 { plan.rollout = rolloutParts }
        if stepTokens > 0 { plan.update = updateParts }
        return plan
    }

    private var adapterParts: [MemoryPlan.Part] {
        // Factors are there as they are and packed for the kernels; the adapter before lives on until it is replaced.
        let factors = trainedCount - adapter.wholeNumbers + adapter.frozenNumbers
        var parts: [MemoryPlan.Part] = [.init(name: "installed adapters", bytes: 16 * factors)]
        if adapter.frozenNumbers > 0 {
            parts.append(.init(name: "factors that stay", bytes: 4 * adapter.frozenNumbers))
        }
        if adapter.wholeNumbers > 0 {
            parts.append(.init(name: "whole weights, packed", bytes: 2 * adapter.wholeNumbers * precision.byteCount))
        }
        return parts
    }

    private var rolloutParts: [MemoryPlan.Part] {
        let page = KeyValuePages.pageSize
        func pages(_ tokens: Int) -> Int { (tokens + page - 1) / page }
        let shared = promptTokens / page
        let used = prompts * pages(promptTokens) + sequences * (pages(promptTokens + newTokens) - shared)
        let taken = (used + Self.pagesAtATime - 1) / Self.pagesAtATime * Self.pagesAtATime
        let rows = sequences + min(512, prompts * promptTokens)
        return [
            // Beyond its memory an engine lets sequences wait.
            .init(
                name: "keys and values",
                bytes: min(taken * page * model.keyValueBytes(precision), Engine.standardCacheBytes)),
            .init(name: "one block", bytes: rows * model.workingBytes),
            // Logits, and what sampling weighs them with.
            .init(name: "logits", bytes: 2 * 4 * sequences * model.vocabularySize),
        ]
    }

    /// Partial sums that are held beside the gradient, at most.
    private var sumCount: Int { GradientPieces.sums(tokens: stepTokens, parameterCount: trainedCount) }

    private var updateParts: [MemoryPlan.Part] {
        // As many whole units as the budget and a piece of the update hold, or one, or a part of one.
        let unit = max(1, min(unitTokens, limits.tokens))
        let budget = min(limits.packing(model), GradientPieces.budget(stepTokens, parameterCount: trainedCount))
        let rows = min(stepTokens, max(unit, budget / unit * unit))
        let inputs = rows * model.hiddenLayers * model.hiddenSize * 4
        // As many blocks keep all that they need as the budget says; what the adapter keeps besides comes on top.
        let rest = rows * (model.activationBytes - model.hiddenSize * 4)
        let blocks = min(model.hiddenLayers, max(0, (limits.activationBytes - inputs) / max(1, rest)))
        let own = rows * adapter.keptBytes / model.hiddenLayers
        let kept = inputs + blocks * (rest + own)
        let chunk = min(512, max(16, (8 << 20) / model.vocabularySize))
        // The vocabulary projection and the backward pass of a block come one after the other.
        let head: [MemoryPlan.Part] = [
            .init(name: "logits of some rows", bytes: 2 * 4 * min(rows, chunk) * model.vocabularySize),
            .init(name: "predicting rows", bytes: 4 * 4 * rows * model.hiddenSize),
            .init(name: "sums of gradients", bytes: 4 * trainedCount * sumCount),
        ]
        // Attention's backward pass lays queries and their gradients side by side twice, for as many heads as compute at once.
        let heads = model.attentionHeads / model.keyValueHeads * min(ComputeDevice.threadCount, model.keyValueHeads)
        let tiles = 16 * KeyValuePages.paddedWidth(model.headDim) * heads
        let block: [MemoryPlan.Part] = [
            .init(
                name: "one block and its gradients", bytes: rows * (model.workingBytes + 4 * model.hiddenSize + tiles))
        ]
        return [.init(name: "kept activations", bytes: kept)] + (block.bytes > head.bytes ? block : head)
    }
}
