import OrderedJSON

/// Adapters for parameters (PEFT's `target_parameters`), above all for the tensors that hold all experts of a block, taken
/// apart into those of each expert's layers, which compute the same.
///
/// For E experts A is `[E·R, in]`, expert by expert, and column r·E + e of B `[out, R·E]` belongs to expert e. The module is
/// `mlp.experts`, and with a further `.base_layer` for the first of two parameters. The rows of B for `gate_up_proj` are
/// those of the gate and then of the up projection; both have the same A.
///
/// Source: PEFT 0.21, `ParamWrapper`.
struct ParameterAdapters {
    /// What is left when all is taken apart.
    struct Separated {
        /// The configuration without `target_parameters`, of the same ranks and scalings.
        var configuration: AdapterConfiguration
        /// The adapters of linear layers, by name.
        var adapters: [String: StoredAdapter] = [:]
        /// How many experts the parameters are for; `nil` without such parameters.
        var experts: Int?
    }

    /// A parameter of a module, such as `gate_up_proj` of `model.layers.3.mlp.experts`.
    private struct Parameter {
        let owner: String
        let name: String
        var path: String { "\(owner).\(name)" }
    }

    static let innerSuffix = ".base_layer"
    private let configuration: AdapterConfiguration
    private let targeting: AdapterTargeting
    private let targets: Set<String>
    private let path: String

    /// - Parameter path: Of the file, for messages.
    init(_ configuration: AdapterConfiguration, path: String) throws(ModelFileError) {
        self.configuration = configuration
        self.path = path
        targeting = try AdapterTargeting(configuration, familyDefaults: [])
        targets = Set(configuration.targetParameters)
    }

    /// Whether a parameter is named, or ends behind a dot as one of the names does.
    private func isTargeted(_ parameter: String) -> Bool {
        targets.contains(parameter)
            || parameter.indices.contains { place in
                parameter[place] == "." && targets.contains(String(parameter[parameter.index(after: place)...]))
            }
    }

    /// The parameter that a module's factors are for; `nil` for those of a linear layer.
    private func parameter(of module: String) -> Parameter? {
        guard !targets.isEmpty else { return nil }
        let isInner = module.hasSuffix(Self.innerSuffix)
        let owner = isInner ? String(module.dropLast(Self.innerSuffix.count)) : module
        // A name of a target may be the parameter's alone, which any module's could end with.
        let fused =
            owner.hasSuffix(".experts") ? ["gate_up_proj", "down_proj"].filter { isTargeted("\(owner).\($0)") } : []
        if isInner { return fused.count == 2 ? Parameter(owner: owner, name: fused[0]) : nil }
        if let outer = fused.last { return Parameter(owner: owner, name: outer) }
        return isTargeted(owner + ".weight") ? Parameter(owner: owner, name: "weight") : nil
    }

    /// Takes the adapters of a file apart, and checks that each is of the rank that the configuration says.
    func separated(_ stored: [String: StoredAdapter]) throws(ModelFileError) -> Separated {
        var result = Separated(configuration: configuration)
        var rules: [FactorRule] = []
        for module in stored.keys.sorted(by: { SortedByBytes($0) < SortedByBytes($1) }) {
            guard let adapter = stored[module] else { continue }
            let parameter = parameter(of: module)
            let rank = targeting.rank(of: parameter?.path ?? module)
            var parts = [adapter]
            if let parameter, parameter.name != "weight" {
                parts = try experts(of: adapter, parameter, rank: rank, &result.experts)
            } else if adapter.rank != rank {
                throw ModelFileError(
                    .mismatched,
                    "\(path): module \(quoted(module)) has rank \(adapter.rank); adapter_config.json says \(rank)")
            }
            if let parameter {
                rules.append(
                    FactorRule(
                        module: parameter.owner, leaf: Self.leaves[parameter.name] ?? "", rank: rank,
                        alpha: targeting.alpha(of: parameter.path)))
            }
            for part in parts where result.adapters.updateValue(part, forKey: part.module) != nil {
                throw ModelFileError(.malformed, "\(path): there are two adapters for \(quoted(part.module))")
            }
        }
        guard !targets.isEmpty else { return result }
        result.configuration.targetParameters = []
        result.configuration.target(result.adapters.keys)
        result.configuration.put(rules)
        return result
    }

    /// The layers of an expert whose weights a parameter holds, as an expression.
    private static let leaves = ["gate_up_proj": "\\d+\\.(gate_proj|up_proj)", "down_proj": "\\d+\\.down_proj"]

    /// The adapters of each expert's layers.
    private func experts(
        of stored: StoredAdapter, _ parameter: Parameter, rank: Int, _ experts: inout Int?
    ) throws(ModelFileError) -> [StoredAdapter] {
        let (rows, inputs, outputs) = (stored.loraA.shape[0], stored.loraA.shape[1], stored.loraB.shape[0])
        let layers = parameter.name == "gate_up_proj" ? ["gate_proj", "up_proj"] : ["down_proj"]
        guard rows % rank == 0, outputs % layers.count == 0, stored.magnitude == nil else {
            throw ModelFileError(
                .mismatched,
                "\(path): module \(quoted(stored.module)) has A \(stored.loraA.shape), B \(stored.loraB.shape)"
                    + (stored.magnitude == nil ? "" : " and magnitudes")
                    + "; expected rank \(rank) for each expert of \(quoted(parameter.path))")
        }
        let count = rows / rank
        guard experts ?? count == count else {
            throw ModelFileError(
                .mismatched,
                "\(path): module \(quoted(stored.module)) has factors for \(count) experts, others have them for "
                    + "\(experts ?? 0)")
        }
        experts = count
        let b = stored.loraB.regrouped(outputs: outputs, rank: rank, experts: count)
        let bytes = stored.loraA.type.bytesPerBlock
        let half = outputs / layers.count
        return (0..<count).flatMap { expert in
            layers.enumerated().map { index, layer in
                let name = "\(parameter.owner).\(expert).\(layer)"
                return StoredAdapter(
                    module: name,
                    loraA: StoredTensor(
                        name: stored.loraA.name, shape: [rank, inputs], type: stored.loraA.type,
                        file: stored.loraA.file, offset: stored.loraA.offset + expert * rank * inputs * bytes),
                    loraB: StoredTensor(
                        name: stored.loraB.name, shape: [half, rank], type: b.type, file: b.file,
                        offset: (expert * outputs + index * half) * rank * b.type.bytesPerBlock),
                    magnitude: nil)
            }
        }
    }
}

extension StoredTensor {
    /// B `[out, R·E]` as `[E, out, R]`, in memory and with the same bits.
    fileprivate func regrouped(outputs: Int, rank: Int, experts: Int) -> StoredTensor {
        let size = type.bytesPerBlock
        var result = [UInt8](repeating: 0, count: byteCount)
        file.withBytes { bytes in
            result.withUnsafeMutableBytes { result in
                guard let source = bytes.baseAddress, let target = result.baseAddress else { return }
                for output in 0..<outputs {
                    for column in 0..<rank * experts {
                        let place = ((column % experts) * outputs + output) * rank + column / experts
                        (target + place * size).copyMemory(
                            from: source + offset + (output * rank * experts + column) * size, byteCount: size)
                    }
                }
            }
        }
        return StoredTensor(
            name: name, shape: [experts, outputs, rank], type: type,
            file: MappedFile(copying: result, path: file.path), offset: 0)
    }
}

/// The rank and alpha of the factors of one module, or of the parts of it that an expression names.
struct FactorRule {
    /// The module.
    let module: String
    /// An expression for what follows its name behind a dot; empty for the module itself.
    let leaf: String
    let rank: Int
    let alpha: Double

    /// For this module alone.
    var expression: String { module.replacing(".", with: "\\.") + (leaf.isEmpty ? "" : "\\." + leaf) }
    /// For all blocks' experts.
    var sharedExpression: String? { module.hasSuffix(".experts") && !leaf.isEmpty ? "experts\\." + leaf : nil }
}

extension AdapterConfiguration {
    /// Names the modules one by one, whatever rules chose them.
    mutating func target(_ modules: some Sequence<String>) {
        targetModules = .names(modules.sorted { SortedByBytes($0) < SortedByBytes($1) })
        (excludeModules, layersToTransform, layersPattern) = (.names([]), nil, [])
    }

    /// Puts rules before those that there are, one for all blocks where they agree.
    mutating func put(_ rules: [FactorRule]) {
        var (ranks, alphas): ([PatternRule<Int>], [PatternRule<Double>]) = ([], [])
        let alike = Dictionary(grouping: rules, by: \.leaf).mapValues { rules in
            Set(rules.map { [Double($0.rank), $0.alpha] }).count == 1 && rules.allSatisfy { $0.sharedExpression != nil }
        }
        var done: Set<String> = []
        for rule in rules {
            let shared = alike[rule.leaf] == true ? rule.sharedExpression : nil
            let expression = shared ?? rule.expression
            guard done.insert(expression).inserted else { continue }
            if rule.rank != r || !rankPattern.isEmpty { ranks.append(.init(expression: expression, value: rule.rank)) }
            if rule.alpha != loraAlpha || !alphaPattern.isEmpty {
                alphas.append(.init(expression: expression, value: rule.alpha))
            }
        }
        rankPattern = ranks + rankPattern
        alphaPattern = alphas + alphaPattern
    }
}
