import TensorCore

/// Corrections of a model at one moment, low-rank or whole weights: immutable, so that a sequence which began with it can
/// end with it while a newer version is already in use.
public final class Adapter: Sendable {
    /// The correction of one layer: scaling · B A, and with a magnitude m the sum W + scaling · B A brought to rows of
    /// norm m (DoRA, Liu et al. 2024, arXiv:2402.09353).
    public struct Factors: Sendable {
        /// A, `[R, in]`.
        public let a: Tensor
        /// B, `[out, R]`.
        public let b: Tensor
        /// What B A is multiplied by.
        public let scaling: Float
        /// m, the norm that each output's weights are brought to, `[out]`.
        public let magnitude: Tensor?
        private let down: PackedMatrix
        private let up: PackedMatrix
        /// m / ‖W + s BA‖ and 1 / ‖W + s BA‖, `[out]` each.
        private let channels: (factors: Tensor, inverseNorms: Tensor)?

        /// Factors, packed for the product kernels.
        public init(a: Tensor, b: Tensor, scaling: Float) {
            self.init(a: a, b: b, scaling: scaling, magnitude: nil, channels: nil)
        }

        /// Factors with a magnitude for the outputs of a layer.
        public init(a: Tensor, b: Tensor, scaling: Float, magnitude: Tensor, layer: LinearLayer) {
            let norms = rowNorms(of: layer.weight, adding: a, b, scaling: scaling)
            // An output whose weights are all zero stays zero.
            let inverse = Tensor(norms.toArray().map { $0 > 0 ? 1 / $0 : 0 }, shape: norms.shape)
            let factors = Tensor(
                zip(magnitude.toArray(), norms.toArray()).map { $1 > 0 ? $0 / $1 : 0 }, shape: norms.shape)
            self.init(a: a, b: b, scaling: scaling, magnitude: magnitude, channels: (factors, inverse))
        }

        private init(a: Tensor, b: Tensor, scaling: Float, magnitude: Tensor?, channels: (Tensor, Tensor)?) {
            precondition(
                a.shape.count == 2 && b.shape.count == 2 && a.shape[0] == b.shape[1]
                    && (magnitude == nil || magnitude?.shape == [b.shape[0]]),
                "Adapter: A is \(a.shape), B is \(b.shape), the magnitude \(magnitude?.shape ?? [])")
            (self.a, self.b, self.scaling, self.magnitude, self.channels) = (a, b, scaling, magnitude, channels)
            down = PackedMatrix(a)
            up = PackedMatrix(b)
        }

        /// The term that a linear layer adds on some rows.
        func term(rows: Range<Int>, module: String, pass: GradientPass?) -> LowRankTerm {
            var gradients: (down: Tensor, up: Tensor)?
            if let down = pass?.gradient(of: Adapter.downName(module)),
                let up = pass?.gradient(of: Adapter.upName(module))
            {
                gradients = (down, up)
            }
            var term = LowRankTerm(rows: rows, down: down, up: up, scaling: scaling, gradients: gradients)
            term.magnitude = channels.map {
                LowRankTerm.Magnitude(
                    factors: $0.factors, inverseNorms: $0.inverseNorms,
                    gradient: pass?.gradient(of: Adapter.magnitudeName(module)))
            }
            return term
        }
    }

    /// A weight that stands in the place of the base's.
    public enum Weight: Sendable {
        /// A linear layer's or the embedding's, `[rows, columns]`.
        case matrix(PackedMatrix)
        /// A norm's or a bias, `[C]`.
        case vector(Tensor)

        var matrix: PackedMatrix? { if case .matrix(let matrix) = self { matrix } else { nil } }
        var vector: Tensor? { if case .vector(let vector) = self { vector } else { nil } }
    }

    /// The corrected layers by module name, for example `model.layers.0.self_attn.q_proj`.
    public let factors: [String: Factors]
    /// Weights of the adapter's own (PEFT's `modules_to_save`), by their Hugging Face names. `lm_head.weight` and
    /// `model.embed_tokens.weight` are two even where the base has one for both.
    public let weights: [String: Weight]

    /// An adapter.
    public init(factors: [String: Factors], weights: [String: Weight] = [:]) {
        self.factors = factors
        self.weights = weights
    }

    /// The name of A among trained parameters.
    public static func downName(_ module: String) -> String { module + ".lora_A.weight" }

    /// The name of B among trained parameters.
    public static func upName(_ module: String) -> String { module + ".lora_B.weight" }

    /// The name of DoRA's magnitudes among trained parameters.
    public static func magnitudeName(_ module: String) -> String { module + ".lora_magnitude_vector" }
}
