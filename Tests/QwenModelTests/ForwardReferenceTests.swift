import Foundation
import ModelFiles
import OrderedJSON
import TensorCore
import Testing

@testable import QwenModel

extension QwenTests {
    @Suite("Forward pass", .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    struct ForwardReference {
        @Test(
            "logits, hidden states, log-probabilities, entropy and loss equal transformers'",
            arguments: ReferenceData.all)
        func values(reference: ReferenceModel) throws {
            let model = try reference.load()
            let expected = try reference.tensors()
            let data = try ReferenceSequences(expected)
            let run = Sequences(data.sequences, model: model)
            var seen: [Int: [Float]] = [:]
            let hidden = model.hiddenStates(run.batch, pages: run.pages) { seen[$0] = $1.toArray() }
            func check(_ name: String, _ actual: [Float]) throws {
                let values = data.unpadded(try expected.floats(name))
                expectClose(actual, values, within: Tolerance.activations, "\(reference.name) \(name)")
            }
            try check("hidden.embed", try #require(seen[-1]))
            for layer in 0..<model.configuration.hiddenLayers {
                try check("hidden.layer.\(layer)", try #require(seen[layer]))
            }
            try check("hidden.final", model.normalized(hidden).toArray())
            try check("logits", run.logits(model))

            let successors: [Int32] = data.sequences.flatMap { $0.dropFirst().map { Int32($0) } + [0] }
            let y = run.logProbs(model, targets: successors)
            try check("entropy", (0..<successors.count).map { y[2 * $0 + 1] })
            let transitions = run.rows.flatMap { $0.dropLast().map { y[2 * $0] } }
            expectClose(
                transitions, data.unpaddedTransitions(try expected.floats("logprobs")), within: Tolerance.activations,
                "\(reference.name) logprobs")
            expectClose(
                [data.meanLoss(model)], [try expected.scalar("loss")], within: Tolerance.loss, "\(reference.name) loss")
        }

        @Test("rows that transformers padded on the left are the same sequences", arguments: ReferenceData.all)
        func leftPadding(reference: ReferenceModel) throws {
            let expected = try reference.tensors()
            let data = try ReferenceSequences(expected, prefix: "left.")
            let positions = try expected.integers("left.position_ids").map(Float.init)
            let model = try reference.load()
            let run = Sequences(data.sequences, model: model)
            #expect(data.unpadded(positions) == run.batch.layout.positions.map(Float.init))
            expectClose(
                run.logits(model), data.unpadded(try expected.floats("left.logits")), within: Tolerance.activations,
                "\(reference.name) left.logits")
        }

        @Test("rotary frequencies and attention factor equal transformers'", arguments: ReferenceData.all)
        func rotary(reference: ReferenceModel) throws {
            let expected = try reference.tensors()
            let c = try QwenConfiguration(reference.config, path: reference.path)
            let (inverse, factor) = c.rope.frequencies(headDim: c.headDim)
            for (actual, value) in zip(inverse, try expected.floats("rope.inv_freq")) {
                #expect(abs(actual - value) <= 1e-6 * value, "\(reference.name): \(actual), expected \(value)")
            }
            #expect(inverse.count == (try expected.shape("rope.inv_freq"))[0])
            #expect(abs(factor - (try expected.scalar("rope.attention_scaling"))) <= 1e-6)
        }

        @Test(
            "every stage of the first block equals transformers'",
            arguments: try ReferenceData.all.filter { try $0.tensors().names.contains("layer0.q_proj") })
        func firstBlock(reference: ReferenceModel) throws {
            let model = try reference.load()
            let c = model.configuration
            let expected = try reference.tensors()
            let data = try ReferenceSequences(expected)
            let run = Sequences(data.sequences, model: model)
            let context = ForwardContext(adapters: [], pass: nil)
            let (block, attention) = (model.blocks[0], model.blocks[0].attention)
            func check(_ name: String, _ actual: Tensor, heads: Int? = nil) throws {
                let values = try expected.floats("layer0." + name)
                expectClose(
                    actual.toArray(), heads.map { data.unpaddedHeads(values, heads: $0) } ?? data.unpadded(values),
                    within: Tolerance.activations, "\(reference.name) layer0.\(name)")
            }
            let (inverse, factor) = c.rope.frequencies(headDim: c.headDim)
            let table = RotaryTable(inverseFrequencies: inverse, factor: factor, positions: data.width)
            for (name, half) in [("rope_cos", table.cosines), ("rope_sin", table.sines)] {
                let values = (0..<data.width).flatMap { row in
                    let row = half.rows(row..<row + 1).toArray()
                    return row + row
                }
                expectClose(values, try expected.floats("layer0." + name), within: 2e-6, name)
            }

            let x = embedding(run.batch.ids, table: model.embed.table)
            let input = block.inputNorm(x, context)
            try check("input_layernorm", input)
            var (q, k) = (attention.q(input, context), attention.k(input, context))
            let v = attention.v(input, context)
            for (name, value) in [("q_proj", q), ("k_proj", k), ("v_proj", v)] { try check(name, value) }
            if let qNorm = attention.qNorm, let kNorm = attention.kNorm {
                (q, k) = (qNorm(q, context), kNorm(k, context))
                try check("q_norm", q)
                try check("k_norm", k)
            }
            q = rotatedHeads(q, run.batch, c, table)
            k = rotatedHeads(k, run.batch, c, table)
            try check("q_rope", q, heads: c.attentionHeads)
            try check("k_rope", k, heads: c.keyValueHeads)
            let y = TensorCore.attention(
                q, k, v, headWidth: c.headDim, window: attention.window, layout: run.batch.layout, pages: run.pages,
                layer: 0)
            try check("attn_concat", y)
            let output = attention.o(y, context)
            try check("o_proj", output)
            let middle = block.postAttentionNorm(add(x, output), context)
            try check("post_attention_layernorm", middle)
            try check("mlp", block.mlp(middle, context))
        }

        /// The whole models among the GGUF files, by name.
        static let ggufModels =
            ((try? FileManager.default.contentsOfDirectory(atPath: ReferenceData.root + "/gguf")) ?? [])
            .filter { $0.hasSuffix(".gguf") }.map { String($0.dropLast(".gguf".count)) }.sorted()

        @Test("GGUF models give the logits of the same weights", arguments: ggufModels)
        func gguf(name: String) throws {
            let path = ReferenceData.root + "/gguf/" + name
            let source = try GGUFModel(path: path + ".gguf")
            let expected = try ReferenceTensors(path: path + ".expected.safetensors")
            let model = try QwenModel(source, precision: .float32)
            let run = Sequences([try expected.integers("input_ids")], model: model)
            expectClose(
                run.logits(model), try expected.floats("logits"), within: Tolerance.activations, "\(name) logits")
        }

        @Test("computing in bfloat16 stays close to single precision", arguments: ReferenceData.dense)
        func bfloat16(reference: ReferenceModel) throws {
            let model = try reference.load(.bfloat16)
            let expected = try reference.tensors()
            let data = try ReferenceSequences(expected)
            let logits = data.unpadded(try expected.floats("logits"))
            let actual = Sequences(data.sequences, model: model).logits(model)
            let squares = zip(actual, logits).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let mean = (squares / Float(logits.count)).squareRoot()
            let worst = worstDifference(actual, logits).error
            #expect(mean <= Tolerance.bfloat16 && worst <= 6 * Tolerance.bfloat16, "worst \(worst), mean \(mean)")
        }
    }
}

private func rotatedHeads(_ x: Tensor, _ batch: TokenBatch, _ c: QwenConfiguration, _ table: RotaryTable) -> Tensor {
    rotary(x, positions: batch.layout.positions, headWidth: c.headDim, table: table)
}
