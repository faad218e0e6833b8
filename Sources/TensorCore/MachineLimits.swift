import CKernels

/// What this machine's arithmetic and memory can do at most, measured: the yardstick of every benchmark.
public struct MachineLimits: Sendable, Hashable {
    /// Multiply-adds of single-precision floats, floating-point operations a second.
    public var float32: Double
    /// Dot products of bfloat16 (or what stands in for them), floating-point operations a second.
    public var bfloat16: Double
    /// Bytes a second read from memory beyond the caches.
    public var bandwidth: Double

    /// Limits that are known.
    public init(float32: Double, bfloat16: Double, bandwidth: Double) {
        (self.float32, self.bfloat16, self.bandwidth) = (float32, bfloat16, bandwidth)
    }

    /// Measures for about a second with the threads and kernels in use; the best of several tries, since whatever else
    /// runs can only slow a try down.
    public static func measured() -> MachineLimits {
        let threads = ComputeDevice.threadCount
        let rounds = 1 << 19
        func rate(_ amount: Double, _ body: @escaping () -> Void) -> Double {
            let clock = ContinuousClock()
            let best = (0..<7).map { _ in clock.measure(body) }.min() ?? .seconds(1)
            return amount / max(best / .seconds(1), 1e-9)
        }
        let float32 = rate(Double(threads * rounds * 768)) { parallelFor(threads) { _ in keep(ck_probe_f32(rounds)) } }
        let bfloat16 = rate(Double(threads * rounds * 1536)) {
            parallelFor(threads) { _ in keep(ck_probe_bf16(rounds)) }
        }
        // Larger than any cache that one process has to itself.
        let bytes = 512 << 20
        let memory = Tensor.zeros([bytes / 4])
        let pieces = 4096
        let bandwidth = rate(Double(bytes)) {
            parallelFor(pieces) { piece in
                keep(ck_probe_read(memory.floats + piece * (bytes / 4 / pieces), bytes / 4 / pieces))
            }
        }
        return MachineLimits(float32: float32, bfloat16: bfloat16, bandwidth: bandwidth)
    }

    /// The rate for products with weights of a type.
    public func arithmetic(_ type: ElementType) -> Double { type == .bfloat16 ? bfloat16 : float32 }
}

/// Uses a result, so that what made it can't be left out.
@inline(never)
private func keep(_ value: Float) {
    if value.isNaN { preconditionFailure("a probe gave NaN") }
}
