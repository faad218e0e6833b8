import Glibc
import Synchronization
import Testing
import WorkerProcesses

/// One after the other: several tests count the descriptors and children of this very process.
@Suite("Worker processes", .serialized)
enum WorkerProcessTests {}

/// The shell of these tests, under a name that other tests of the same program don't use, where there is one.
let shellName = access("/bin/dash", X_OK) == 0 ? "dash" : "sh"

/// A command that runs a shell script.
func shell(_ script: String, _ arguments: String...) -> WorkerCommand {
    WorkerCommand("/bin/\(shellName)", ["-c", script, "sh"] + arguments)
}

/// A worker that answers every line with itself, after `> `.
let echo = #"while IFS= read -r line; do printf '> %s\n' "$line"; done"#

/// The descriptors of this process.
func openDescriptors() -> Int { (try? entries("/proc/self/fd").count) ?? -1 }

/// The children of this process that were started by `shell`, zombies included.
func children() throws -> [String] {
    try entries("/proc/self/task").flatMap { thread -> [Substring] in
        (try? text(of: "/proc/self/task/\(thread)/children"))?.split(separator: " ") ?? []
    }.map(String.init).filter { (try? text(of: "/proc/\($0)/comm")) == shellName + "\n" }
}

/// Whether a process with this text in its command line is there.
func isRunning(_ mark: String) throws -> Bool {
    try entries("/proc").contains { entry in
        guard Int(entry) != nil, Int32(entry) != getpid() else { return false }
        return (try? text(of: "/proc/\(entry)/cmdline"))?.contains(mark) ?? false
    }
}

/// Waits up to two seconds for something to become true.
func eventually(_ condition: () throws -> Bool) async throws -> Bool {
    for _ in 0..<200 {
        if try condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}

/// Runs a closure that must throw a `WorkerError`, and returns that.
func workerError(_ body: () async throws -> Void) async -> WorkerError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? WorkerError
    }
}

/// Collects events.
final class EventLog: Sendable {
    private let events = Mutex<[WorkerEvent]>([])
    var all: [WorkerEvent] { events.withLock { $0 } }
    func add(_ event: WorkerEvent) { events.withLock { $0.append(event) } }
}

private func entries(_ path: String) throws -> [String] {
    guard let folder = opendir(path) else { throw WorkerError(.cannotStart, "no folder \(path)") }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

private func text(of path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw WorkerError(.cannotStart, "no file \(path)") }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(descriptor, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
}
