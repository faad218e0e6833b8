import FileTesting
import Foundation
import OrderedJSON
import Testing

@Suite("merge and export", .enabled(if: Reference.isPresent, Reference.missing))
struct MergeTests {
    private let base = Reference.path("fixtures/models/qwen2_tied")
    private func adapter(_ name: String) -> String { Reference.path("fixtures/models/qwen2_tied/\(name)") }

    private func greedy(_ arguments: [String]) throws -> [JSONValue] {
        try Program.lines(
            ["generate"] + arguments + ["--greedy", "--max-new-tokens", "16", "--precision", "fp32", "--ignore-eos"],
            [["ids": [5, 17, 40]], ["ids": [1, 2, 3, 4, 5, 6, 7]]]
        ).map { $0["ids"] ?? .null }
    }

    @Test("a merged model says what base and adapter say, as a folder and as a GGUF file")
    func merged() throws {
        let folder = try TemporaryFolder()
        let expected = try greedy([base, "--adapter", adapter("adapters/lora")])
        #expect(try greedy([base]) != expected)
        for name in ["m", "m.gguf"] {
            let outcome = try Program.run(
                ["merge", base, "--adapter", adapter("adapters/lora"), "--output", folder.path(name)])
            #expect(outcome.status == 0, "\(outcome.messages)")
            #expect(try outcome.lines[0]["same_likeliest_token"] == outcome.lines[0]["probe_tokens"])
            #expect(try greedy([folder.path(name)]) == expected)
        }
        // Back from GGUF: the same folder, tokenizer included.
        let back = try Program.run(["export", folder.path("m.gguf"), "--output", folder.path("back")])
        #expect(back.status == 0, "\(back.messages)")
        #expect(try greedy([folder.path("back")]) == expected)
        for text in ["Grüße <|im_start|> 12", "e\u{301} the"] {
            let ids = try [base, folder.path("m.gguf"), folder.path("back")].map {
                try Program.lines(["tokenize", $0], [["text": .string(text)]])[0]["ids"]
            }
            #expect(ids[0] == ids[1] && ids[0] == ids[2])
        }
    }

    @Test("an adapter goes to GGUF and back unchanged", arguments: ["lora", "rslora", "patterns"])
    func adapters(variant: String) throws {
        let folder = try TemporaryFolder()
        let source = adapter("adapters/\(variant)")
        let there = try Program.run(
            ["export", source, "--base", base, "--output", folder.path("a.gguf")])
        #expect(there.status == 0, "\(there.messages)")
        let back = try Program.run(["export", folder.path("a.gguf"), "--output", folder.path("a")])
        #expect(back.status == 0, "\(back.messages)")
        let outcome = try Program.run(["inspect", source, "--against", folder.path("a"), "--json"])
        let difference = try outcome.lines[0]
        let norm = try #require(difference["norm_update"]?.doubleValue)
        #expect(try #require(difference["norm_difference"]?.doubleValue) < 1e-6 * norm)
        #expect(try Program.run(["inspect", folder.path("a.gguf")]).output.contains("kind: adapter"))
    }

    @Test(
        "what can't be merged is told in a line, and nothing is left behind",
        arguments: [
            (["--adapter", "A:x"], 2, "the weight is 'x', expected a number"),
            (["--adapter", "A:0"], 1, "the merged weights equal the base's"),
            (["--adapter", "A", "--method", "ties"], 2, "density is missing"),
            (["--adapter", "A", "--method", "ties", "--density", "1.5"], 2, "density is 1.5"),
            (["--adapter", "A", "--density", "0.5"], 2, "drops no numbers"),
            (["--adapter", "A", "--rank", "4"], 2, "has no choice of rank"),
            (["--adapter", "A", "--majority-sign", "total"], 2, "elects no signs"),
            (["--adapter", "A", "--adapter", "C", "--method", "linear"], 1, "needs equal ones. Take cat, svd"),
            (["--adapter", "OTHER"], 1, "is the adapter for another base?"),
            (["--adapter", "NAN"], 1, "holds NaN or infinite numbers"),
            (["--adapter", "HALF"], 1, "has lora_A but no lora_B"),
            (["--adapter", "ZERO"], 1, "the merged weights equal the base's"),
            (["--adapter", "PISSA"], 1, "which changed the base's weights"),
            (["--adapter", "nowhere"], 1, "does not exist"),
        ] as [([String], Int32, String)])
    func faults(arguments: [String], status: Int32, text: String) throws {
        let folder = try TemporaryFolder()
        let bad = try BadAdapters(folder, source: adapter("adapters/lora"))
        let names = [
            "A": adapter("weighted/a"), "C": adapter("weighted/c"),
            "OTHER": Reference.path("fixtures/models/qwen3_untied/adapters/lora"), "NAN": bad.notANumber,
            "HALF": bad.half, "ZERO": bad.zero, "PISSA": bad.pissa,
        ]
        let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        let resolved = arguments.map { argument in
            let parts = argument.split(separator: ":", maxSplits: 1).map(String.init)
            guard let path = names[parts.first ?? ""] else { return argument }
            return parts.count > 1 ? "\(path):\(parts[1])" : path
        }
        for output in ["out", "out.gguf"] {
            let outcome = try Program.run(["merge", base] + resolved + ["--output", folder.path(output)])
            #expect(outcome.status == status, "\(outcome.messages)")
            #expect(outcome.messages.contains(text), "\(outcome.messages)")
            #expect(outcome.messages.split(separator: "\n").count == 1)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
    }

    @Test("an output that exists is left alone")
    func existing() throws {
        let folder = try TemporaryFolder()
        try folder.write("mine", "out/file")
        for command in [["merge", base, "--adapter", adapter("weighted/a")], ["export", base]] {
            let outcome = try Program.run(command + ["--output", folder.path("out")])
            #expect(outcome.status == 1 && outcome.messages.contains("exists already"), "\(outcome.messages)")
        }
    }

    @Test("the difference of an adapter with itself is nothing")
    func difference() throws {
        let path = adapter("weighted/a")
        let same = try Program.run(["inspect", path, "--against", path, "--json"]).lines[0]
        #expect(try #require(same["norm_difference"]?.doubleValue) < 1e-6)
        let other = try Program.run(["inspect", path, "--against", adapter("weighted/b"), "--json"]).lines[0]
        #expect(try #require(other["norm_difference"]?.doubleValue) > 0.1)
        #expect(other["settings"]?["lora_alpha"] == [8, 16])
    }
}

/// Adapters with one fault each.
private struct BadAdapters {
    let notANumber, half, zero, pissa: String

    init(_ folder: TemporaryFolder, source: String) throws {
        let weights = try Data(contentsOf: URL(fileURLWithPath: source + "/adapter_model.safetensors"))
        let configuration = try String(contentsOfFile: source + "/adapter_config.json", encoding: .utf8)
        func make(_ name: String, _ weights: Data, _ configuration: String) throws -> String {
            try folder.write(configuration, "\(name)/adapter_config.json")
            try weights.write(to: URL(fileURLWithPath: folder.path("\(name)/adapter_model.safetensors")))
            return folder.path(name)
        }
        var broken = weights
        broken.replaceSubrange(weights.count - 4..<weights.count, with: [0, 0, 0xC0, 0x7F])
        notANumber = try make("nan", broken, configuration)
        // One lora_B becomes another module's second lora_A.
        let name = Data("self_attn.v_proj.lora_B".utf8)
        var renamed = weights
        let place = try #require(renamed.range(of: name))
        renamed.replaceSubrange(place, with: Data("self_attn.x_proj.lora_A".utf8))
        half = try make("half", renamed, configuration)
        let length = weights.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        var zeros = weights
        zeros.replaceSubrange(8 + length..<weights.count, with: Data(count: weights.count - 8 - length))
        zero = try make("zero", zeros, configuration)
        let pissa = configuration.replacingOccurrences(
            of: "\"init_lora_weights\": true", with: "\"init_lora_weights\": \"pissa\"")
        self.pissa = try make("pissa", weights, pissa)
    }
}
