import Foundation

/// The Python module `touchstone_reward`, which lets a Python function be a plugin. It is part of the program; a folder
/// of its own holds it while a plugin needs it.
final class PythonModule: Sendable {
    /// The module's name.
    static let name = "touchstone_reward"

    private let folder: String

    /// Puts the module down in a folder that only this user can read.
    ///
    /// - Throws: `RewardsError` (`noModule`) if there is no room for it.
    init() throws(RewardsError) {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent(
            "touchstone-python-\(UUID().uuidString)")
        folder = place.path
        // An existing folder of that name would be somebody else's.
        guard mkdir(folder, 0o700) == 0 else { throw Self.fault(folder, String(cString: strerror(errno))) }
        do {
            try Data(PackageResources.touchstone_reward_py).write(to: URL(fileURLWithPath: "\(folder)/\(Self.name).py"))
        } catch {
            throw Self.fault(folder, error.localizedDescription)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// `PYTHONPATH` with the folder in front.
    var searchPath: String {
        let given = ProcessInfo.processInfo.environment["PYTHONPATH"] ?? ""
        return given.isEmpty ? folder : "\(folder):\(given)"
    }

    private static func fault(_ folder: String, _ reason: String) -> RewardsError {
        RewardsError(
            .noModule,
            "\(folder): the Python module \(name) can't be put there (\(reason)); set TMPDIR to another folder")
    }
}
