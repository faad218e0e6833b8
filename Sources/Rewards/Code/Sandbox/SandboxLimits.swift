/// What one program may use.
public struct SandboxLimits: Hashable, Sendable {
    /// Seconds of wall time for all of a program's work.
    public var seconds: Double
    /// Memory of all its processes together, files in memory included, in MiB.
    public var memory: Int
    /// Processes and threads at once.
    public var processes: Int
    /// Bytes kept of what it writes to standard output; more ends it.
    public var outputBytes: Int
    /// Its files, in MiB.
    public var files: Int

    /// Limits; 5 s, 512 MiB, 32 processes, 1 MiB of output and 16 MiB of files unless told otherwise.
    public init(
        seconds: Double = 5, memory: Int = 512, processes: Int = 32, outputBytes: Int = 1 << 20, files: Int = 16
    ) {
        self.seconds = min(max(seconds, 0.01), 86_400)
        self.memory = min(max(memory, 16), 1 << 20)
        self.processes = min(max(processes, 1), 4096)
        self.outputBytes = min(max(outputBytes, 1), 1 << 30)
        self.files = min(max(files, 1), 1 << 16)
    }

    /// The wall time.
    var wallTime: Duration { .seconds(seconds) }
}
