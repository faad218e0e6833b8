import Testing

@testable import Recipes

/// The keys of completions from elsewhere.
@Suite("Rollout engines")
struct RolloutEngineTests {
    private static let engine = "rollout: {engine: {kind: openai, urls: ['http://a:1'], publish: vllm}}"

    static let wrong: [(String, [String])] = [
        (
            "rollout: {engine: {kind: openai}}",
            [
                "rollout.engine.urls: missing: give the servers, such as [http://127.0.0.1:8000]",
                "rollout.engine.publish: missing: say what the servers are: vllm, sglang or touchstone",
            ]
        ),
        (
            "rollout: {engine: {urls: ['http://a'], publish: vllm, directory: d, key_variable: K}}",
            ["urls", "publish", "directory", "key_variable"].map {
                "rollout.engine.\($0): is for kind openai; set rollout.engine.kind to openai, or remove it"
            }
        ),
        (
            "rollout: {engine: {kind: vllm, urls: [ftp://a, 'http://a b']}}",
            [
                "rollout.engine.kind: expected one of own, openai, got \"vllm\"",
                "rollout.engine.urls.0: expected an http:// or https:// address, got \"ftp://a\"",
                "rollout.engine.urls.1: expected an http:// or https:// address, got \"http://a b\"",
            ]
        ),
        (
            "rollout: {engine: {kind: openai, urls: ['http://a/v1', 'http://a/v1'], publish: vlm, timeout: 0}}",
            [
                "rollout.engine.publish: expected one of vllm, sglang, touchstone, got \"vlm\"; did you mean 'vllm'?",
                "rollout.engine.timeout: expected a number > 0 and ≤ 86400, got 0",
                "rollout.engine.urls: has http://a/v1 twice; raise concurrency instead",
                "rollout.engine.urls: expected addresses without /v1, got http://a/v1",
            ]
        ),
        (
            engine + "\nadapter: {kind: none}",
            [
                "rollout.engine.kind: servers are sent adapters, and adapter.kind none trains none; train an adapter"
            ]
        ),
        (
            "rollout: {thinking: {share: 1, budget: 9}, engine: {kind: openai, urls: ['http://a'], publish: sglang}}",
            [
                "rollout.thinking: thoughts are ended and answers cut off while tokens are chosen, which servers "
                    + "elsewhere can't do; remove budget, answer_tokens and hand_off, or set rollout.engine.kind to own"
            ]
        ),
        (
            engine + "\nadapter: {dora: true, modules_to_save: [lm_head]}",
            ["dora", "modules_to_save"].map {
                "adapter.\($0): vllm can't load such adapters; remove it, or generate with publish: touchstone or "
                    + "kind: own"
            }
        ),
        (
            engine + "\nalgorithm: {objective: vespo}",
            [
                "rollout.engine.correction.mode: vespo weighs completions by itself; set it to none, or take another "
                    + "objective"
            ]
        ),
        (
            "rollout: {engine: {correction: {mode: sequence, min: 4}}}",
            [
                "rollout.engine.correction.mode: expected one of none, token_truncate, token_mask, sequence_truncate, "
                    + "sequence_mask, got \"sequence\"",
                "rollout.engine.correction.min: expected at most max (3.0), got 4.0",
            ]
        ),
    ]

    @Test("what servers can't do, and keys that contradict one another, are faults", arguments: wrong)
    func fault(yaml: String, expected: [String]) {
        let found = faults(sound + yaml).map { $0.split(separator: ": ").dropFirst().joined(separator: ": ") }
        for text in expected { #expect(found.contains { $0.hasPrefix(text) }, "\(text) is not in \(found)") }
        #expect(found.count == expected.count, "\(found)")
    }

    @Test("a recipe with servers resolves to the same recipe; its adapters' folder is absolute, addresses stay")
    func resolved() throws {
        let yaml =
            sound
            + "rollout: {engine: {kind: openai, urls: ['http://a:1', 'https://b'], publish: touchstone, directory: d}}\n"
            + "adapter: {dora: true}\n"
        let recipe = try Recipe(yaml: yaml, folder: "/recipes")
        #expect(recipe.rollout.engine.urls == ["http://a:1", "https://b"])
        #expect(recipe.rollout.engine.directory == "/recipes/d" && recipe.rollout.engine.isExternal)
        #expect(recipe.rollout.engine.correction == .init())
        #expect(try Recipe(yaml: recipe.resolvedYAML(), folder: "/elsewhere") == recipe)
        #expect(try Recipe(yaml: sound, folder: "/").rollout.engine.isExternal == false)
    }
}
