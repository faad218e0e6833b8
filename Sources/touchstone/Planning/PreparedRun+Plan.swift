import Benchmarking
import Foundation
import Recipes
import TensorCore
import Tracking
import Training

extension PreparedRun {
    /// The resolved recipe and what the run will take, measured by one step in a folder that is removed again.
    func plan() async throws -> String { try await Self.withTemporaryFolder { try await plan(try run(in: $0)) } }

    private func plan(_ run: TrainingRun) async throws -> String {
        let start = ContinuousClock.now
        do {
            _ = try await run.trainer.step()
            await run.close()
        } catch {
            await run.close()
            guard (error as? TrainingError)?.code == .interrupted else { throw error }
            throw CommandFailure(reported: .interrupted)
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let demand = try MemoryDemand(recipe, configuration: model.model.configuration, text: model.text, data: data)
        var lines = ["steps: \(run.totalSteps)"]
        if recipe.kind == .grpo {
            let rollout = recipe.rollout
            let completions = rollout.promptsPerStep * rollout.completionsPerPrompt
            lines.append("completions a step: \(completions)")
            if rollout.engine.isExternal {
                lines.append("completions come from \(rollout.engine.urls.joined(separator: ", "))")
            }
            lines.append("generated tokens a step: at most \(completions * rollout.maxNewTokens)")
        }
        lines.append("predicted peak memory: \(PlanText.size(demand.plan.peakBytes))")
        for (phase, parts) in [
            ("held", demand.plan.held), ("rollout", demand.plan.rollout), ("update", demand.plan.update),
        ] {
            for part in parts { lines.append("  \(phase): \(part.name): \(PlanText.size(part.bytes))") }
        }
        lines.append(
            "measured peak memory of a step: \(PlanText.size(MemoryUse.peakBytes)), of which tensors "
                + PlanText.size(Storage.mostBytesHeld))
        lines.append("measured time a step: \(String(format: "%.2f", seconds)) s (the first; later ones may be longer)")
        lines.append("estimated time: \(ProgressFormat.duration(seconds * Double(run.totalSteps))), without evaluation")
        return recipe.resolvedYAML() + "\n# Plan\n" + lines.map { "# \($0)\n" }.joined()
    }
}
