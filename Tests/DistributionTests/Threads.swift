import Foundation
import Synchronization

@testable import Distribution

/// Runs ranks as threads.
enum Threads {
    /// What each rank's work gives, by rank.
    static func run<Value: Sendable>(
        ranks: Int, _ body: @escaping @Sendable (RankGroup) throws -> Value
    ) throws -> [Value] {
        let results = Mutex([Int: Result<Value, any Error>]())
        let done = DispatchGroup()
        for transport in LocalTransport.ranks(ranks) {
            done.enter()
            Thread.detachNewThread {
                let result = Result { try body(RankGroup(transport)) }
                results.withLock { $0[transport.rank] = result }
                done.leave()
            }
        }
        done.wait()
        return try results.withLock { results in
            try (0..<ranks).map { try results[$0, default: .failure(CancellationError())].get() }
        }
    }
}
