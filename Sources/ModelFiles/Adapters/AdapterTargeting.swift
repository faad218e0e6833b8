import OrderedJSON
import RegularExpressions

/// The rules of an adapter configuration, ready to be asked about modules: which get an adapter, of what rank and scaling.
///
/// The rules are PEFT's (0.21, `check_target_module_exists`, `get_pattern_key`), its oddities included: the layer rules hold
/// only for names that match by their end, and "the layer" is the last number in a name.
/// Names are those of the Hugging Face model, such as `model.layers.3.self_attn.q_proj`.
public struct AdapterTargeting: Sendable {
    /// The most rules or expressions in one list.
    public static let maximumEntries = 4_096
    /// The most steps one expression may compile to.
    public static let maximumInstructions = 1_000

    private enum Selection {
        case names([String])
        case expression(Pattern)
        case allLinear

        func contains(_ module: String) -> Bool {
            switch self {
            case .names(let names): names.contains { module == $0 || module.hasSuffix("." + $0) }
            case .expression(let pattern): pattern.fullMatch(module) != nil
            case .allLinear: true
            }
        }
    }

    /// The configuration.
    public let configuration: AdapterConfiguration
    private let targets: Selection
    private let excluded: Selection
    private let saved: [Pattern]
    private let layerPatterns: [Pattern]
    private let ranks: [(pattern: Pattern, value: Int)]
    private let alphas: [(pattern: Pattern, value: Double)]

    /// Checks a configuration and compiles its expressions.
    ///
    /// - Parameter familyDefaults: The modules meant if `target_modules` is absent; PEFT has `q_proj` and `v_proj` for Qwen.
    /// - Parameter place: Where the configuration is from, for error messages.
    /// - Throws: `ModelFileError` (`malformed`) for values out of range, contradictions and bad expressions.
    public init(
        _ configuration: AdapterConfiguration, familyDefaults: [String], place: String = "adapter configuration"
    ) throws(ModelFileError) {
        let check = AdapterCheck(configuration: configuration, place: place)
        try check.ranges()
        self.configuration = configuration
        targets =
            switch configuration.targetModules {
            case .names(let names): .names(names)
            case .expression(let text): .expression(try check.pattern(text, "target_modules"))
            case .allLinear: .allLinear
            case .familyDefault: .names(configuration.targetParameters.isEmpty ? familyDefaults : [])
            }
        excluded =
            switch configuration.excludeModules {
            case .names(let names): .names(names)
            case .expression(let text): .expression(try check.pattern(text, "exclude_modules"))
            }
        var saved: [Pattern] = []
        for module in configuration.modulesToSave {
            saved.append(try check.pattern(module, "modules_to_save") { "(^|.*\\.)\($0)($|\\..*)" })
        }
        self.saved = saved
        var layerPatterns: [Pattern] = []
        for name in configuration.layersPattern.isEmpty ? ["[^.]*"] : configuration.layersPattern {
            layerPatterns.append(try check.pattern(name, "layers_pattern") { ".*\\.\($0)\\.(?P<layer__>\\d+)\\." })
        }
        self.layerPatterns = layerPatterns
        ranks = try check.rules(configuration.rankPattern, "rank_pattern")
        alphas = try check.rules(configuration.alphaPattern, "alpha_pattern")
    }

    /// Whether a module gets an adapter.
    ///
    /// - Parameter isLinear: Whether it is a linear layer; asked only for `all-linear`.
    /// - Parameter isOutputHead: Whether it is the layer that makes the logits; `all-linear` leaves it out.
    public func targets(moduleNamed name: String, isLinear: Bool = true, isOutputHead: Bool = false) -> Bool {
        if excluded.contains(name) || saved.contains(where: { $0.prefixMatch(in: name) != nil }) { return false }
        switch targets {
        case .allLinear: return isLinear && !isOutputHead
        case .expression: return targets.contains(name)
        case .names(let names):
            if names.contains(name) { return true }
            guard targets.contains(name) else { return false }
            guard let layers = configuration.layersToTransform else { return true }
            return layer(of: name).map(layers.contains) ?? false
        }
    }

    /// Whether a weight is trained and saved whole: it belongs to a module, or to a part of one, whose name ends in one of
    /// `modules_to_save`.
    public func saves(weightNamed name: String) -> Bool {
        guard !configuration.modulesToSave.isEmpty else { return false }
        return name.indices.contains { place in
            name[place] == "." && configuration.modulesToSave.contains { name[..<place].hasSuffix($0) }
        }
    }

    /// The rank of a module's adapter.
    public func rank(of module: String) -> Int {
        ranks.first { $0.pattern.prefixMatch(in: module) != nil }?.value ?? configuration.r
    }

    /// The alpha of a module's adapter.
    public func alpha(of module: String) -> Double {
        alphas.first { $0.pattern.prefixMatch(in: module) != nil }?.value ?? configuration.loraAlpha
    }

    /// What a module's B·A is multiplied with: alpha/r, or alpha/√r with rsLoRA.
    public func scaling(of module: String) -> Double {
        let rank = Double(rank(of: module))
        return alpha(of: module) / (configuration.useRslora ? rank.squareRoot() : rank)
    }

    private func layer(of name: String) -> Int? {
        for pattern in layerPatterns {
            if let digits = pattern.prefixMatch(in: name)?["layer__"] { return Int(name[digits]) }
        }
        return nil
    }
}

/// The checks of a configuration.
private struct AdapterCheck {
    let configuration: AdapterConfiguration
    let place: String

    private func fault(_ message: String) -> ModelFileError { ModelFileError(.malformed, "\(place): \(message)") }

    func ranges() throws(ModelFileError) {
        try rank(configuration.r, "r")
        for rule in configuration.rankPattern { try rank(rule.value, "rank_pattern \(quoted(rule.expression))") }
        try alpha(configuration.loraAlpha, "lora_alpha")
        for rule in configuration.alphaPattern { try alpha(rule.value, "alpha_pattern \(quoted(rule.expression))") }
        guard configuration.loraDropout >= 0, configuration.loraDropout < 1 else {
            throw fault("lora_dropout is \(configuration.loraDropout); expected 0 ≤ lora_dropout < 1")
        }
        guard ["none", "all", "lora_only"].contains(configuration.bias) else {
            throw fault("bias is \(quoted(configuration.bias)); expected none, all or lora_only")
        }
        switch configuration.initLoraWeights {
        case .bool, .string: break
        case let value: throw fault("init_lora_weights is \(quoted(value.text())); expected true, false or a name")
        }
        let usesNames =
            switch configuration.targetModules {
            case .names, .familyDefault: true
            case .expression, .allLinear: false
            }
        guard usesNames || configuration.layersToTransform == nil && configuration.layersPattern.isEmpty else {
            throw fault(
                "layers_to_transform and layers_pattern need a list of target_modules; say the layers in the expression"
            )
        }
        guard configuration.layersPattern.isEmpty || configuration.layersToTransform != nil else {
            throw fault("layers_pattern is given without layers_to_transform; give both or none")
        }
        let counts = [
            "alpha_pattern": configuration.alphaPattern.count, "layers_pattern": configuration.layersPattern.count,
            "modules_to_save": configuration.modulesToSave.count, "rank_pattern": configuration.rankPattern.count,
            "target_parameters": configuration.targetParameters.count,
        ]
        for (key, count) in counts.sorted(by: { $0.key < $1.key }) where count > AdapterTargeting.maximumEntries {
            throw fault("\(key) has \(count) entries; expected at most \(AdapterTargeting.maximumEntries)")
        }
    }

    private func rank(_ rank: Int, _ name: String) throws(ModelFileError) {
        guard rank >= 1, rank <= AdapterConfiguration.maximumRank else {
            throw fault("\(name) is \(rank); expected a rank from 1 to \(AdapterConfiguration.maximumRank)")
        }
    }

    private func alpha(_ alpha: Double, _ name: String) throws(ModelFileError) {
        guard alpha.isFinite else { throw fault("\(name) is \(alpha); expected a finite number") }
    }

    func pattern(
        _ text: String, _ key: String, _ embed: (String) -> String = { $0 }
    ) throws(ModelFileError) -> Pattern {
        do {
            return try Pattern(embed(text), maximumInstructions: AdapterTargeting.maximumInstructions)
        } catch {
            throw ModelFileError(.malformed, "\(place): \(key) has \(quoted(text)): \(error)", cause: error)
        }
    }

    func rules<Value>(
        _ rules: [AdapterConfiguration.PatternRule<Value>], _ key: String
    ) throws(ModelFileError) -> [(pattern: Pattern, value: Value)] {
        var compiled: [(pattern: Pattern, value: Value)] = []
        for rule in rules {
            compiled.append((try pattern(rule.expression, key) { "(.*\\.)?(\($0))$" }, rule.value))
        }
        return compiled
    }
}
