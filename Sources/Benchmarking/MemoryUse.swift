import Foundation

/// How much memory the process holds, as the kernel counts it.
public enum MemoryUse {
    /// The most it has held since the start or the last `reset`, in bytes; 0 where the system does not say.
    public static var peakBytes: Int { field("VmHWM:") }

    /// What it holds now, in bytes; 0 where the system does not say.
    public static var currentBytes: Int { field("VmRSS:") }

    /// Lets the peak begin again from what is held now, where the system can.
    public static func reset() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        try? file.write(contentsOf: Data("5".utf8))
        try? file.close()
    }

    private static func field(_ name: String) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            let words = line.split(whereSeparator: \.isWhitespace)
            return words.count > 1 ? (Int(words[1]) ?? 0) * 1024 : 0
        }
        return 0
    }
}
