import OrderedJSON

/// What an adapter is: PEFT's `adapter_config.json` for LoRA, with PEFT's names and defaults.
///
/// It is a plain value; `AdapterTargeting` applies its rules to module names, and checks it.
public struct AdapterConfiguration: Hashable, Sendable {
    /// Which modules get an adapter.
    public enum TargetModules: Hashable, Sendable {
        /// Names, or the ends of names behind a dot.
        case names([String])
        /// A regular expression for the whole name.
        case expression(String)
        /// Every linear layer but the output head.
        case allLinear
        /// Not said: the defaults of the model's family.
        case familyDefault
    }

    /// Which modules get none.
    public enum ExcludedModules: Hashable, Sendable {
        /// Names, or the ends of names behind a dot; none by default.
        case names([String])
        /// A regular expression for the whole name.
        case expression(String)
    }

    /// A value for the modules whose names end with what a regular expression describes.
    public struct PatternRule<Value: Hashable & Sendable>: Hashable, Sendable {
        /// The expression.
        public var expression: String
        /// The rank or alpha.
        public var value: Value
        /// A rule.
        public init(expression: String, value: Value) {
            self.expression = expression
            self.value = value
        }
    }

    /// The largest rank that is accepted.
    public static let maximumRank = 65_536

    /// The rank.
    public var r: Int
    /// Numerator of the scaling.
    public var loraAlpha: Double
    /// Share of the adapter's inputs that training drops.
    public var loraDropout: Double = 0
    /// Scaling alpha/√r in place of alpha/r (Kalajdzievski 2023, arXiv:2312.03732).
    public var useRslora = false
    /// Weight-decomposed adapters with a magnitude vector (Liu et al. 2024, arXiv:2402.09353).
    public var useDora = false
    /// Which modules get an adapter.
    public var targetModules: TargetModules
    /// Which modules get none.
    public var excludeModules = ExcludedModules.names([])
    /// Fused parameters that get an adapter, as PEFT has it for experts.
    public var targetParameters: [String] = []
    /// Other ranks; the first rule that matches counts.
    public var rankPattern: [PatternRule<Int>] = []
    /// Other alphas; the first rule that matches counts.
    public var alphaPattern: [PatternRule<Double>] = []
    /// The only layers that get an adapter; `nil` means all.
    public var layersToTransform: [Int]?
    /// What stands before the layer's number in a name; empty means anything.
    public var layersPattern: [String] = []
    /// Modules that are trained and saved whole.
    public var modulesToSave: [String] = []
    /// Which biases are trained: `none`, `all` or `lora_only`.
    public var bias = "none"
    /// Whether the base stores its weights transposed, as GPT-2 does and no Qwen; without meaning here, as for PEFT's linear layers.
    public var fanInFanOut = false
    /// How training began: `true`, `false`, or a method's name. Some methods (`pissa`, `olora`, …) also changed the base.
    public var initLoraWeights: JSONValue = true
    /// The base model's name or folder.
    public var baseModelNameOrPath: String?
    /// `CAUSAL_LM`.
    public var taskType: String? = "CAUSAL_LM"
    /// Whether the adapter is for use, not for further training.
    public var inferenceMode = true
    /// All other keys of the file, kept for rewriting.
    public var otherKeys = JSONObject()

    /// A configuration with PEFT's defaults for everything else.
    public init(r: Int = 8, loraAlpha: Double = 8, targetModules: TargetModules = .familyDefault) {
        self.r = r
        self.loraAlpha = loraAlpha
        self.targetModules = targetModules
    }

    /// The method of `init_lora_weights` that changed the base's weights when training began, if one did: the factors are then
    /// not for the base as it is.
    public var baseChange: String? {
        guard let name = initLoraWeights.stringValue?.lowercased(),
            ["pissa", "olora", "corda", "loftq", "lora_ga"].contains(where: name.hasPrefix)
        else { return nil }
        return name
    }

    /// Features that change what an adapter computes, are switched on in `otherKeys`, and are not supported. Whoever applies
    /// the adapter must refuse them.
    public var unsupportedFeatures: [String] {
        let keys = [
            "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "lora_bias",
            "monteclora_config",
            "trainable_token_indices", "use_bdlora", "use_qalora", "velora_config",
        ]
        return keys.filter { key in
            switch otherKeys[key] {
            case nil, .null, .bool(false): false
            case .array(let elements): !elements.isEmpty
            case .object(let object): !object.isEmpty
            default: true
            }
        }
    }
}
