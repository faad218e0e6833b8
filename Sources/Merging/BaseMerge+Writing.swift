import ModelFiles
import QwenModel
import Randomness

extension BaseMerge {
    /// Writes the merged model, reads it back and compares it with base and adapters. What does not pass leaves nothing behind.
    ///
    /// - Parameter type: How numbers are stored; as in the base unless given.
    /// - Parameter probes: Prompts as token ids; some random ones unless given.
    /// - Returns: What was found.
    /// - Throws: `MergingError` (`unchanged`, `deviates`), `ModelFileError`.
    public func write(
        to path: String, format: ModelFormat, type: StoredType? = nil, probes: [[Int]] = []
    ) throws -> MergeReport {
        var outcome: Result<MergeReport, any Error>?
        let probes = try usable(probes)
        // The check may fail with any error; the writers want theirs, and the real one is thrown afterwards.
        func check(_ open: () throws -> ModelContents.Origin) throws(ModelFileError) {
            let result = Result {
                try MergeProof(merge: self, written: try open(), type: type, probes: probes).report()
            }
            outcome = result
            if case .failure(let error) = result { throw ModelFileError(.mismatched, "\(error)", cause: error) }
        }
        do {
            switch format {
            case .safetensors:
                try contents().write(toFolder: path, type: type) { folder throws(ModelFileError) in
                    try check { .folder(try HuggingFaceFolder(path: folder)) }
                }
            case .gguf:
                try contents().write(toGGUF: path, type: type) { file throws(ModelFileError) in
                    try check { .gguf(try GGUFModel(try GGUFFile(path: file))) }
                }
            }
        } catch {
            if case .failure(let failure)? = outcome { throw failure }
            throw error
        }
        guard case .success(let report)? = outcome else {
            throw MergingError(.deviates, "\(path): the merged model could not be checked")
        }
        return report
    }

    /// The given probes, cut to 32 tokens, or three of 16 random tokens.
    private func usable(_ probes: [[Int]]) throws -> [[Int]] {
        let size = origin.configuration["vocab_size"]?.intValue ?? 0
        let given = probes.map { $0.filter { (0..<size).contains($0) }.prefix(32) }.filter { !$0.isEmpty }.map(
            Array.init)
        guard given.isEmpty, size > 0 else { return given }
        return (0..<3).map { prompt in
            let address = RandomAddress(seed: 0, purpose: .probe, prompt: prompt)
            return (0..<16).map { Int(address.uniform(at: $0) * Double(size)) }
        }
    }
}
