import ModelFiles
import OrderedJSON
import Randomness
import TensorCore

/// How fresh factors begin.
///
/// Where they do not begin with B = 0 they take from the base what they hold: PEFT then changes the base, W ← W − s B₀A₀.
/// Here the base stays, and −B₀ and A₀ stand as factors that stay beside the trained ones. That is the form to which PEFT
/// converts such an adapter when it saves one for the untouched base (`path_initial_model_for_weight_conversion`).
enum LowRankInitialization: Equatable {
    /// A uniform in ±1/√in, B zero.
    case zero
    /// The largest singular values: A₀ = √(Σ_R/s) V_Rᵀ, B₀ = U_R √(Σ_R/s).
    ///
    /// Source: Meng et al. 2024, arXiv:2404.02948, equations 2 to 4.
    case pissa
    /// The first columns of Q and rows of R in W = Q R: A₀ = R_R, B₀ = Q_R.
    ///
    /// Source: Büyükakyüz 2024, arXiv:2406.01775, section 3.
    case olora

    init(_ configuration: AdapterConfiguration) throws(QwenModelError) {
        switch configuration.initLoraWeights {
        case true: self = .zero
        case "pissa": self = .pissa
        case "olora": self = .olora
        case let value:
            throw QwenModelError(
                .unsupported, "init_lora_weights is \(value.text()), expected true, \"pissa\" or \"olora\"")
        }
    }

    /// A and B of each module.
    func factors(of modules: [TrainableAdapter.Module], seed: UInt64) -> [(a: Tensor, b: Tensor)] {
        let results = modules.map { module in
            (
                a: Tensor.zeros([module.rank, module.layer.inputs]),
                b: Tensor.zeros([module.layer.outputs, module.rank])
            )
        }
        parallelFor(modules.count) { index in
            let (module, result) = (modules[index], results[index])
            switch self {
            case .zero:
                Self.scatter(result.a, RandomAddress(seed: seed, purpose: .adapterInitialization, prompt: 2 * index))
            case .pissa:
                let parts = SingularVectors(of: module.layer.weight, count: module.rank)
                let roots = parts.values.map { ($0 / Double(abs(module.scaling))).squareRoot() }
                Self.fill(result, rows: parts.right, columns: parts.left, roots)
            case .olora:
                let parts = OrthogonalTriangular(of: module.layer.weight, count: module.rank)
                Self.fill(
                    result, rows: parts.triangular, columns: parts.orthogonal,
                    Array(repeating: 1, count: module.rank))
            }
        }
        return results
    }

    private static func scatter(_ values: Tensor, _ address: RandomAddress) {
        let bound = 1 / Float(values.shape[1]).squareRoot()
        for place in 0..<values.count { values.floats[place] = Float(address.uniform(at: place) * 2 - 1) * bound }
    }

    /// A's rows and B's columns, each times a factor.
    private static func fill(
        _ result: (a: Tensor, b: Tensor), rows: [[Double]], columns: [[Double]], _ factors: [Double]
    ) {
        let rank = factors.count
        for (index, factor) in factors.enumerated() {
            for (place, value) in rows[index].enumerated() {
                result.a.floats[index * result.a.shape[1] + place] = Float(value * factor)
            }
            for (place, value) in columns[index].enumerated() {
                result.b.floats[place * rank + index] = Float(value * factor)
            }
        }
    }
}
