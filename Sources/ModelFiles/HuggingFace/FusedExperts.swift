/// Tensors that hold all experts of a block, which transformers 5 can write in the place of one for each expert's layer:
/// `mlp.experts.gate_up_proj` `[E, 2F, C]`, each expert's gate above its up projection, and `mlp.experts.down_proj`
/// `[E, C, F]` for `mlp.experts.7.gate_proj.weight` and its like.
enum FusedExperts {
    /// A layer of an expert, in a tensor that holds all experts.
    struct Place {
        /// The tensor's name.
        let fused: String
        let expert: Int
        /// Which half of the expert's rows it is, where they are two layers'.
        let half: Int?
    }

    /// Where the weight of an expert's layer would be; `nil` for other weights.
    static func place(of name: String) -> Place? {
        let pieces = name.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count > 4, pieces.last == "weight", let expert = Int(pieces[pieces.count - 3]), expert >= 0,
            pieces[pieces.count - 4] == "experts"
        else { return nil }
        let owner = pieces.dropLast(3).joined(separator: ".")
        switch pieces[pieces.count - 2] {
        case "gate_proj": return Place(fused: owner + ".gate_up_proj", expert: expert, half: 0)
        case "up_proj": return Place(fused: owner + ".gate_up_proj", expert: expert, half: 1)
        case "down_proj": return Place(fused: owner + ".down_proj", expert: expert, half: nil)
        default: return nil
        }
    }

    /// The names of the experts' layers that a tensor holds; its own name if it holds none.
    static func names(of name: String, shape: [Int]) -> [String] {
        let pieces = name.split(separator: ".", omittingEmptySubsequences: false)
        // A tensor without numbers could have any number of experts; all others are bounded by their file.
        guard pieces.count > 2, pieces[pieces.count - 2] == "experts", shape.count == 3, !shape.contains(0) else {
            return [name]
        }
        let owner = pieces.dropLast().joined(separator: ".")
        let layers: [String]
        switch pieces.last {
        case "gate_up_proj": layers = ["gate_proj", "up_proj"]
        case "down_proj": layers = ["down_proj"]
        default: return [name]
        }
        return (0..<shape[0]).flatMap { expert in layers.map { "\(owner).\(expert).\($0).weight" } }
    }
}

extension StoredTensor {
    /// One expert's matrix of a tensor `[E, rows, columns]`, or the upper or lower half of its rows; `nil` where there is
    /// none.
    func part(_ place: FusedExperts.Place, named name: String) -> StoredTensor? {
        guard shape.count == 3, place.expert < shape[0], shape[2] % type.elementsPerBlock == 0,
            place.half == nil || shape[1] % 2 == 0
        else { return nil }
        let rows = place.half == nil ? shape[1] : shape[1] / 2
        let first = place.expert * shape[1] + (place.half ?? 0) * rows
        let rowBytes = shape[2] / type.elementsPerBlock * type.bytesPerBlock
        return StoredTensor(
            name: name, shape: [rows, shape[2]], type: type, file: file, offset: offset + first * rowBytes)
    }
}
