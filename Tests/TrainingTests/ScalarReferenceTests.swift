import Foundation
import OrderedJSON
import Testing

@testable import Training

/// Single operations of the reference file whose place here is inside an objective, in Double.
@Suite("Scalar operations", .enabled(if: ReferenceData.has("ops/ops.safetensors"), "reference data is not there"))
struct ScalarReferenceTests {
    /// Compares values and cotangent × derivative with the reference.
    private func compare(_ name: String, _ function: (_ x: Double, _ index: Int) -> (value: Double, slope: Double))
        throws
    {
        let tensors = try ReferenceData.floats("ops/ops.safetensors")
        let x = try #require(tensors["\(name).in.x"])
        let cotangent = try #require(tensors["\(name).cot"])
        let results = x.enumerated().map { function(Double($1), $0) }
        let values = worstError(results.map(\.value), (tensors["\(name).out"] ?? []).map(Double.init))
        let slopes = worstError(
            zip(results, cotangent).map { $0.slope * Double($1) }, (tensors["\(name).grad.x"] ?? []).map(Double.init))
        #expect(values < 1e-6 && slopes < 1e-6, "\(name): values off by \(values), gradient by \(slopes)")
    }

    @Test("the importance ratio's exponential")
    func exponential() throws {
        try compare("exp") { x, _ in
            let result = SaturatingExponential(x)
            return (result.value, result.derivative)
        }
    }

    @Test("SAPO's gate is a sigmoid")
    func gate() throws {
        try compare("sigmoid") { x, _ in
            let loss = SAPOSurrogate().loss(ratio: x + 1, advantage: 1, logProb: 0)
            return (loss.value / -4, loss.dRatio / -4)
        }
    }

    @Test("the clipped surrogate's two branches clamp the ratio")
    func clamp() throws {
        let surrogate = ClippedSurrogate(low: 1.5, high: -0.2)  // from −0.5 to 0.8
        try compare("clamp") { x, _ in
            // max(x, −0.5) + min(x, 0.8) − x
            let (low, high) = (
                surrogate.loss(ratio: x, advantage: -1, logProb: 0), surrogate.loss(ratio: x, advantage: 1, logProb: 0)
            )
            return (low.value - high.value - x, low.dRatio - high.dRatio - 1)
        }
    }

    @Test("the cap of the unclipped branch is a minimum")
    func minimum() throws {
        let caps = try #require(ReferenceData.floats("ops/ops.safetensors")["minimum.in.y"])
        try compare("minimum") { x, index in
            let surrogate = ClippedSurrogate(low: 1e9, high: -1e9, delta: Double(caps[index]))
            let loss = surrogate.loss(ratio: x, advantage: -1, logProb: 0)
            return (loss.value, loss.dRatio)
        }
    }
}
