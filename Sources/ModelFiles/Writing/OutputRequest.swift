import Synchronization

/// Whether what the program writes is still wanted. Once it is not, every write fails, and the writers remove what they
/// have begun as they do after any failure: a merge of tens of gigabytes that is interrupted leaves nothing behind.
public enum OutputRequest {
    private static let isWithdrawn = Atomic<Bool>(false)

    /// Gets ready for `withdraw()` in a signal handler, where nothing may be initialised.
    public static func prepare() { isWithdrawn.store(false, ordering: .relaxed) }

    /// Makes all writing fail from now on. May be called by a signal handler after `prepare()`.
    public static func withdraw() { isWithdrawn.store(true, ordering: .relaxed) }

    /// Goes on only if the output is still wanted; also for long work between writes.
    ///
    /// - Throws: `ModelFileError` (`interrupted`).
    public static func check(_ path: String) throws(ModelFileError) {
        guard isWithdrawn.load(ordering: .relaxed) else { return }
        throw ModelFileError(.interrupted, "interrupted: \(path) is not written, and nothing is left of it")
    }
}
