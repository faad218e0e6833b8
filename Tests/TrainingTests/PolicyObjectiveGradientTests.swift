import Foundation
import Randomness
import Testing

@testable import Training

/// A random batch with an empty row, masked tokens and a row that is masked throughout.
private func randomBatch() -> PolicyBatch {
    let address = RandomAddress(seed: 3, purpose: .probe)
    func draw(_ salt: Int, _ count: Int, _ range: ClosedRange<Double>) -> [Float] {
        (0..<count).map { index in
            Float(range.lowerBound + (range.upperBound - range.lowerBound) * address.uniform(at: salt * 1000 + index))
        }
    }
    let offsets = [0, 5, 5, 9, 11, 18]
    let old = draw(1, 18, -3 ... -0.1)
    let shift = draw(2, 18, -0.5...0.5)
    return PolicyBatch(
        logProbs: zip(old, shift).map { $0 + $1 }, rowOffsets: offsets, advantages: [1.2, -0.7, -1.1, 0.4, 0.3],
        totals: PolicyTotals(sequences: 8, activeTokens: 30, maxCompletionLength: 16, accumulation: 2),
        oldLogProbs: old, referenceLogProbs: zip(old, draw(3, 18, -0.6...0.6)).map { $0 + $1 },
        entropies: draw(4, 18, 0...2), mask: (0..<18).map { ![2, 9, 10, 13].contains($0) },
        tokenWeights: draw(5, 18, 0.5...1.5), samplingLogProbs: draw(6, 18, -3 ... -0.1))
}

/// Groups of rows that are learned from apart.
private func groupedBatch() -> PolicyBatch {
    var batch = randomBatch()
    batch.groupOffsets = [0, 2, 5]
    return batch
}

private let clips = [ClippedSurrogate(), ClippedSurrogate(low: 0.2, high: 0.28, delta: 1.5)]
private let penalties: [KLPenalty?] =
    [nil]
    + KLEstimator.allCases.flatMap { estimator in
        [false, true].map { KLPenalty(coefficient: 0.1, estimator: estimator, isRatioCorrected: $0) }
    }

/// Every objective with every option.
private let objectives: [PolicyObjective] = {
    var all: [PolicyObjective] = []
    for kl in penalties {
        for level in RatioLevel.allCases {
            for clip in clips {
                all.append(.grpo(clip: clip, ratioLevel: level, kl: kl))
                all.append(.bnpo(clip: clip, ratioLevel: level, kl: kl))
                all.append(.drGRPO(clip: clip, ratioLevel: level, kl: kl))
                all.append(.dapo(clip: clip, ratioLevel: level, kl: kl))
                all.append(.luspo(clip: clip, ratioLevel: level, kl: kl))
                all.append(.reinforcePP(clip: clip, ratioLevel: level, kl: kl))
            }
            all.append(.sapo(ratioLevel: level, kl: kl))
        }
        for clip in clips { all.append(.rloo(clip: clip, kl: kl)) }
        all.append(.gspo(kl: kl))
        all.append(.gspo(clip: ClippedSurrogate(low: 0.3, high: 0.4), kl: kl))
    }
    for var objective in all {
        objective.selection = TokenSelection(topEntropyQuantile: 0.6, offPolicyThreshold: 0.1)
        all.append(objective)
    }
    return all
}()

@Suite("Policy objectives' gradients")
struct PolicyObjectiveGradientTests {
    private func check(
        _ objective: PolicyObjective, _ batch: PolicyBatch, oldMoves: Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let logProbs = batch.logProbs.map(Double.init)
        let old = (batch.oldLogProbs ?? batch.logProbs).map(Double.init)
        let gradient = objective.evaluate(batch, logProbs: logProbs, oldLogProbs: old).dLogProbs
        let step = 1e-5
        let numeric = logProbs.indices.map { token in
            func loss(_ offset: Double) -> Double {
                var moved = (logProbs, old)
                moved.0[token] += offset
                if oldMoves { moved.1[token] += offset }
                return objective.evaluate(batch, logProbs: moved.0, oldLogProbs: moved.1).loss
            }
            return (loss(step) - loss(-step)) / (2 * step)
        }
        let error = worstError(gradient, numeric)
        #expect(error < 1e-8, "\(objective): off by \(error)", sourceLocation: sourceLocation)
    }

    @Test("the gradient is the loss's derivative, for every objective and option")
    func finiteDifferences() {
        for objective in objectives {
            check(objective, randomBatch(), oldMoves: false)
            if objective.selection != TokenSelection() { check(objective, groupedBatch(), oldMoves: false) }
        }
    }

    @Test("CISPO's gradient is the derivative with the weights held fixed")
    func finiteDifferencesOfCISPO() {
        for level in RatioLevel.allCases {
            for kl in penalties where kl?.isRatioCorrected != true {
                for cap in [0.9, 1.1, 5] {
                    check(
                        .cispo(surrogate: CISPOSurrogate(cap: cap), ratioLevel: level, kl: kl), randomBatch(),
                        oldMoves: true)
                }
            }
        }
    }

    @Test("VESPO's gradient is the derivative with the weights held fixed")
    func finiteDifferencesOfVESPO() {
        let kernel = VESPOSurrogate.Kernel(power: 1, rate: 0.5)
        for surrogate in [VESPOSurrogate(), VESPOSurrogate(positive: kernel, negative: kernel)] {
            for kl in penalties where kl?.isRatioCorrected != true {
                check(.vespo(surrogate: surrogate, kl: kl), randomBatch(), oldMoves: true)
            }
        }
    }

    @Test("the cap on the unclipped branch is PPO's dual clip")
    func dualClip() {
        let surrogate = ClippedSurrogate(low: 0.2, high: 0.28, delta: 3)
        for ratio in [0.01, 0.5, 0.8, 1, 1.1, 1.28, 2, 2.99, 3.01, 50] {
            for advantage in [-2.0, -0.5, 0.7] {
                let plain = -min(ratio * advantage, min(max(ratio, 0.8), 1.28) * advantage)
                // Ye et al. 2020, arXiv:1912.09729: max(min(…), c·A) where A < 0.
                let dual = advantage < 0 ? min(plain, -3 * advantage) : plain
                #expect(abs(surrogate.loss(ratio: ratio, advantage: advantage, logProb: 0).value - dual) < 1e-12)
            }
        }
    }

    @Test("on the policy that sampled, corrected KL estimates have the divergence's gradient, k1 alone has none")
    func estimators() throws {
        // Expectations over a distribution of three tokens, exact.
        let (policy, reference) = ([0.5, 0.3, 0.2], [0.2, 0.2, 0.6])
        let divergence = zip(policy, reference).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
        // d KL / d logit_j = p_j (log p_j/q_j − KL);  d logp_i / d logit_j = 1[i = j] − p_j
        let exact = zip(policy, reference).map { $0 * (log($0 / $1) - divergence) }
        for estimator in KLEstimator.allCases {
            for isCorrected in [false, true] {
                let kl = try #require(
                    KLPenalty(coefficient: 1, estimator: estimator, isRatioCorrected: isCorrected))
                var (value, gradient) = (0.0, [0.0, 0, 0])
                for (token, p) in policy.enumerated() {
                    let term = kl.term(logProb: log(p), reference: log(reference[token]), ratio: 1)
                    value += p * term.value
                    for logit in gradient.indices {
                        let slope = (token == logit ? 1 : 0) - policy[logit]
                        gradient[logit] += p * (term.dLogProb + term.dRatio) * slope
                    }
                }
                if estimator != .k2 { #expect(abs(value - divergence) < 1e-12) }
                let isTrue = estimator == .k2 ? !isCorrected : isCorrected
                if isTrue { #expect(worstError(gradient, exact) < 1e-12, "\(estimator)") }
                if estimator == .k1, !isCorrected { #expect(gradient.allSatisfy { abs($0) < 1e-12 }) }
            }
        }
    }

    @Test("the entropy gradient is the loss's derivative")
    func entropyGradient() throws {
        for normalization in [EntropyBonus.Normalization.microBatch, .step] {
            var objective = PolicyObjective.grpo()
            objective.entropyBonus = EntropyBonus(coefficient: 0.25, normalization: normalization)
            var batch = randomBatch()
            batch.entropies = batch.entropies?.map { ($0 * 64).rounded() / 64 }
            let gradient = try #require(objective.evaluate(batch).dEntropies)
            let logProbs = batch.logProbs.map(Double.init)
            for token in logProbs.indices {
                var moved = batch
                moved.entropies?[token] += 0.5
                let change =
                    objective.evaluate(moved, logProbs: logProbs, oldLogProbs: logProbs).loss
                    - objective.evaluate(batch, logProbs: logProbs, oldLogProbs: logProbs).loss
                #expect(abs(change / 0.5 - Double(gradient[token])) < 1e-7)
            }
        }
    }

    @Test("a step's loss and gradient do not depend on how it is cut into micro-batches, except for BNPO's")
    func cuttingIntoMicroBatches() {
        let batch = randomBatch()
        for objective in objectives where objective.name != "bnpo" && objective.selection == TokenSelection() {
            let whole = objective.evaluate(batch)
            var gradient: [Float] = []
            var loss: Float = 0
            for index in 0..<batch.rowCount {
                let row = batch.row(index)
                func cut<T>(_ values: [T]?) -> [T]? { values.map { Array($0[row]) } }
                let part = objective.evaluate(
                    PolicyBatch(
                        logProbs: Array(batch.logProbs[row]), rowOffsets: [0, row.count],
                        advantages: [batch.advantages[index]], totals: batch.totals,
                        oldLogProbs: cut(batch.oldLogProbs), referenceLogProbs: cut(batch.referenceLogProbs),
                        mask: cut(batch.mask), tokenWeights: cut(batch.tokenWeights)))
                gradient += part.dLogProbs
                loss += part.loss
            }
            #expect(gradient == whole.dLogProbs)
            #expect(abs(loss - whole.loss) < 1e-6)
        }
    }

    @Test("while the policy has not moved, the first gradient is minus the advantage times the normalisation")
    func onPolicy() {
        let batch = PolicyBatch(
            logProbs: [-1, -2, -0.5], rowOffsets: [0, 2, 3], advantages: [1, -1],
            totals: PolicyTotals(sequences: 2, activeTokens: 3, maxCompletionLength: 4))
        #expect(PolicyObjective.grpo().evaluate(batch).dLogProbs == [-0.25, -0.25, 0.5])
        #expect(PolicyObjective.grpo().evaluate(batch).loss == 0)
        #expect(PolicyObjective.drGRPO().evaluate(batch).dLogProbs == [-0.125, -0.125, 0.125])
        #expect(PolicyObjective.gspo().evaluate(batch).dLogProbs == [-0.25, -0.25, 0.5])
    }

    @Test("empty batches, empty rows, masked rows and broken log-probabilities give finite numbers")
    func finite() {
        let totals = PolicyTotals(sequences: 0, activeTokens: 0, maxCompletionLength: 0, accumulation: 0)
        let batches = [
            PolicyBatch(logProbs: [], rowOffsets: [0], advantages: [], totals: totals, entropies: []),
            PolicyBatch(logProbs: [], rowOffsets: [0, 0, 0], advantages: [1, -1], totals: totals),
            PolicyBatch(
                logProbs: [-1, -2], rowOffsets: [0, 2], advantages: [1], totals: totals, oldLogProbs: [-1, -3],
                referenceLogProbs: [-2, -1], entropies: [1, 1], mask: [false, false]),
            PolicyBatch(
                logProbs: [-0.5, -90_000, -1], rowOffsets: [0, 1, 3], advantages: [-1, 0], totals: totals,
                oldLogProbs: [-80_000, -1, -1], referenceLogProbs: [-70_000, -1, -1e30], entropies: [1, 2, 3]),
        ]
        for objective in objectives + [.cispo(kl: penalties[2]), .vespo(kl: penalties[2])] {
            for batch in batches {
                let result = objective.evaluate(batch)
                #expect(!result.loss.isNaN, "\(objective.name)")
                #expect(result.dLogProbs.allSatisfy { !$0.isNaN }, "\(objective.name)")
                #expect(result.metrics.values.allSatisfy { !$0.isNaN }, "\(objective.name): \(result.metrics)")
                #expect(result.dLogProbs.count == batch.logProbs.count)
            }
        }
    }
}
