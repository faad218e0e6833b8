import CKernels

/// Runs `body` for every index below `count` on the pool's threads, the caller among them.
///
/// Which thread runs an index is open, so `body` must write to places of its own; then the result cannot depend on the
/// number of threads. A call from inside a body runs serially. The hand-off takes about a microsecond.
public func parallelFor(_ count: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { escaping in
        var closure = escaping
        withUnsafeMutablePointer(to: &closure) { context in
            ck_parallel(count, context) { context, index in
                context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(index)
            }
        }
    }
}

/// Runs `body` over the ranges that cut `0..<count` into pieces of `size`.
public func parallelFor(_ count: Int, pieces size: Int, _ body: (Range<Int>) -> Void) {
    parallelFor((count + size - 1) / size) { piece in
        body(piece * size..<min(count, (piece + 1) * size))
    }
}

/// The threads and kernels that this process computes with.
public enum ComputeDevice {
    /// How many threads the parallel loop uses; setting 0 takes as many as the process may run on. With exactly as many, the
    /// pool's own keep to a processor each.
    public static var threadCount: Int {
        get { Int(ck_threads()) }
        set { ck_set_threads(Int32(clamping: newValue)) }
    }

    /// Runs `body`, many parallel loops, with the calling thread on the processor that the pool's own threads leave to it.
    ///
    /// It must start no threads or processes and call nobody who may: they would be kept to that processor. Where another
    /// thread is in such a body, or there are fewer threads than processors, the system places this one.
    public static func inPlace<Result>(_ body: () throws -> Result) rethrows -> Result {
        let isKept = ck_keep_caller()
        defer { if isKept { ck_free_caller() } }
        return try body()
    }

    /// Runs `body` and all loops in it on the calling thread, for work that must leave the pool to others.
    ///
    /// - Parameter pausing: Called between the parts of loops, and at `pause()`; may wait.
    public static func alone(pausing: () -> Void, _ body: () -> Void) {
        withoutActuallyEscaping(pausing) { escaping in
            var closure = escaping
            withUnsafeMutablePointer(to: &closure) { context in
                ck_set_pause(context) { $0?.assumingMemoryBound(to: (() -> Void).self).pointee() }
                // Loops inside of a loop run serially.
                parallelFor(1) { _ in body() }
                ck_set_pause(nil, nil)
            }
        }
    }

    /// For long work that is no loop: where it may be held up, if it runs `alone`; else nothing.
    public static func pause() { ck_pause() }

    /// Seconds that threads have spent in parallel loops since the process began, summed over the threads. What is missing
    /// to the time that passed, times the threads, they were idle: waiting, or for code that runs on one thread.
    public static var busySeconds: Double { Double(ck_busy_nanoseconds()) * 1e-9 }

    /// Instruction sets that have kernels of their own, in rising order.
    public enum KernelLevel: Int32, CaseIterable, Sendable {
        /// Any processor.
        case portable
        /// AVX2 with FMA.
        case avx2
        /// AVX-512.
        case avx512
        /// AVX-512 with bfloat16 dot products.
        case avx512bf16
    }

    /// The kernels in use. Results of different levels differ in the last bits.
    public static var kernelLevel: KernelLevel { KernelLevel(rawValue: ck_level()) ?? .portable }

    /// The best kernels this processor can run.
    public static var bestKernelLevel: KernelLevel { KernelLevel(rawValue: ck_best_level()) ?? .portable }

    /// Switches to the kernels of a level.
    ///
    /// - Returns: `false`, with nothing changed, where the processor lacks them.
    @discardableResult
    public static func select(_ level: KernelLevel) -> Bool { ck_select_level(level.rawValue) }

    /// Runs a body with the kernels of a level, on this thread and in the loops that it begins; other threads keep theirs.
    ///
    /// - Returns: What the body returns; `nil`, without having run it, where the processor lacks the kernels.
    public static func with<Result>(_ level: KernelLevel, _ body: () throws -> Result) rethrows -> Result? {
        let before = ck_own_level()
        guard ck_select_own_level(level.rawValue) else { return nil }
        defer { _ = ck_select_own_level(before) }
        return try body()
    }
}
