import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore

/// What a merge was found to do.
public struct MergeReport: Sendable {
    /// Tensors that adapters change.
    public var changedTensors = 0
    /// Tokens that logits were compared on.
    public var probeTokens = 0
    /// The largest |logit(merged) − logit(base + adapters)|.
    public var largestDifference: Float = 0
    /// Root mean square of logit(merged) − logit(base + adapters).
    public var difference = 0.0
    /// Root mean square of logit(base + adapters) − logit(base): what the adapters do.
    public var effect = 0.0
    /// Standard deviation of logit(base + adapters).
    public var deviation = 0.0
    /// Positions where merged and base + adapters have the same likeliest token.
    public var sameLikeliest = 0
    /// ‖result − sum of the updates‖ / ‖sum of the updates‖, for methods that approximate.
    public var approximationError: Double?
    /// Why no logits were compared, if so.
    public var skipped: String?
}

/// Reads a merged model back and compares it with base and adapters: every changed tensor on some rows, and the logits of
/// probe prompts, a block at a time, so that memory is bounded by one block.
struct MergeProof {
    let merge: BaseMerge
    let written: ModelContents.Origin
    let type: StoredType?
    let probes: [[Int]]

    func report() throws -> MergeReport {
        var report = MergeReport()
        report.approximationError = merge.combined?.relativeError
        try checkTensors(&report)
        let configuration: QwenConfiguration
        do { configuration = try QwenConfiguration(merge.origin.configuration, path: merge.origin.path) } catch {
            report.skipped = error.message
            return report
        }
        var walk = LayerWalk(merge: merge, written: written, configuration: configuration, probes: probes)
        try walk.run(&report)
        try judge(report)
        return report
    }

    /// Every changed tensor differs from the base's, and on its first, middle and last row it is what the definition says,
    /// computed in Double, up to rounding to its type.
    private func checkTensors(_ report: inout MergeReport) throws {
        var differs = false
        for name in Set(merge.modules.keys).union(merge.replaced.keys).sorted() {
            try OutputRequest.check(written.path)
            guard let base = try merge.base(named: name), let result = try written.tensor(named: name),
                let update = try merge.update(of: name), result.shape == base.shape
            else { throw MergingError(.deviates, "\(written.path): tensor '\(name)' was not written as it should be") }
            report.changedTensors += 1
            if !differs { differs = try !result.hasValues(of: base) }
            if update.replacements.isEmpty { try check(result, base, try update.reference(of: base)) }
        }
        guard differs else {
            throw MergingError(
                .unchanged,
                "the merged weights equal the base's: the adapters' updates are zero, or rounding to "
                    + "\(type?.rawValue ?? "the base's type") lost them all (then write --dtype f32)")
        }
    }

    private func check(
        _ result: StoredTensor, _ base: StoredTensor, _ reference: (scale: [Double]?, b: Matrix, a: Matrix)
    ) throws {
        let (height, width) = (base.shape[0], base.shape[1])
        let unit = [StoredType.float32: 0x1p-24, .float16: 0x1p-11, .bfloat16: 0x1p-8][result.type] ?? 0x1p-8
        for row in Set([0, height / 2, height - 1]) {
            let (old, new) = (try base.row(row, width), try result.row(row, width))
            for column in 0..<width {
                var (delta, size) = (0.0, 0.0)
                for k in 0..<reference.a.rows {
                    let term =
                        Double(reference.b.values[row * reference.a.rows + k])
                        * Double(reference.a.values[k * width + column])
                    delta += term
                    size += abs(term)
                }
                let expected = Double(old[column]) * (reference.scale?[row] ?? 1) + delta
                let tolerance = abs(expected) * unit + (size + abs(Double(old[column]))) * 1e-5 + 1e-7
                guard abs(Double(new[column]) - expected) <= tolerance else {
                    throw MergingError(
                        .deviates,
                        "\(written.path): tensor '\(result.name)' has \(new[column]) at row \(row), column \(column); expected "
                            + "\(expected)")
                }
            }
        }
    }

    private func judge(_ report: MergeReport) throws {
        let noise = [StoredType.float32: 1e-4, .float16: 1e-2][storedType] ?? 0.05
        let allowed = max(noise * report.deviation, 1e-3 * report.effect)
        let numbers =
            "logits differ by \(format(report.difference)) (root mean square) from base and adapters, whose effect is "
            + "\(format(report.effect))"
        guard report.difference.isFinite, report.effect.isFinite, report.difference <= allowed else {
            throw MergingError(.deviates, "the merged model is not base and adapters: its \(numbers)")
        }
        guard report.difference < report.effect || report.effect == 0 && report.difference < 1e-4 * report.deviation
        else {
            throw MergingError(
                .deviates, "rounding to \(storedType.rawValue) loses the adapters: \(numbers); write with --dtype f32")
        }
    }

    private var storedType: StoredType {
        let name = merge.modules.keys.min() ?? merge.replaced.keys.min() ?? ""
        return (try? written.tensor(named: name))?.type ?? .float32
    }

    private func format(_ value: Double) -> String { String(Float(value)) }
}

extension StoredTensor {
    fileprivate func row(_ index: Int, _ width: Int) throws -> [Float] {
        var values = [Float](repeating: 0, count: width)
        try values.withUnsafeMutableBufferPointer { try readFloats(index * width..<(index + 1) * width, into: $0) }
        return values
    }

    /// Whether all numbers are another tensor's.
    fileprivate func hasValues(of other: StoredTensor) throws -> Bool {
        let width = max(1, shape.last ?? 1)
        defer {
            discard(0..<count)
            other.discard(0..<count)
        }
        for row in 0..<count / width where try self.row(row, width) != other.row(row, width) { return false }
        return true
    }
}
