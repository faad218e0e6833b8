import Recipes
import Tracking
import Training

/// What is done about a run that may not fit into memory, before anything large is loaded.
enum MemoryCheck {
    /// Nothing.
    case none
    /// It is said, and the run goes on.
    case warns
    /// It is refused.
    case refuses

    /// Compares what a run may take with what there is.
    ///
    /// - Throws: `CommandFailure` with what to lower, and the errors of the model's files.
    func callAsFunction(
        _ recipe: Recipe, _ data: (train: DataSet, evaluation: [NamedSet]), _ messages: Messages
    ) throws {
        guard self != .none, let available = AvailableMemory.current else { return }
        let demand = try RecipePlan(recipe, data: data).demand
        guard let shortage = demand.shortage(available, size: PlanText.size) else { return }
        guard self == .refuses else { return messages.warning(shortage) }
        throw CommandFailure("\(shortage); --allow-low-memory tries all the same")
    }
}
