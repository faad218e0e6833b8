import ModelFiles
import OrderedJSON

extension InitializedWeights {
    /// A model folder with these weights, made some rows at a time while they are written.
    ///
    /// - Parameter folder: config.json, and the tokenizer's files, which go along.
    /// - Parameter type: How numbers are stored unless writing asks for another type.
    /// - Throws: `ModelFileError` for tensors of a type that can't be read.
    public func contents(of folder: HuggingFaceFolder, type: StoredType) throws(ModelFileError) -> ModelContents {
        var contents = try ModelContents(.folder(folder))
        let nothing = MappedFile(copying: [], path: path)
        contents.items = weights.enumerated().map { index, weight in
            let stored = StoredTensor(name: weight.name, shape: weight.shape, type: type, file: nothing, offset: 0)
            let width = weight.shape.dropFirst().reduce(1, *)
            return ModelContents.Item(name: weight.name, stored: stored) { rows, buffer throws(ModelFileError) in
                fill(buffer, from: rows.lowerBound * width, of: index)
            }
        }
        return contents
    }

    /// The type that the configuration names for stored numbers; bfloat16 where it names none of floats.
    public var storedType: StoredType {
        switch (configuration["dtype"] ?? configuration["torch_dtype"])?.stringValue {
        case "float32": .float32
        case "float16": .float16
        default: .bfloat16
        }
    }
}
