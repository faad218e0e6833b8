import Foundation
import ModelFiles
import Synchronization
import TensorCore

/// A Qwen2, Qwen2.5, QwQ or Qwen3 language model, dense or with experts. The base is read-only and shared; adapters are arguments.
public final class QwenModel: Sendable {
    /// Sizes and switches.
    public let configuration: QwenConfiguration
    /// Type of the weights and of keys and values: `float32`, the reference, or `bfloat16`, for speed.
    public let precision: ElementType
    let embed: EmbeddingLayer
    let blocks: [QwenBlock]
    let finalNorm: NormLayer
    let head: LinearLayer
    private let rotaryTable: Mutex<RotaryTable>

    /// Reads a model.
    ///
    /// - Parameter source: A Hugging Face folder or a GGUF file. Weights are packed once; what is stored in another
    ///   precision is converted.
    /// - Parameter weights: Whether quantised matrices stay so; no bit of any result depends on it.
    /// - Throws: `QwenModelError` or `ModelFileError` naming the weight or key at fault.
    public init(_ source: any WeightSource, precision: ElementType, weights: WeightStorage = .stored) throws {
        let c = try QwenConfiguration(source.configuration, path: source.path)
        let reader = WeightReader(source: source, precision: precision, weights: weights)
        configuration = c
        self.precision = precision
        embed = EmbeddingLayer(
            table: try reader.matrix("model.embed_tokens.weight", rows: c.vocabularySize, columns: c.hiddenSize))
        blocks = try (0..<c.hiddenLayers).map { try reader.block($0, c) }
        finalNorm = try reader.norm("model.norm", c.hiddenSize, epsilon: c.rmsNormEpsilon)
        head =
            c.tieWordEmbeddings
            ? LinearLayer(
                name: "lm_head", weight: embed.table, bias: nil, weightName: "model.embed_tokens.weight")
            : try reader.linear("lm_head", rows: c.vocabularySize, columns: c.hiddenSize, bias: false)
        rotaryTable = Mutex(Self.rotaryTable(c, positions: 1024))
    }

    /// Query heads that share a head of keys and values.
    public var groupSize: Int { configuration.attentionHeads / configuration.keyValueHeads }

    /// Pages for sequences of this model.
    ///
    /// - Parameter layers: All of the model's by default; 1 for training, which keeps none between blocks.
    public func makePages(_ count: Int, layers: Int? = nil) -> KeyValuePages {
        KeyValuePages(
            layers: layers ?? configuration.hiddenLayers, pages: count, heads: configuration.keyValueHeads,
            headWidth: configuration.headDim, type: precision)
    }

    private static func rotaryTable(_ c: QwenConfiguration, positions: Int) -> RotaryTable {
        let (inverse, factor) = c.rope.frequencies(headDim: c.headDim)
        return RotaryTable(inverseFrequencies: inverse, factor: factor, positions: positions)
    }

    /// The table of rotations, grown to cover a position.
    private func rotary(covering position: Int) -> RotaryTable {
        rotaryTable.withLock { table in
            if position >= table.positions {
                table = Self.rotaryTable(configuration, positions: max(position + 1, table.positions * 2))
            }
            return table
        }
    }

    /// What is kept for the backward pass.
    public enum Recomputation: Sendable, Hashable {
        /// Everything: fastest, most memory.
        case none
        /// The inputs of the blocks; each block is computed again in the backward pass.
        case blocks
        /// As much as fits into so many bytes: everything of the last blocks, the inputs of the others. The bits of the
        /// gradients don't depend on it.
        case beyond(bytes: Int)
    }

    /// The first block whose intermediate results are kept.
    private func firstKept(_ recomputation: Recomputation, rows: Int) -> Int {
        switch recomputation {
        case .none: return 0
        case .blocks: return blocks.count
        case .beyond(let bytes):
            let inputs = rows * configuration.hiddenSize * 4
            let left = bytes - blocks.count * inputs
            return blocks.count
                - min(blocks.count, max(0, left / max(1, rows * configuration.activationBytes - inputs)))
        }
    }

    /// The residual stream after the last block, before the last norm.
    ///
    /// - Parameter batch: Tokens and where they stand.
    /// - Parameter pages: Where keys and values are written and read; with one layer only, the batch must hold all
    ///   positions of its sequences.
    /// - Parameter pass: Where parameter gradients go; `nil` outside training.
    /// - Parameter observe: Sees the embedding (−1) and each block's output; for tests and probes.
    /// - Returns: `[N, C]`. Its tape has each block's number as a milestone, the first one's excepted
    ///   (`ParameterSet.gradientStages`).
    public func hiddenStates(
        _ batch: TokenBatch, pages: KeyValuePages, pass: GradientPass? = nil, recomputation: Recomputation = .blocks,
        observe: ((Int, Tensor) -> Void)? = nil
    ) -> Tensor {
        let rotary = rotary(covering: Int(batch.layout.positions.max() ?? 0))
        var context = ForwardContext(adapters: batch.adapters, pass: pass, dropout: batch.dropout)
        context.balance = batch.balance
        defer { batch.balance?.close() }
        var x = embed(batch.ids, context)  // [N, C]
        observe?(-1, x)
        let firstKept = firstKept(recomputation, rows: batch.ids.count)
        for (layer, block) in blocks.enumerated() {
            let placement = Placement(
                layout: batch.layout, pages: pages, rotary: rotary, layer: pages.layers == 1 ? 0 : layer)
            if pass != nil, layer > 0 { x.markMilestone(layer) }
            if pass != nil, layer < firstKept {
                x = recomputed(x, pieces: [0..<batch.ids.count], pass: pass) { x, _, pass in
                    block(x, placement, context.with(pass))
                }
            } else {
                x = block(x, placement, context)  // [N, C]
            }
            observe?(layer, x)
        }
        return x
    }

    /// Logits of some rows.
    ///
    /// - Parameter hidden: Result of `hiddenStates`.
    /// - Parameter rows: Which rows; the same one as often as wanted.
    /// - Returns: `[rows, V]`.
    public func logits(_ hidden: Tensor, rows: [Int], batch: TokenBatch, pass: GradientPass? = nil) -> Tensor {
        let context = context(rows: rows, batch: batch, pass: pass)
        return head(finalNorm(selectRows(hidden, rows), context), context)
    }

    /// Log-probabilities of targets and entropies, at a temperature over the full softmax; the logits are made and
    /// dropped in pieces.
    ///
    /// - Parameter hidden: Result of `hiddenStates`.
    /// - Parameter rows: The rows that predict; those of one unit stand together.
    /// - Parameter targets: The predicted token of each.
    /// - Parameter entropyGradient: Whether a gradient may flow into the entropies.
    /// - Returns: `[rows, 2]`: log-probability and entropy, in nats.
    public func logProbs(
        _ hidden: Tensor, rows: [Int], targets: [Int32], temperature: Float, batch: TokenBatch,
        pass: GradientPass? = nil, entropyGradient: Bool = true
    ) -> Tensor {
        guard !rows.isEmpty else { return Tensor(shape: [0, 2]) }
        let context = context(rows: rows, batch: batch, pass: pass)
        if head.isFrozen(context) {
            return vocabularyLogProbs(
                finalNorm(selectRows(hidden, rows), context), weight: head.weight, targets: targets,
                temperature: temperature, entropyGradient: entropyGradient)
        }
        let pieces = pieces(units: context.pass?.units ?? [0..<rows.count])
        return recomputed(selectRows(hidden, rows), pieces: pieces, pass: context.pass) { x, range, pass in
            let context = context.restricted(to: range, pass: pass)
            let logits = self.head(self.finalNorm(x, context), context)
            return tokenLogProbs(logits, targets: Array(targets[range]), temperature: temperature)
        }
    }

    /// The final norm of every row, as Hugging Face's last hidden state.
    public func normalized(_ hidden: Tensor) -> Tensor { finalNorm(hidden, ForwardContext(adapters: [], pass: nil)) }

    /// The context of selected rows: runs and units counted among them.
    private func context(rows: [Int], batch: TokenBatch, pass: GradientPass?) -> ForwardContext {
        let pass = pass.map { GradientPass(parameters: $0.parameters, units: batch.units) }
        return ForwardContext(adapters: batch.adapters, pass: pass, dropout: batch.dropout).selecting(rows[...])
    }

    /// Cuts units into pieces whose logits take at most about 32 MB.
    private func pieces(units: [Range<Int>]) -> [Range<Int>] {
        let size = min(512, max(16, (8 << 20) / configuration.vocabularySize))
        return units.sorted { $0.lowerBound < $1.lowerBound }.flatMap { unit in
            stride(from: unit.lowerBound, to: unit.upperBound, by: size).map { $0..<min($0 + size, unit.upperBound) }
        }
    }
}
