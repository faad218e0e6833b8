import QwenModel
import TensorCore

/// Times single operations at a model's sizes against what arithmetic and memory allow.
public struct KernelBenchmark {
    private let model: QwenModel
    private let limits: MachineLimits
    private let runs: Int

    /// A benchmark at the sizes of a model.
    public init(_ model: QwenModel, limits: MachineLimits, runs: Int) {
        (self.model, self.limits, self.runs) = (model, limits, max(3, runs))
    }

    /// Times products with the weights of a block, forward and backward to the input, and attention.
    public func run(report: (Timing) throws -> Void) throws {
        for rows in [1, 2, 4, 8, 16, 32, 64, 512, 2048] {
            try report(product(rows: rows, backward: false))
            try report(product(rows: rows, backward: true))
        }
        for tokens in [128, 512, 2048] {
            try report(attention(tokens: tokens, backward: false))
            try report(attention(tokens: tokens, backward: true))
        }
    }

    /// All matrices of all blocks once: what a forward pass (or a backward one) asks of them, read from memory anew.
    private func product(rows: Int, backward: Bool) -> Timing {
        let layers = model.linearLayers.dropLast()
        let inputs = Dictionary(grouping: layers, by: \.inputs).keys.reduce(into: [Int: Tensor]()) {
            $0[$1] = Tensor.zeros([rows, $1])
        }
        let context = ForwardContext(adapters: [], pass: nil)
        var times: [Double] = []
        for _ in 0...runs {
            var total = 0.0
            for layer in layers {
                guard let x = inputs[layer.inputs] else { continue }
                if backward {
                    // Only the way back is timed: the tape of the forward pass is made before.
                    let y = layer(x.leaf, context)
                    let dy = Tensor.zeros(y.shape)
                    total += seconds { y.backward(seed: dy) }
                } else {
                    total += seconds { _ = layer(x, context) }
                }
            }
            times.append(total)
        }
        let weights = layers.reduce(0.0) { $0 + Double($1.inputs * $1.outputs) }
        let operations = 2 * Double(rows) * weights
        let least = max(
            operations / limits.arithmetic(model.precision),
            layers.reduce(0.0) { $0 + Double($1.weightBytes) } / limits.bandwidth)
        return Timing(
            "products, \(rows) rows\(backward ? ", backward" : "")", unit: "GFLOP/s", amount: operations / 1e9,
            seconds: Array(times.dropFirst()), least: least)
    }

    /// Attention of one layer over one sequence.
    private func attention(tokens: Int, backward: Bool) -> Timing {
        // Two products over half of all pairs; the backward pass computes one of them again and has four of its own.
        let pairs = Double(tokens) * Double(tokens + 1) / 2
        let c = model.configuration
        let operations = (backward ? 5 : 2) * 2 * pairs * Double(c.attentionHeads * c.headDim)
        return Timing(
            "attention, \(tokens) tokens\(backward ? ", backward" : "")", unit: "GFLOP/s", amount: operations / 1e9,
            seconds: attentionSeconds(tokens: tokens, backward: backward), least: operations / limits.float32)
    }

    /// Seconds of each run of the attention of one layer over one sequence, keys and values written to their pages included.
    func attentionSeconds(tokens: Int, backward: Bool) -> [Double] {
        let c = model.configuration
        let pages = model.makePages((tokens + KeyValuePages.pageSize - 1) / KeyValuePages.pageSize, layers: 1)
        let layout = SequenceLayout(
            segments: [.init(rows: 0..<tokens, firstPosition: 0, pages: (0..<Int32(pages.pages)).map { $0 })],
            groupSize: model.groupSize)
        let (q, k) = (
            Tensor.zeros([tokens, c.attentionHeads * c.headDim]), Tensor.zeros([tokens, c.keyValueHeads * c.headDim])
        )
        var times: [Double] = []
        for _ in 0...runs {
            func forward(_ q: Tensor) -> Tensor {
                TensorCore.attention(
                    q, k, k, headWidth: c.headDim, window: 0, layout: layout, pages: pages, layer: 0)
            }
            if backward {
                let y = forward(q.leaf)
                let dy = Tensor.zeros(y.shape)
                times.append(seconds { y.backward(seed: dy) })
            } else {
                times.append(seconds { _ = forward(q) })
            }
        }
        return Array(times.dropFirst())
    }
}
