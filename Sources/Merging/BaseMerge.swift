import ModelFiles
import OrderedJSON

/// The merge of adapters into a base model, one tensor at a time.
public struct BaseMerge {
    /// The base.
    public let origin: ModelContents.Origin
    /// The adapters.
    public let adapters: [WeightedAdapter]
    /// The one adapter that a method other than `sum` made of them.
    public let combined: CombinedAdapter?
    /// Whether the head is made a matrix of its own.
    public let isUntied: Bool
    /// The base's tensors that change, with the modules they belong to.
    let modules: [String: String]
    /// Tensors that adapters hold whole, by name.
    let replaced: [String: [(weight: Float, tensor: StoredTensor)]]

    /// Checks that the adapters fit the base, and combines them.
    ///
    /// - Parameter untie: Whether a head that is the embedding may become a matrix of its own.
    /// - Throws: `MergingError`, `ModelFileError`.
    public init(
        _ origin: ModelContents.Origin, _ adapters: [WeightedAdapter], _ combination: Combination, untie: Bool
    ) throws {
        guard !adapters.isEmpty else { throw MergingError(.invalidOption, "there is no adapter to merge") }
        self.origin = origin
        self.adapters = adapters
        var replaced: [String: [(weight: Float, tensor: StoredTensor)]] = [:]
        for adapter in adapters {
            try adapter.requireExperts(of: origin)
            for (name, tensor) in adapter.folder.savedTensors {
                let plain = name.replacingOccurrences(of: ".base_layer.", with: ".")
                replaced[plain, default: []].append((Float(adapter.weight), tensor))
            }
        }
        self.replaced = replaced
        var modules: [String: String] = [:]
        for module in adapters.moduleNames { modules[module + ".weight"] = module }
        self.modules = modules
        let isTied = origin.configuration["tie_word_embeddings"]?.boolValue == true
        let touches = Set(modules.keys).union(replaced.keys)
        isUntied = isTied && (touches.contains("lm_head.weight") || touches.contains("model.embed_tokens.weight"))
        guard !isUntied || untie else {
            throw MergingError(
                .mismatched,
                "\(origin.path): the adapters change the embedding or the head, which are one matrix in this base "
                    + "(tie_word_embeddings); pass --untie to give the result a head of its own")
        }
        combined = combination.method == .sum ? nil : try CombinedAdapter(adapters, combination)
        for name in touches.sorted() { try check(name) }
    }

    /// The base's tensor of a name; the head of a tied base is its embedding.
    func base(named name: String) throws(ModelFileError) -> StoredTensor? {
        if name == "lm_head.weight", origin.configuration["tie_word_embeddings"]?.boolValue == true {
            return try origin.tensor(named: "model.embed_tokens.weight")
        }
        return try origin.tensor(named: name)
    }

    private func check(_ name: String) throws {
        guard let tensor = try base(named: name) else {
            throw MergingError(
                .mismatched,
                "the adapters have weights for '\(name)', which \(origin.path) has not; are they for another base?")
        }
        for adapter in adapters {
            let expected = tensor.shape
            if let module = modules[name], let stored = adapter.folder.adapters[module] {
                let got = [stored.loraB.shape[0], stored.loraA.shape[1]]
                guard got == expected else {
                    throw MergingError(
                        .mismatched,
                        "\(adapter.path): module '\(module)' is for a weight \(got), but it is \(expected) in \(origin.path); "
                            + "is the adapter for another base?")
                }
            }
        }
        for (_, saved) in replaced[name] ?? [] where saved.shape != tensor.shape {
            throw MergingError(
                .mismatched,
                "\(saved.file.path): tensor '\(saved.name)' is \(saved.shape), but it is \(tensor.shape) in \(origin.path); is "
                    + "the adapter for another base?")
        }
    }

    /// What happens to a tensor; `nil` if nothing does.
    func update(of name: String) throws -> WeightUpdate? {
        var update = WeightUpdate(replacements: replaced[name] ?? [])
        if let module = modules[name] {
            if let combined {
                if let weights = combined.weights.first(where: { $0.module == module }) {
                    let (rank, a, b) = (weights.rank, weights.loraA, weights.loraB)
                    update.add(
                        Matrix(rows: b.count / rank, columns: rank, values: b),
                        Matrix(rows: rank, columns: a.count / rank, values: a))
                }
            } else {
                for adapter in adapters {
                    guard let factors = try adapter.factors(of: module) else { continue }
                    if let magnitude = factors.magnitude {
                        let scaled = factors.b.scaled(factors.scaling)
                        update.decomposed.append((Float(adapter.weight), scaled, factors.a, magnitude))
                    } else {
                        update.add(factors.b.scaled(factors.scaling * adapter.weight), factors.a)
                    }
                }
            }
        }
        return update.isEmpty ? nil : update
    }

    /// The merged model, to be written. Its numbers are made when their turn has come.
    ///
    /// - Throws: `ModelFileError`.
    public func contents() throws -> ModelContents {
        var contents = try ModelContents(origin)
        if isUntied {
            contents.items.removeAll { $0.name == "lm_head.weight" }
            if let embedding = try base(named: "lm_head.weight") {
                contents.items.append(ModelContents.Item(name: "lm_head.weight", stored: embedding))
            }
            var object = contents.configuration.objectValue ?? [:]
            object["tie_word_embeddings"] = false
            contents.configuration = .object(object)
        }
        contents.items = contents.items.map { item in
            guard modules[item.name] != nil || replaced[item.name] != nil else { return item }
            return ModelContents.Item(name: item.name, stored: item.stored, rows: LazyRows(self, item).fill)
        }
        return contents
    }
}

/// The rows of a merged tensor; its update is read when the first of them is asked for, and let go of after the last.
private final class LazyRows {
    private let merge: BaseMerge
    private let item: ModelContents.Item
    private var update: WeightUpdate?

    init(_ merge: BaseMerge, _ item: ModelContents.Item) { (self.merge, self.item) = (merge, item) }

    func fill(_ rows: Range<Int>, _ buffer: UnsafeMutableBufferPointer<Float>) throws(ModelFileError) {
        do {
            if update == nil { update = try merge.update(of: item.name) }
            try update?.fill(rows, of: item.stored, into: buffer)
        } catch let error as ModelFileError { throw error } catch {
            throw ModelFileError(.mismatched, "\(error)", cause: error)
        }
        if rows.upperBound == item.stored.shape.first { update = nil }
    }
}
