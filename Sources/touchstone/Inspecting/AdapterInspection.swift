import Merging
import ModelFiles
import OrderedJSON

/// Describes PEFT folders, with the size of what they add to each weight.
enum AdapterInspection {
    /// A PEFT folder.
    static func describe(_ path: String) throws -> JSONObject {
        let folder = try AdapterFolder(path: path)
        let configuration = folder.configuration
        let targeting = try AdapterTargeting(configuration, familyDefaults: [])
        var description: JSONObject = [
            "kind": "adapter", "path": .string(path), "rank": .integer(configuration.r),
            "alpha": .double(configuration.loraAlpha), "use_rslora": .bool(configuration.useRslora),
            "use_dora": .bool(configuration.useDora), "target_modules": targets(configuration),
            "base_model": configuration.baseModelNameOrPath.map { .string($0) } ?? .null,
            "digest": .string(try digest(folder, targeting)),
        ]
        var summary = TensorSummary()
        var modules = JSONObject()
        var layers: [Int: Double] = [:]
        for name in folder.moduleNames {
            guard let adapter = folder.adapters[name] else { continue }
            let (a, b) = (try adapter.loraA.floats().map(Double.init), try adapter.loraB.floats().map(Double.init))
            for tensor in [adapter.loraA, adapter.loraB] + (adapter.magnitude.map { [$0] } ?? []) {
                summary.add(tensor)
            }
            let update = abs(targeting.scaling(of: name)) * productNorm(a, b, rank: adapter.rank)
            modules[name] = [
                "rank": .integer(adapter.rank), "norm_a": .double(norm(a)), "norm_b": .double(norm(b)),
                "norm_update": .double(update),
            ]
            if let layer = layer(of: name) { layers[layer, default: 0] += update * update }
        }
        for tensor in folder.savedTensors.values { summary.add(tensor) }
        summary.write(to: &description)
        if !folder.savedTensors.isEmpty {
            description["saved_whole"] = .array(folder.savedTensors.keys.sorted().map { .string($0) })
        }
        description["norm_update_by_layer"] = .object(
            JSONObject(layers.sorted { $0.key < $1.key }.map { (String($0.key), .double($0.value.squareRoot())) }))
        description["modules"] = .object(modules)
        return description
    }

    /// SHA-256 over modules in the order of their names: name, shapes, scaling and the numbers in single precision, so that
    /// equal adapters have equal digests however they are stored.
    private static func digest(_ folder: AdapterFolder, _ targeting: AdapterTargeting) throws -> String {
        var digest = ContentDigest()
        for name in folder.moduleNames {
            guard let adapter = folder.adapters[name] else { continue }
            digest.update("\(name) \(adapter.loraA.shape)\(adapter.loraB.shape) \(targeting.scaling(of: name))")
            for tensor in [adapter.loraA, adapter.loraB] + (adapter.magnitude.map { [$0] } ?? []) {
                try tensor.floats().withUnsafeBytes { digest.update($0) }
            }
        }
        for (name, tensor) in folder.savedTensors.sorted(by: { $0.key < $1.key }) {
            digest.update("\(name) \(tensor.shape)")
            try tensor.floats().withUnsafeBytes { digest.update($0) }
        }
        return digest.hexadecimal
    }

    private static func layer(of module: String) -> Int? {
        module.split(separator: ".").lazy.compactMap { Int($0) }.first
    }

    /// How two adapters differ.
    static func compare(_ path: String, against other: String) throws -> JSONObject {
        let (first, second) = (try WeightedAdapter(path: path), try WeightedAdapter(path: other))
        let comparison = try AdapterComparison(first, second)
        func total(_ value: (AdapterComparison.Module) -> Double) -> JSONValue {
            .double(comparison.modules.reduce(0) { $0 + value($1) * value($1) }.squareRoot())
        }
        var description: JSONObject = [
            "kind": "difference of adapters", "path": .string(path), "against": .string(other),
            "norm_update": total(\.norms.first), "norm_update_against": total(\.norms.second),
            "norm_difference": total(\.difference),
        ]
        let (mine, theirs) = (first.folder.configuration.json, second.folder.configuration.json)
        var settings = JSONObject()
        for key in mine.objectValue?.keys ?? [] where mine[key] != theirs[key] {
            settings[key] = [mine[key] ?? .null, theirs[key] ?? .null]
        }
        description["settings"] = .object(settings)
        description["modules"] = .object(
            JSONObject(
                comparison.modules.map { module in
                    (
                        module.name,
                        [
                            "norm_update": .double(module.norms.first),
                            "norm_update_against": .double(module.norms.second),
                            "norm_difference": .double(module.difference),
                            "cosine": module.cosine.map { .double($0) } ?? .null,
                        ]
                    )
                }))
        return description
    }

    /// An adapter in a GGUF file.
    static func describe(_ file: GGUFFile) throws -> JSONObject {
        var summary = TensorSummary()
        for name in file.tensorNames { file.tensors[name].map { summary.add($0) } }
        var description: JSONObject = [
            "kind": "adapter", "path": .string(file.file.path), "format": "gguf",
            "architecture": file.metadata["general.architecture"]?.stringValue.map { .string($0) } ?? .null,
            "alpha": file.metadata["adapter.lora.alpha"]?.doubleValue.map { .double($0) } ?? .null,
        ]
        summary.write(to: &description)
        description["modules"] = .object(
            JSONObject(
                file.tensorNames.filter { $0.hasSuffix(".lora_a") }.map { name in
                    (String(name.dropLast(7)), ["rank": .integer(file.tensors[name]?.shape.first ?? 0)])
                }))
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
