import Testing

@testable import Recipes

/// A sound recipe with some lines replaced.
let sound = """
    kind: grpo
    model: {path: model}
    data:
      train: {generator: arithmetic}
    rewards:
      - {type: math}

    """

/// The texts of the faults of a recipe.
func faults(_ yaml: String, _ overrides: [String] = []) -> [String] {
    do throws(RecipeError) {
        _ = try Recipe(yaml: yaml, folder: "/recipes", overrides: overrides)
        return []
    } catch { return error.description.split(separator: "\n").map(String.init) }
}

private let types = Recipe.Reward.types.map { $0.type }.joined(separator: ", ")
private let forms = Recipe.Reward.Format.forms.joined(separator: ", ")

@Suite("Recipe faults")
struct RecipeFaultTests {
    static let keys: [(String, [String])] = [
        (
            "rollout: {temprature: 1}",
            [
                "recipe:7:11: rollout.temprature: unknown key; did you mean 'temperature'?"
            ]
        ),
        (
            "temperature: 1",
            [
                "recipe:7:1: temperature: unknown key here; 'rollout.temperature' exists"
            ]
        ),
        (
            "rollout: {zzz: 1}",
            [
                "recipe:7:11: rollout.zzz: unknown key; expected one of prompts_per_step, "
                    + "completions_per_prompt, max_new_tokens, max_prompt_tokens, temperature, top_p, top_k, min_p, "
                    + "repetition_penalty, stop, enable_thinking, thinking, max_batch, engine"
            ]
        ),
        (
            "rollout: {temperature: hot}",
            [
                "recipe:7:24: rollout.temperature: expected a number > 0 and ≤ 100, got \"hot\""
            ]
        ),
        (
            "rollout: {temperature: 0}",
            [
                "recipe:7:24: rollout.temperature: expected a number > 0 and ≤ 100, got 0"
            ]
        ),
        (
            "rollout: {temperature: .inf, top_p: 1e999, top_k: 1.5, min_p: null}",
            [
                "recipe:7:24: rollout.temperature: expected a number > 0 and ≤ 100, got \".inf\"",
                "recipe:7:37: rollout.top_p: expected a number > 0 and ≤ 1, got 1e999",
                "recipe:7:51: rollout.top_k: expected an integer from 0 to 10000000, got 1.5",
                "recipe:7:63: rollout.min_p: expected a number from 0 to 1, got nothing (null)",
            ]
        ),
        (
            "rollout: {top_k: 99999999999999999999}",
            [
                "recipe:7:18: rollout.top_k: expected an integer from 0 to 10000000, got 99999999999999999999"
            ]
        ),
        (
            "rollout: {completions_per_prompt: 1}",
            [
                "recipe:7:35: rollout.completions_per_prompt: a group of 1 teaches nothing: its mean is its own "
                    + "reward, so the advantage is always 0; expected at least 2, or algorithm.advantage global"
            ]
        ),
        (
            "rollout: {completions_per_prompt: 1}\nalgorithm: {objective: reinforce_pp, dynamic_sampling: {enabled: true}}",
            [
                "recipe:8:66: algorithm.dynamic_sampling.enabled: a group of 1 has no spread, so it would always be "
                    + "replaced; set it to false"
            ]
        ),
        (
            "rollout: {enable_thinking: yes}",
            [
                "recipe:7:28: rollout.enable_thinking: expected true or false, got \"yes\""
            ]
        ),
        (
            "rollout: {thinking: {share: 1.5, budget: -1, answer_tokens: 0, handoff: x}}",
            [
                "recipe:7:29: rollout.thinking.share: expected a number from 0 to 1, got 1.5",
                "recipe:7:42: rollout.thinking.budget: expected an integer from 0 to 1048576, got -1",
                "recipe:7:61: rollout.thinking.answer_tokens: expected an integer from 1 to 1048576, got 0",
                "recipe:7:64: rollout.thinking.handoff: unknown key; did you mean 'hand_off'?",
            ]
        ),
        (
            "rollout: {max_new_tokens: 64, thinking: {share: 1, budget: 65, answer_tokens: 70, hand_off: so}}",
            [
                "recipe:7:60: rollout.thinking.budget: expected at most max_new_tokens (64), which thought and answer "
                    + "share, got 65",
                "recipe:7:79: rollout.thinking.answer_tokens: expected at most max_new_tokens (64), which thought and "
                    + "answer share, got 70",
                "recipe:7:93: rollout.thinking.hand_off: expected a text with </think> in it once, to end the thought",
            ]
        ),
        (
            "rollout: {thinking: {budget: 9}}",
            [
                "recipe:7:21: rollout.thinking: limits thoughts, but there are none: give thinking.share, or "
                    + "enable_thinking: true"
            ]
        ),
        (
            "rollout: {thinking: {share: 0, budget: 9}}",
            [
                "recipe:7:29: rollout.thinking.share: is 0, so there are no thoughts to limit; remove the other keys, or "
                    + "raise it"
            ]
        ),
        (
            "rollout: {thinking: {share: 1, hand_off: </think>}}",
            [
                "recipe:7:42: rollout.thinking.hand_off: without a budget no thought is ended; give thinking.budget"
            ]
        ),
        (
            "evaluation: {thinking: maybe}",
            [
                "recipe:7:24: evaluation.thinking: expected true, false or both, got \"maybe\""
            ]
        ),
        (
            "rollout: {stop: \"</answer>\"}",
            [
                "recipe:7:17: rollout.stop: expected a list of texts, got \"</answer>\""
            ]
        ),
        (
            "rollout: [1, 2]",
            [
                "recipe:7:10: rollout: expected a section with keys (prompts_per_step, completions_per_prompt, "
                    + "max_new_tokens…), got a list of 2"
            ]
        ),
        (
            "name: 3",
            [
                "recipe:7:7: name: expected text, got 3 (put quotes around it if text is meant)"
            ]
        ),
        (
            "name: a/b",
            [
                "recipe:7:7: name: expected at most 100 letters, digits, '.', '_' or '-', not beginning with '.'"
            ]
        ),
        (
            "seed: -1",
            [
                "recipe:7:7: seed: expected an integer ≥ 0, got -1"
            ]
        ),
        (
            "algorithm: {objective: grop}",
            [
                "recipe:7:24: algorithm.objective: expected one of grpo, bnpo, dr_grpo, dapo, gspo, luspo, cispo, sapo, "
                    + "vespo, rloo, reinforce_pp, got \"grop\"; did you mean 'grpo'?"
            ]
        ),
        (
            "algorithm: {kl: {estimator: k4, reference: other}}",
            [
                "recipe:7:29: algorithm.kl.estimator: expected one of k1, k2, k3, got \"k4\"; did you mean 'k1'?",
                "recipe:7:44: algorithm.kl.reference: expected one of base, start, adapter, moving, got \"other\"",
            ]
        ),
        (
            "algorithm: {kl: {coefficient: 0.1, estimator: k1, bias_correction: false}}",
            [
                "recipe:7:47: algorithm.kl.estimator: k1 in the loss has a gradient of 0 on average without "
                    + "bias_correction; set that to true, or use k2 or k3"
            ]
        ),
        (
            "algorithm: {kl: {reference: adapter}}",
            [
                "recipe:7:17: algorithm.kl.adapter: missing: reference adapter needs a PEFT folder"
            ]
        ),
        (
            "algorithm: {kl: {adapter: a}}",
            [
                "recipe:7:27: algorithm.kl.adapter: only for reference adapter; remove it, or set kl.reference to adapter"
            ]
        ),
        (
            "adapter: {kind: none}\nalgorithm: {kl: {reference: adapter, adapter: a}}",
            [
                "recipe:8:29: algorithm.kl.reference: an adapter can't be the reference where every parameter is "
                    + "trained; use base, start or moving"
            ]
        ),
        (
            "algorithm: {objective: rloo, ratio_level: token, reward_clip: [1, -1]}",
            [
                "recipe:7:43: algorithm.ratio_level: objective rloo has a ratio of its own; remove it",
                "recipe:7:63: algorithm.reward_clip: expected [least, greatest], got [1.0, -1.0]",
            ]
        ),
        (
            "algorithm: {objective: sapo, clip: {delta: 3}}",
            [
                "recipe:7:44: algorithm.clip.delta: objective sapo does not clip updates; remove it"
            ]
        ),
        (
            "algorithm: {objective: dapo, clip: {delta: 1.25}}",
            [
                "recipe:7:44: algorithm.clip.delta: expected more than 1 + clip.high (1.28), got 1.25"
            ]
        ),
        (
            "algorithm: {mini_batches: 3}\nrollout: {prompts_per_step: 2}",
            [
                "recipe:7:27: algorithm.mini_batches: expected at most rollout.prompts_per_step (2), got 3"
            ]
        ),
        (
            "optimizer: {name: sgd, momentum: 1, betas: [0.9, 0.99]}",
            [
                "recipe:7:34: optimizer.momentum: expected a number below 1, got 1.0"
            ]
        ),
        (
            "optimizer: {name: sgd, momentum: 0, nesterov: true}",
            [
                "recipe:7:47: optimizer.nesterov: needs a momentum above 0; set it to false, or give a momentum"
            ]
        ),
        (
            "algorithm: {clip: {high: 0.5, delta: 1.4}}",
            [
                "recipe:7:38: algorithm.clip.delta: expected more than 1 + clip.high (1.5), got 1.4"
            ]
        ),
        (
            "adapter: {dropout: 0.1}",
            [
                "recipe:7:20: adapter.dropout: is for sft: here the ratio of new to old probabilities would measure the "
                    + "dropped inputs, and the first update would not be on-policy; set it to 0"
            ]
        ),
        (
            "adapter: {dora: true, dropout: 1, layers: [0], initial: a, initialization: olora}",
            [
                "recipe:7:32: adapter.dropout: expected a number below 1, got 1.0",
                "recipe:7:32: adapter.dropout: doesn't go with dora: its magnitudes scale inputs that are not dropped",
                "recipe:7:32: adapter.dropout: is for sft: here the ratio of new to old probabilities would measure the "
                    + "dropped inputs, and the first update would not be on-policy; set it to 0",
                "recipe:7:43: adapter.layers: needs a list of targets; say the blocks in the expression",
                "recipe:7:76: adapter.initialization: the adapter in `initial` has begun already; remove one of them",
            ]
        ),
        (
            "adapter: {rank_pattern: {\"(\": 4}, alpha_pattern: [1]}",
            [
                "recipe:7:26: adapter.rank_pattern: '(' is not a sound regular expression",
                "recipe:7:50: adapter.alpha_pattern: expected at most 1000 regular expressions with values, such as "
                    + "q_proj: 8, got a list of 1",
            ]
        ),
        (
            "adapter: {kind: none, beneath: a, dora: true}",
            [
                "recipe:7:32: adapter.beneath: there is no adapter with kind none; remove it",
                "recipe:7:41: adapter.dora: there is no adapter with kind none; remove it",
            ]
        ),
        (
            "adapter: {kind: none, initial: a}",
            [
                "recipe:7:32: adapter.initial: there is no adapter with kind none; remove it"
            ]
        ),
        (
            "adapter: {targets: all-liner}",
            [
                "recipe:7:20: adapter.targets: unknown targets 'all-liner'; did you mean 'all-linear'?"
            ]
        ),
        (
            "adapter: {targets: \"(\"}",
            [
                "recipe:7:20: adapter.targets: '(' is not a sound regular expression"
            ]
        ),
        (
            "adapter: {targets: [1, q_proj]}",
            [
                "recipe:7:21: adapter.targets.0: expected text, got 1 (put quotes around it if text is meant)"
            ]
        ),
        (
            "optimizer: {betas: [0.9]}",
            [
                "recipe:7:20: optimizer.betas: expected 2 numbers, got 1"
            ]
        ),
        (
            "optimizer: {betas: [0.9, 1.0], name: lion}",
            [
                "recipe:7:26: optimizer.betas.1: expected a number below 1, got 1.0",
                "recipe:7:38: optimizer.name: expected one of adamw, adam, sgd, got \"lion\"",
            ]
        ),
        (
            "steps: 10\nschedule: {warmup_steps: 20}",
            [
                "recipe:8:26: schedule.warmup_steps: expected at most steps (10), got 20"
            ]
        ),
        (
            "evaluation: {every: 5}",
            [
                "recipe:7:21: evaluation.every: there is nothing to evaluate on: give data.evaluation, or set "
                    + "this to 0"
            ]
        ),
        (
            "sft: {batch_size: 1}",
            [
                "recipe:7:6: sft: doesn't apply to kind grpo; remove it"
            ]
        ),
    ]

    @Test("every fault of a key says place, path, what was got and what was expected", arguments: keys)
    func key(addition: String, expected: [String]) {
        let found = faults(sound + addition + "\n")
        #expect(found == expected)
    }

    static let whole: [(String, [String])] = [
        (
            "",
            [
                "recipe: empty; expected keys such as kind, model and data"
            ]
        ),
        (
            "~",
            [
                "recipe: empty; expected keys such as kind, model and data"
            ]
        ),
        (
            "- 1",
            [
                "recipe:1:1: expected a section with keys (kind, name, seed…), got a list of 1"
            ]
        ),
        (
            "kind: [",
            [
                "recipe:2:1: not YAML: while parsing a flow node did not find expected node content"
            ]
        ),
        (
            "kind: grpo\nkind: sft\n",
            [
                "recipe:1:1: the key 'kind' is given twice in one section"
            ]
        ),
        (
            "a: &x 1\nb: *x\n",
            [
                "recipe:2:4: a value can't begin with '*': aliases are not supported, write the value out, or "
                    + "put quotes around text"
            ]
        ),
        (
            "a: &x 1\n",
            [
                "recipe:1:4: anchors ('&') are not supported: write the value out, or put quotes around text"
            ]
        ),
        (
            "name: *bold*\n",
            [
                "recipe:1:7: a value can't begin with '*': aliases are not supported, write the value out, or "
                    + "put quotes around text"
            ]
        ),
        (
            "kind: !!binary grpo\n",
            [
                "recipe:1:7: the tag 'tag:yaml.org,2002:binary' is not supported: remove it"
            ]
        ),
        (
            "---\nkind: grpo\n---\nkind: sft\n",
            [
                "recipe:3:1: not YAML: expected a single document in the stream but found another document"
            ]
        ),
        (
            "kind: gr\u{07}po\n",
            [
                "recipe:1:9: not YAML: control characters are not allowed"
            ]
        ),
        (
            "[a, b]: 1\n",
            [
                "recipe:1:1: a key must be a plain word"
            ]
        ),
        (
            "kind: ppo\n",
            [
                "recipe:1:1: model: missing: The model (section)",
                "recipe:1:1: data: missing: The problems (section)",
                "recipe:1:7: kind: expected one of grpo, sft, got \"ppo\"",
            ]
        ),
        (
            "kind: grpo\n",
            [
                "recipe:1:1: model: missing: The model (section)",
                "recipe:1:1: data: missing: The problems (section)",
                "recipe:1:1: rewards: missing: give at least one, such as - {type: math}",
            ]
        ),
        (
            "kind: grpo\nmodel: {}\ndata: {train: {}}\nrewards: []\n",
            [
                "recipe:2:8: model.path: missing: A Hugging Face folder or a `.gguf` file (path)",
                "recipe:3:15: data.train: expected `generator` or `path`, got neither",
                "recipe:4:10: rewards: expected at least 1 rewards, got 0",
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata: {train: {generator: arithmetic, path: a}}\nrewards: [{type: math}]\n",
            [
                "recipe:3:39: data.train.path: a data set is a generator or a file, not both; remove one"
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata: {train: {generatr: arithmetic}}\nrewards: [{type: math}]\n",
            [
                "recipe:3:15: data.train: expected `generator` or `path`, got neither; did you mean 'generator'?"
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata: {train: {generator: arithmetik}}\nrewards: [{type: math}]\n",
            [
                "recipe:3:27: data.train.generator: expected one of "
                    + "arithmetic, countdown, programming, base_conversion, bracket_matching, calendar, determinant, gcd_lcm, "
                    + "knights_and_knaves, letter_counting, linear_equation, modular_arithmetic, number_sequence, "
                    + "path_counting, propositional_logic, rate_problem, set_operations, sorting, "
                    + "string_manipulation, got \"arithmetik\"; "
                    + "did you mean 'arithmetic'?"
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata:\n  train: {generator: arithmetic, operators: ['^'], form: '(dd', template: x, operands: [3, 2]}\n"
                + "rewards: [{type: math}]\n",
            [
                "recipe:4:46: data.train.operators.0: expected one of + - * /, got '^'",
                "recipe:4:58: data.train.form: expected ')' at character 4, got the end",
                "recipe:4:75: data.train.template: the placeholder {expression} is missing",
                "recipe:4:88: data.train.operands: expected an integer or [least, greatest], within 2 and 8, "
                    + "got a list of 2",
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata:\n  train: {generator: countdown, template: '{numbers} {x}'}\n"
                + "rewards: [{type: math}]\n",
            [
                "recipe:4:43: data.train.template: the placeholder {target} is missing",
                "recipe:4:43: data.train.template: unknown placeholder {x}; expected {numbers} or {target}",
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata:\n  train: {path: a, messages: m, template: 'a {', prompt: p}\n"
                + "rewards: [{timeout: 5}, {type: plugin}, {type: maths}, {type: math, pattern: x}, 3]\n",
            [
                "recipe:4:43: data.train.template: contradicts messages; give only one of them",
                "recipe:4:43: data.train.template: '{' without a name and '}'; write '{{' for a brace",
                "recipe:4:58: data.train.prompt: contradicts messages; give only one of them",
                "recipe:5:11: rewards.0.type: missing: expected one of \(types)",
                "recipe:5:25: rewards.1.command: missing: Program and arguments, such as "
                    + "[python3, -m, touchstone_reward, my_rewards.py:brevity] (list of texts)",
                "recipe:5:48: rewards.2.type: expected one of \(types), got \"maths\"; did you mean 'math'?",
                "recipe:5:69: rewards.3.pattern: applies to the types format, judge, not to math; remove it",
                "recipe:5:82: rewards.4: expected a section with a type, such as {type: math}, got 3",
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata: {train: {path: a}}\nrewards:\n"
                + "  - {type: overlong, max_tokens: 5, bufer: 1}\n  - {type: contains}\n"
                + "  - {type: contains, name: b, texts: [a], column: c}\n  - {type: json_schema, maxfailed: 2}\n"
                + "  - {type: http, url: ftp://a}\n"
                + "  - {type: judge, url: 'http://a', model: m, prompt: x, range: [1, 1], pattern: '('}\n"
                + "  - {type: plugin, command: []}\n  - {type: repetition, temperature: 1}\n",
            [
                "recipe:5:37: rewards.0.bufer: unknown key; did you mean 'buffer'?",
                "recipe:6:5: rewards.1: expected `texts` or `column`, got neither",
                "recipe:7:5: rewards.2: expected `texts` or `column`, got both",
                "recipe:8:5: rewards.3: expected `schema` or `column`, got neither",
                "recipe:8:25: rewards.3.maxfailed: unknown key; did you mean 'max_failed'?",
                "recipe:9:23: rewards.4.url: expected an http:// or https:// address, got \"ftp://a\"",
                "recipe:10:54: rewards.5.prompt: the placeholder {completion} is missing",
                "recipe:10:64: rewards.5.range: expected two different numbers, got 1.0 twice",
                "recipe:10:81: rewards.5.pattern: '(' is not a sound regular expression",
                "recipe:11:29: rewards.6.command: expected at least 1 texts, got 0",
                "recipe:12:24: rewards.7.temperature: applies to type judge, not to repetition; remove it",
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata: {train: {path: a}}\nalgorithm: {reward_aggregation: normalize_then_sum, advantage: none, reward_clip: [0, 1]}\n"
                + "rewards: [{type: format}, {type: cosine_length}, {type: cosine_length, name: b, of: formt}, "
                + "{type: overlong, max_tokens: 5, buffer: 6}]\n",
            [
                "recipe:4:64: algorithm.advantage: is none, but reward_aggregation normalize_then_sum always "
                    + "normalises in each group; set it to group",
                "recipe:4:83: algorithm.reward_clip: has no effect with reward_aggregation normalize_then_sum; remove it",
                "recipe:5:27: rewards.1: there is no reward that checks answers; add one, or name another with `of`",
                "recipe:5:85: rewards.2.of: expected one of the other rewards (format, overlong), got 'formt'; "
                    + "did you mean 'format'?",
                "recipe:5:133: rewards.3.buffer: expected at most max_tokens (5), got 6",
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata:\n  train: {path: a}\n  system: s\n  format: text\n"
                + "rewards: [{type: math}, {type: math}, {type: format, pattern: think-anser}, {type: format, pattern: '('}]\n",
            [
                "recipe:5:11: data.system: there are no messages with format text; remove it, or use format chat",
                "recipe:7:25: rewards.1: has the same name as rewards.0; give one of them another `name`",
                "recipe:7:63: rewards.2.pattern: expected one of \(forms), or a regular expression, got "
                    + "'think-anser'; did you mean 'think-answer'?",
                "recipe:7:77: rewards.3: has the same name as rewards.2; give one of them another `name`",
                "recipe:7:101: rewards.3.pattern: '(' is not a sound regular expression",
            ]
        ),
        (
            "kind: grpo\nmodel: {path: m}\ndata:\n  train: {generator: arithmetic, seed: 3}\n"
                + "  evaluation: {generator: arithmetic, seed: 3}\nevaluation: {temperature: 0, samples: 4}\n"
                + "rewards: [{type: countdown, weight: 0}]\n",
            [
                "recipe:5:45: data.evaluation.seed: is the seed of data.train (3) too, so it would repeat its "
                    + "problems; give another",
                "recipe:6:39: evaluation.samples: greedy completions (temperature 0) are all the same; set "
                    + "samples to 1",
                "recipe:7:10: rewards: every weight is 0, so nothing would be learned",
                "recipe:7:11: rewards.0: scores countdown problems, but data.train generates arithmetic; use "
                    + "type math",
            ]
        ),
        (
            "kind: sft\nmodel: {path: m}\ndata: {train: {path: a}}\nsteps: 3\nsft: {epochs: 2}\nrollout: {}\nrewards: []\n",
            [
                "recipe:4:8: steps: contradicts sft.epochs; give only one of them",
                "recipe:6:10: rollout: doesn't apply to kind sft; remove it",
                "recipe:7:10: rewards: expected at least 1 rewards, got 0",
                "recipe:7:10: rewards: doesn't apply to kind sft; remove it",
            ]
        ),
    ]

    @Test("a recipe that is wrong as a whole says where and what, all faults at once", arguments: whole)
    func recipe(yaml: String, expected: [String]) {
        let found = faults(yaml)
        #expect(found == expected)
    }

    static let overrides: [([String], [String])] = [
        (
            ["rollout.temprature=1"],
            [
                "--set rollout.temprature=1: rollout.temprature: unknown key; did you mean 'temperature'?"
            ]
        ),
        (
            ["rollout.temperature=hot"],
            [
                "--set rollout.temperature=hot: rollout.temperature: expected a number > 0 and ≤ 100, got "
                    + "\"hot\""
            ]
        ),
        (
            ["rewards.1.weight=2"],
            [
                "--set rewards.1.weight=2: 'rewards' is a list of 1, expected an index from 0 to 0, got '1'"
            ]
        ),
        (
            ["rewards.first.weight=2"],
            [
                "--set rewards.first.weight=2: 'rewards' is a list of 1, expected an index from 0 to 0, got "
                    + "'first'"
            ]
        ),
        (
            ["kind.x=2"],
            [
                "--set kind.x=2: 'kind' is \"grpo\", not a section"
            ]
        ),
        (
            ["rollout"],
            [
                "--set rollout: expected key.path=value"
            ]
        ),
        (
            ["=1"],
            [
                "--set =1: expected key.path=value, got the key path ''"
            ]
        ),
        (
            ["a..b=1"],
            [
                "--set a..b=1: expected key.path=value, got the key path 'a..b'"
            ]
        ),
        (
            ["name=[a"],
            [
                "--set name=[a: not YAML: while parsing a flow sequence did not find expected ',' or ']'"
            ]
        ),
        (
            ["name=*a"],
            [
                "--set name=*a: a value can't begin with '*': aliases are not supported, write the value out, "
                    + "or put quotes around text"
            ]
        ),
        (
            ["seed=-3", "threads=-1"],
            [
                "--set seed=-3: seed: expected an integer ≥ 0, got -3",
                "--set threads=-1: threads: expected an integer from 0 to 1024, got -1",
            ]
        ),
    ]

    @Test("a fault of an override names the override", arguments: overrides)
    func override(overrides: [String], expected: [String]) {
        let found = faults(sound, overrides)
        #expect(found == expected)
    }

    @Test("a text over 1 MiB, deep nesting and billion laughs are refused at once")
    func hostile() {
        #expect(
            faults(String(repeating: "#", count: 1 << 21))
                == ["recipe:1:1: the text has 2097152 bytes, at most 1048576 are read"])
        let deep = "a: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(faults(deep) == ["recipe:1:36: nested deeper than 32 levels"])
        let deeper = "a: " + String(repeating: "[", count: 500_000)
        #expect(faults(deeper).count == 1)
        var laughs = "a0: &a0 [x, x]\n"
        for level in 1...40 { laughs += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        let refusal =
            "recipe:2:10: a value can't begin with '*': aliases are not supported, write the value out, "
            + "or put quotes around text"
        #expect(faults(laughs) == [refusal])
        #expect(faults(laughs + "? [*a40, *a40]\n: 1\n? [*a40, *a39]\n: 2\n") == [refusal])
        #expect(faults((0..<40_000).map { "k\($0): 1\n" }.joined()).count == 100)
    }

    @Test("an asterisk inside a text is a text")
    func asterisks() throws {
        let yaml = sound + "name: a # *x\nrollout: {stop: ['*a', \"**\", 2 *a, a*b]}\n"
        #expect(try Recipe(yaml: yaml, folder: "/").rollout.stop == ["*a", "**", "2 *a", "a*b"])
    }
}
