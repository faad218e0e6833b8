import GRDB

extension RunSummary {
    /// A run's line as the index has it, without its metrics and settings.
    init(row: Row) {
        self.init(path: row["path"], name: row["name"])
        kind = row["kind"]
        model = row["model"]
        started = row["started"]
        step = row["step"]
        steps = row["steps"]
        state = State(rawValue: row["state"]) ?? .stopped
        reward = row["reward"]
        accuracy = row["accuracy"]
        best = row["best"]
        bestStep = row["best_step"]
        seconds = row["seconds"]
    }
}
