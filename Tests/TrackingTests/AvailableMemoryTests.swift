import Foundation
import Testing

@testable import Tracking

/// What is left of each bound, from files as the kernel writes them.
@Suite("Available memory")
struct AvailableMemoryTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let law: String
        var files: [String: String] = [:]
        var limit: Int?
        let bytes: Int
        let bound: AvailableMemory.Bound
        var testDescription: String { law }
    }

    static let cases = [
        Case(law: "the machine alone", bytes: 18_000 << 10, bound: .machine),
        Case(law: "the process's own limit", limit: 5000, bytes: 5000, bound: .process),
        Case(law: "a limit that is passed already", limit: -1, bytes: 0, bound: .process),
        Case(
            law: "a group of version 2, whose files' pages are given back",
            files: [
                "proc/self/cgroup": "0::/box/inner\n", "sys/fs/cgroup/box/memory.max": "1000000\n",
                "sys/fs/cgroup/box/memory.current": "900000\n",
                "sys/fs/cgroup/box/memory.stat": "anon 1\ninactive_file 300000\nactive_file 5\n",
                "sys/fs/cgroup/box/inner/memory.max": "max\n", "sys/fs/cgroup/box/inner/memory.current": "1\n",
            ], bytes: 400_000, bound: .group),
        Case(
            law: "a container, where only the root of the groups is seen",
            files: [
                "proc/self/cgroup": "0::/../../docker/abc\n", "sys/fs/cgroup/memory.max": "700\n",
                "sys/fs/cgroup/memory.current": "100\n",
            ], bytes: 600, bound: .group),
        Case(
            law: "a group of version 1",
            files: [
                "proc/self/cgroup": "9:cpu:/x\n4:memory:/a/b\n",
                "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "5000\n",
                "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "4000\n",
                "sys/fs/cgroup/memory/a/b/memory.stat": "inactive_file 1\ntotal_inactive_file 500\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "77\n",
            ], bytes: 1500, bound: .group),
        Case(
            law: "files that hold something else are no bounds",
            files: [
                "proc/self/cgroup": "nonsense\n0:\n::\n0::/a\n", "sys/fs/cgroup/a/memory.max": "many\n",
                "sys/fs/cgroup/memory.max": "5\n", "sys/fs/cgroup/memory.current": "\n",
            ], bytes: 18_000 << 10, bound: .machine),
    ]

    @Test("the least of what machine, groups and process leave", arguments: cases)
    func bounds(entry: Case) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("memory-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let machine = ["proc/meminfo": "MemTotal: 99 kB\nMemAvailable:   18000 kB\n"]
        for (name, text) in entry.files.merging(machine, uniquingKeysWith: { first, _ in first }) {
            let url = root.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
        let memory = try #require(AvailableMemory(root: root.path, limit: entry.limit))
        #expect(memory.bytes == entry.bytes && memory.bound == entry.bound)
    }

    @Test("this machine has memory, and a folder without files says nothing")
    func real() throws {
        #expect(try #require(AvailableMemory.current).bytes > 1 << 20)
        #expect(AvailableMemory(root: "/nowhere", limit: nil) == nil)
    }
}
