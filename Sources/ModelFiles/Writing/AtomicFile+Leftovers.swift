import Foundation

extension AtomicFile {
    /// Removes what writers that were killed have left in a folder: the hidden temporary files and folders of `AtomicFile`
    /// and `AtomicFolder`. Nobody may be writing there.
    ///
    /// - Returns: How many there were.
    @discardableResult
    public static func removeLeftovers(in folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count { name in
            guard isTemporary(name) else { return false }
            return (try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")) != nil
        }
    }

    /// Whether a name is of the form that `temporarySibling(of:)` makes.
    private static func isTemporary(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.first?.isEmpty == true, parts.last == "tmp" else { return false }
        return UInt64(parts[parts.count - 2], radix: 36) != nil
    }
}
