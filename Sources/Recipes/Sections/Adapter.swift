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

        /// What is trained.
        public var kind = Kind.lora
        /// The rank of the two factors.
        public var rank = 16
        /// The scale: `alpha / rank`, or `alpha / √rank` with `rslora`.
        public var alpha = 32.0
        /// Whether the scale is `alpha / √rank` (rsLoRA).
        public var rslora = false
        /// Which linear layers get an adapter.
        public var targets = Targets.allLinear
        /// A PEFT folder to start from; absolute.
        public var initial: String?
        /// Always 0 in this version.
        public var dropout = 0.0
    }
}

extension Recipe.Adapter: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("kind", \.kind, .choice(), "`none` trains every parameter of the model"),
        .init("rank", \.rank, .integer(1...1024), "Rank of the adapter"),
        .init("alpha", \.alpha, .number(.above(0)), "Scale: the adapter's output is multiplied by alpha / rank"),
        .init("rslora", \.rslora, .flag, "Scale by alpha / √rank instead"),
        .init(
            "targets", \.targets, .targets,
            "Layers that get an adapter; a text is a regular expression for the whole layer name"),
        .init("initial", \.initial, .optional(.path), "PEFT folder to go on from"),
        .init("dropout", \.dropout, .number(.from(0, to: 1)), "Only 0 in this version"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if dropout != 0 {
            reader.fault(
                path + ["dropout"],
                "this version has no adapter dropout (it makes rollout and training differ); set it to 0")
        }
        if kind == .none, initial != nil {
            reader.fault(path + ["initial"], "there is no adapter with kind none; remove it")
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
