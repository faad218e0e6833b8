import Glibc
import Synchronization
import WorkerProcesses

/// A place where a program that nobody trusts can run.
///
/// There are two kinds. `namespaces` (bubblewrap) gives a program a machine of its own: other processes, the network and
/// all files but the language's own don't exist there; its files live in memory and die with it. Where namespaces are
/// forbidden, `landlock` forbids instead what can't be hidden: files by Landlock, the network, new processes and
/// signals by a system-call filter. `limits` is neither and never chosen unless it is asked for.
public struct Sandbox: Sendable {
    /// How programs are kept apart from the machine.
    public enum Kind: String, CaseIterable, Sendable {
        /// bubblewrap: namespaces of its own for everything.
        case namespaces
        /// Landlock and a strict system-call filter; one process only, which can't write any file.
        case landlock
        /// Limits of the process and the system-call filter. Files stay readable: this is no sandbox.
        case limits
    }

    /// How programs are kept apart.
    public let kind: Kind
    let confine: String
    let bubblewrap: String
    let groups: ControlGroups?
    private static let count = Mutex<UInt32>(0)

    /// A sandbox of a kind, or of the best kind that this machine seems to have.
    ///
    /// Whether it holds is another question: see `SandboxProbe`.
    ///
    /// - Parameter kind: The kind; `nil` for the best.
    /// - Throws: `RewardsError` (`sandboxUnavailable`) if something that the kind needs is missing.
    public init(_ kind: Kind? = nil) throws(RewardsError) {
        guard let confine = Self.findConfine() else {
            throw RewardsError(
                .sandboxUnavailable,
                "sandbox: the program 'touchstone-confine' is not beside the running program; build the package as a whole "
                    + "(swift build) and keep both files in one folder")
        }
        self.confine = confine
        let bubblewrap = SystemFile.executable(named: "bwrap")
        if kind == .namespaces, bubblewrap == nil {
            throw RewardsError(
                .sandboxUnavailable,
                "sandbox: namespaces need bubblewrap, and there is no 'bwrap' in /usr/bin; install it (Debian, Ubuntu: "
                    + "apt-get install bubblewrap)")
        }
        self.bubblewrap = bubblewrap ?? ""
        self.kind = kind ?? (bubblewrap != nil ? .namespaces : .landlock)
        groups = ControlGroups()
    }

    /// The same sandbox with another kind.
    init(_ other: Sandbox, kind: Kind) {
        self.kind = kind
        (confine, bubblewrap, groups) = (other.confine, other.bubblewrap, other.groups)
    }

    /// `touchstone-confine`, beside the running program.
    private static func findConfine() -> String? {
        guard let own = SystemFile.realPath("/proc/self/exe"), let slash = own.lastIndex(of: "/") else { return nil }
        let path = own[..<slash] + "/touchstone-confine"
        return SystemFile.isExecutable(String(path)) ? String(path) : nil
    }

    /// Prepares one run of a program.
    ///
    /// - Parameter program: The command; `{file}` stands for the first file's path.
    /// - Parameter readable: The files and folders of the machine that the program needs.
    /// - Parameter files: Files of the program's own, by name.
    /// - Throws: `RewardsError` (`sandboxUnavailable`) if the run can't be prepared.
    func enter(
        _ program: [String], readable: [String], files: [(name: String, bytes: [UInt8])] = [], limits: SandboxLimits
    ) throws(RewardsError) -> SandboxStay {
        // Launcher and bubblewrap take three processes.
        let group = groups?.make(memory: limits.memory << 20, processes: limits.processes + 3)
        if groups != nil, group == nil {
            throw RewardsError(
                .sandboxUnavailable, "sandbox: can't make a control group; see 'touchstone sandbox check'")
        }
        let folder = kind == .namespaces || files.isEmpty ? nil : try Self.makeFolder(files)
        let path = files.first.map { (folder ?? "/box") + "/" + $0.name } ?? ""
        let command = program.map { $0 == "{file}" ? path : $0 }
        var arguments = (group?.joinFiles ?? []).flatMap { ["--join", $0] }
        if geteuid() == 0 { arguments += ["--user", "\(Self.nextUser())"] }
        var environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/", "MALLOC_ARENA_MAX": "2"]
        switch kind {
        case .namespaces:
            arguments += bubblewrapArguments(readable, environment, limits)
            arguments +=
                ["/confine"] + (files.isEmpty ? [] : ["--files"]) + limitArguments(limits) + ["--announce", "--"]
                + command
            environment = [:]
        case .landlock, .limits:
            if kind == .landlock {
                arguments += (readable + [folder].compactMap { $0 } + ["/dev/null", "/dev/urandom"]).flatMap {
                    ["--read", $0]
                }
                arguments += ["--write", "/dev/null"]
            }
            arguments +=
                ["--folder", folder ?? "/"] + limitArguments(limits) + ["--filter", "--alone", "--announce", "--"]
                + command
        }
        var launch = WorkerCommand(confine, arguments, environment: .exactly(environment), workingFolder: "/")
        launch.killsChildrenFirst = kind == .namespaces
        return SandboxStay(
            command: launch,
            group: group, folder: folder, files: files)
    }

    private func bubblewrapArguments(
        _ readable: [String], _ environment: [String: String], _ limits: SandboxLimits
    ) -> [String] {
        let size = "\(limits.files << 20)"
        var arguments = ["--self-at", "9", "--filter-at", "8", "--supervise", "--", bubblewrap]
        func add(_ words: String) { arguments += words.split(separator: " ").map(String.init) }
        add("--unshare-user --unshare-all --disable-userns --die-with-parent --new-session --cap-drop ALL")
        add("--uid 65534 --gid 65534 --hostname sandbox")
        for path in readable { arguments += ["--ro-bind", path, path] }
        add("--proc /proc --dev /dev --size 4194304 --tmpfs /dev/shm --remount-ro /dev")
        add("--size \(size) --perms 1777 --tmpfs /tmp --size \(size) --tmpfs /box")
        add("--perms 0555 --ro-bind-data 9 /confine --remount-ro / --chdir /box")
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) { arguments += ["--setenv", name, value] }
        add("--seccomp 8 --")
        return arguments
    }

    /// Limits of each process. They are set inside the user namespace, where processes of other sandboxes don't count.
    private func limitArguments(_ limits: SandboxLimits) -> [String] {
        // With a group, address space needs no tight limit, and threads reserve much that they never use.
        let memory = limits.memory + (groups == nil ? 64 : 2048)
        let values = [
            "memory": memory << 20, "processes": limits.processes, "file": limits.files << 20, "files": 256,
            "cpu": Int(limits.seconds.rounded(.up)) + 1, "core": 0, "stack": min(limits.memory, 64) << 20, "queues": 0,
            "locked": 0,
        ]
        return values.sorted { $0.key < $1.key }.filter { kind == .namespaces || $0.key != "processes" }
            .flatMap { ["--limit", "\($0.key)=\($0.value)"] }
    }

    /// A user without any rights, another one for each of the next 4096 sandboxes.
    private static func nextUser() -> UInt32 {
        count.withLock { count in
            count = (count + 1) % 4096
            return 61_184 + count
        }
    }

    private static func makeFolder(_ files: [(name: String, bytes: [UInt8])]) throws(RewardsError) -> String {
        var template = Array("/tmp/touchstone-box-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw RewardsError(.sandboxUnavailable, "sandbox: can't make a folder in /tmp (error \(errno))")
        }
        let folder = String(cString: made)
        chmod(folder, 0o755)
        for file in files where !SystemFile.write(file.bytes, to: "\(folder)/\(file.name)", mode: 0o644) {
            throw RewardsError(.sandboxUnavailable, "sandbox: can't write \(folder)/\(file.name) (error \(errno))")
        }
        return folder
    }
}

/// One run's stay in the sandbox.
struct SandboxStay: Sendable {
    /// What to start.
    let command: WorkerCommand
    let group: ControlGroup?
    let folder: String?
    private let names: [String]
    private let header: [UInt8]

    init(command: WorkerCommand, group: ControlGroup?, folder: String?, files: [(name: String, bytes: [UInt8])]) {
        (self.command, self.group, self.folder) = (command, group, folder)
        names = files.map(\.name)
        // In namespaces the files travel before the input; nothing of them touches the machine.
        header =
            folder != nil || files.isEmpty
            ? [] : files.flatMap { Array("755 \($0.bytes.count) /box/\($0.name)\n".utf8) + $0.bytes } + [0x0A]
    }

    /// Runs the program once.
    func run(input: [UInt8], limits: SandboxLimits) async throws -> RunResult {
        try await command.run(
            input: header + input,
            limits: RunLimits(wallTime: limits.wallTime, outputBytes: limits.outputBytes, errorBytes: 1 << 14))
    }

    /// Leaves nothing behind.
    ///
    /// - Returns: Whether the kernel killed a process for want of memory.
    @discardableResult func leave() async -> Bool {
        let ranOut = group?.ranOutOfMemory ?? false
        await group?.remove()
        if let folder {
            for name in names { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        return ranOut
    }
}
