import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import Randomness
import Testing

@testable import Merging

/// One result of PEFT's `add_weighted_adapter`.
struct PEFTResult: CustomTestStringConvertible, Sendable {
    let model: String
    let name: String
    let adapters: [String]
    let weights: [Double]
    let combination: Combination

    var testDescription: String { "\(model) \(name)" }

    /// All results that do not depend on a random generator.
    static let all: [PEFTResult] = ["qwen2_tied", "qwen3_untied"].flatMap { model -> [PEFTResult] in
        guard
            let data = FileManager.default.contents(atPath: "\(Reference.models)/\(model)/weighted/combinations.json"),
            let results = (try? JSONValue(parsing: data))?["results"]?.objectValue
        else { return [] }
        return results.compactMap { name, value in
            let arguments = value["arguments"]
            guard let type = arguments?["combination_type"]?.stringValue, !type.hasPrefix("dare"),
                let method = MergeMethod(rawValue: type),
                let combination = try? Combination(
                    method, density: arguments?["density"]?.doubleValue, rank: arguments?["svd_rank"]?.intValue,
                    majoritySign: arguments?["majority_sign_method"]?.stringValue.flatMap(Combination.MajoritySign.init)
                )
            else { return nil }
            return PEFTResult(
                model: model, name: name, adapters: value["adapters"]?.arrayValue?.compactMap(\.stringValue) ?? [],
                weights: value["weights"]?.arrayValue?.compactMap(\.doubleValue) ?? [], combination: combination)
        }
    }

    var inputs: [WeightedAdapter] {
        get throws {
            try zip(adapters, weights).map {
                try WeightedAdapter(path: "\(Reference.models)/\(model)/weighted/\($0)", weight: $1)
            }
        }
    }
}

@Suite("Combined adapters", .enabled(if: Reference.isPresent, Reference.absence))
struct CombinedAdapterTests {
    @Test("all of PEFT's methods but the random ones are compared")
    func coverage() {
        #expect(PEFTResult.all.count == 22)
        #expect(Set(PEFTResult.all.map(\.combination.method.rawValue)).count == 7)
    }

    @Test("a combination is PEFT's, factor by factor, or product by product after an SVD", arguments: PEFTResult.all)
    func peft(result: PEFTResult) throws {
        let combined = try CombinedAdapter(try result.inputs, result.combination)
        let file = "\(result.model)/weighted/\(result.name).safetensors"
        let isProduct = result.combination.method.takesRank
        var compared = 0
        for module in combined.weights {
            if isProduct {
                // The products of the first layer are stored.
                guard let expected = try Reference.floats(file, module.module + ".delta") else { continue }
                let (rank, a, b) = (module.rank, module.loraA, module.loraB)
                let product = Matrix(rows: b.count / rank, columns: rank, values: b)
                    .product(Matrix(rows: rank, columns: a.count / rank, values: a))
                #expect(worst(product.values, expected) <= 1e-5, "\(module.module)")
                compared += 1
            } else {
                let a = try #require(try Reference.floats(file, module.module + ".lora_A.weight"))
                let b = try #require(try Reference.floats(file, module.module + ".lora_B.weight"))
                #expect(worst(module.loraA, a) <= 1e-5, "\(module.module) A")
                #expect(worst(module.loraB, b) <= 1e-5, "\(module.module) B")
                compared += 1
            }
        }
        #expect(compared >= 7)
        #expect(combined.configuration.loraAlpha == Double(combined.configuration.r))
    }

    @Test("the error of a combination is that of its products", arguments: PEFTResult.all)
    func error(result: PEFTResult) throws {
        let inputs = try result.inputs
        let combined = try CombinedAdapter(inputs, result.combination)
        let exact = try CombinedAdapter(inputs, Combination(.cat))
        func product(_ weights: AdapterWeights) -> [Double] {
            let (rank, a, b) = (weights.rank, weights.loraA, weights.loraB)
            let (rows, columns) = (b.count / rank, a.count / rank)
            return (0..<rows * columns).map { place in
                (0..<rank).reduce(0.0) {
                    $0 + Double(b[place / columns * rank + $1]) * Double(a[$1 * columns + place % columns])
                }
            }
        }
        var (errors, norms) = (0.0, 0.0)
        for (mine, true_) in zip(combined.weights, exact.weights) {
            for (x, y) in zip(product(mine), product(true_)) {
                errors += (x - y) * (x - y)
                norms += y * y
            }
        }
        let expected = (errors / norms).squareRoot()
        #expect(abs(combined.relativeError - expected) <= 1e-6 + expected * 1e-5)
        if result.combination.method == .cat { #expect(combined.relativeError < 1e-6) }
        if result.combination.method == .linear { #expect(combined.relativeError > 0.01) }
    }

    @Test("DARE with PEFT's masks is PEFT's", arguments: ["qwen2_tied", "qwen3_untied"], ["dare_linear", "dare_ties"])
    func dare(model: String, name: String) throws {
        let density = 0.6
        let file = "\(model)/weighted/\(name).safetensors"
        let raw = try RawTensors("\(Reference.models)/\(file)")
        let inputs = try [("a", 0.7), ("b", 0.3)].map {
            try WeightedAdapter(path: "\(Reference.models)/\(model)/weighted/\($0.0)", weight: $0.1)
        }
        let method = try #require(MergeMethod(rawValue: name))
        var compared = 0
        for module in inputs.moduleNames {
            for part in ["lora_A", "lora_B"] {
                guard let expected = try Reference.floats(file, "\(module).\(part).weight") else { continue }
                var tasks: [(adapter: Int, weight: Double, values: [Float])] = []
                for (index, input) in inputs.enumerated() {
                    guard let factors = try input.factors(of: module),
                        let mask = raw.bytes("mask.\(module).\(part).\(["a", "b"][index])")
                    else { continue }
                    let values = part == "lora_A" ? factors.a.values : factors.b.values
                    let kept = zip(values, mask).map { $1 == 0 ? 0 : $0 / Float(density) }
                    tasks.append((index, abs(input.weight * factors.scaling).squareRoot(), kept))
                }
                // The pruning is done: density 1 leaves the rest of the method.
                let ours = TaskArithmetic(try Combination(method, density: 1), name: module).combined(tasks)
                #expect(worst(ours, expected) <= 1e-5, "\(module).\(part)")
                compared += 1
            }
        }
        #expect(compared >= 14)
    }

    @Test("DARE keeps the share of its density, scaled, and is a function of seed and module alone")
    func dareDistribution() throws {
        let values = (0..<100_000).map { Float($0 % 7 + 1) }
        func result(seed: UInt64, adapter: Int = 0, name: String = "m") throws -> [Float] {
            TaskArithmetic(try Combination(.dareLinear, density: 0.3, seed: seed), name: name)
                .combined([(adapter, 1, values)])
        }
        let first = try result(seed: 1)
        let kept = first.count { $0 != 0 }
        // Four standard deviations of a binomial distribution.
        #expect(abs(Double(kept) - 30_000) < 4 * (100_000 * 0.3 * 0.7).squareRoot())
        for (new, old) in zip(first, values) where new != 0 { #expect(abs(new - old / 0.3) < 1e-4) }
        #expect(try result(seed: 1) == first)
        for other in [try result(seed: 2), try result(seed: 1, adapter: 1), try result(seed: 1, name: "n")] {
            let both = zip(first, other).count { $0 != 0 && $1 != 0 }
            #expect(abs(Double(both) - 9_000) < 4 * (100_000 * 0.09 * 0.91).squareRoot())
        }
    }

    @Test("the same seed writes the same bytes")
    func reproducible() throws {
        let folder = try TemporaryFolder()
        let inputs = try ["a", "b"].map {
            try WeightedAdapter(path: "\(Reference.models)/qwen2_tied/weighted/\($0)", weight: 0.5)
        }
        var files: [Data?] = []
        for (index, seed) in [UInt64(3), 3, 4].enumerated() {
            let combination = try Combination(.dareTies, density: 0.5, seed: seed)
            try CombinedAdapter(inputs, combination).write(to: "\(folder.path)/\(index)")
            files.append(FileManager.default.contents(atPath: "\(folder.path)/\(index)/adapter_model.safetensors"))
        }
        #expect(files[0] != nil && files[0] == files[1] && files[0] != files[2])
    }

    @Test("an SVD of full rank is exact, of a lower one the best, whatever the ranks of the factors")
    func svd() throws {
        func matrix(_ rows: Int, _ columns: Int, _ seed: UInt64) -> Matrix {
            let address = RandomAddress(seed: seed, purpose: .probe)
            return Matrix(
                rows: rows, columns: columns,
                values: (0..<rows * columns).map { Float(address.uniform(at: $0) - 0.5) })
        }
        for (rows, columns, inner) in [(17, 9, 3), (5, 31, 5), (4, 4, 9), (1, 6, 2), (6, 1, 2)] {
            let product = LowRankProduct(b: matrix(rows, inner, 1), a: matrix(inner, columns, 2))
            let dense = product.b.product(product.a)
            let full = product.truncated(rank: inner)
            #expect(worst(full.b.product(full.a).values, dense.values) < 2e-6)
            for rank in 1..<max(2, min(rows, columns, inner)) {
                let low = product.truncated(rank: rank)
                let other = LowRankProduct.truncated(dense: dense, rank: rank)
                #expect(worst(low.b.product(low.a).values, other.b.product(other.a).values) < 1e-5)
                // Rows of A are orthonormal.
                for i in 0..<rank {
                    for j in 0...i {
                        let dot = (0..<columns).reduce(0.0) {
                            $0 + Double(low.a.values[i * columns + $1]) * Double(low.a.values[j * columns + $1])
                        }
                        let place = "[\(rows), \(columns)] of \(inner), rank \(rank), at \(i) \(j)"
                        #expect(abs(dot - (i == j ? 1 : 0)) < 1e-5, "\(place)")
                    }
                }
            }
        }
        let zero = LowRankProduct(b: Matrix(rows: 3, columns: 2), a: Matrix(rows: 2, columns: 4)).truncated(rank: 2)
        #expect(zero.a.values.allSatisfy { $0 == 0 } && zero.b.values.allSatisfy { $0 == 0 })
    }
}
