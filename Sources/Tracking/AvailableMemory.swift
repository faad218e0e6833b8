import Foundation

/// How much memory a process may still take, and what sets the bound.
///
/// The least of what the machine can spare (`MemAvailable`), what each control group above the process leaves of its limit
/// (pages of files that nobody changes are given back, so they don't count as used), and what is left of the address space
/// under `ulimit -v`.
public struct AvailableMemory: Sendable, Hashable {
    /// What sets the bound.
    public enum Bound: String, Sendable {
        /// What the machine can spare.
        case machine = "this machine"
        /// The limit of a control group, such as a container's.
        case group = "the control group (container)"
        /// The limit of the process.
        case process = "the process's limit (ulimit -v)"
    }

    /// Bytes.
    public let bytes: Int
    /// What sets them.
    public let bound: Bound

    /// What this process may take now; `nil` where the system does not say.
    public static var current: AvailableMemory? { AvailableMemory(root: "", limit: addressSpace) }

    /// What the files below a folder say.
    ///
    /// - Parameter root: Stands for the root of the file system.
    /// - Parameter limit: What is left of the process's own limit, if it has one.
    init?(root: String, limit: Int?) {
        var bounds: [(Int, Bound)] = []
        if let machine = Self.field("MemAvailable:", in: root + "/proc/meminfo") {
            bounds.append((machine * 1024, .machine))
        }
        bounds += Self.groups(root).map { ($0, .group) }
        if let limit { bounds.append((limit, .process)) }
        guard let least = bounds.min(by: { $0.0 < $1.0 }) else { return nil }
        (bytes, bound) = (max(0, least.0), least.1)
    }

    /// What is left of the limit on the address space.
    private static var addressSpace: Int? {
        var limit = rlimit()
        #if os(Linux)
            guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { return nil }
        #else
            guard getrlimit(RLIMIT_AS, &limit) == 0 else { return nil }
        #endif
        // Without a limit it is all ones.
        guard limit.rlim_cur < UInt64(Int.max) else { return nil }
        let used = (field("VmSize:", in: "/proc/self/status") ?? 0) * 1024
        return Int(limit.rlim_cur) - used
    }

    /// What each control group from the process's own up to the root leaves; both versions of them.
    private static func groups(_ root: String) -> [Int] {
        guard let text = try? String(contentsOfFile: root + "/proc/self/cgroup", encoding: .utf8) else { return [] }
        var rooms: [Int] = []
        for line in text.split(separator: "\n").prefix(64) {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[1].isEmpty {
                for mount in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
                    rooms += Self.folders(String(parts[2]), below: root + mount).compactMap {
                        room($0, limit: "memory.max", used: "memory.current", file: "inactive_file")
                    }
                }
            } else if parts[1].split(separator: ",").contains("memory") {
                rooms += Self.folders(String(parts[2]), below: root + "/sys/fs/cgroup/memory").compactMap {
                    room(
                        $0, limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", file: "total_inactive_file")
                }
            }
        }
        return rooms
    }

    /// A group's folder and those above it. In a container the group's own path may not exist; its root does.
    private static func folders(_ path: String, below mount: String) -> [String] {
        let parts = path.split(separator: "/").prefix(64).filter { $0 != ".." }
        return (0...parts.count).map { ([mount] + parts.prefix($0).map(String.init)).joined(separator: "/") }
    }

    private static func room(_ folder: String, limit: String, used: String, file: String) -> Int? {
        // `max`, and what is too large for any machine, are no limits.
        guard let limit = number(folder + "/" + limit), limit < 1 << 60, let used = number(folder + "/" + used) else {
            return nil
        }
        let cached = field(file, in: folder + "/memory.stat") ?? 0
        return limit - max(0, used - min(cached, used))
    }

    private static func number(_ path: String) -> Int? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
            Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// The number behind a word at the beginning of a line.
    private static func field(_ name: String, in path: String) -> Int? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.count >= 2, words[0] == name { return Int(words[1]) }
        }
        return nil
    }
}
