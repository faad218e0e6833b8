import Foundation
import OrderedJSON
import Randomness
import Testing

@testable import InferenceCore

extension Sampler {
    fileprivate mutating func choose(
        _ logits: [Float], history: [Int32] = [], _ parameters: SamplingParameters, uniform: Double = 0.5
    ) throws -> Int32 {
        try logits.withUnsafeBufferPointer {
            try choose($0, history: history, parameters: parameters, uniform: uniform)
        }
    }

    fileprivate mutating func probabilities(
        _ logits: [Float], history: [Int32] = [], _ parameters: SamplingParameters
    ) throws -> [Double] {
        try logits.withUnsafeBufferPointer { try probabilities($0, history: history, parameters: parameters) }
    }
}

extension SamplingParameters {
    fileprivate init(_ json: JSONValue) {
        self.init(
            temperature: json["temperature"]?.doubleValue ?? 1, topK: json["top_k"]?.intValue ?? 0,
            topP: json["top_p"]?.doubleValue ?? 1, minP: json["min_p"]?.doubleValue ?? 0,
            repetitionPenalty: json["repetition_penalty"]?.doubleValue ?? 1)
    }
}

/// The largest difference; infinite for other counts or where one is 0 and the other is not nearly so.
private func worstDifference(_ actual: [Double], _ expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    return zip(actual, expected).reduce(0) { worst, pair in
        let isOneMissing = (pair.0 == 0) != (pair.1 == 0) && max(pair.0, pair.1) > 1e-30
        return isOneMissing ? .infinity : max(worst, abs(pair.0 - pair.1))
    }
}

private func randomLogits(_ count: Int, seed: UInt64 = 1, spread: Float = 8) -> [Float] {
    let address = RandomAddress(seed: seed, purpose: .probe)
    return (0..<count).map { Float(address.uniform(at: $0)) * spread }
}

@Suite("Sampler")
struct SamplerTests {
    @Test(
        "filtered probabilities equal transformers'",
        .enabled(if: ReferenceData.has("sampling/filters.jsonl"), "reference data is not there"))
    func filters() throws {
        var sampler = Sampler()
        let rows = try ReferenceData.jsonLines("sampling/filters.jsonl")
        #expect(!rows.isEmpty)
        for row in rows {
            let logits = (row["logits"]?.arrayValue ?? []).map { Float($0.doubleValue ?? -.infinity) }
            let history = (row["history_ids"]?.arrayValue ?? []).compactMap { $0.intValue.map { Int32($0) } }
            let settings = try #require(row["settings"])
            let result = try sampler.probabilities(logits, history: history, SamplingParameters(settings))
            let expected = (row["probabilities"]?.arrayValue ?? []).compactMap(\.doubleValue)
            let error = worstDifference(result, expected)
            #expect(error < 1e-6, "\(row["logits_name"] ?? "") \(row["row"] ?? 0) \(settings): off by \(error)")
        }
    }

    @Test(
        "filtered probabilities of a large vocabulary equal transformers'",
        .enabled(if: ReferenceData.has("sampling/large_vocab.safetensors"), "reference data is not there"))
    func largeVocabulary() throws {
        let tensors = try ReferenceData.tensors("sampling/large_vocab.safetensors")
        let settings = SamplingParameters(try JSONValue(parsing: ReferenceData.data("sampling/large_vocab.json")))
        let history = try #require(tensors["history_ids"]).values(Int64.self).map { Int32($0) }
        let logits = try #require(tensors["logits"]).values(Float.self)
        let expected = try #require(tensors["probabilities"]).values(Float.self).map(Double.init)
        var sampler = Sampler()
        for row in 0..<2 {
            let range = row * logits.count / 2..<(row + 1) * logits.count / 2
            let ids = Array(history[row * history.count / 2..<(row + 1) * history.count / 2])
            let result = try sampler.probabilities(Array(logits[range]), history: ids, settings)
            #expect(worstDifference(result, Array(expected[range])) < 1e-6)
        }
    }

    @Test("draws are distributed as the probabilities say (chi-square)")
    func distribution() throws {
        var sampler = Sampler()
        let logits = randomLogits(40, spread: 3)
        let address = RandomAddress(seed: 11, purpose: .sampling)
        for parameters in [
            SamplingParameters(), SamplingParameters(temperature: 0.7, topK: 20, topP: 0.9, minP: 0.05),
        ] {
            let probabilities = try sampler.probabilities(logits, parameters)
            var counts = [Double](repeating: 0, count: logits.count)
            let draws = 40_000
            for draw in 0..<draws {
                counts[Int(try sampler.choose(logits, parameters, uniform: address.uniform(at: draw)))] += 1
            }
            var chiSquare = 0.0
            var degrees = -1.0
            for (count, probability) in zip(counts, probabilities) {
                guard probability > 0 else {
                    #expect(count == 0)
                    continue
                }
                let expected = probability * Double(draws)
                chiSquare += (count - expected) * (count - expected) / expected
                degrees += 1
            }
            // Four standard deviations above the mean of the chi-square distribution.
            #expect(chiSquare < degrees + 4 * (2 * degrees).squareRoot())
        }
    }

    @Test("the draw inverts the cumulative distribution in the order of ids")
    func inverseDistribution() throws {
        var sampler = Sampler()
        for count in [1, 2, 7, 511, 512, 513, 3001] {
            let logits = randomLogits(count)
            let probabilities = try sampler.probabilities(logits, SamplingParameters(topP: 0.95))
            for uniform in [0, 0.1, 0.37, 0.5, 0.9, 0.999_999, 1 - 0x1p-53] {
                var sum = 0.0
                let expected = probabilities.firstIndex { probability in
                    sum += probability
                    return sum > uniform
                }
                let token = try sampler.choose(logits, SamplingParameters(topP: 0.95), uniform: uniform)
                #expect(probabilities[Int(token)] > 0)
                if let expected, uniform < 0.9999 { #expect(Int(token) == expected) }
            }
        }
    }

    @Test("a draw exactly between two tokens takes the second")
    func drawAtBoundary() throws {
        var sampler = Sampler()
        for count in [4, 2048] {
            let logits = [Float](repeating: 1.5, count: count)
            for token in [0, 1, count / 4, count / 2, count - 1] {
                let uniform = Double(token) / Double(count)
                #expect(try sampler.choose(logits, SamplingParameters(), uniform: uniform) == Int32(token))
            }
        }
    }

    @Test("greedy takes the likeliest token, the lowest id of ties, after the repetition penalty")
    func greedy() throws {
        var sampler = Sampler()
        #expect(try sampler.choose([1, 3, 2, 3], .greedy) == 1)
        #expect(try sampler.choose([-.infinity, -5, -.infinity], .greedy) == 1)
        var parameters = SamplingParameters.greedy
        parameters.repetitionPenalty = 2
        #expect(try sampler.choose([1, 3, 2, 2.5], history: [1, 1], parameters) == 3)
        #expect(try sampler.choose([-1, -1.5], history: [0], parameters) == 1)
    }

    @Test("a sampler that was used before chooses as a new one does")
    func scratchLeavesNoTrace() throws {
        var used = Sampler()
        let all = SamplingParameters(temperature: 0.8, topK: 30, topP: 0.9, minP: 0.01, repetitionPenalty: 1.2)
        for count in [5, 3000, 40, 3000] {
            let logits = randomLogits(count, seed: UInt64(count))
            var fresh = Sampler()
            for parameters in [all, SamplingParameters(), SamplingParameters(topK: 3)] {
                let history: [Int32] = [0, 3, 3, 4]
                #expect(
                    try used.probabilities(logits, history: history, parameters)
                        == fresh.probabilities(logits, history: history, parameters))
            }
        }
    }

    @Test("of tokens that tie at top-p's edge, the lowest ids stay")
    func tiesAtTopP() throws {
        var sampler = Sampler()
        #expect(try sampler.probabilities([0, 0, 0, 0], SamplingParameters(topP: 0.5)) == [0.5, 0.5, 0, 0])
        #expect(try sampler.probabilities([0, 9, 0, 9], SamplingParameters(topP: 0.01)) == [0, 1, 0, 0])
        #expect(try sampler.probabilities([0, 0, 0, 0], SamplingParameters(topK: 2)) == [0.25, 0.25, 0.25, 0.25])
        #expect(try sampler.probabilities([-0.0, 0, -1], SamplingParameters(topK: 1)) == [0.5, 0.5, 0])
    }

    @Test("the fast exponential is within 3e-7 of the true one")
    func exponentialAccuracy() {
        for step in 0..<8700 {
            let x = -Float(step) / 100
            let expected = exp(Double(x))
            let error = abs(Double(exponential(SIMD8(repeating: x))[3]) - expected) / expected
            #expect(error < 3e-7)
        }
        #expect(exponential(SIMD8(0, -.infinity, -88, -1e30, 0, 0, 0, 0)) == SIMD8(1, 0, 0, 0, 1, 1, 1, 1))
    }

    @Test(
        "damaged logits and unknown tokens are errors with a clear text",
        arguments: [
            ([1, .nan], [], "the logit of token 1 is nan, expected a finite number or -inf"),
            ([.infinity, 1], [], "the logit of token 0 is inf, expected a finite number or -inf"),
            ([-.infinity, -.infinity], [], "all 2 logits are -inf, expected at least one finite number"),
            ([], [], "all 0 logits are -inf"),
            ([1, 2], [2], "history holds token 2, expected ids from 0 to 1"),
            ([1, 2], [-1], "history holds token -1, expected ids from 0 to 1"),
        ] as [([Float], [Int32], String)])
    func errors(logits: [Float], history: [Int32], text: String) {
        for temperature in [0.0, 1] {
            var sampler = Sampler()
            let parameters = SamplingParameters(temperature: temperature, repetitionPenalty: 1.1)
            let error = #expect(throws: InferenceError.self) {
                try sampler.choose(logits, history: history, parameters)
            }
            #expect(error?.message.hasPrefix("sampling: " + text) == true, "\(error?.message ?? "")")
        }
    }

    @Test(
        "settings out of range are errors with a clear text",
        arguments: [
            (
                SamplingParameters(temperature: -1),
                "temperature is -1.0, expected 0 (greedy) or a number from 0.001 to 1000"
            ),
            (
                SamplingParameters(temperature: .nan),
                "temperature is nan, expected 0 (greedy) or a number from 0.001 to 1000"
            ),
            (SamplingParameters(topK: -1), "top_k is -1, expected 0 (off) or a positive whole number"),
            (SamplingParameters(topP: 0), "top_p is 0.0, expected a number above 0, at most 1 (off)"),
            (SamplingParameters(topP: 1.1), "top_p is 1.1, expected a number above 0, at most 1 (off)"),
            (SamplingParameters(minP: 2), "min_p is 2.0, expected a number from 0 (off) to 1"),
            (
                SamplingParameters(repetitionPenalty: 0),
                "repetition_penalty is 0.0, expected a number from 0.001 to 1000; 1 is off"
            ),
        ])
    func invalidSettings(parameters: SamplingParameters, text: String) throws {
        let error = #expect(throws: InferenceError.self) { try parameters.validate() }
        #expect(error?.code == .invalidParameter)
        #expect(error?.message == "sampling: " + text)
        try SamplingParameters().validate()
        try SamplingParameters.greedy.validate()
    }
}
