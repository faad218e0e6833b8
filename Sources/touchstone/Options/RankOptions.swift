import ArgumentParser
import Distribution
import Foundation
import TensorCore
import Training

extension ComputeDevice.KernelLevel: ExpressibleByArgument {
    /// `portable`, `avx2`, `avx512`, `avx512bf16`.
    public init?(argument: String) {
        guard let level = Self.allCases.first(where: { "\($0)" == argument }) else { return nil }
        self = level
    }

    /// The names of all.
    public static var allValueStrings: [String] { allCases.map { "\($0)" } }
}

/// A command that several ranks can share.
protocol RankedCommand: ParsableCommand {}

/// How a command works on several ranks.
struct RankOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("Seconds after which a rank that sends no sign of life ends all.", valueName: "seconds"))
    var rankTimeout = 60.0

    @Option(
        name: .long,
        help: """
            The instruction set to compute with, where machines differ: results of different ones differ in the last bits. \
            The best that the processor has unless given.
            """)
    var kernels: ComputeDevice.KernelLevel?

    func validate() throws {
        guard rankTimeout >= 1, rankTimeout <= 86_400 else {
            throw ValidationError("--rank-timeout is \(rankTimeout), expected 1 to 86400 seconds")
        }
    }

    /// Refuses a command that several processes would all do.
    static func check(_ command: any ParsableCommand) throws {
        guard let launch = Launch(environment: ProcessInfo.processInfo.environment), launch.ranks > 1,
            !(command is any RankedCommand)
        else { return }
        throw CommandFailure(
            "\(launch.kind.rawValue) started \(launch.ranks) ranks, but only train, eval, generate, score, verify and plan work on "
                + "several; start this command by itself", status: .wrongUsage)
    }

    /// Runs a command's work on the ranks of a launcher, or alone.
    ///
    /// - Parameter body: The work; all ranks do the same, and only the first one speaks.
    func run(
        _ messages: Messages, _ body: (_ group: RankGroup, _ messages: Messages) async throws -> Void
    ) async throws {
        try select()
        let environment = ProcessInfo.processInfo.environment
        guard let launch = Launch(environment: environment), launch.ranks > 1 else {
            return try await body(.alone, messages)
        }
        Interruption.catchUserSignal()
        let group = RankGroup(
            try MPITransport(launch, environment: environment, timeout: rankTimeout) { messages.error($0.message) })
        let name = group.name(of: group.rank)
        messages.debug("\(name) of \(group.count)")
        OutOfMemory.handle { message in
            Messages.standard.error("\(name): \(message)")
            _exit(ExitStatus.failed.rawValue)
        }
        do { try await body(group, group.isFirst ? messages : Messages(level: .error)) } catch {
            throw Self.failure(error, of: group)
        }
        let words = Self.reasons(group.close(), of: group)
        guard words.isEmpty else { throw CommandFailure(words.joined(separator: "\n")) }
    }

    /// What the first rank says when all end: its own error, and what others had besides.
    private static func failure(_ error: any Error, of group: RankGroup) -> CommandFailure {
        let own = error is OutputClosed ? CommandFailure(reported: .done) : CommandFailure(error)
        let cause = ((error as? TrainingError)?.cause ?? error) as? DistributionError
        let isConsequence = cause?.code == .ended
        let isQuiet = own.lines.isEmpty && own.status != .failed
        let text = isQuiet ? quietEnd(own.status) : isConsequence ? "" : own.lines.joined(separator: "; ")
        let words = group.close(farewell: text)
        // Who ends because another one does ends as that one.
        if isConsequence, let status = words.lazy.compactMap(Self.status(ofQuietEnd:)).first {
            return CommandFailure(reported: status)
        }
        guard group.isFirst else { return CommandFailure(reported: own.status) }
        let others = reasons(words, besides: text, of: group)
        let lines = (text.isEmpty && !others.isEmpty ? [] : own.lines) + others
        return CommandFailure(lines: lines, status: own.status)
    }

    /// The farewell of a rank that was interrupted, or that nobody reads any more: how the program ends, and no message.
    private static func quietEnd(_ status: ExitStatus) -> String { "\0\(status.rawValue)" }

    private static func status(ofQuietEnd words: String) -> ExitStatus? {
        words.hasPrefix("\0") ? Int32(words.dropFirst()).flatMap(ExitStatus.init(rawValue:)) : nil
    }

    /// What ranks said at their end, each cause once and by the rank whose it is; empty on all ranks but the first.
    ///
    /// - Parameter own: What the first rank says anyway.
    private static func reasons(_ words: [String], besides own: String = "", of group: RankGroup) -> [String] {
        guard group.isFirst else { return [] }
        var seen: Set<String> = []
        return words.enumerated().compactMap { rank, text in
            guard !text.isEmpty, !text.hasPrefix("\0") else { return nil }
            // Who ends by another rank's error repeats it with that rank's name.
            var (speaker, cause) = (group.name(of: rank), text)
            while let other = (0..<group.count).map(group.name).first(where: { cause.hasPrefix($0 + ": ") }) {
                speaker = other
                cause.removeFirst(other.count + 2)
            }
            guard !own.contains(cause), seen.insert(cause).inserted else { return nil }
            return "\(speaker): \(cause)"
        }
    }

    /// Divides a machine's processors among its ranks, where the launcher has not given each its own.
    static func shareThreads(_ group: RankGroup) {
        let all = ProcessInfo.processInfo.processorCount
        guard group.neighbours > 1, ComputeDevice.threadCount >= all else { return }
        ComputeDevice.threadCount = max(1, all / group.neighbours)
    }
}

extension RankOptions {
    /// Switches to the kernels that were asked for.
    private func select() throws {
        guard let kernels else { return }
        guard ComputeDevice.select(kernels) else {
            throw CommandFailure(
                "--kernels \(kernels): this processor has \(ComputeDevice.bestKernelLevel) at most", status: .wrongUsage
            )
        }
        Self.restart(kernels)
    }

    /// OpenBLAS reads what kernels to take when the program is loaded, so it is loaded again with the name set.
    private static func restart(_ level: ComputeDevice.KernelLevel) {
        let name = "OPENBLAS_CORETYPE"
        let wanted =
            switch level {
            case .portable: "Nehalem"
            case .avx2: "Haswell"
            case .avx512, .avx512bf16: "SkylakeX"
            }
        guard ProcessInfo.processInfo.environment[name] == nil else { return }
        setenv(name, wanted, 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        // Where this fails, the ranks' comparison of what they compute tells whether it matters.
        execv("/proc/self/exe", arguments)
        for argument in arguments { free(argument) }
    }
}
