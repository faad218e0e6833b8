import ModelFiles

/// A moment of a run between two steps, from which it goes on exactly.
///
/// No rollout is ever pending in one: a step counts as a whole, and one that was cut off is drawn again, bit for bit, since
/// draws are addressed by step, prompt and sample. In the file (`h5dump -n step-000120.h5`):
///
///     format                      version of this list
///     trainer/parameters/NAME     what is trained, in single precision
///     trainer/state/…             step, position in the data, tokens seen, optimizer/…
///     run/…                       lengths of the records, evaluations, a step not yet evaluated
///     provenance/…                recipe, SHA-256 of the model's files and of the data, kernels
public struct Checkpoint: Sendable {
    /// The version of the list above.
    public static let format = 1

    /// What the run depends on.
    public let provenance: Provenance
    /// The trainer's state.
    public let trainer: SavedState
    var progress: RunProgress

    init(provenance: Provenance, trainer: SavedState, progress: RunProgress) {
        self.provenance = provenance
        self.trainer = trainer
        self.progress = progress
    }

    /// Reads a checkpoint file.
    ///
    /// - Throws: `ModelFileError`: `malformed` for a damaged file, others for one that this version can't use.
    public init(path: String) throws {
        let state = try StateFile.read(path)
        let format = try state.integer("format")
        guard format == Self.format else {
            throw ModelFileError(
                .unsupported,
                "\(path): a checkpoint of format \(format), this version reads \(Self.format); "
                    + "go on with the version that wrote it")
        }
        trainer = try state.group("trainer")
        progress = RunProgress()
        try progress.restore(state.group("run"))
        var provenance = Provenance()
        try provenance.restore(state.group("provenance"))
        self.provenance = provenance
        _ = try step
    }

    /// Steps taken.
    public var step: Int { get throws { try trainer.group("state").count("step") } }

    /// All of it, for a file.
    public var savedState: SavedState {
        [
            "format": .integer(Self.format), "trainer": .group(trainer), "run": .group(progress.savedState),
            "provenance": .group(provenance.savedState),
        ]
    }

    /// As if nothing had been recorded yet, to retrace steps in another folder.
    public var withoutRecords: Checkpoint {
        var copy = self
        (copy.progress.metricsBytes, copy.progress.completionsBytes) = (0, 0)
        return copy
    }

    /// Where the records end: bytes of metrics.jsonl and completions.jsonl.
    public var recordLengths: (metrics: Int, completions: Int) { (progress.metricsBytes, progress.completionsBytes) }
}
