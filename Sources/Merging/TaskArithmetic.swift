import ModelFiles
import Randomness

/// The arithmetic of TIES, DARE and pruning on arrays of the same shape, one an adapter.
///
/// Source: PEFT 0.21, `peft.utils.merge_utils`; Yadav et al. 2023, arXiv:2306.01708; Yu et al. 2023, arXiv:2311.03099.
struct TaskArithmetic {
    let combination: Combination
    /// Where the draws of random pruning are: equal for equal seeds and module names, whatever else is merged.
    let address: (_ adapter: Int) -> RandomAddress

    /// For one of the arrays of a module.
    ///
    /// - Parameter name: The array's name, such as `model.layers.0.self_attn.q_proj.lora_A`.
    init(_ combination: Combination, name: String) {
        self.combination = combination
        var digest = ContentDigest()
        digest.update(name)
        let words = stride(from: 0, to: 16, by: 8).map { start -> Int in
            Int(digest.hexadecimal.dropFirst(start).prefix(8), radix: 16) ?? 0
        }
        let seed = combination.seed
        address = { adapter in
            RandomAddress(seed: seed, purpose: .adapterMerging, step: words[0], prompt: words[1], sample: adapter)
        }
    }

    /// Prunes, weights and joins.
    ///
    /// - Parameter tasks: The arrays with the weights they get and the places of their adapters in the command.
    func combined(_ tasks: [(adapter: Int, weight: Double, values: [Float])]) -> [Float] {
        let pruned = tasks.map { task in (weight: Float(task.weight), values: prune(task.values, adapter: task.adapter))
        }
        let count = pruned.first?.values.count ?? 0
        var result = [Float](repeating: 0, count: count)
        for place in 0..<count {
            result[place] =
                combination.method.electsSign
                ? disjointMean(pruned.map { ($0.weight, $0.values[place]) })
                : pruned.reduce(0) { $0 + $1.values[place] * $1.weight }
        }
        return result
    }

    /// The sum of the weighted values whose sign is the majority's, divided by their number.
    private func disjointMean(_ values: [(weight: Float, value: Float)]) -> Float {
        let total: Float
        switch combination.majoritySign {
        case .total: total = values.reduce(0) { $0 + $1.value }
        case .frequency: total = values.reduce(0) { $0 + ($1.value > 0 ? 1 : $1.value < 0 ? -1 : 0) }
        }
        let isPositive = total >= 0
        var (sum, count): (Float, Float) = (0, 0)
        for (weight, value) in values where isPositive ? value > 0 : value < 0 {
            sum += value * weight
            count += 1
        }
        return sum / max(1, count)
    }

    private func prune(_ values: [Float], adapter: Int) -> [Float] {
        guard combination.density < 1 else { return values }
        switch combination.method.pruning {
        case nil: return values
        case .magnitude: return keepLargest(values)
        case .random: return dropAtRandom(values, address(adapter))
        }
    }

    /// The ⌊density · n⌋ largest magnitudes; of equal ones those that stand first.
    private func keepLargest(_ values: [Float]) -> [Float] {
        let count = Int(combination.density * Double(values.count))
        guard count > 0 else { return Array(repeating: 0, count: values.count) }
        let magnitudes = values.map(abs).sorted(by: >)
        let threshold = magnitudes[count - 1]
        var ties = count - (magnitudes.firstIndex(of: threshold) ?? 0)
        return values.map { value in
            if abs(value) > threshold { return value }
            guard abs(value) == threshold, ties > 0 else { return 0 }
            ties -= 1
            return value
        }
    }

    private func dropAtRandom(_ values: [Float], _ address: RandomAddress) -> [Float] {
        let limit = combination.density * 0x1p32
        var kept = values
        for start in stride(from: 0, to: values.count, by: 4) {
            let bits = address.bits(at: start / 4)
            for lane in 0..<min(4, values.count - start) {
                let place = start + lane
                kept[place] = Double(bits[lane]) < limit ? values[place] / Float(combination.density) : 0
            }
        }
        return kept
    }
}
