import ModelFiles

extension WeightSource {
    /// A weight under its own name, or an expert's part of a tensor that holds all experts of a block.
    ///
    /// transformers 5 can write `mlp.experts.gate_up_proj` `[E, 2F, C]` (each expert's gate above its up projection) and
    /// `mlp.experts.down_proj` `[E, C, F]` in the place of `mlp.experts.7.gate_proj.weight` and its like.
    func weightOrPart(named name: String) throws(ModelFileError) -> StoredTensor? {
        if let tensor = try weight(named: name) { return tensor }
        let pieces = name.split(separator: ".", omittingEmptySubsequences: false)
        guard pieces.count > 4, pieces.last == "weight", let expert = Int(pieces[pieces.count - 3]), expert >= 0,
            pieces[pieces.count - 4] == "experts"
        else { return nil }
        let owner = pieces.dropLast(3).joined(separator: ".")
        let (fused, half): (String, Int?)
        switch pieces[pieces.count - 2] {
        case "gate_proj": (fused, half) = ("gate_up_proj", 0)
        case "up_proj": (fused, half) = ("gate_up_proj", 1)
        case "down_proj": (fused, half) = ("down_proj", nil)
        default: return nil
        }
        return try weight(named: "\(owner).\(fused)")?.part(expert: expert, half: half, name: name)
    }
}

extension StoredTensor {
    /// One expert's matrix of a tensor `[E, rows, columns]`, or the upper or lower half of its rows; `nil` where there is
    /// none.
    fileprivate func part(expert: Int, half: Int?, name: String) -> StoredTensor? {
        guard shape.count == 3, expert < shape[0], shape[2] % type.elementsPerBlock == 0,
            half == nil || shape[1] % 2 == 0
        else { return nil }
        let rows = half == nil ? shape[1] : shape[1] / 2
        let first = expert * shape[1] + (half ?? 0) * rows
        let rowBytes = shape[2] / type.elementsPerBlock * type.bytesPerBlock
        return StoredTensor(
            name: name, shape: [rows, shape[2]], type: type, file: file, offset: offset + first * rowBytes)
    }
}
