import Foundation
import InferenceCore

/// Serves what lies in a folder: each folder in it that holds an adapter, under its own name. What is written there by a
/// running training is served without a restart; what disappears is taken out of service.
///
/// A folder that can't be read is refused as a whole, the version before stays, and it is read again once it changes.
public actor AdapterWatcher {
    /// What a look at the folder led to.
    public enum Event: Sendable {
        /// A version was published.
        case loaded(AdapterVersion)
        /// An adapter's folder has gone.
        case unloaded(String)
        /// A folder was refused.
        case refused(name: String, ServingError)
    }

    /// Most folders that are looked at.
    private static let maximumEntries = 1024

    private let path: String
    private let shelf: AdapterShelf
    private let folders: AllowedFolders
    private var seen: [String: [PathStatus?]] = [:]
    private var served: Set<String> = []

    /// A watcher that has not looked yet.
    ///
    /// - Parameter folders: What the folders may lead to by links.
    public init(_ path: String, shelf: AdapterShelf, folders: AllowedFolders) {
        self.path = path
        self.shelf = shelf
        self.folders = folders
    }

    /// Looks once.
    public func look() async -> [Event] {
        var events: [Event] = []
        let names = Self.names(in: path)
        for name in names {
            let folder = "\(path)/\(name)"
            let status = Self.status(folder)
            // Half of an adapter: the other half is on its way.
            guard !status.contains(nil), seen[name] != status else { continue }
            seen[name] = status
            do throws(ServingError) {
                let version = try await shelf.load(name, from: folder, in: folders, inPlace: true)
                served.insert(name)
                events.append(.loaded(version))
            } catch { events.append(.refused(name: name, error)) }
        }
        let gone = served.subtracting(names)
        for name in gone {
            served.remove(name)
            seen[name] = nil
            // New requests don't find it; nobody waits here for the old ones.
            Task { try? await shelf.unload(name) }
            events.append(.unloaded(name))
        }
        seen = seen.filter { names.contains($0.key) }
        return events
    }

    /// Looks again and again until the task is cancelled.
    ///
    /// - Parameter report: Told what has happened.
    public func watch(every interval: Duration, report: @Sendable (Event) -> Void) async {
        while !Task.isCancelled {
            for event in await look() { report(event) }
            try? await Task.sleep(for: interval)
        }
    }

    private static func names(in path: String) -> Set<String> {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return [] }
        let plain = names.filter { !$0.hasPrefix(".") }.sorted().prefix(maximumEntries)
        return Set(plain.filter { PathStatus("\(path)/\($0)")?.isFolder == true })
    }

    private static func status(_ folder: String) -> [PathStatus?] {
        ["adapter_config.json", "adapter_model.safetensors"].map { PathStatus("\(folder)/\($0)") }
    }
}
