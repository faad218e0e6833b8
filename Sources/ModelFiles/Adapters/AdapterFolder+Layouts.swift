import OrderedJSON

/// How the factors for experts are written.
public enum ExpertLayout: String, CaseIterable, Sendable {
    /// A pair for each expert's layer, `mlp.experts.7.up_proj.lora_A.weight`: transformers 4, vLLM, and what training writes.
    case separate
    /// One pair for all experts (`target_parameters`): PEFT 0.17 and later beside transformers 5.
    case fused
}

extension AdapterFolder {
    /// Writes the adapter anew: its experts in another layout, its numbers in another type.
    ///
    /// Going on from the fused layout gives gate and up projection an A each; where they are still the same, the fused layout
    /// holds it once, else one below the other with B's blocks apart and twice the rank.
    ///
    /// - Parameter type: As the first factors are stored unless given.
    /// - Throws: `ModelFileError`: `unsupported` for what the fused layout can't hold, `unwritable`.
    public func write(to path: String, experts: ExpertLayout, type: StoredType? = nil) throws(ModelFileError) {
        var configuration = configuration
        var weights: [AdapterWeights] = []
        switch experts {
        case .separate:
            for name in moduleNames {
                guard let stored = adapters[name] else { continue }
                weights.append(
                    AdapterWeights(
                        module: name, rank: stored.rank, loraA: try stored.loraA.finiteFloats(),
                        loraB: try stored.loraB.finiteFloats(), magnitude: try stored.magnitude?.finiteFloats()))
            }
        case .fused:
            let fused = try FusedAdapter(self)
            (configuration, weights) = (fused.configuration, fused.weights)
        }
        let first = moduleNames.first.flatMap { adapters[$0]?.loraA.type }
        for tensor in savedTensors.values { _ = try tensor.finiteFloats() }
        let saved = savedTensors.keys.sorted { SortedByBytes($0) < SortedByBytes($1) }.compactMap { name in
            savedTensors[name].map { WritableTensor($0, name: name) }
        }
        try Self.write(
            configuration: configuration, weights: weights, saved: saved, type: type ?? first ?? .float32, to: path)
    }
}

/// An adapter in PEFT's fused layout. Layers that transformers 5 counts among the experts by the end of their names (a dense
/// block's gate, up and down projection, a router) are named as parameters too: by their modules PEFT would not find them.
private struct FusedAdapter {
    var configuration: AdapterConfiguration
    private(set) var weights: [AdapterWeights] = []

    init(_ folder: AdapterFolder) throws(ModelFileError) {
        configuration = folder.configuration
        guard !configuration.useDora else {
            throw ModelFileError(.unsupported, "DoRA has no fused layout: PEFT takes no magnitudes for parameters")
        }
        let targeting = try AdapterTargeting(configuration, familyDefaults: [])
        var owners: [String: ExpertFactors] = [:]
        var modules: [String] = []
        var rules: [FactorRule] = []
        var parameters: [String] = []
        for name in folder.moduleNames {
            guard let stored = folder.adapters[name] else { continue }
            if let place = FusedExperts.place(of: name + ".weight") {
                let owner = String(place.fused.prefix(upTo: place.fused.lastIndex(of: ".") ?? place.fused.endIndex))
                owners[owner, default: ExpertFactors(owner: owner)].add(
                    stored, place, scaling: targeting.scaling(of: name))
                continue
            }
            weights.append(
                AdapterWeights(
                    module: name, rank: stored.rank, loraA: try stored.loraA.finiteFloats(),
                    loraB: try stored.loraB.finiteFloats()))
            guard Self.countsAsExpert(name) else {
                modules.append(name)
                continue
            }
            parameters.append(name + ".weight")
            rules.append(FactorRule(module: name, leaf: "weight", rank: stored.rank, alpha: targeting.alpha(of: name)))
        }
        guard !owners.isEmpty else {
            throw ModelFileError(.unsupported, "the adapter has no factors for experts, so there is nothing to fuse")
        }
        for owner in owners.keys.sorted(by: { SortedByBytes($0) < SortedByBytes($1) }) {
            for pair in try owners[owner]?.pairs(configuration) ?? [] {
                weights.append(pair.weights)
                rules.append(pair.rule)
                parameters.append("\(owner).\(pair.rule.leaf)")
            }
        }
        chooseTargets(modules)
        configuration.targetParameters = parameters
        configuration.put(rules)
        // PEFT drops no inputs of parameters, and refuses a rate.
        configuration.loraDropout = 0
    }

    private static func countsAsExpert(_ module: String) -> Bool {
        ["gate", "gate_proj", "up_proj", "down_proj"].contains { module == $0 || module.hasSuffix("." + $0) }
    }

    /// The names that the configuration has, where they alone say which modules there are; else each module.
    private mutating func chooseTargets(_ modules: [String]) {
        guard case .names(let names) = configuration.targetModules, configuration.excludeModules == .names([]),
            configuration.layersToTransform == nil
        else { return configuration.target(modules) }
        let ends = Set(modules.map { $0.split(separator: ".").last.map(String.init) ?? $0 })
        let kept = names.filter(ends.contains)
        if Set(kept) == ends { configuration.targetModules = .names(kept) } else { configuration.target(modules) }
    }
}

/// The factors of one block's experts.
private struct ExpertFactors {
    let owner: String
    private var experts: [Int: [String: (stored: StoredAdapter, scaling: Double)]] = [:]

    init(owner: String) { self.owner = owner }

    mutating func add(_ stored: StoredAdapter, _ place: FusedExperts.Place, scaling: Double) {
        let layer = stored.module.split(separator: ".").last.map(String.init) ?? ""
        experts[place.expert, default: [:]][layer] = (stored, scaling)
    }

    /// One pair for each of the two parameters that has factors, the module of the first within that of the second.
    func pairs(
        _ configuration: AdapterConfiguration
    ) throws(ModelFileError) -> [(weights: AdapterWeights, rule: FactorRule)] {
        let names = Set(experts.values.flatMap(\.keys))
        var pairs: [(weights: AdapterWeights, rule: FactorRule)] = []
        for (parameter, layers) in [("gate_up_proj", ["gate_proj", "up_proj"]), ("down_proj", ["down_proj"])]
        where layers.contains(where: names.contains) {
            let isInner = parameter == "gate_up_proj" && names.contains("down_proj")
            let parts = try parts(layers)
            let joined = try joined(parts)
            let root = configuration.useRslora ? Double(joined.rank).squareRoot() : Double(joined.rank)
            pairs.append(
                (
                    AdapterWeights(
                        module: owner + (isInner ? ParameterAdapters.innerSuffix : ""),
                        rank: joined.rank * parts.count, loraA: joined.a, loraB: joined.b),
                    FactorRule(
                        module: owner, leaf: parameter, rank: joined.rank,
                        alpha: (parts.first?.first?.scaling ?? 1) * root)
                ))
        }
        return pairs
    }

    private func fault(_ message: String) -> ModelFileError {
        ModelFileError(.unsupported, "\(owner): \(message); the fused layout has one pair for all experts")
    }

    /// The factors of some layers, expert by expert.
    private func parts(_ layers: [String]) throws(ModelFileError) -> [[(stored: StoredAdapter, scaling: Double)]] {
        var parts: [[(stored: StoredAdapter, scaling: Double)]] = []
        for expert in 0...(experts.keys.max() ?? 0) {
            let own = layers.compactMap { experts[expert]?[$0] }
            guard own.count == layers.count else {
                throw fault(
                    "expert \(expert) has no factors for \(layers.filter { experts[expert]?[$0] == nil }.joined(separator: ", "))"
                )
            }
            if let first = parts.first {
                guard zip(own, first).allSatisfy({ $0.stored.hasShapes(of: $1.stored) }) else {
                    throw fault("experts 0 and \(expert) have factors of different shapes")
                }
            }
            parts.append(own)
        }
        guard Set(parts.flatMap { $0.map { $0.scaling } }).count == 1,
            Set(parts.flatMap { $0.map { $0.stored.loraA.shape[1] } }).count == 1
        else { throw fault("its factors have different scalings or inputs") }
        return parts
    }

    /// A `[E·R, in]` and B `[out, R·E]`.
    private func joined(
        _ parts: [[(stored: StoredAdapter, scaling: Double)]]
    ) throws(ModelFileError) -> (rank: Int, a: [Float], b: [Float]) {
        var factors: [[(a: [Float], b: [Float], rank: Int)]] = []
        for part in parts {
            var own: [(a: [Float], b: [Float], rank: Int)] = []
            for (stored, _) in part {
                own.append((try stored.loraA.finiteFloats(), try stored.loraB.finiteFloats(), stored.rank))
            }
            factors.append(own)
        }
        let isShared = factors.allSatisfy { own in own.allSatisfy { $0.a == own[0].a } }
        let ranks = factors[0].map { $0.rank }
        let rank = isShared ? ranks[0] : ranks.reduce(0, +)
        let outputs = factors[0].map { $0.b.count / $0.rank }
        let width = rank * parts.count
        var b = [Float](repeating: 0, count: outputs.reduce(0, +) * width)
        for (expert, own) in factors.enumerated() {
            var (row, column) = (0, 0)
            for (layer, factor) in own.enumerated() {
                for place in factor.b.indices {
                    let target = (row + place / factor.rank) * width + (column + place % factor.rank) * parts.count
                    b[target + expert] = factor.b[place]
                }
                row += outputs[layer]
                column += isShared ? 0 : factor.rank
            }
        }
        return (rank, factors.flatMap { own in isShared ? own[0].a : own.flatMap { $0.a } }, b)
    }
}

extension StoredAdapter {
    fileprivate func hasShapes(of other: StoredAdapter) -> Bool {
        loraA.shape == other.loraA.shape && loraB.shape == other.loraB.shape
    }
}
