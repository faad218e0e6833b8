import ExternalRollouts
import Foundation
import QwenModel
import Recipes
import Tracking
import Training

/// Publishes into a folder that a server watches: the adapter's folder there is exchanged in one step.
struct FolderPublisher: AdapterPublisher {
    let folder: String
    let name: String

    func publish(_ adapter: TrainableAdapter, step: Int) async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try adapter.write(to: "\(folder)/\(name)")
    }
}

/// Publishes to a server: writes the adapter into the run's folder and asks the server to load it in place.
struct ServerPublisher: AdapterPublisher {
    /// Environment variable with the server's key for adapters.
    static let keyVariable = "TOUCHSTONE_ADMIN_KEY"

    let server: AdapterServer
    /// Where the adapter is written; the server must be allowed to read there.
    let folder: String
    let name: String

    func publish(_ adapter: TrainableAdapter, step: Int) async throws {
        try adapter.write(to: folder)
        try await server.load(name, from: folder, inPlace: true)
    }
}

extension Recipe {
    /// Where the recipe publishes; `nil` if it doesn't.
    ///
    /// - Throws: `CommandFailure` for an address that is none.
    func publisher(in folder: RunFolder) throws -> (any AdapterPublisher)? {
        guard let publish else { return nil }
        guard publish.hasPrefix("http://") || publish.hasPrefix("https://") else {
            return FolderPublisher(folder: publish, name: name)
        }
        let path = URL(fileURLWithPath: folder.path).appendingPathComponent("published").path
        let server: AdapterServer
        do {
            server = try AdapterServer(
                publish, kind: .touchstone, key: ProcessInfo.processInfo.environment[ServerPublisher.keyVariable])
        } catch { throw CommandFailure("publish: \(error.message)") }
        return ServerPublisher(server: server, folder: path, name: name)
    }

    /// Where the completions of training come from, if not from this process.
    ///
    /// - Parameter source: The run whose received completions are used, if it is another.
    /// - Parameter log: Is told what happens to servers.
    /// - Throws: `CommandFailure` for an address that is none, or a key that is not set.
    func rolloutEngine(
        in folder: RunFolder, reading source: RunFolder?, vocabularySize: Int,
        log: @escaping @Sendable (String) -> Void
    ) throws -> (any RolloutEngine)? {
        let engine = rollout.engine
        guard kind == .grpo, engine.isExternal, let kind = engine.publish.flatMap({ ServerKind(rawValue: $0.rawValue) })
        else { return nil }
        let environment = ProcessInfo.processInfo.environment
        let key = try engine.keyVariable.map { variable in
            guard let key = environment[variable], !key.isEmpty else {
                throw CommandFailure(
                    "the environment variable \(variable) is not set; rollout.engine.key_variable names it")
            }
            return key
        }
        let servers: [AdapterServer]
        do throws(ExternalRolloutError) {
            servers = try engine.urls.map { url throws(ExternalRolloutError) in
                try AdapterServer(
                    url, kind: kind, key: key,
                    adapterKey: kind == .touchstone ? environment[ServerPublisher.keyVariable] : nil)
            }
        } catch { throw CommandFailure("rollout.engine.urls: \(error.message)") }
        var options = ExternalEngine.Options(name: name, vocabularySize: vocabularySize)
        (options.directory, options.serverDirectory) = (engine.directory, engine.serverDirectory)
        (options.concurrency, options.timeout) = (engine.concurrency, engine.timeout)
        (options.retries, options.patience) = (engine.retries, engine.patience)
        options.stops = rollout.stop
        return ExternalEngine(options, servers: servers, folder: folder, reading: source, log: log)
    }
}
