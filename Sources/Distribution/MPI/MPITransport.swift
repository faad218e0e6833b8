import Foundation

/// Ranks that an MPI launcher has started, on one machine or many.
///
/// One thread makes all calls of the library. It sends and receives while others compute, answers those who ask for work,
/// and notices when a rank has fallen silent.
public final class MPITransport: Transport {
    /// The number of this rank.
    public let rank: Int
    /// How many ranks there are.
    public let count: Int
    /// Where messages for this rank arrive.
    public let inbox = Inbox()
    /// What the library calls itself.
    public let library: String
    private let hosts: [String]
    private let outbox: Monitor<Outbox>
    private let isClosed = Monitor(false)

    /// What is to be sent.
    struct Outbox {
        var messages: [(bytes: [UInt8], rank: Int, channel: Channel)] = []
        /// Whether nothing more will come.
        var isClosing = false
    }

    /// Joins the ranks of a launch; returns when all have.
    ///
    /// - Parameter timeout: Seconds of silence after which a rank counts as lost.
    /// - Parameter onLoss: Told why everything ends, just before it does.
    /// - Throws: `DistributionError` (`noLibrary`, `failed`).
    public init(
        _ launch: Launch, environment: [String: String], timeout: Double,
        onLoss: @escaping @Sendable (DistributionError) -> Void
    ) throws(DistributionError) {
        let library = try MPILibrary(launch.libraries(environment: environment))
        let joined = Monitor<Result<Start, DistributionError>?>(nil)
        let (outbox, inbox, isClosed) = (Monitor(Outbox()), self.inbox, self.isClosed)
        Thread.detachNewThread {
            let start: Start
            do throws(DistributionError) { start = try Start(library, launch) } catch {
                return joined.change { $0 = .failure(error) }
            }
            joined.change { $0 = .success(start) }
            let pump = MessagePump(library, start, outbox: outbox, inbox: inbox, timeout: timeout)
            do throws(DistributionError) { try pump.run() } catch {
                inbox.fail(error)
                // The first rank speaks, unless it is the one that is lost.
                Thread.sleep(forTimeInterval: Double(start.rank) * 0.5)
                onLoss(error)
                library.abort()
            }
            isClosed.change { $0 = true }
        }
        let start = try joined.wait { $0 }.get()
        (rank, count, hosts) = (start.rank, start.hosts.count, start.hosts)
        (self.outbox, self.library) = (outbox, library.version)
    }

    /// What a rank knows when it has joined.
    struct Start: Sendable {
        let rank: Int
        let hosts: [String]

        init(_ library: MPILibrary, _ launch: Launch) throws(DistributionError) {
            let (rank, count) = try library.start()
            guard count == launch.ranks else {
                throw DistributionError(
                    .failed,
                    "\(launch.kind.rawValue) started \(launch.ranks) ranks, but \(library.version) sees \(count); start with "
                        + "the launcher of that library (with Slurm: srun --mpi=pmix), or name the launcher's library in "
                        + Launch.libraryVariable)
            }
            self.rank = rank
            let name = Array(ProcessInfo.processInfo.hostName.utf8.prefix(255))
            let names = try library.gather(name + [UInt8](repeating: 0, count: 256 - name.count), ranks: count)
            hosts = names.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }

        func name(of rank: Int) -> String { "rank \(rank)" + (hosts[rank].isEmpty ? "" : " (\(hosts[rank]))") }
    }

    /// How many of the ranks run on this machine, itself included.
    public var neighbours: Int { hosts.count { $0 == hosts[rank] } }

    /// A rank and its machine.
    public func name(of rank: Int) -> String { "rank \(rank)" + (hosts[rank].isEmpty ? "" : " (\(hosts[rank]))") }

    /// Hands a message to the thread that sends.
    public func send(_ message: [UInt8], to rank: Int, on channel: Channel) {
        outbox.change { $0.messages.append((message, rank, channel)) }
    }

    /// Says farewell, and waits for the others to.
    public func close(farewell: String) -> [String] {
        for other in 0..<count where other != rank { send(Array(farewell.utf8), to: other, on: .farewell) }
        let words = inbox.farewells(of: count, besides: rank)
        outbox.change { $0.isClosing = true }
        isClosed.wait { $0 ? () : nil }
        return words
    }
}
