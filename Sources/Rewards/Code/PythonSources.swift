/// The Python programs of the runner, which are embedded from the files beside this one.
enum PythonSources {
    /// Runs an untrusted program and answers calls of its functions.
    static let candidate = text(PackageResources.values_py) + text(PackageResources.candidate_py)
    /// Runs trusted tests against a program elsewhere.
    static let tester =
        text(PackageResources.values_py) + text(PackageResources.proxies_py) + text(PackageResources.frameworks_py)
        + text(PackageResources.tester_py)
    /// Runs a program as a script.
    static let program = text(PackageResources.program_py)
    /// Tries what a sandbox should forbid.
    static let probe = text(PackageResources.probe_py)

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) + "\n" }
}
