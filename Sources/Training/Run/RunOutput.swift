import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Tracking

/// Writes what a run leaves behind into its folder. Every file and folder appears whole or not at all.
struct RunOutput {
    let folder: RunFolder
    private let metrics: JSONLinesWriter
    private let completions: JSONLinesWriter
    private let evaluations: JSONLinesWriter
    private let keep: Int

    /// Begins the records, or goes on with them; writes the resolved recipe.
    ///
    /// - Parameter progress: Where the records of steps that count end; what is behind is cut off, as are temporary files
    ///   of a process that was killed.
    /// - Parameter step: Steps taken so far.
    /// - Throws: `TrackingError`, `ModelFileError`.
    init(
        _ folder: RunFolder, recipe: Recipe, data: JSONValue, progress: RunProgress, step: Int = 0
    ) throws {
        self.folder = folder
        keep = recipe.checkpoint.keep
        metrics = try JSONLinesWriter(path: folder.metrics)
        completions = try JSONLinesWriter(path: folder.completions)
        try metrics.cut(to: progress.metricsBytes)
        try completions.cut(to: progress.completionsBytes)
        try EvaluationRecords.dropUncounted(folder)
        evaluations = try JSONLinesWriter(path: folder.evaluations)
        for path in [folder.path, folder.checkpoints, folder.adapters] { AtomicFile.removeLeftovers(in: path) }
        CheckpointStore(folder).prune(keep: keep)
        try AtomicFile.write(recipe.resolvedYAML(), to: folder.recipe)
        try RunEnvironment.addSession(to: folder, step: step)
        try AtomicFile.write(data.text(.pretty(2)) + "\n", to: folder.data)
        try restoreBest(progress.bestStep)
        // A killed run may have come as far as to the new checkpoint, but not to this.
        pruneAdapters(best: progress.bestStep)
    }

    /// Bytes of the records so far.
    var recordLengths: (metrics: Int, completions: Int) { (metrics.byteCount, completions.byteCount) }

    /// Saves a checkpoint, and removes the oldest beyond those to keep, and then the adapters of steps that have none, but for
    /// the best: what a checkpoint knows as the best is there as long as it.
    ///
    /// - Throws: `ModelFileError`, `TrainingError` (`unwritable`).
    func save(_ checkpoint: Checkpoint) throws {
        try CheckpointStore(folder).write(checkpoint, keep: keep)
        pruneAdapters(best: checkpoint.progress.bestStep)
        pruneRollouts()
    }

    /// Removes the completions from elsewhere of steps that no checkpoint comes before: nothing goes on from there.
    private func pruneRollouts() {
        guard keep > 0, let first = CheckpointStore(folder).steps.first,
            let names = try? FileManager.default.contentsOfDirectory(atPath: folder.rollouts)
        else { return }
        for name in names where RunFolder.step(ofRollouts: name).map({ $0 <= first }) ?? false {
            try? FileManager.default.removeItem(atPath: "\(folder.rollouts)/\(name)")
        }
    }

    /// Removes the adapters of steps that have no checkpoint, but for the best one and the one that `adapter` leads to.
    private func pruneAdapters(best: Int?) {
        guard keep > 0, let names = try? FileManager.default.contentsOfDirectory(atPath: folder.adapters) else {
            return
        }
        var kept = Set((CheckpointStore(folder).steps + [best].compactMap { $0 }).map { folder.adapter(step: $0) })
        if let newest = try? FileManager.default.destinationOfSymbolicLink(atPath: folder.newestAdapter) {
            kept.insert("\(folder.path)/\(newest)")
        }
        for name in names where name.hasPrefix("step-") && !kept.contains("\(folder.adapters)/\(name)") {
            try? FileManager.default.removeItem(atPath: "\(folder.adapters)/\(name)")
        }
    }

    /// Appends a step's records.
    func append(step: Int, _ result: StepResult) throws(TrackingError) {
        for record in result.completions { try completions.append(record) }
        try metrics.append(MetricsRecord.step(step, result.metrics))
    }

    /// Appends the records of held-out completions, before the metrics of their step: what comes without those is dropped
    /// when the run goes on.
    func append(evaluation records: [JSONObject]) throws(TrackingError) {
        for record in records { try evaluations.append(record) }
    }

    /// Writes the batch of a failed update as `failed-batch-step-N.json`.
    ///
    /// - Returns: Where it is.
    func save(failedBatch: JSONObject, step: Int) throws -> String {
        let path = "\(folder.path)/failed-batch-step-\(step).json"
        try AtomicFile.write(JSONValue.object(failedBatch).text(.pretty(1)) + "\n", to: path)
        return path
    }

    /// Brings the records to the disk.
    func synchronize() throws(TrackingError) {
        try completions.synchronize()
        try evaluations.synchronize()
        try metrics.synchronize()
    }

    /// Saves an adapter and points a link at it.
    ///
    /// - Parameter isBest: The link is `best`, not `adapter`.
    /// - Throws: `ModelFileError`, `TrainingError` (`unwritable`).
    func save(_ adapter: TrainableAdapter, step: Int, isBest: Bool = false) throws {
        try createFolder(folder.adapters)
        try adapter.write(to: folder.adapter(step: step))
        try link(Self.target(folder.adapter(step: step)), at: isBest ? folder.bestAdapter : folder.newestAdapter)
    }

    /// Points `best` at what the state of the run knows as the best: a killed run may have been ahead of it.
    private func restoreBest(_ step: Int?) throws {
        if let step, FileManager.default.fileExists(atPath: folder.adapter(step: step)) {
            try link(Self.target(folder.adapter(step: step)), at: folder.bestAdapter)
        } else {
            unlink(folder.bestAdapter)
        }
    }

    private static func target(_ path: String) -> String { "adapters/\(path.split(separator: "/").last ?? "")" }

    /// Saves the whole model in Hugging Face's layout as `model`, in place of the one before.
    ///
    /// - Parameter type: How numbers are stored.
    /// - Throws: `ModelFileError` (`unwritable`).
    func save(_ full: FullParameters, of model: LoadedModel, type: StoredType) throws {
        try AtomicFolder.write(to: "\(folder.path)/model", replacing: true) { path throws(ModelFileError) in
            do { try full.write(toFolder: path, type: type) } catch let error as ModelFileError { throw error } catch {
                throw ModelFileError(.unwritable, "\(path): the weights can't be written: \(error)", cause: error)
            }
            var configuration = model.source.configuration.objectValue ?? JSONObject()
            configuration["dtype"] = nil
            configuration["torch_dtype"] = .string(type == .bfloat16 ? "bfloat16" : "float32")
            try AtomicFile.write(JSONValue.object(configuration).text(.pretty(2)) + "\n", to: path + "/config.json")
            try Self.copyTokenizer(from: model.source.path, to: path)
        }
    }

    /// The files of a model folder that are not its weights.
    private static let companions = [
        "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "added_tokens.json",
        "special_tokens_map.json", "chat_template.jinja", "generation_config.json",
    ]

    private static func copyTokenizer(from source: String, to path: String) throws(ModelFileError) {
        for name in companions where FileManager.default.fileExists(atPath: "\(source)/\(name)") {
            let file = try MappedFile(path: "\(source)/\(name)")
            try AtomicFile.write(Array(file.bytes), to: "\(path)/\(name)")
        }
    }

    private func createFolder(_ path: String) throws(TrainingError) {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw TrainingError(
                .unwritable, "\(path): can't be created (\(error.localizedDescription)); check the disk", cause: error)
        }
    }

    /// Makes a link, or moves one to a new target in one step.
    private func link(_ target: String, at path: String) throws(TrainingError) {
        let temporary = path + ".new"
        unlink(temporary)
        guard symlink(target, temporary) == 0, rename(temporary, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(temporary)
            throw TrainingError(.unwritable, "\(path): can't be linked to \(target) (\(reason)); check the disk")
        }
    }
}
