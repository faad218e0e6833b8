import COpenBLAS
import ModelFiles
import QwenModel
import TensorCore

/// Carries probe prompts through base, base with adapters, and merged model, one block at a time.
struct LayerWalk {
    let merge: BaseMerge
    let written: ModelContents.Origin
    let configuration: QwenConfiguration
    let probes: [[Int]]

    private var tokens: [Int] { probes.flatMap { $0 } }
    private var width: Int { configuration.hiddenSize }

    init(merge: BaseMerge, written: ModelContents.Origin, configuration: QwenConfiguration, probes: [[Int]]) {
        (self.merge, self.written, self.configuration, self.probes) = (merge, written, configuration, probes)
    }

    /// Fills in what the report says of logits.
    mutating func run(_ report: inout MergeReport) throws {
        let name = "model.embed_tokens.weight"
        var base = try embed(try merge.base(named: name))
        var adapted = try embed(try changed(name) ?? merge.base(named: name))
        var merged = try embed(try written.tensor(named: name))
        for layer in 0..<configuration.hiddenLayers {
            try OutputRequest.check(written.path)
            let isLast = layer == configuration.hiddenLayers - 1
            let (adapter, changes) = try correction(layer: layer, isLast: isLast)
            if changes.isEmpty {
                let both = try advance(merge.origin, [base, adapted], [nil, adapter], layer: layer)
                (base, adapted) = (both[0], both[1])
            } else {
                base = try advance(merge.origin, [base], [nil], layer: layer)[0]
                adapted = try advance(merge.origin, [adapted], [adapter], layer: layer, changes: changes)[0]
            }
            merged = try advance(written, [merged], [nil], layer: layer)[0]
        }
        try compareHeads(base, adapted, merged, &report)
    }

    /// The rows of the embedding that the probes name.
    private func embed(_ table: StoredTensor?) throws -> [Float] {
        guard let table, table.shape.count == 2, table.shape[1] == width else {
            throw MergingError(.mismatched, "\(merge.origin.path): the embedding is missing or of another width")
        }
        var rows = [Float](repeating: 0, count: tokens.count * width)
        try rows.withUnsafeMutableBufferPointer { buffer in
            for (index, token) in tokens.enumerated() {
                try table.readFloats(
                    token * width..<(token + 1) * width,
                    into: UnsafeMutableBufferPointer(rebasing: buffer[index * width..<(index + 1) * width]))
            }
        }
        return rows
    }

    /// A tensor as adapters that hold it whole want it.
    private func changed(_ name: String) throws -> StoredTensor? {
        guard merge.replaced[name] != nil, let base = try merge.base(named: name),
            let update = try merge.update(of: name)
        else { return nil }
        var values = [Float](repeating: 0, count: base.count)
        try values.withUnsafeMutableBufferPointer { try update.fill(0..<base.shape[0], of: base, into: $0) }
        return StoredTensor(named: name, values, shape: base.shape)
    }

    /// A block's adapter, and the weights that are not the base's.
    private func correction(layer: Int, isLast: Bool) throws -> (Adapter?, [String: StoredTensor]) {
        let prefix = "model.layers.\(layer)."
        var factors: [String: Adapter.Factors] = [:]
        var changes: [String: StoredTensor] = [:]
        for (name, module) in merge.modules where name.hasPrefix(prefix) {
            guard let base = try merge.base(named: name), let update = try merge.update(of: name) else { continue }
            let (scale, b, a) = try update.reference(of: base)
            if a.rows > 0 {
                factors["model.layers.0." + module.dropFirst(prefix.count)] = Adapter.Factors(
                    a: Tensor(a.values, shape: [a.rows, a.columns]), b: Tensor(b.values, shape: [b.rows, b.columns]),
                    scaling: 1)
            }
            if let scale {
                var values = try base.floats()
                let width = base.shape[1]
                for place in values.indices { values[place] = Float(Double(values[place]) * scale[place / width]) }
                changes[name] = StoredTensor(named: name, values, shape: base.shape)
            }
        }
        for name in merge.replaced.keys where name.hasPrefix(prefix) || isLast && name == "model.norm.weight" {
            changes[name] = try changed(name)
        }
        return (factors.isEmpty ? nil : Adapter(factors: factors), changes)
    }

    /// The residual streams after a block, after the last one normalised.
    private func advance(
        _ origin: ModelContents.Origin, _ streams: [[Float]], _ adapters: [Adapter?], layer: Int,
        changes: [String: StoredTensor] = [:]
    ) throws -> [[Float]] {
        let source = SingleBlock(
            origin, layer: layer, stream: streams.flatMap { $0 }, width: width, changes: changes)
        let model = try QwenModel(source, precision: .float32)
        source.discard()
        var groups: [TokenBatch.Group] = []
        var start = 0
        for probe in streams.flatMap({ _ in probes }) {
            groups.append(TokenBatch.Group(prompt: Array(start..<start + probe.count), completions: []))
            start += probe.count
        }
        let (plain, pageCount, _) = TokenBatch.packing(groups, adapter: nil, groupSize: model.groupSize)
        let count = tokens.count
        let runs = adapters.enumerated().compactMap { index, adapter in
            adapter.map { AdapterRun(rows: index * count..<(index + 1) * count, adapter: $0) }
        }
        let batch = TokenBatch(ids: plain.ids, layout: plain.layout, adapters: runs)
        var hidden = model.hiddenStates(batch, pages: model.makePages(pageCount, layers: 1))
        if layer == configuration.hiddenLayers - 1 { hidden = model.normalized(hidden) }
        let values = hidden.toArray()
        return streams.indices.map { Array(values[$0 * count * width..<($0 + 1) * count * width]) }
    }

    /// Compares the logits of a slice of the vocabulary at a time.
    private func compareHeads(_ base: [Float], _ adapted: [Float], _ merged: [Float], _ report: inout MergeReport)
        throws
    {
        let isTied = configuration.tieWordEmbeddings
        let tied = "model.embed_tokens.weight"
        guard let old = try merge.base(named: isTied ? tied : "lm_head.weight"),
            let new = try written.tensor(named: isTied && !merge.isUntied ? tied : "lm_head.weight")
        else { throw MergingError(.deviates, "\(written.path): the output head was not written") }
        let adaptedHead = try changed("lm_head.weight") ?? old
        let update =
            merge.modules["lm_head.weight"] == nil ? nil : try merge.update(of: "lm_head.weight")?.reference(of: old)
        var sums = LogitSums(rows: tokens.count)
        for start in stride(from: 0, to: configuration.vocabularySize, by: 8192) {
            let slice = start..<min(start + 8192, configuration.vocabularySize)
            var reference = try Self.logits(adapted, adaptedHead, slice, width, scale: update?.scale)
            if let update { Self.addUpdate(&reference, adapted, update.b, update.a, slice, width) }
            sums.add(
                base: try Self.logits(base, old, slice, width), adapted: reference,
                merged: try Self.logits(merged, new, slice, width), slice)
        }
        sums.finish(&report)
    }

    /// x · Wᵀ for some rows of W, `[N, slice]`.
    private static func logits(
        _ x: [Float], _ head: StoredTensor, _ slice: Range<Int>, _ width: Int, scale: [Double]? = nil
    ) throws -> [Float] {
        _ = singleThreadedBLAS
        var weight = [Float](repeating: 0, count: slice.count * width)
        let elements = slice.lowerBound * width..<slice.upperBound * width
        try weight.withUnsafeMutableBufferPointer { try head.readFloats(elements, into: $0) }
        head.discard(elements)
        if let scale {
            for place in weight.indices { weight[place] *= Float(scale[slice.lowerBound + place / width]) }
        }
        let rows = x.count / width
        var y = [Float](repeating: 0, count: rows * slice.count)
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(slice.count), Int32(width), 1, x, Int32(width),
            weight,
            Int32(width), 0, &y, Int32(slice.count))
        return y
    }

    /// y += (x Aᵀ) Bᵀ for some rows of B.
    private static func addUpdate(
        _ y: inout [Float], _ x: [Float], _ b: Matrix, _ a: Matrix, _ slice: Range<Int>, _ width: Int
    ) {
        let (rows, rank) = (x.count / width, a.rows)
        guard rank > 0 else { return }
        var u = [Float](repeating: 0, count: rows * rank)
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(rank), Int32(width), 1, x, Int32(width),
            a.values,
            Int32(width), 0, &u, Int32(rank))
        let part = Array(b.values[slice.lowerBound * rank..<slice.upperBound * rank])
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(slice.count), Int32(rank), 1, u, Int32(rank),
            part,
            Int32(rank), 1, &y, Int32(slice.count))
    }
}

/// Running sums over logits.
private struct LogitSums {
    private var largest: Float = 0
    private var (difference, effect, sum, squares) = (0.0, 0.0, 0.0, 0.0)
    private var count = 0
    private var likeliest: [(adapted: (Float, Int), merged: (Float, Int))]

    init(rows: Int) { likeliest = Array(repeating: ((-.infinity, 0), (-.infinity, 0)), count: rows) }

    mutating func add(base: [Float], adapted: [Float], merged: [Float], _ slice: Range<Int>) {
        for row in likeliest.indices {
            for column in 0..<slice.count {
                let place = row * slice.count + column
                let (a, m) = (adapted[place], merged[place])
                let gap = m - a
                largest = abs(gap) > largest || gap.isNaN ? abs(gap) : largest
                difference += Double(gap) * Double(gap)
                effect += Double(a - base[place]) * Double(a - base[place])
                sum += Double(a)
                squares += Double(a) * Double(a)
                if a > likeliest[row].adapted.0 { likeliest[row].adapted = (a, slice.lowerBound + column) }
                if m > likeliest[row].merged.0 { likeliest[row].merged = (m, slice.lowerBound + column) }
            }
        }
        count += base.count
    }

    func finish(_ report: inout MergeReport) {
        let n = Double(max(1, count))
        report.probeTokens = likeliest.count
        report.largestDifference = largest
        report.difference = (difference / n).squareRoot()
        report.effect = (effect / n).squareRoot()
        report.deviation = max(0, squares / n - (sum / n) * (sum / n)).squareRoot()
        report.sameLikeliest = likeliest.count { $0.adapted.1 == $0.merged.1 }
    }
}
