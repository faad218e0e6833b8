import Foundation
import InferenceCore
import ModelFiles
import QwenModel
import Synchronization

/// The use of one version of an adapter by a request; ends with the object.
public final class AdapterLease: Sendable {
    /// The version, which stays the same whatever is loaded meanwhile.
    public let version: AdapterVersion
    private let giveBack: @Sendable () -> Void

    init(_ version: AdapterVersion, giveBack: @escaping @Sendable () -> Void) {
        self.version = version
        self.giveBack = giveBack
    }

    deinit { giveBack() }
}

/// The adapters that are served: loaded, replaced and unloaded by name while requests use them.
///
/// A request keeps the version it began with. Loading reads everything first and then swaps a pointer: what can't be read
/// changes nothing. All of it but the swap is done on a thread of its own, and its long parts between the steps of a batch.
public actor AdapterShelf {
    private struct Uses {
        var counts: [String: [Int: Int]] = [:]
        var waiters: [String: [(version: Int, continuation: CheckedContinuation<Void, Never>)]] = [:]
    }

    /// Longest name, in bytes.
    static let maximumNameBytes = 128

    /// Where it works: neither the scheduler nor the threads that answer requests wait for a file.
    private nonisolated let executor: BackgroundExecutor
    /// The thread that it works on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    /// When it may do long work: between the steps of who computes.
    public nonisolated let breaks = StepBreaks()

    private let model: QwenModel
    private let baseNames: Set<String>
    private let maximumCount: Int
    private nonisolated let registry = AdapterRegistry()
    private nonisolated let uses = Mutex(Uses())
    /// When each current version was published, seconds since 1970.
    private nonisolated let publications = Mutex<[String: Int]>([:])

    /// An empty shelf.
    ///
    /// - Parameter baseNames: Names that mean the base and can't be taken.
    /// - Parameter maximumCount: Adapters at the same time.
    public init(model: QwenModel, baseNames: Set<String>, maximumCount: Int = 64) {
        self.model = model
        self.baseNames = baseNames
        self.maximumCount = maximumCount
        executor = BackgroundExecutor(name: "adapters", breaks: breaks)
    }

    deinit { executor.end() }

    /// The adapters, by name.
    public nonisolated var all: [AdapterVersion] { registry.all }

    /// When the current version of a name was published, seconds since 1970.
    public nonisolated func publicationTime(_ name: String) -> Int { publications.withLock { $0[name] ?? 0 } }

    /// Begins to use the current version of a name; `nil` if there is none.
    public nonisolated func lease(_ name: String) -> AdapterLease? {
        uses.withLock { uses in
            guard let version = registry.current(name) else { return nil }
            uses.counts[name, default: [:]][version.version, default: 0] += 1
            return AdapterLease(version) { [weak self] in self?.giveBack(name, version.version) }
        }
    }

    private nonisolated func giveBack(_ name: String, _ version: Int) {
        let free = uses.withLock { uses in
            if let count = uses.counts[name]?[version] { uses.counts[name]?[version] = count > 1 ? count - 1 : nil }
            if uses.counts[name]?.isEmpty == true { uses.counts[name] = nil }
            return Self.takeFree(name, &uses)
        }
        for continuation in free { continuation.resume() }
    }

    /// Those who wait for versions that nobody uses any more.
    private static func takeFree(_ name: String, _ uses: inout Uses) -> [CheckedContinuation<Void, Never>] {
        let oldest = uses.counts[name]?.keys.min() ?? .max
        let free = uses.waiters[name]?.filter { $0.version < oldest } ?? []
        uses.waiters[name]?.removeAll { $0.version < oldest }
        if uses.waiters[name]?.isEmpty == true { uses.waiters[name] = nil }
        return free.map(\.continuation)
    }

    /// Loads an adapter from a folder.
    ///
    /// - Parameter inPlace: Whether an adapter of this name may be replaced.
    /// - Parameter expectedDigest: What the current version must be for the new one to take its place.
    /// - Throws: `ServingError`; then nothing has changed.
    @discardableResult
    public func load(
        _ name: String, from path: String, in folders: AllowedFolders, inPlace: Bool = false,
        expectedDigest: String? = nil
    ) throws(ServingError) -> AdapterVersion {
        try check(name, inPlace: inPlace, expectedDigest: expectedDigest)
        let folder = try folders.read(path)
        let adapter: Adapter
        do { adapter = try Adapter(folder, model: model) } catch {
            throw ServingError(.invalidRequest, "the adapter is refused: \(error)", cause: error)
        }
        return try publish(adapter, as: name, inPlace: inPlace, expectedDigest: expectedDigest)
    }

    /// Makes an adapter that is in memory the current version of a name. Without effect for a digest that is current.
    ///
    /// - Throws: `ServingError`; then nothing has changed.
    @discardableResult
    public func publish(
        _ adapter: Adapter, as name: String, inPlace: Bool = true, expectedDigest: String? = nil
    ) throws(ServingError) -> AdapterVersion {
        try check(name, inPlace: inPlace, expectedDigest: expectedDigest)
        let digest = adapter.contentDigest()
        if let current = registry.current(name), current.digest == digest { return current }
        publications.withLock { $0[name] = Int(Date().timeIntervalSince1970) }
        return registry.publish(adapter, as: name, digest: digest)
    }

    private func check(_ name: String, inPlace: Bool, expectedDigest: String?) throws(ServingError) {
        let isPlain = name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != "/" && $0 != "\\" }
        guard !name.isEmpty, name.utf8.count <= Self.maximumNameBytes, isPlain, !name.hasPrefix(".") else {
            throw ServingError(
                .invalidRequest,
                "lora_name must have 1 to \(Self.maximumNameBytes) bytes without spaces, slashes or a dot in front",
                parameter: "lora_name")
        }
        guard !baseNames.contains(name) else {
            throw ServingError(
                .conflict, "'\(name)' is the base model's name; choose another", parameter: "lora_name")
        }
        let current = registry.current(name)
        if let expectedDigest, current?.digest != expectedDigest {
            throw ServingError(
                .conflict,
                "'\(name)' is \(current.map { "at digest \($0.digest)" } ?? "not loaded"), expected_digest is "
                    + "'\(expectedDigest.prefix(64))': somebody else has changed it; nothing was done",
                parameter: "expected_digest")
        }
        if current != nil, !inPlace, expectedDigest == nil {
            throw ServingError(
                .invalidRequest, "'\(name)' is loaded already; give \"load_inplace\": true to replace it",
                parameter: "lora_name")
        }
        guard current != nil || registry.all.count < maximumCount else {
            throw ServingError(
                .conflict, "\(maximumCount) adapters are loaded, more are not allowed; unload one",
                parameter: "lora_name")
        }
    }

    /// Takes an adapter out of service: new requests don't find it; returns when the last request that uses it has ended.
    ///
    /// - Throws: `ServingError` (`notFound`).
    public func unload(_ name: String) async throws(ServingError) {
        guard let version = registry.current(name), registry.remove(name) else {
            throw ServingError(
                .notFound, "no adapter '\(name.prefix(Self.maximumNameBytes))' is loaded", parameter: "lora_name")
        }
        await withCheckedContinuation { continuation in
            let isFree = uses.withLock { uses in
                guard let oldest = uses.counts[name]?.keys.min(), oldest <= version.version else { return true }
                uses.waiters[name, default: []].append((version.version, continuation))
                return false
            }
            if isFree { continuation.resume() }
        }
    }
}
