import Glibc
import OrderedJSON
import WorkerProcesses

/// Tries what a sandbox must forbid. Nothing is taken for granted from the machine's version or settings.
public struct SandboxProbe: Sendable {
    private let sandbox: Sandbox
    private let python: CodeLanguage
    private static let limits = SandboxLimits(seconds: 10, memory: 128, processes: 16, files: 8)
    private static let names = [
        "files", "network", "other processes", "environment", "privileges", "number of processes", "size of files",
        "memory",
    ]

    /// A probe of a sandbox that runs Python.
    init(_ sandbox: Sandbox, python: CodeLanguage) { (self.sandbox, self.python) = (sandbox, python) }

    /// Tries a kind of sandbox, or the best one of this machine, in every way.
    ///
    /// - Throws: `RewardsError` (`sandboxUnavailable`) if nothing can be run at all.
    public static func check(_ kind: Sandbox.Kind? = nil) async throws -> SandboxReport {
        await SandboxProbe(try Sandbox(kind), python: try await .python()).everything()
    }

    /// The properties without which a program must not be run; takes about a second.
    func essentials() async -> SandboxReport {
        SandboxReport(kind: sandbox.kind, hasControlGroups: sandbox.groups != nil, properties: await inside())
    }

    /// The essential properties, and those that take longer to try.
    func everything() async -> SandboxReport {
        let properties = await inside() + [await time(), await output()]
        return SandboxReport(kind: sandbox.kind, hasControlGroups: sandbox.groups != nil, properties: properties)
    }

    /// Runs the program that tries to get out.
    private func inside() async -> [SandboxReport.Property] {
        let bait = Bait()
        defer { bait.remove() }
        let arguments = [
            bait.folder, Bait.secret, "\(bait.port)", "\(getpid())", "\(Self.limits.memory)",
            "\(Self.limits.processes)",
            "\(Self.limits.files)",
        ]
        var found: [String: SandboxReport.Property] = [:]
        var fault = "was not tried"
        do {
            let (result, ranOut) = try await run(["-c", PythonSources.probe] + arguments)
            for line in result.output.split(separator: 0x0A) {
                guard let row = try? JSONValue(parsing: line), let name = row[0]?.stringValue else { continue }
                found[name] = .init(name: name, holds: row[1]?.boolValue == true, finding: row[2]?.stringValue ?? "")
            }
            let message =
                String(decoding: result.errorOutput, as: UTF8.self).split(whereSeparator: \.isNewline).last ?? ""
            if ranOut, found["memory"] == nil, found["size of files"] != nil {
                found["memory"] = .init(name: "memory", holds: true, finding: "ended at \(Self.limits.memory) MiB")
            } else if found["end"] == nil {
                fault = "was not tried: the probe ended (\(result.end)) \(message)"
            }
        } catch {
            fault = "was not tried: \(error)"
        }
        return Self.names.map { found[$0] ?? .init(name: $0, holds: false, finding: fault) }
    }

    /// Whether the end of the time is the end of all processes.
    private func time() async -> SandboxReport.Property {
        let mark = "touchstone-probe-\(getpid())"
        let program = """
            import os, signal, sys, time
            for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)
            try:
                if os.fork() == 0: os.setsid()
            except OSError: pass
            while True: time.sleep(1)
            """
        let limits = SandboxLimits(seconds: 0.5, memory: 128, processes: 16)
        let result = try? await run(["-c", program, mark], limits: limits).result
        let seconds = (result?.wallTime ?? .zero) / .seconds(1)
        try? await Task.sleep(for: .milliseconds(100))
        let left = SystemFile.names(in: "/proc").filter { name in
            guard let id = Int32(name), id != getpid() else { return false }
            return SystemFile.text("/proc/\(name)/cmdline")?.contains(mark) ?? false
        }
        // The program never ends by itself. A machine that does much else starts and ends it late, and is no less safe.
        let holds = result?.outcome == .timedOut && seconds < 30 && left.isEmpty
        return .init(
            name: "time", holds: holds,
            finding: left.isEmpty
                ? "ended after \(Int(seconds * 1000)) ms, 500 allowed" : "\(left.count) processes lived on")
    }

    private func output() async -> SandboxReport.Property {
        let limits = SandboxLimits(seconds: 5, memory: 128, outputBytes: 100_000)
        let result = try? await run(["-c", "import os\nwhile True: os.write(1, bytes(65536))"], limits: limits).result
        let holds = result?.outcome == .flooded && result?.output.count == 100_000
        return .init(
            name: "output", holds: holds,
            finding: holds ? "cut and ended at 100000 bytes" : "not ended: \(String(describing: result?.outcome))")
    }

    private func run(_ arguments: [String], limits: SandboxLimits = Self.limits) async throws -> (
        result: RunResult, ranOut: Bool
    ) {
        let stay = try sandbox.enter(
            [python.run[0], "-I", "-S"] + arguments, readable: python.readable, limits: limits)
        do {
            let result = try await stay.run(input: [], limits: limits)
            return (result, await stay.leave())
        } catch {
            await stay.leave()
            throw error
        }
    }
}

/// Things of this machine that a program in the sandbox must not reach. They are open to everyone, so that only the
/// sandbox can keep it from them.
private final class Bait {
    static let secret = "touchstone-canary-secret"
    let folder: String
    let port: UInt16
    private let listener: Int32
    private let abstract: Int32

    init() {
        setenv("TOUCHSTONE_CANARY", Self.secret, 1)
        var template = Array("/tmp/touchstone-canary-XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp/touchstone-canary-missing"
        SystemFile.write(Array("canary\n".utf8), to: folder + "/canary", mode: 0o666)
        chmod(folder, 0o777)
        chmod(folder + "/canary", 0o666)
        (listener, port) = Self.listen()
        abstract = Self.listen(abstract: "touchstone-canary-\(port)")
    }

    func remove() {
        for name in SystemFile.names(in: folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
        for socket in [listener, abstract] where socket >= 0 { close(socket) }
        unsetenv("TOUCHSTONE_CANARY")
    }

    /// A socket that listens at a free port of the loopback.
    private static func listen() -> (Int32, UInt16) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(socket, pointer, size)
                _ = Glibc.listen(socket, 4)
                _ = getsockname(socket, pointer, &size)
            }
        }
        return (socket, UInt16(bigEndian: address.sin_port))
    }

    /// A socket that listens at an abstract name.
    private static func listen(abstract name: String) -> Int32 {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [0] + Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes.prefix($0.count)) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(socket, pointer, size)
                _ = Glibc.listen(socket, 4)
            }
        }
        return socket
    }
}
