import FileTesting
import Foundation
import OrderedJSON
import Testing

/// A wrong use of the program and what it says.
struct Misuse: Sendable, CustomTestStringConvertible {
    /// `MODEL`, `TOKENIZER`, `BARE` and `TMP` stand for paths, `_` for an empty text.
    var arguments: String
    var input = ""
    var status: Int32 = 1
    /// The message, as it begins or in part.
    var message: String
    /// Lines on standard output.
    var results = 0

    var testDescription: String { arguments }

    static let all: [Misuse] = [
        // The command line.
        Misuse(arguments: "frobnicate", status: 2, message: "Unexpected argument 'frobnicate'"),
        Misuse(arguments: "generate", status: 2, message: "Missing expected argument '<model>'"),
        Misuse(arguments: "generate MODEL --fast", status: 2, message: "Unknown option '--fast'"),
        Misuse(
            arguments: "generate MODEL --precision fp8", status: 2,
            message: "The value 'fp8' is invalid for '--precision"),
        Misuse(
            arguments: "generate MODEL --temperature=-1", status: 2,
            message: "sampling: temperature is -1.0, expected 0 (greedy) or a number from 0.001 to 1000"),
        Misuse(arguments: "generate MODEL --top-p 1.5", status: 2, message: "sampling: top_p is 1.5, expected"),
        Misuse(
            arguments: "generate MODEL --greedy --temperature 0.5", status: 2,
            message: "--greedy and --temperature 0.5 contradict each other: give one of them"),
        Misuse(
            arguments: "generate MODEL --max-new-tokens 0", status: 2,
            message: "--max-new-tokens is 0, expected 1 to 1000000"),
        Misuse(arguments: "generate MODEL --samples 0", status: 2, message: "--samples is 0, expected 1 to 1000000"),
        Misuse(
            arguments: "generate MODEL --prompt a --input b", status: 2,
            message: "--prompt and --input are both given: give one of them"),
        Misuse(
            arguments: "generate MODEL --stop _", status: 2, message: "stop: text 0 has 0 bytes, expected 1 to 4096"),
        Misuse(arguments: "score MODEL --threads -1", status: 2, message: "--threads"),
        Misuse(
            arguments: "score MODEL --temperature 0", status: 2,
            message: "--temperature is 0.0, expected a number from 0.001 to 1000"),
        Misuse(arguments: "generate MODEL --seed -3", status: 2, message: "--seed"),
        // Paths.
        Misuse(
            arguments: "generate /none",
            message: "/none: no such file or folder; MODEL is a Hugging Face folder or a .gguf"),
        Misuse(
            arguments: "tokenize TMP/empty",
            message: "tokenizer.json: no such file; a model folder needs its tokenizer.json"),
        Misuse(arguments: "generate TMP/empty", message: "has no config.json; expected a Hugging Face model folder"),
        Misuse(arguments: "generate TOKENIZER", message: "has no config.json; expected a Hugging Face model folder"),
        Misuse(
            arguments: "generate MODEL/model.safetensors",
            message: "neither a Hugging Face folder nor a GGUF file; give the folder it lies in"),
        Misuse(arguments: "tokenize TMP/bad.gguf", message: "not a GGUF file"),
        Misuse(arguments: "generate MODEL --adapter /none", message: "/none does not exist"),
        Misuse(arguments: "generate MODEL --adapter MODEL", message: "it is a model, not an adapter"),
        Misuse(
            arguments: "generate MODEL/adapters/lora",
            message: "is an adapter (it has adapter_config.json), not a model"),
        Misuse(arguments: "generate MODEL --input /none", message: "/none: No such file or directory"),
        Misuse(arguments: "score MODEL --input TMP", message: "can't be read: Is a directory"),
        Misuse(arguments: "render TMP/empty", message: "the model has no chat template"),
        Misuse(
            arguments: "render TMP/empty --chat-template /none", message: "/none: no such file; --chat-template takes"),
        Misuse(
            arguments: "render TMP/empty --chat-template TMP/bad.jinja", message: "bad.jinja: chat template, line 1"),
        Misuse(arguments: "inspect /none", message: "/none: no such file or folder"),
        Misuse(arguments: "inspect TMP/empty", message: "holds none of config.json (a model)"),
        Misuse(arguments: "inspect TMP/bad.gguf", message: "not a GGUF file"),
        Misuse(arguments: "inspect TMP/bad.yaml", status: 2, message: "bad.yaml:"),
        // Recipes.
        Misuse(arguments: "train /none.yaml", message: "/none.yaml: can't be opened; expected a recipe in YAML"),
        Misuse(arguments: "train TMP/bad.yaml", status: 2, message: "bad.yaml:2:1: speed: unknown key"),
        Misuse(arguments: "train TMP/good.yaml --set steps", status: 2, message: "--set steps"),
        Misuse(
            arguments: "train TMP/good.yaml --set model.path=/none --dry-run", message: "/none: no such file or folder"),
        Misuse(
            arguments: "train TMP/good.yaml --resume TMP",
            message: "holds no recipe.yaml, so it is no run's folder; give the folder that train named"),
        Misuse(arguments: "train --resume TMP/none", message: "/none: not there or not a folder"),
        Misuse(arguments: "train", status: 2, message: "a recipe is missing, or --resume"),
        Misuse(
            arguments: "train TMP/good.yaml --resume TMP --dry-run", status: 2,
            message: "--resume goes on in the run's own folder; leave --run-dir and --dry-run out"),
        Misuse(
            arguments: "verify-resume TMP", message: "two checkpoints are needed, one after the other; there are none"),
        Misuse(arguments: "replay TMP --step 0", status: 2, message: "--step is 0, expected 1 for the first"),
        Misuse(arguments: "inspect TMP/bad.h5", message: "bad.h5: not a state file"),
        // Lines: the others are done.
        Misuse(
            arguments: "tokenize TOKENIZER", input: "{\"text\":\"a\"}\nx\n\n[1]\n{\"text\":\"b\"}",
            message: "standard input: line 2: invalid JSON at byte 0", results: 2),
        Misuse(
            arguments: "tokenize TOKENIZER", input: "\n[1]\n",
            message: "standard input: line 2: the line is a list of 1, expected a JSON object"),
        Misuse(
            arguments: "tokenize TOKENIZER", input: "{\"text\":5}", message: "line 1: \"text\" is 5, expected a text"),
        Misuse(arguments: "tokenize TOKENIZER", input: "{}", message: "line 1: \"text\" is missing, expected a text"),
        Misuse(
            arguments: "tokenize TOKENIZER --decode", input: "{\"ids\":[1,392]}\n{\"ids\":[1]}",
            message: "line 1: \"ids\"[1] is 392, expected a token id from 0 to 391", results: 1),
        Misuse(
            arguments: "tokenize TOKENIZER --decode", input: "{\"ids\":\"a\"}",
            message: "line 1: \"ids\" is \"a\", expected a list of token ids"),
        Misuse(
            arguments: "render MODEL", input: "{\"messages\":\"hi\"}",
            message: "line 1: \"messages\" is \"hi\", expected a list of {\"role\", \"content\"}"),
        Misuse(
            arguments: "render MODEL", input: "{\"messages\":[],\"enable_thinking\":\"no\"}",
            message: "line 1: \"enable_thinking\" is \"no\", expected true or false"),
        Misuse(
            arguments: "verify math", input: "{\"gold\":\"1\"}",
            message: "line 1: \"prediction\" is missing, expected a text"),
        Misuse(
            arguments: "verify math", input: "{\"gold\":\"1\",\"prediction\":\"1\",\"config\":{\"gold_form\":\"x\"}}",
            message: "\"gold_form\" is \"x\", expected one of bare, text, choice, string"),
        Misuse(
            arguments: "score MODEL", input: "{\"ids\":[1,-1]}\n{\"ids\":[1,2]}\n",
            message: "line 1: \"ids\"[1] is -1, expected a token id from 0 to 399", results: 1),
        Misuse(
            arguments: "score MODEL", input: "{\"ids\":[]}", message: "line 1: there are no tokens to score"),
        Misuse(arguments: "score MODEL", input: "{\"id\":1}", message: "line 1: nothing to score, expected \"ids\""),
        Misuse(
            arguments: "score MODEL", input: "{\"ids\":[\(String(repeating: "1,", count: 512))1]}",
            message: "line 1: 513 tokens, the model's context holds 512 (max_position_embeddings)"),
        Misuse(
            arguments: "generate MODEL --max-new-tokens 2", input: "{\"ids\":[]}\n{\"ids\":[1.5]}\n{\"ids\":[3]}",
            message: "line 1: the prompt is empty, expected at least one token", results: 1),
        Misuse(
            arguments: "generate MODEL", input: "{\"ids\":[\(String(repeating: "1,", count: 511))1]}",
            message: "line 1: the prompt has 512 tokens, the model's context holds 512"),
        Misuse(arguments: "generate MODEL", input: "{}", message: "line 1: no prompt, expected \"ids\", \"prompt\""),
        Misuse(arguments: "generate MODEL --prompt _", message: "--prompt: the prompt is empty"),
        Misuse(
            arguments: "generate BARE", input: "{\"prompt\":\"a\"}",
            message: "line 1: there is text, but"),
    ]
}

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct ErrorTests {
    @Test("a misuse gives its status and one line a fault that says what is wrong", arguments: Misuse.all)
    func misuse(_ misuse: Misuse) throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path("empty"), withIntermediateDirectories: true)
        try folder.write("no model", "bad.gguf")
        try folder.write("no checkpoint", "bad.h5")
        try folder.write("{% if %}", "bad.jinja")
        try folder.write("kind: grpo\nspeed: 3\n", "bad.yaml")
        try folder.write(TrainTests.recipe, "good.yaml")
        let arguments = misuse.arguments.split(separator: " ").map { word in
            word == "_"
                ? ""
                : String(word).replacingOccurrences(of: "MODEL", with: Reference.model)
                    .replacingOccurrences(of: "TOKENIZER", with: Reference.path("fixtures/tokenizer/tiny"))
                    .replacingOccurrences(of: "BARE", with: Reference.path("fixtures/models/qwen2_swa"))
                    .replacingOccurrences(of: "TMP", with: folder.path)
        }
        let outcome = try Program.run(arguments, input: misuse.input)
        #expect(outcome.status == misuse.status, "\(outcome.messages)")
        #expect(outcome.messages.contains(misuse.message), "\(outcome.messages)")
        #expect(outcome.messages.hasSuffix("\n"))
        #expect(outcome.messages.split(separator: "\n").allSatisfy { $0.hasPrefix("touchstone: ") })
        #expect(outcome.output.split(separator: "\n").count == misuse.results)
    }

    @Test(
        "--help goes to standard output, shows an example and succeeds",
        arguments: [
            "generate", "chat", "score", "tokenize", "render", "verify math", "inspect", "train", "verify-resume",
            "replay",
        ])
    func help(_ command: String) throws {
        let outcome = try Program.run(command.split(separator: " ").map(String.init) + ["--help"])
        #expect(outcome.status == 0)
        #expect(outcome.messages.isEmpty)
        #expect(outcome.output.contains("Example:\n"))
        #expect(outcome.output.contains("touchstone \(command)"))
    }

    @Test("--quiet leaves standard error to errors")
    func quiet() throws {
        let arguments = ["generate", Reference.model, "--prompt", "a", "--max-new-tokens", "2"]
        #expect(try Program.run(arguments).messages.contains("1 completions, 2 tokens"))
        #expect(try Program.run(arguments + ["--quiet"]).messages.isEmpty)
        #expect(try Program.run(arguments + ["--log-level", "warning"]).messages.isEmpty)
        #expect(try Program.run(arguments + ["--log-level", "debug"]).messages.contains("loaded"))
    }
}
