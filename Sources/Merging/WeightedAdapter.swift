import Foundation
import ModelFiles

/// An adapter to be merged, and its weight.
public struct WeightedAdapter: Sendable {
    /// Where it is.
    public let path: String
    /// What its update is multiplied by.
    public let weight: Double
    /// The adapter.
    public let folder: AdapterFolder
    private let targeting: AdapterTargeting

    /// The factors of one module.
    struct Factors {
        let a: Matrix
        let b: Matrix
        /// alpha/r, or alpha/√r.
        let scaling: Double
        /// DoRA's norm of each output.
        let magnitude: [Float]?
    }

    /// Opens a PEFT folder, and refuses what would be merged wrongly.
    ///
    /// - Throws: `ModelFileError`, `MergingError`.
    public init(path: String, weight: Double = 1) throws {
        guard weight.isFinite else {
            throw MergingError(.invalidOption, "the weight of \(path) is \(weight), expected a finite number")
        }
        self.path = path
        self.weight = weight
        folder = try AdapterFolder(path: path)
        let configuration = folder.configuration
        targeting = try AdapterTargeting(configuration, familyDefaults: ["q_proj", "v_proj"], place: path)
        let features = configuration.unsupportedFeatures
        guard features.isEmpty else {
            throw MergingError(
                .unsupported, "\(path) uses \(features.sorted().joined(separator: ", ")), which can't be merged")
        }
        if let start = configuration.baseChange {
            throw MergingError(
                .unsupported,
                "\(path) began with init_lora_weights \(start), which changed the base's weights; convert it to a plain LoRA "
                    + "(PEFT: save_pretrained with path_initial_model_for_weight_conversion)")
        }
    }

    /// Whether it does more than low-rank updates.
    var isPlain: Bool { !folder.configuration.useDora && folder.savedTensors.isEmpty }

    /// Refuses factors for another number of experts than the base has: they would be merged into the first of them.
    func requireExperts(of base: ModelContents.Origin) throws(MergingError) {
        let configuration = base.configuration
        let count = (configuration["num_experts"] ?? configuration["num_local_experts"])?.intValue ?? 0
        guard let own = folder.fusedExperts, own != count else { return }
        throw MergingError(
            .mismatched,
            "\(path): has factors for \(own) experts, but \(base.path) has \(count); is the adapter for another base?")
    }

    /// The factors of a module, if it has some.
    ///
    /// - Throws: `MergingError` (`mismatched`) for numbers that are not finite.
    func factors(of module: String) throws -> Factors? {
        guard let stored = folder.adapters[module] else { return nil }
        func matrix(_ tensor: StoredTensor) throws -> Matrix {
            let values = try tensor.floats()
            guard values.allSatisfy(\.isFinite) else {
                throw MergingError(.mismatched, "\(path): tensor '\(tensor.name)' holds NaN or infinite numbers")
            }
            return Matrix(rows: tensor.shape[0], columns: tensor.shape.count > 1 ? tensor.shape[1] : 1, values: values)
        }
        let scaling = targeting.scaling(of: module)
        guard Float(scaling * weight).isFinite else {
            throw MergingError(.mismatched, "\(path): module '\(module)' has the scaling \(scaling), too large")
        }
        return Factors(
            a: try matrix(stored.loraA), b: try matrix(stored.loraB), scaling: scaling,
            magnitude: try stored.magnitude.map { try matrix($0).values })
    }
}

extension [WeightedAdapter] {
    /// The modules that at least one adapter corrects, sorted.
    var moduleNames: [String] { Set(flatMap(\.folder.moduleNames)).sorted() }
}
