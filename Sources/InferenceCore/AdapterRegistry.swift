import Crypto
import Foundation
import QwenModel
import Synchronization
import TensorCore

/// One published state of a named adapter. Immutable: a sequence that began with it ends with it.
public struct AdapterVersion: Sendable {
    /// The name it is published under.
    public let name: String
    /// 1 for the first adapter of the name, then rising.
    public let version: Int
    /// SHA-256 of its content (modules, shapes, scalings, numbers) in hexadecimal: equal content, equal digest,
    /// whatever the name. Caches are keyed by it.
    public let digest: String
    /// The weights.
    public let adapter: Adapter
}

/// Adapters by name, replaced while others use them: publishing swaps a pointer.
public final class AdapterRegistry: Sendable {
    private struct State {
        var current: [String: AdapterVersion] = [:]
        /// Kept after a removal too, so that a version number never means two things.
        var versions: [String: Int] = [:]
        /// What somebody holds, by digest.
        var contents: [String: HeldAdapter] = [:]
    }

    /// An adapter as long as somebody else holds it.
    private struct HeldAdapter {
        weak var adapter: Adapter?
    }

    private let state = Mutex(State())

    /// An empty registry.
    public init() {}

    /// Makes an adapter the current one of a name. Sequences that began with an older version are not touched. Where an adapter
    /// of the same content is in memory already, under whatever name or version, that one is taken: equal versions take memory
    /// once, and their sequences are computed together.
    ///
    /// - Parameter digest: The adapter's `contentDigest`, from a caller that has it already.
    @discardableResult
    public func publish(_ adapter: Adapter, as name: String, digest: String? = nil) -> AdapterVersion {
        let digest = digest ?? adapter.contentDigest()
        return state.withLock { state in
            state.contents = state.contents.filter { $0.value.adapter != nil }
            let adapter = state.contents[digest]?.adapter ?? adapter
            state.contents[digest] = HeldAdapter(adapter: adapter)
            let number = (state.versions[name] ?? 0) + 1
            let version = AdapterVersion(name: name, version: number, digest: digest, adapter: adapter)
            state.versions[name] = number
            state.current[name] = version
            return version
        }
    }

    /// The current version of a name.
    public func current(_ name: String) -> AdapterVersion? { state.withLock { $0.current[name] } }

    /// Forgets a name; sequences that use its last version end with it.
    ///
    /// - Returns: Whether the name was known.
    @discardableResult
    public func remove(_ name: String) -> Bool { state.withLock { $0.current.removeValue(forKey: name) != nil } }

    /// The current versions, by name.
    public var all: [AdapterVersion] { state.withLock { $0.current.values.sorted { $0.name < $1.name } } }
}

extension Adapter {
    /// SHA-256 over modules in the order of their names: name, shapes, scaling and the numbers' bits; then over whole
    /// weights in the order of theirs.
    public func contentDigest() -> String {
        var hash = SHA256()
        for (name, factors) in factors.sorted(by: { $0.key < $1.key }) {
            hash.update(data: Data("\(name)\n\(factors.a.shape)\(factors.b.shape)\(factors.scaling.bitPattern)\n".utf8))
            for tensor in [factors.a, factors.b, factors.magnitude].compactMap({ $0 }) { hash.update(tensor) }
        }
        for (name, weight) in weights.sorted(by: { $0.key < $1.key }) {
            switch weight {
            case .vector(let vector):
                hash.update(data: Data("\(name)\n\(vector.shape)\n".utf8))
                hash.update(vector)
            case .matrix(let matrix):
                hash.update(data: Data("\(name)\n\([matrix.rows, matrix.columns])\n".utf8))
                let row = Tensor(shape: [matrix.columns])
                for index in 0..<matrix.rows {
                    matrix.readRow(index, into: row.floats)
                    hash.update(row)
                }
            }
        }
        return hash.finalize().map { byte in
            let hex = String(byte, radix: 16)
            return hex.count == 2 ? hex : "0" + hex
        }.joined()
    }
}

extension SHA256 {
    /// Adds the bits of a tensor's numbers.
    fileprivate mutating func update(_ tensor: Tensor) {
        withExtendedLifetime(tensor.storage) {
            var rest = UnsafeRawBufferPointer(start: tensor.floats, count: tensor.count * 4)[...]
            while !rest.isEmpty {
                ComputeDevice.pause()
                update(bufferPointer: UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 16)))
                rest = rest.dropFirst(1 << 16)
            }
        }
    }
}
