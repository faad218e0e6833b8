extension Recipe.Rollout {
    /// Where completions come from: this process, or servers that are asked over HTTP.
    public struct Engine: Hashable, Sendable {
        /// Who generates.
        public enum Kind: String, CaseIterable, Sendable {
            /// This process, with the trainer's own forward pass.
            case own
            /// OpenAI-compatible servers.
            case openai
        }

        /// What the servers are: how adapters are loaded there, and how they are asked for tokens.
        public enum Servers: String, CaseIterable, Sendable {
            /// vLLM.
            case vllm
            /// SGLang.
            case sglang
            /// `touchstone serve`.
            case touchstone
        }

        /// Who generates.
        public var kind = Kind.own
        /// The servers' addresses, without `/v1`.
        public var urls: [String] = []
        /// What the servers are; never `nil` with kind openai.
        public var publish: Servers?
        /// The folder that each step's adapter is written to; absolute. `nil`: `rollout-adapters` in the run folder.
        public var directory: String?
        /// The same folder by the name it has for the servers; `nil`: the same name.
        public var serverDirectory: String?
        /// The environment variable with the key that is sent as `Authorization: Bearer`.
        public var keyVariable: String?
        /// Requests at the same time for each server; one asks for one completion.
        public var concurrency = 16
        /// Seconds for one answer.
        public var timeout = 300.0
        /// How often a server may refuse, or answer wrongly, in a row.
        public var retries = 3
        /// Seconds without any server after which the run stops.
        public var patience = 1800.0
        /// What is done about log-probabilities that are not the trainer's.
        public var correction = Correction()

        /// Whether completions come from elsewhere.
        public var isExternal: Bool { kind != .own }
    }

    /// What is done about a sampler whose log-probabilities are not the trainer's.
    public struct Correction: Hashable, Sendable {
        /// What is weighed, and what happens to a weight out of bounds.
        public enum Mode: String, CaseIterable, Sendable {
            /// Nothing is weighed.
            case none
            /// Each token; weights are clamped.
            case tokenTruncate = "token_truncate"
            /// Each token; those out of bounds are left out.
            case tokenMask = "token_mask"
            /// Whole completions; weights are clamped.
            case sequenceTruncate = "sequence_truncate"
            /// Whole completions; those out of bounds are left out.
            case sequenceMask = "sequence_mask"
        }

        /// What is weighed.
        public var mode = Mode.sequenceMask
        /// The least weight; `nil`: any.
        public var min: Double?
        /// The greatest weight; `nil`: any.
        public var max: Double? = 3
    }
}

extension Recipe.Rollout.Engine: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("kind", \.kind, .choice(), "own: this process generates; openai: OpenAI-compatible servers do"),
        .init(
            "urls", \.urls, .list(of: .url, count: 0...256, "addresses"),
            "(openai) Addresses of the servers, without `/v1`"),
        .init(
            "publish", \.publish, .optional(.choice()),
            "(openai) What the servers are, which says how each step's adapter is loaded there"),
        .init(
            "directory", \.directory, .optional(.path),
            "(openai) Folder for each step's adapter, which servers can read; null: `rollout-adapters` in the run folder"
        ),
        .init(
            "server_directory", \.serverDirectory, .optional(.text),
            "(openai) That folder's name on the servers' side; null: the same"),
        .init(
            "key_variable", \.keyVariable, .optional(.text),
            "(openai) Environment variable with the key for `Authorization: Bearer`; null: none is sent"),
        .init(
            "concurrency", \.concurrency, .integer(1...1024),
            "(openai) Requests at the same time for each server, of one completion each"),
        .init("timeout", \.timeout, .number(.over(0, to: 86_400)), "(openai) Seconds for one answer"),
        .init(
            "retries", \.retries, .integer(0...100),
            "(openai) How often a server may refuse or answer wrongly in a row; when all do more often, the run stops"),
        .init(
            "patience", \.patience, .number(.from(0, to: 2_592_000)),
            "(openai) Seconds to wait while no server answers; then the run stops, with a checkpoint"),
        .init("correction", \.correction, .section, "(openai) Weights for the difference between sampler and trainer"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        guard isExternal else {
            for (key, isGiven) in [
                ("urls", !urls.isEmpty), ("publish", publish != nil), ("directory", directory != nil),
                ("server_directory", serverDirectory != nil), ("key_variable", keyVariable != nil),
            ] where isGiven {
                reader.fault(path + [key], "is for kind openai; set rollout.engine.kind to openai, or remove it")
            }
            return
        }
        if urls.isEmpty, reader.isSound("rollout", "engine", "urls") {
            reader.fault(path + ["urls"], "missing: give the servers, such as [http://127.0.0.1:8000]")
        }
        if let twice = urls.first(where: { url in urls.count { $0 == url } > 1 }) {
            reader.fault(path + ["urls"], "has \(twice) twice; raise concurrency instead")
        }
        if let versioned = urls.first(where: { $0.hasSuffix("/v1") || $0.hasSuffix("/v1/") }) {
            reader.fault(path + ["urls"], "expected addresses without /v1, got \(versioned)")
        }
        if publish == nil, reader.isSound("rollout", "engine", "publish") {
            reader.fault(path + ["publish"], "missing: say what the servers are: vllm, sglang or touchstone")
        }
    }
}

extension Recipe.Rollout.Correction: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "mode", \.mode, .choice(),
            "Importance weights of the trainer's probabilities over the sampler's: of each token, or of the whole completion; out of bounds they are clamped (truncate) or 0 (mask). none: 1"
        ),
        .init("min", \.min, .optional(.number(.atLeast(0))), "Least weight; null: any"),
        .init("max", \.max, .optional(.number(.above(0))), "Greatest weight; null: any"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if let min, let max, min > max {
            reader.fault(path + ["min"], "expected at most max (\(max)), got \(min)")
        }
    }
}

extension Recipe {
    /// Notes what servers elsewhere can't do.
    func checkExternalRollouts(_ reader: inout RecipeReader) {
        let engine = rollout.engine
        guard engine.isExternal else { return }
        let path = ["rollout", "engine"]
        if adapter.kind == .none {
            reader.fault(
                path + ["kind"], "servers are sent adapters, and adapter.kind none trains none; train an adapter")
        }
        let thinking = rollout.thinking
        if thinking.budget != nil || thinking.answerTokens != nil || thinking.handOff != nil {
            reader.fault(
                ["rollout", "thinking"],
                "thoughts are ended and answers cut off while tokens are chosen, which servers elsewhere can't do; remove "
                    + "budget, answer_tokens and hand_off, or set rollout.engine.kind to own")
        }
        if engine.publish != .touchstone {
            for (key, isGiven) in [
                ("dora", adapter.dora), ("modules_to_save", !adapter.wholeModules.isEmpty), ("router", adapter.router),
            ] where isGiven {
                reader.fault(
                    ["adapter", key],
                    "\(engine.publish?.rawValue ?? "such servers") can't load such adapters; remove it, or generate with "
                        + "publish: touchstone or kind: own")
            }
        }
        if algorithm.objective == .vespo, engine.correction.mode != .none {
            reader.fault(
                path + ["correction", "mode"],
                "vespo weighs completions by itself; set it to none, or take another objective")
        }
    }
}
