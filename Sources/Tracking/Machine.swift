import Foundation
import OrderedJSON

/// The machine that a program runs on, without anything that names it.
public struct Machine: Sendable, Hashable {
    /// The processor's model.
    public var processor: String
    /// Processors that the system offers.
    public var processors: Int
    /// Memory in bytes.
    public var memory: Int
    /// The operating system.
    public var system: String

    /// This machine.
    public static var current: Machine {
        let name = value("model name", in: "/proc/cpuinfo", separator: ":")
        let system = value("PRETTY_NAME", in: "/etc/os-release", separator: "=")
        let information = ProcessInfo.processInfo
        return Machine(
            processor: name ?? "unknown", processors: information.activeProcessorCount,
            memory: Int(clamping: information.physicalMemory),
            system: system?.trimmingCharacters(in: ["\""]) ?? "Linux")
    }

    /// As an object of a record.
    public var description: JSONObject {
        [
            "processor": .string(processor), "processors": .integer(processors), "memory_bytes": .integer(memory),
            "system": .string(system),
        ]
    }

    /// The first line `key <separator> value` of a file.
    private static func value(_ key: String, in path: String, separator: Character) -> String? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n", maxSplits: 200) {
            let parts = line.split(separator: separator, maxSplits: 1)
            guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == key else { continue }
            return parts[1].trimmingCharacters(in: .whitespaces)
        }
        return nil
    }
}
