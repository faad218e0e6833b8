import TensorCore

/// Low-rank corrections of a model's linear layers at one moment: immutable, so that a sequence which began with it can
/// end with it while a newer version is already in use.
public final class Adapter: Sendable {
    /// The correction of one layer: scaling · B A.
    public struct Factors: Sendable {
        /// A, `[R, in]`.
        public let a: Tensor
        /// B, `[out, R]`.
        public let b: Tensor
        /// What B A is multiplied by.
        public let scaling: Float
        let down: PackedMatrix
        let up: PackedMatrix

        /// Factors, packed for the product kernels.
        public init(a: Tensor, b: Tensor, scaling: Float) {
            precondition(
                a.shape.count == 2 && b.shape.count == 2 && a.shape[0] == b.shape[1],
                "Adapter: A is \(a.shape), B is \(b.shape)")
            (self.a, self.b, self.scaling) = (a, b, scaling)
            down = PackedMatrix(a)
            up = PackedMatrix(b)
        }
    }

    /// The corrected layers by module name, for example `model.layers.0.self_attn.q_proj`.
    public let factors: [String: Factors]

    /// An adapter.
    public init(factors: [String: Factors]) { self.factors = factors }

    /// The name of A among trained parameters.
    public static func downName(_ module: String) -> String { module + ".lora_A.weight" }

    /// The name of B among trained parameters.
    public static func upName(_ module: String) -> String { module + ".lora_B.weight" }
}
