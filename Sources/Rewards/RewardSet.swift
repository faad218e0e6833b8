/// Several weighted reward functions that together judge a batch.
///
///     reward[n] = Σ_k weight[k] · score[k][n]     over the functions k that scored sample n
///
/// A function that does not apply or failed counts as absent, as `None` does in TRL (`nansum`). A sample that no function
/// scored has no reward at all: it must be left out of its group's mean, not counted as 0.
public struct RewardSet: Sendable {
    /// A function and what its scores are multiplied with.
    public struct Entry: Sendable {
        /// The function.
        public let function: any RewardFunction
        /// Its weight; negative makes a penalty, 0 only watches.
        public let weight: Double
        /// The greatest share of a step's samples that it may fail on.
        public let maxFailed: Double

        /// A weighted function.
        ///
        /// - Parameter maxFailed: 1 bears everything.
        public init(_ function: any RewardFunction, weight: Double = 1, maxFailed: Double = 1) {
            self.function = function
            self.weight = weight
            self.maxFailed = maxFailed
        }
    }

    /// The functions in the recipe's order.
    public let entries: [Entry]

    /// A set of functions.
    ///
    /// - Throws: `RewardsError` if there is none, a weight is not finite, two have the same name, or one needs another
    ///   that is not there or needs others itself.
    public init(_ entries: [Entry]) throws(RewardsError) {
        guard !entries.isEmpty else {
            throw RewardsError(
                .invalidOption, "rewards: got an empty list, expected at least one; add one, such as {type: math}")
        }
        var names: Set<String> = []
        for (index, entry) in entries.enumerated() {
            guard entry.weight.isFinite else {
                throw RewardsError(
                    .invalidOption,
                    "rewards[\(index)] \"\(entry.function.name)\": weight is \(entry.weight), expected a finite number")
            }
            guard names.insert(entry.function.name).inserted else {
                throw RewardsError(
                    .duplicateName,
                    "rewards[\(index)]: the name \"\(entry.function.name)\" is taken by an earlier reward; give it another name"
                )
            }
        }
        let independent = Set(entries.filter { $0.function.needs.isEmpty }.map(\.function.name))
        for (index, entry) in entries.enumerated() {
            for need in entry.function.needs where !independent.contains(need) {
                throw RewardsError(
                    .missingReward,
                    "rewards[\(index)] \"\(entry.function.name)\": needs the reward \"\(need)\", "
                        + "expected one of \(independent.sorted().joined(separator: ", ")); add it or name another")
            }
        }
        self.entries = entries
    }

    /// Judges a batch with every function, all of them at once but for those that need others.
    ///
    /// - Throws: `CancellationError` only; every other error of a function is recorded as a failure of its samples.
    public func score(_ batch: [RewardSample]) async throws -> RewardReport {
        guard !batch.isEmpty else { return RewardReport(parts: [], batchSize: 0) }
        let first = entries.indices.filter { entries[$0].function.needs.isEmpty }
        var results = try await run(first, batch, given: [:])
        let earlier = results.reduce(into: [:]) { $0[entries[$1.key].function.name] = $1.value.outcomes }
        let rest = entries.indices.filter { !entries[$0].function.needs.isEmpty }
        results.merge(try await run(rest, batch, given: earlier)) { old, _ in old }
        let parts = entries.enumerated().map { index, entry in
            RewardReport.Part(
                name: entry.function.name, weight: entry.weight, outcomes: results[index]?.outcomes ?? [],
                logs: results[index]?.logs ?? [:])
        }
        return RewardReport(parts: parts, batchSize: batch.count)
    }

    /// Runs some functions at the same time.
    private func run(
        _ indices: [Int], _ batch: [RewardSample], given earlier: [String: [RewardOutcome]]
    ) async throws -> [Int: RewardBatch] {
        try await withThrowingTaskGroup(of: (Int, RewardBatch).self) { group in
            for index in indices {
                let function = entries[index].function
                group.addTask { (index, try await Self.run(function, batch, given: earlier)) }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// Runs one function and mends what it returns: exactly one checked outcome for each sample.
    private static func run(
        _ function: any RewardFunction, _ batch: [RewardSample], given earlier: [String: [RewardOutcome]]
    ) async throws -> RewardBatch {
        let result: RewardBatch
        do {
            result = try await function.score(batch, given: earlier)
        } catch let error as CancellationError {
            throw error
        } catch let failure as RewardFailure {
            return RewardBatch(batch.map { _ in .failed(failure) })
        } catch {
            return RewardBatch(batch.map { _ in .failed(RewardFailure(.crash, "\(function.name) threw: \(error)")) })
        }
        guard result.outcomes.count == batch.count else {
            let failure = RewardFailure(
                .wrongCount, "\(function.name) returned \(result.outcomes.count) outcomes, expected \(batch.count)")
            return RewardBatch(batch.map { _ in .failed(failure) })
        }
        return RewardBatch(result.outcomes.map(\.checked), logs: result.logs.filter { $0.value.isFinite })
    }
}
