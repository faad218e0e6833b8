import QwenModel
import TensorCore

/// What one forward and backward pass holds: a prompt with the sequences that continue it, and which of their tokens are
/// learned. A parameter's gradient is the sum over units, added one after the other.
public struct TrainingUnit: Sendable {
    /// Prompt and continuations.
    public var group: TokenBatch.Group
    /// For each token of each continuation whether it is learned; `nil` for all.
    public let learned: [[Bool]]?

    /// A unit.
    public init(group: TokenBatch.Group, learned: [[Bool]]? = nil) {
        self.group = group
        self.learned = learned
    }

    /// Tokens that the forward pass computes: the prompt once, and of each continuation all but the last.
    public var tokenCount: Int { group.prompt.count + group.completions.reduce(0) { $0 + max(0, $1.count - 1) } }

    /// Cuts units into micro-batches, in order; a unit is never cut, and one above the budget stands alone.
    ///
    /// - Parameter budget: Tokens a micro-batch may have.
    static func packing<Element>(
        _ units: [Element], budget: Int, size: (Element) -> Int
    ) -> [[Element]] {
        var batches: [[Element]] = []
        var room = 0
        for unit in units {
            let size = size(unit)
            if batches.isEmpty || size > room {
                batches.append([])
                room = budget
            }
            batches[batches.count - 1].append(unit)
            room -= size
        }
        return batches
    }
}

/// How much one forward and backward pass takes on at a time. None of it changes a bit, as long as no group is cut.
public struct PassLimits: Sendable, Hashable {
    /// Tokens above which a group of completions is cut; each part computes the prompt again.
    public var tokens: Int
    /// Bytes of intermediate results that are kept for the backward pass; what is beyond is computed again.
    public var activationBytes: Int

    /// Limits.
    public init(tokens: Int, activationBytes: Int = 5 << 28) {
        self.tokens = tokens
        self.activationBytes = activationBytes
    }

    /// Tokens that micro-batches are filled up to: as many as need nothing computed again, but enough to keep the
    /// matrix products efficient.
    func packing(_ model: QwenModel) -> Int { packing(model.configuration) }

    /// The same from a model's sizes alone.
    func packing(_ configuration: QwenConfiguration) -> Int {
        min(tokens, max(512, activationBytes / (configuration.activationBytes * configuration.hiddenLayers)))
    }
}

/// The rows of one forward pass over some units and the tokens that they predict.
struct MicroBatch {
    var batch: TokenBatch
    let pageCount: Int
    /// The rows that predict learned tokens, unit by unit.
    let rows: [Int]
    /// The tokens that they predict.
    let targets: [Int32]

    /// - Parameter dropout: Of the adapter's inputs, by where rows stand in the update.
    init(
        _ units: [TrainingUnit], adapter: Adapter?, model: QwenModel,
        dropout: ((_ places: [RowDropout.Place]) -> RowDropout)? = nil
    ) {
        var (batch, pageCount, predictors) = TokenBatch.packing(
            units.map(\.group), adapter: adapter, groupSize: model.groupSize)
        batch.dropout = dropout?(batch.places)
        var rows: [Int] = []
        var targets: [Int32] = []
        for (unit, predictors) in zip(units, predictors) {
            for (index, completion) in unit.group.completions.enumerated() {
                let learned = unit.learned?[index]
                for (token, id) in completion.enumerated() where learned?[token] ?? true {
                    rows.append(predictors[index][token])
                    targets.append(Int32(id))
                }
            }
        }
        (self.batch, self.pageCount, self.rows, self.targets) = (batch, pageCount, rows, targets)
    }

    /// Adds the load-balancing loss of routers to what is differentiated.
    ///
    /// - Parameter coefficient: What the mean of the units' losses counts.
    /// - Parameter units: Units of the whole update.
    mutating func balance(_ model: QwenModel, coefficient: Double, units: Int) {
        guard coefficient > 0, let experts = model.configuration.experts else { return }
        batch.balance = ExpertBalance(
            units: batch.units, experts: experts.count, weight: coefficient / Double(max(units, 1)))
    }

    /// Log-probability and entropy of each learned token, `[rows, 2]`, in nats.
    ///
    /// - Parameter parameters: What is trained; `nil` records nothing.
    /// - Parameter entropyGradient: Whether the second column's gradient is wanted too.
    func tokenLogProbs(
        _ model: QwenModel, temperature: Float, parameters: ParameterSet?, limits: PassLimits,
        entropyGradient: Bool = false
    ) -> Tensor {
        let pass = parameters.map { GradientPass(parameters: $0, units: batch.units) }
        let pages = model.makePages(pageCount, layers: 1)
        return ComputeDevice.inPlace {
            let hidden = model.hiddenStates(
                batch, pages: pages, pass: pass, recomputation: .beyond(bytes: limits.activationBytes))  // [N, C]
            return model.logProbs(
                hidden, rows: rows, targets: targets, temperature: temperature, batch: batch, pass: pass,
                entropyGradient: entropyGradient)
        }
    }
}
