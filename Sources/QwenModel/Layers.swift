import TensorCore

/// What a forward pass carries besides activations.
public struct ForwardContext: Sendable {
    /// Which adapter applies to which rows; disjoint ranges, rising.
    public let adapters: [AdapterRun]
    /// Where parameter gradients go; `nil` when nothing is recorded.
    public let pass: GradientPass?

    /// A context.
    public init(adapters: [AdapterRun], pass: GradientPass?) {
        self.adapters = adapters
        self.pass = pass
    }

    /// The same with another pass.
    func with(_ pass: GradientPass?) -> ForwardContext { ForwardContext(adapters: adapters, pass: pass) }

    /// The context as a piece of the rows sees it.
    func restricted(to rows: Range<Int>, pass: GradientPass?) -> ForwardContext {
        let runs = adapters.compactMap { run -> AdapterRun? in
            let part = run.rows.clamped(to: rows)
            guard !part.isEmpty else { return nil }
            return AdapterRun(
                rows: part.lowerBound - rows.lowerBound..<part.upperBound - rows.lowerBound, adapter: run.adapter)
        }
        return ForwardContext(adapters: runs, pass: pass?.restricted(to: rows))
    }
}

/// Consecutive rows of a batch that use one adapter.
public struct AdapterRun: Sendable {
    /// The rows.
    public let rows: Range<Int>
    /// Their adapter.
    public let adapter: Adapter

    /// A run.
    public init(rows: Range<Int>, adapter: Adapter) {
        self.rows = rows
        self.adapter = adapter
    }
}

/// A linear layer of the frozen base, which adapters may correct.
public struct LinearLayer: Sendable {
    /// The module's name, for example `model.layers.0.self_attn.q_proj`.
    public let name: String
    let weight: PackedMatrix
    let bias: Tensor?
    /// The name under which `weight` is trained; the embedding's for a tied vocabulary projection.
    let weightName: String

    init(name: String, weight: PackedMatrix, bias: Tensor?, weightName: String? = nil) {
        (self.name, self.weight, self.bias) = (name, weight, bias)
        self.weightName = weightName ?? name + ".weight"
    }

    /// Bytes that its weight takes in memory, which a product reads once.
    public var weightBytes: Int { weight.byteCount }
    /// Width of its input.
    public var inputs: Int { weight.columns }
    /// Width of its output.
    public var outputs: Int { weight.rows }

    /// Applies the layer and the adapters of the context.
    ///
    /// - Parameter x: `[N, in]`.
    /// - Returns: `[N, out]`.
    public func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let terms = context.adapters.compactMap { run in
            run.adapter.factors[name].map { factors in
                LowRankTerm(
                    rows: run.rows, down: factors.down, up: factors.up, scaling: factors.scaling,
                    gradients: gradients(of: factors, context.pass))
            }
        }
        return linear(
            x, weight: weight, bias: bias, lowRank: terms,
            gradients: (context.pass?.gradient(of: weightName), context.pass?.gradient(of: name + ".bias")),
            units: context.pass?.units ?? [])
    }

    /// Whether it is the bare product with its weight: nothing of it is trained, no adapter corrects it, it has no bias.
    func isFrozen(_ context: ForwardContext) -> Bool {
        bias == nil && context.pass?.gradient(of: weightName) == nil
            && context.adapters.allSatisfy { $0.adapter.factors[name] == nil }
    }

    private func gradients(of factors: Adapter.Factors, _ pass: GradientPass?) -> (down: Tensor, up: Tensor)? {
        guard let down = pass?.gradient(of: Adapter.downName(name)), let up = pass?.gradient(of: Adapter.upName(name))
        else { return nil }
        return (down, up)
    }
}

/// An RMSNorm with its weight.
struct NormLayer: Sendable {
    let name: String
    let weight: Tensor
    let epsilon: Float

    func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        rmsNorm(x, weight: weight, epsilon: epsilon, gradient: context.pass?.gradient(of: name + ".weight"))
    }
}
