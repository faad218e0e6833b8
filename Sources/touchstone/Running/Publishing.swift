import Foundation
import FoundationNetworking
import ModelFiles
import OrderedJSON
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
    /// Seconds that a server may take to load an adapter.
    private static let timeout = 60.0

    let address: URL
    /// Where the adapter is written; the server must be allowed to read there.
    let folder: String
    let name: String
    let key: String?

    func publish(_ adapter: TrainableAdapter, step: Int) async throws {
        try adapter.write(to: folder)
        var request = URLRequest(
            url: address.appendingPathComponent("v1/load_lora_adapter"), timeoutInterval: Self.timeout)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        let body: JSONValue = ["lora_name": .string(name), "lora_path": .string(folder), "load_inplace": true]
        request.httpBody = Data(body.text().utf8)
        let session = URLSession(configuration: .ephemeral)
        defer { session.finishTasksAndInvalidate() }
        let (data, response): (Data, URLResponse)
        do { (data, response) = try await session.data(for: request) } catch {
            throw CommandFailure("\(address): no answer (\(error.localizedDescription)); is the server running?")
        }
        guard let status = (response as? HTTPURLResponse)?.statusCode, status != 200 else { return }
        let message = (try? JSONValue(parsing: data))?["error"]?["message"]?.stringValue ?? "no reason given"
        throw CommandFailure("\(address): status \(status): \(message)")
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
        guard let address = URL(string: publish), address.host != nil else {
            throw CommandFailure("publish: '\(publish)' is no address, expected such as http://127.0.0.1:8000")
        }
        let path = URL(fileURLWithPath: folder.path).appendingPathComponent("published").path
        return ServerPublisher(
            address: address, folder: path, name: name,
            key: ProcessInfo.processInfo.environment[ServerPublisher.keyVariable])
    }
}
