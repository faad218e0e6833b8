import OrderedJSON
import RegularExpressions

extension Recipe {
    /// The part of the model that moves.
    public struct Adapter: Hashable, Sendable {
        /// What is trained.
        public enum Kind: String, CaseIterable, Sendable {
            /// Low-rank matrices beside the frozen weights.
            case lora
            /// Every parameter of the model.
            case none
        }

        /// Which linear layers get an adapter, as PEFT's `target_modules`.
        public enum Targets: Hashable, Sendable {
            /// Every linear layer but the output head.
            case allLinear
            /// Layers whose name ends in one of these, such as `q_proj`.
            case modules([String])
            /// Layers whose whole name matches a regular expression.
            case pattern(String)
        }

        /// How the factors begin.
        public enum Initialization: String, CaseIterable, Sendable {
            /// A random, B zero.
            case zero
            /// The base's largest singular values and their vectors (PiSSA).
            case pissa
            /// The first columns and rows of the base's QR decomposition (OLoRA).
            case olora
        }

        /// A value for the layers whose names end with what a regular expression describes.
        public struct Rule<Value: Hashable & Sendable>: Hashable, Sendable {
            /// The expression.
            public var expression: String
            /// The rank or alpha.
            public var value: Value
        }

        /// What is trained.
        public var kind = Kind.lora
        /// The rank of the two factors.
        public var rank = 16
        /// The scale: `alpha / rank`, or `alpha / √rank` with `rslora`.
        public var alpha = 32.0
        /// Whether the scale is `alpha / √rank` (rsLoRA).
        public var rslora = false
        /// Whether directions and magnitudes of the weights are trained apart (DoRA).
        public var dora = false
        /// How the factors begin.
        public var initialization = Initialization.zero
        /// Which linear layers get an adapter.
        public var targets = Targets.allLinear
        /// Layers whose name ends in one of these get none.
        public var exclude: [String] = []
        /// The only blocks that get an adapter; `nil`: all.
        public var layers: [Int]?
        /// Other ranks; the first rule that matches counts.
        public var rankPattern: [Rule<Int>] = []
        /// Other alphas; the first rule that matches counts.
        public var alphaPattern: [Rule<Double>] = []
        /// Modules that are trained whole and saved with the adapter, as PEFT's `modules_to_save`.
        public var wholeModules: [String] = []
        /// Whether the routers of a mixture of experts are trained, whole.
        public var router = false
        /// A PEFT folder to start from; absolute.
        public var initial: String?
        /// A PEFT folder whose adapter stays as it is beneath the trained one; absolute.
        public var beneath: String?
        /// The share of the adapter's inputs that training drops; `sft` only.
        public var dropout = 0.0
    }
}

extension Recipe.Adapter: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("kind", \.kind, .choice(), "`none` trains every parameter of the model"),
        .init("rank", \.rank, .integer(1...1024), "Rank of the adapter"),
        .init("alpha", \.alpha, .number(.above(0)), "Scale: the adapter's output is multiplied by alpha / rank"),
        .init("rslora", \.rslora, .flag, "Scale by alpha / √rank instead"),
        .init("dora", \.dora, .flag, "Train directions and magnitudes of the weights apart (DoRA)"),
        .init(
            "initialization", \.initialization, .choice(),
            "How the factors begin; `pissa` and `olora` take them from the base, and are saved with twice the rank"),
        .init(
            "targets", \.targets, .targets,
            "Layers that get an adapter; a text is a regular expression for the whole layer name"),
        .init(
            "exclude", \.exclude, .list(of: .text, count: 0...1000, "layer names"),
            "Layers whose names end so get none"),
        .init(
            "layers", \.layers, .optional(.list(of: .integer(0...4095), count: 1...4096, "block numbers")),
            "The only blocks that get an adapter, where `targets` is a list; null: all"),
        .init(
            "rank_pattern", \.rankPattern, .rules(of: .integer(1...1024)),
            "Other ranks, by regular expressions for the ends of layer names"),
        .init(
            "alpha_pattern", \.alphaPattern, .rules(of: .number(.above(0))),
            "Other alphas, by regular expressions for the ends of layer names"),
        .init(
            "modules_to_save", \.wholeModules, .list(of: .text, count: 0...1000, "module names"),
            "Modules whose names end so are trained whole and saved with the adapter, such as lm_head or norm"),
        .init("router", \.router, .flag, "Train the routers of a mixture of experts, whole"),
        .init("initial", \.initial, .optional(.path), "PEFT folder to go on from; it says rank, alpha and layers"),
        .init(
            "beneath", \.beneath, .optional(.path),
            "PEFT folder of an adapter that stays as it is beneath the trained one; both are saved as one"),
        .init(
            "dropout", \.dropout, .number(.from(0, to: 1)),
            "(sft) Share of the adapter's inputs that training drops, below 1"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if dropout >= 1 { reader.fault(path + ["dropout"], "expected a number below 1, got \(dropout)") }
        if dropout > 0, dora {
            reader.fault(path + ["dropout"], "doesn't go with dora: its magnitudes scale inputs that are not dropped")
        }
        if layers != nil, !targets.isList {
            reader.fault(path + ["layers"], "needs a list of targets; say the blocks in the expression")
        }
        if initial != nil, initialization != .zero {
            reader.fault(path + ["initialization"], "the adapter in `initial` has begun already; remove one of them")
        }
        guard kind == .none else { return }
        for (key, isGiven) in [("initial", initial != nil), ("beneath", beneath != nil), ("dora", dora)] where isGiven {
            reader.fault(path + [key], "there is no adapter with kind none; remove it")
        }
    }
}

extension Recipe.Adapter.Targets {
    var isList: Bool { if case .modules = self { true } else { false } }
}

extension ValueType {
    /// Values by regular expression, in the order given.
    static func rules<Element: Hashable & Sendable>(of type: ValueType<Element>) -> Self
    where Value == [Recipe.Adapter.Rule<Element>] {
        Self(name: "regular expressions, each with \(type.name)") { value, path, reader in
            guard case .map(let entries) = value.content, entries.count <= 1000 else {
                reader.unexpected(value, path, "at most 1000 regular expressions with values, such as q_proj: 8")
                return nil
            }
            var rules: Value = []
            for entry in entries {
                guard RecipeExpression.isSound(entry.key) else {
                    reader.fault(
                        path, "'\(entry.key.prefix(80))' is not a sound regular expression", at: entry.place)
                    continue
                }
                guard let element = type.read(entry.value, path + [entry.key], &reader) else { continue }
                rules.append(.init(expression: entry.key, value: element))
            }
            return rules.count == entries.count ? rules : nil
        } write: { rules in
            .object(JSONObject(rules.map { ($0.expression, type.write($0.value)) }))
        }
    }
}

extension ValueType where Value == Recipe.Adapter.Targets {
    static var targets: Self {
        let list = ValueType<[String]>.list(of: .text, count: 1...1000, "layer names")
        return Self(name: "`all-linear`, list of layer names, or regular expression") { value, path, reader in
            guard case .scalar = value.content else {
                return list.read(value, path, &reader).map { .modules($0) }
            }
            guard let text = ValueType<String>.text.read(value, path, &reader) else { return nil }
            if text == "all-linear" { return .allLinear }
            let isWord = text.utf8.allSatisfy { (0x61...0x7A).contains($0) || "-_".utf8.contains($0) }
            if isWord, let nearest = Suggestion.nearest(to: text, among: ["all-linear"]) {
                reader.fault(path, "unknown targets '\(text)'; did you mean '\(nearest)'?", at: value.place)
                return nil
            }
            guard RecipeExpression.isSound(text) else {
                reader.fault(path, "'\(text.prefix(80))' is not a sound regular expression", at: value.place)
                return nil
            }
            return .pattern(text)
        } write: {
            switch $0 {
            case .allLinear: "all-linear"
            case .modules(let names): .array(names.map { .string($0) })
            case .pattern(let text): .string(text)
            }
        }
    }
}

/// Checks regular expressions that come from a recipe.
enum RecipeExpression {
    /// Whether a text of sensible length compiles.
    static func isSound(_ text: String) -> Bool {
        text.utf8.count <= 1000 && (try? Pattern(text, maximumInstructions: 1000)) != nil
    }
}
