import Foundation
import Testing

@testable import Recipes

/// The package's folder.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

private let complete = """
    kind: grpo
    name: arithmetic-tiny
    seed: 7
    model: {path: ../Checkpoints/tiny-qwen3, precision: bf16}
    adapter: {kind: lora, rank: 16, alpha: 32, targets: all-linear, initial: null}
    data:
      train: {generator: arithmetic, operands: [2, 3], digits: [1, 2]}
      evaluation: {generator: arithmetic, count: 200, seed: 99}
      system: "Reason step by step …"
      shuffle: true
    rewards:
      - {type: math, weight: 1.0}
      - {type: format, pattern: think-answer, weight: 0.1}
    rollout: {prompts_per_step: 16, completions_per_prompt: 8, max_new_tokens: 128, temperature: 1.0, top_p: 1.0, enable_thinking: false}
    algorithm:
      objective: grpo
      advantage: group
      clip: {low: 0.2, high: 0.2, delta: null}
      kl: {coefficient: 0.0, estimator: k3}
      updates_per_rollout: 1
      dynamic_sampling: {enabled: false, max_rounds: 4}
    optimizer: {name: adamw, learning_rate: 1e-4, betas: [0.9, 0.95], weight_decay: 0.0, max_gradient_norm: 1.0}
    schedule: {kind: constant, warmup_steps: 5}
    steps: 100
    evaluation: {every: 20, samples: 4}
    checkpoint: {every: 20, keep: 3}
    """

/// A recipe with each type of reward that has keys of its own.
let everyReward = """
    kind: grpo
    model: {path: model}
    data:
      train: {path: rows.jsonl}
    rewards:
      - {type: math, name: right, weight: 0, max_failed: 0.1}
      - {type: countdown, numbers: nums}
      - {type: code, tests: null, timeout: 2, memory: 256, partial: true}
      - {type: exact_match, column: gold, part: tags, ignore_case: true, ignore_space: true}
      - {type: contains, texts: [a, "1"], rule: share}
      - {type: contains, name: column, column: words, rule: none}
      - {type: json_schema, schema: schema.json, allow_fence: false}
      - {type: format, pattern: '(?s)a.*'}
      - {type: overlong, buffer: 10}
      - {type: cosine_length, max_tokens: 64, right: [2, 1], wrong: [0, 0]}
      - {type: repetition, ngram: 2, penalty: -0.5}
      - {type: plugin, command: [python3, "-m", touchstone_reward, "a.py:f"], workers: 3, timeout: 0.5}
      - {type: http, url: "http://127.0.0.1:9/score", retries: 0}
      - {type: task}
      - {type: judge, url: "https://h/v1", model: m, prompt: "{prompt} {completion} {answer}", key_variable: KEY}

    """

@Suite("Recipe")
struct RecipeTests {
    @Test("the documented example is read into typed values")
    func example() throws {
        let recipe = try Recipe(yaml: complete, folder: "/home/me/Recipes")
        #expect(recipe.model.path == "/home/me/Checkpoints/tiny-qwen3")
        #expect(recipe.optimizer.learningRate == 1e-4)
        #expect(recipe.rewards.map(\.name) == ["math", "format"])
        #expect(recipe.data.system == "Reason step by step …")
        guard case .arithmetic(let task) = recipe.data.train else {
            Issue.record("expected arithmetic")
            return
        }
        #expect(task.operands == 2...3 && task.digits == 1...2 && task.seed == 7)
        #expect(recipe.data.evaluation?.count == 200)
        #expect(recipe.schedule.warmupSteps == 5 && recipe.steps == 100)
    }

    @Test(
        "the resolved recipe reads back equal and has the same bytes, from whatever folder",
        arguments: [
            complete, sound,
            sound
                + "adapter: {kind: none, targets: [q_proj, 'true', \"a\\tb\\u2028\\x7f\\U0001FFFE😀\"]}\nrun_dir: ' x: y#'\n",
            sound
                + "adapter: {targets: '.*\\.(q|v)_proj'}\nevaluation: {temperature: 0}\nrollout: {stop: [\"\\n\", '~', '1', '- a']}\n",
            "kind: sft\nmodel: {path: m}\ndata: {train: {path: a.jsonl, limit: 3}, evaluation: {path: b.jsonl}}\n",
            "kind: sft\nmodel: {path: m}\nsteps: 3\ndata: {train: {generator: countdown, count: 9}, system: Be brief.}\n",
            everyReward,
        ])
    func resolved(yaml: String) throws {
        let recipe = try Recipe(yaml: yaml, folder: "/home/me")
        let text = recipe.resolvedYAML()
        let again = try Recipe(yaml: text, folder: "/elsewhere")
        #expect(again == recipe)
        #expect(again.resolvedYAML() == text)
    }

    @Test("the resolved recipe is written as documented")
    func resolvedText() throws {
        let text = try Recipe(yaml: sound, folder: "/recipes").resolvedYAML()
        #expect(
            text.hasPrefix(
                """
                kind: grpo
                name: run
                seed: 42
                run_dir: null
                threads: 0
                model:
                  path: /recipes/model
                  initialize: pretrained
                  precision: bf16
                  weights: stored
                  chat_template: null
                adapter:
                  kind: lora
                  rank: 16
                  alpha: 32.0
                  rslora: false
                  dora: false
                  initialization: zero
                  targets: all-linear
                  exclude: []
                  layers: null
                  rank_pattern: {}
                  alpha_pattern: {}
                  modules_to_save: []
                  router: false
                  initial: null
                  beneath: null
                  dropout: 0.0
                data:
                  train:
                    generator: arithmetic
                    operands: [2, 2]
                    digits: [1, 2]
                    operators: ["+", "-", "*"]
                    parentheses: false
                    negative: false
                    form: null
                    working: 1.0
                    template: "What is {expression}?"
                    count: null
                    seed: 42
                  evaluation: null
                  system: null
                  format: chat
                  shuffle: true
                  exclude:
                    exact: true
                    ngram: null
                    overlap: 0.8
                  screen: null
                  curriculum: null
                rewards:
                  - type: math
                    name: math
                    weight: 1.0
                    max_failed: 0.5
                    gold_form: bare
                    rules: null
                    float_rounding: 6
                    allow_set_relation: true
                    boxed_priority: 0
                    timeout: 0.1
                rollout:
                  prompts_per_step: 16

                """))
    }

    @Test("overrides replace, add and reach into lists; later ones win")
    func overrides() throws {
        let recipe = try Recipe(
            yaml: complete, folder: "/r",
            overrides: [
                "rollout.temperature=0.5", "rollout.temperature=0.7", "rewards.1.weight=2", "optimizer.betas.0=0.8",
                "data.system=", "rollout.stop=[a, \"=\"]", "adapter.initial=x/y", "name=other", "batch.tokens=1e3",
                "data.train={path: p.jsonl, template: \"{question}=?\"}", "run_dir=runs/a",
            ])
        #expect(recipe.rollout.temperature == 0.7)
        #expect(recipe.rewards[1].weight == 2)
        #expect(recipe.optimizer.betas == [0.8, 0.95])
        #expect(recipe.data.system == nil)
        #expect(recipe.rollout.stop == ["a", "="])
        #expect(recipe.adapter.initial == "/r/x/y")
        #expect(recipe.batch.tokens == 1000)
        #expect(recipe.runDirectory == "runs/a")
        guard case .file(let file) = recipe.data.train else {
            Issue.record("expected a file")
            return
        }
        #expect(file.path == "/r/p.jsonl")
    }

    @Test("a reward's defaults come from the rest of the recipe")
    func rewardDefaults() throws {
        let recipe = try Recipe(yaml: everyReward, folder: "/r", overrides: ["rollout.max_new_tokens=50"])
        let rewards = recipe.rewards
        #expect(rewards.map(\.type).filter { $0 == "contains" }.count == 2)
        #expect(rewards[0].name == "right" && rewards[0].maxFailed == 0.1 && rewards[1].name == "countdown")
        #expect((rewards[6].options as? Recipe.Reward.JSONSchema)?.schema == "/r/schema.json")
        let overlong = try #require(rewards[8].options as? Recipe.Reward.Overlong)
        #expect(overlong.maxTokens == 50 && overlong.buffer == 10)
        #expect((rewards[9].options as? Recipe.Reward.CosineLength)?.of == "right")
        #expect((rewards[11].options as? Recipe.Reward.Plugin)?.directory == "/r")
        let used = Set(rewards.map(\.type) + ["format"])
        #expect(Recipe.Reward.types.allSatisfy { used.contains($0.type) }, "a type of reward is missing in everyReward")
    }

    @Test("the reference table lists rewards a type at a time")
    func rewardDocumentation() throws {
        let rows = Recipe.documentation.filter { $0.key.hasPrefix("rewards.") }
        let types = rows.filter { $0.key == "rewards.N.type" }.map(\.type)
        #expect(types == Recipe.Reward.types.map { "`\($0.type)`" })
        let overlong = try #require(rows.firstIndex { $0.type == "`overlong`" })
        #expect(rows[overlong + 1].key == "rewards.N.max_tokens")
        #expect(rows[overlong + 1].meaning == "(overlong) Tokens that score −1; null: `rollout.max_new_tokens`")
    }

    @Test("a recipe file is read from its own folder, and what can't be read says why")
    func load() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("recipe-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("a.yaml").path
        try Data(("\u{FEFF}" + sound.replacing("\n", with: "\r\n")).utf8).write(to: URL(fileURLWithPath: path))
        #expect(
            try Recipe.load(path: path).model.path == folder.standardizedFileURL.appendingPathComponent("model").path)
        try Data([0x61, 0xFF]).write(to: URL(fileURLWithPath: path))
        #expect(throws: RecipeError.self) { try Recipe.load(path: path) }
        try Data(count: 2 << 20).write(to: URL(fileURLWithPath: path))
        #expect(throws: RecipeError.self) { try Recipe.load(path: path) }
        #expect(throws: RecipeError.self) { try Recipe.load(path: folder.path) }
        #expect(
            performing: { try Recipe.load(path: path + "x") }, throws: { ($0 as? RecipeError)?.code == .unreadable })
    }

    @Test("every key has a row in the reference table, with the default that an empty recipe gets")
    func documentation() {
        let rows = Recipe.documentation
        #expect(rows.count > 80)
        #expect(rows.allSatisfy { !$0.meaning.isEmpty && !$0.type.isEmpty })
        #expect(
            Recipe.documentationTable.contains(
                "| `rollout.temperature` | number > 0 and ≤ 100 | `1.0` | Divides the logits |"))
        #expect(Recipe.documentationTable.contains("| `model.path` | path | required |"))
        #expect(rows.contains { $0.key == "rewards.N.weight" } && rows.contains { $0.key == "data.train.form" })
        let documented = Set(rows.map { $0.key.split(separator: ".").last.map(String.init) ?? "" })
        for line in (try? Recipe(yaml: complete, folder: "/"))?.resolvedYAML().split(separator: "\n") ?? [] {
            let key = line.drop { $0 == " " || $0 == "-" }.prefix { $0 != ":" }
            if line.hasSuffix(":") { continue }
            #expect(documented.contains(String(key)), "\(key) is written but not documented")
        }
    }

    private static let recipes: [String] = {
        let folder = packageRoot.appendingPathComponent("Recipes")
        let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".yaml") }.map { folder.appendingPathComponent($0).path }.sorted()
    }()

    @Test(
        "every recipe of the repository is sound and resolves",
        .enabled(if: !recipes.isEmpty, "there are no recipes in the folder Recipes yet"), arguments: recipes)
    func repository(path: String) throws {
        let recipe = try Recipe.load(path: path)
        #expect(try Recipe(yaml: recipe.resolvedYAML(), folder: "/") == recipe)
    }

    @Test("mutated recipes give a recipe or an error, never a crash or a hang")
    func fuzz() {
        var random = Mutations()
        let seeds = [
            "kind: grpo\nmodel: {path: m}\ndata: {train: {generator: arithmetic, form: '(dd ± d) × e', digits: [1, 2]}}\nrewards: [{type: math}, {type: judge, url: 'http://a', model: b, range: [0, 1]}, {type: plugin, command: [a]}]\n",
            "kind: sft\nmodel:\n  path: \"m\"\ndata:\n  train: {path: a, template: '{q} *x'}\nsft: {epochs: 1e1}\nname: b # *a\n",
        ].map { Array($0.utf8) }
        for round in 0..<100_000 {
            let text = String(decoding: random.mutated(seeds[round % 2]), as: UTF8.self)
            if let recipe = try? Recipe(yaml: text, folder: "/") { _ = recipe.resolvedYAML() }
        }
    }
}

/// Random changes of a text, the same in every run.
struct Mutations {
    private var state: UInt64 = 1

    mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }

    mutating func mutated(_ seed: [UInt8]) -> [UInt8] {
        let tokens = [
            "&a ", "*a", ": ", "- ", "{", "}", "[", "]", "\"", "'", "? ", "!!x ", "|\n", "\n", "<<: ",
            "9999999999999999999", "%",
        ]
        var bytes = seed
        for _ in 0...next(4) where !bytes.isEmpty {
            let place = next(bytes.count)
            switch next(5) {
            case 0: bytes[place] = UInt8(next(256))
            case 1: bytes.insert(UInt8(next(128)), at: place)
            case 2: bytes.insert(contentsOf: Array(tokens[next(tokens.count)].utf8), at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + next(8)))
            default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + next(40))], at: next(bytes.count))
            }
        }
        return bytes
    }

    @Test("defaults of the algorithm follow its objective, and the resolved recipe says them")
    func objectiveDefaults() throws {
        func algorithm(_ text: String) throws -> Recipe {
            try Recipe(
                yaml: """
                    kind: grpo
                    model: {path: m}
                    data: {train: {generator: arithmetic}}
                    rewards: [{type: math}]
                    algorithm: \(text)
                    """, folder: "/recipes")
        }
        let expected: [(String, Recipe.Algorithm.Advantage, Double, Double, Recipe.Algorithm.KL.Estimator)] = [
            ("{}", .group, 0.2, 0.2, .k3), ("{objective: dapo}", .group, 0.2, 0.28, .k3),
            ("{objective: gspo}", .group, 3e-4, 4e-4, .k3), ("{objective: luspo}", .group, 2e-3, 2.5e-3, .k3),
            ("{objective: dr_grpo}", .none, 0.2, 0.2, .k3), ("{objective: rloo}", .leaveOneOut, 0.2, 0.2, .k1),
            ("{objective: reinforce_pp}", .global, 0.2, 0.2, .k1),
            ("{objective: rloo, advantage: batch, clip: {high: 0.3}, kl: {place: loss}}", .batch, 0.2, 0.3, .k3),
        ]
        for (text, advantage, low, high, estimator) in expected {
            let recipe = try algorithm(text)
            #expect(recipe.algorithm.advantage == .some(advantage), "\(text)")
            #expect(recipe.algorithm.clip.low == low && recipe.algorithm.clip.high == high, "\(text)")
            #expect(recipe.algorithm.kl.estimator == estimator, "\(text)")
            #expect(try Recipe(yaml: recipe.resolvedYAML(), folder: "/elsewhere") == recipe, "\(text)")
        }
    }
}
