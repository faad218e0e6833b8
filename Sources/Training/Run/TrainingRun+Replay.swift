import InferenceCore

extension TrainingRun {
    /// Takes steps until as many are done, without evaluation and without records.
    ///
    /// - Throws: The errors of the trainer.
    public nonisolated(nonsending) func retrace(to step: Int) async throws {
        while trainer.state.step < step { _ = try await trainer.step() }
    }

    /// Draws one completion of the coming step again; see `GRPOTrainer.rollout(prompt:sample:)`.
    ///
    /// - Throws: `TrainingError` (`unsupported`) for a run that draws none.
    public func rollout(prompt: Int, sample: Int) throws -> (prompt: EncodedPrompt, completion: Completion) {
        guard let trainer = trainer as? GRPOTrainer else {
            throw TrainingError(.unsupported, "the run is of kind \(recipe.kind.rawValue), which draws no completions")
        }
        return try trainer.rollout(prompt: prompt, sample: sample)
    }
}
