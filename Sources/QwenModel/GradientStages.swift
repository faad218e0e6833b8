import TensorCore

extension ParameterSet {
    /// Trained numbers whose gradients a backward pass finishes together.
    public struct GradientStage: Sendable, Hashable {
        /// The milestone of `QwenModel.hiddenStates` at which they are finished; `nil`: at the end of the pass.
        public let milestone: Int?
        /// Where they stand in the flat buffers.
        public let ranges: [Range<Int>]
    }

    /// The numbers in the order in which a backward pass finishes their gradients: what comes after the last block with that
    /// block, then block by block; the first one and the embedding last.
    public var gradientStages: [GradientStage] {
        var stages: [Int: [Range<Int>]] = [:]
        for entry in entries {
            let range = entry.offset..<entry.offset + entry.count
            let block = Self.block(of: entry.name)
            var ranges = stages[block] ?? []
            if let last = ranges.last, last.upperBound == range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
            stages[block] = ranges
        }
        return stages.sorted { $0.key > $1.key }.map { block, ranges in
            // What follows the blocks is finished before any of them, and told with the first milestone.
            GradientStage(milestone: block > 0 ? block : nil, ranges: ranges)
        }
    }

    /// The block that a tensor belongs to; what follows the blocks stands behind all of them. Anything else, as the embedding, counts
    /// as finished at the end of the pass, like block 0: nothing tells when it is.
    private static func block(of name: String) -> Int {
        let parts = name.split(separator: ".")
        if let layers = parts.firstIndex(of: "layers") {
            return layers + 1 < parts.count ? Int(parts[layers + 1]) ?? 0 : 0
        }
        return name.hasPrefix("model.norm.") || name.hasPrefix("lm_head.") ? Int.max : 0
    }
}
