import Glibc
import Synchronization

/// The control groups of this machine that this process may make: they bound the memory and the number of processes of
/// a whole sandbox, which limits of single processes can't.
///
/// Version 1 (a folder for each controller) and version 2 (one tree) are known. Groups are made in the group `touchstone`
/// at the top of what this system shows of them.
final class ControlGroups: Sendable {
    /// A group's folder for each controller; one folder for both in version 2.
    struct Folders: Sendable {
        let memory: String
        let processes: String
        let isVersion2: Bool
    }

    private let folders: Folders
    /// Of the whole process: the groups of two runners must not have the same name.
    private static let count = Mutex(0)

    /// Finds the controllers; `nil` unless both memory and processes can be bounded.
    init?() {
        guard let mounts = SystemFile.text("/proc/self/mounts"), let found = Self.find(mounts) else { return nil }
        folders = found
        guard let trial = make(memory: 64 << 20, processes: 16) else { return nil }
        trial.removeNow()
        Self.removeOrphans(found)
    }

    private static func find(_ mounts: String) -> Folders? {
        let rows = mounts.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count >= 4 }
        func version1(_ controller: Substring) -> String? {
            rows.first { $0[2] == "cgroup" && $0[3].split(separator: ",").contains(controller) }.map { String($0[1]) }
        }
        if let memory = version1("memory"), let processes = version1("pids") {
            return Folders(memory: memory + "/touchstone", processes: processes + "/touchstone", isVersion2: false)
        }
        guard let root = rows.first(where: { $0[2] == "cgroup2" }).map({ String($0[1]) }) else { return nil }
        // Both controllers must be handed down twice: to our group and to those in it.
        SystemFile.write("+memory +pids", to: root + "/cgroup.subtree_control")
        mkdir(root + "/touchstone", 0o755)
        guard SystemFile.write("+memory +pids", to: root + "/touchstone/cgroup.subtree_control") else { return nil }
        return Folders(memory: root + "/touchstone", processes: root + "/touchstone", isVersion2: true)
    }

    /// Makes a group with bounds, or `nil` if that doesn't work.
    func make(memory: Int, processes: Int) -> ControlGroup? {
        let number = Self.count.withLock { count in
            count &+= 1
            return count
        }
        let name = "/\(getpid())-\(number)"
        for folder in Set([folders.memory, folders.processes]) {
            mkdir(folder, 0o755)
            guard mkdir(folder + name, 0o755) == 0 else { return nil }
        }
        let group = ControlGroup(memory: folders.memory + name, processes: folders.processes + name, folders: folders)
        let memoryFile = folders.isVersion2 ? "/memory.max" : "/memory.limit_in_bytes"
        guard SystemFile.write("\(memory)", to: group.memory + memoryFile),
            SystemFile.write("\(processes)", to: group.processes + "/pids.max")
        else {
            group.removeNow()
            return nil
        }
        // Memory moved to disk would not be bounded; these files are missing where there is no swap.
        SystemFile.write(
            folders.isVersion2 ? "0" : "\(memory)",
            to: group.memory + (folders.isVersion2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"))
        return group
    }

    /// Removes groups that a killed run left behind.
    private static func removeOrphans(_ folders: Folders) {
        for folder in Set([folders.memory, folders.processes]) {
            for name in SystemFile.names(in: folder) {
                guard let owner = name.split(separator: "-").first.flatMap({ pid_t($0) }), owner != getpid(),
                    kill(owner, 0) != 0, errno == ESRCH
                else { continue }
                rmdir("\(folder)/\(name)")
            }
        }
    }
}

/// The control group of one sandbox.
struct ControlGroup: Sendable {
    let memory: String
    let processes: String
    let folders: ControlGroups.Folders

    /// The files into which a process writes `0` to join.
    var joinFiles: [String] { Set([memory, processes]).sorted().map { $0 + "/cgroup.procs" } }

    /// Whether the kernel killed a process of the group for want of memory.
    var ranOutOfMemory: Bool {
        let text = SystemFile.text(memory + (folders.isVersion2 ? "/memory.events" : "/memory.oom_control")) ?? ""
        return text.split(separator: "\n").contains { line in
            let words = line.split(separator: " ")
            return words.first == "oom_kill" && words.last != "0"
        }
    }

    /// Kills what is left in the group and removes it; waits up to two seconds for processes to go.
    func remove() async {
        for _ in 0..<400 {
            for id in (SystemFile.text(processes + "/cgroup.procs") ?? "").split(separator: "\n") {
                if let id = pid_t(id), id > 1 { kill(id, SIGKILL) }
            }
            if removeNow() { return }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Removes an empty group. Returns whether it is gone.
    @discardableResult func removeNow() -> Bool {
        [memory, processes].allSatisfy { (folder: String) in rmdir(folder) == 0 || errno == ENOENT }
    }
}
