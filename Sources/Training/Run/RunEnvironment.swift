import Foundation
import ModelFiles
import OrderedJSON
import TensorCore
import Tracking

/// When and on what machine a run went, `environment.json`: an entry for each time it was begun or gone on with.
enum RunEnvironment {
    /// Adds an entry.
    ///
    /// - Parameter step: Steps taken before.
    /// - Throws: `ModelFileError` (`unwritable`).
    static func addSession(to folder: RunFolder, step: Int) throws(ModelFileError) {
        var sessions: [JSONValue] = []
        // What can't be read is begun again: nothing depends on it.
        if let data = FileManager.default.contents(atPath: folder.environment),
            let old = (try? JSONValue(parsing: data))?["sessions"]?.arrayValue
        {
            sessions = Array(old.prefix(1) + old.dropFirst().suffix(98))
        }
        var machine = Machine.current.description
        machine["kernels"] = .string("\(ComputeDevice.kernelLevel)")
        machine["threads"] = .integer(ComputeDevice.threadCount)
        sessions.append([
            "started": .string(Date().formatted(.iso8601)), "after_step": .integer(step),
            "machine": .object(machine),
        ])
        let environment: JSONValue = ["sessions": .array(sessions)]
        try AtomicFile.write(environment.text(.pretty(2)) + "\n", to: folder.environment)
    }
}
