import ModelFiles
import OrderedJSON

/// Describes PEFT folders, with the size of what they add to each weight.
enum AdapterInspection {
    /// A PEFT folder.
    static func describe(_ path: String) throws -> JSONObject {
        let folder = try AdapterFolder(path: path)
        let configuration = folder.configuration
        var description: JSONObject = [
            "kind": "adapter", "path": .string(path), "rank": .integer(configuration.r),
            "alpha": .double(configuration.loraAlpha), "use_rslora": .bool(configuration.useRslora),
            "use_dora": .bool(configuration.useDora), "target_modules": targets(configuration),
            "base_model": configuration.baseModelNameOrPath.map { .string($0) } ?? .null,
        ]
        let targeting = try AdapterTargeting(configuration, familyDefaults: [])
        var summary = TensorSummary()
        var modules = JSONObject()
        for name in folder.moduleNames {
            guard let adapter = folder.adapters[name] else { continue }
            let (a, b) = (try adapter.loraA.floats().map(Double.init), try adapter.loraB.floats().map(Double.init))
            for tensor in [adapter.loraA, adapter.loraB] + (adapter.magnitude.map { [$0] } ?? []) {
                summary.add(tensor)
            }
            modules[name] = [
                "rank": .integer(adapter.rank), "norm_a": .double(norm(a)), "norm_b": .double(norm(b)),
                "norm_update": .double(targeting.scaling(of: name) * productNorm(a, b, rank: adapter.rank)),
            ]
        }
        for tensor in folder.savedTensors.values { summary.add(tensor) }
        summary.write(to: &description)
        if !folder.savedTensors.isEmpty {
            description["saved_whole"] = .array(folder.savedTensors.keys.sorted().map { .string($0) })
        }
        description["modules"] = .object(modules)
        return description
    }

    private static func targets(_ configuration: AdapterConfiguration) -> JSONValue {
        switch configuration.targetModules {
        case .names(let names): .array(names.map { .string($0) })
        case .expression(let expression): .string(expression)
        case .allLinear: "all-linear"
        case .familyDefault: .null
        }
    }

    private static func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// ‖B·A‖ (Frobenius) without the product: √Σ (BᵀB)∘(AAᵀ).
    ///
    /// - Parameter a: A, `[R, in]`.
    /// - Parameter b: B, `[out, R]`.
    static func productNorm(_ a: [Double], _ b: [Double], rank: Int) -> Double {
        let (inputs, outputs) = (a.count / rank, b.count / rank)
        var sum = 0.0
        for i in 0..<rank {
            for j in 0...i {
                var (rows, columns) = (0.0, 0.0)
                for k in 0..<inputs { rows += a[i * inputs + k] * a[j * inputs + k] }
                for k in 0..<outputs { columns += b[k * rank + i] * b[k * rank + j] }
                sum += (i == j ? 1 : 2) * rows * columns
            }
        }
        return max(0, sum).squareRoot()
    }
}
