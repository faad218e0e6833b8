import QwenModel
import TensorCore
import Testing

extension QwenTests {
    @Suite("A row depends on its own prefix alone, bit for bit")
    struct Invariance {
        /// The logits of all rows when a sequence comes in pieces.
        private func logits(
            _ sequence: [Int], cuts: [Int], model: QwenModel, adapter: Adapter?
        ) -> [Float] {
            let size = KeyValuePages.pageSize
            let pages = model.makePages((sequence.count + size - 1) / size)
            let ends = cuts + [sequence.count]
            return zip([0] + cuts, ends).flatMap { start, end -> [Float] in
                let segment = SequenceLayout.Segment(
                    rows: 0..<end - start, firstPosition: start, pages: (0..<pages.pages).map { Int32($0) })
                let batch = TokenBatch(
                    ids: sequence[start..<end].map { Int32($0) },
                    layout: SequenceLayout(segments: [segment], groupSize: model.groupSize),
                    adapters: adapter.map { [AdapterRun(rows: 0..<end - start, adapter: $0)] } ?? [])
                let hidden = model.hiddenStates(batch, pages: pages)
                return model.logits(hidden, rows: Array(0..<end - start), batch: batch).toArray()
            }
        }

        @Test("cached decode token by token and prefill in any chunks equal the full forward", arguments: LawCase.all)
        func chunks(law: LawCase) throws {
            try law.forEachKernel { model, adapter in
                var dice = Dice(3)
                let sequence = dice.tokens(71, below: LawCase.vocabulary)
                let full = Sequences([sequence], model: model, adapters: [adapter], layers: nil).logits(model)
                expectSameBits(
                    Sequences([sequence], model: model, adapters: [adapter]).logits(model), full, "one layer of pages")
                expectSameBits(
                    logits(sequence, cuts: Array(1..<sequence.count), model: model, adapter: adapter), full, "decode")
                for _ in 0..<3 {
                    let cuts = Set((0..<dice.integer(1..<7)).map { _ in dice.integer(1..<sequence.count) }).sorted()
                    expectSameBits(
                        logits(sequence, cuts: cuts, model: model, adapter: adapter), full, "chunks cut at \(cuts)")
                }
            }
        }

        @Test("a sequence alone equals itself among 32 of mixed lengths in any order", arguments: LawCase.all)
        func batching(law: LawCase) throws {
            try law.forEachKernel { model, adapter in
                var dice = Dice(4)
                let lengths = [1, 2, 31, 32, 33, 63, 64, 65] + (0..<24).map { _ in dice.integer(1..<70) }
                let sequences = lengths.map { dice.tokens($0, below: LawCase.vocabulary) }
                let alone = sequences.map {
                    let run = Sequences([$0], model: model, adapters: [adapter])
                    return (
                        run.logProbs(model, targets: $0.map { Int32($0) }),
                        model.logits(run.hidden(model), rows: [$0.count - 1], batch: run.batch).toArray()
                    )
                }
                for order in [Array(sequences.indices), dice.shuffled(Array(sequences.indices))] {
                    let run = Sequences(order.map { sequences[$0] }, model: model, adapters: [adapter])
                    let y = run.logProbs(model, targets: run.batch.ids)
                    let last = model.logits(
                        run.hidden(model), rows: run.rows.map { $0.upperBound - 1 }, batch: run.batch
                    ).toArray()
                    for (place, index) in order.enumerated() {
                        let rows = run.rows[place]
                        expectSameBits(
                            Array(y[2 * rows.lowerBound..<2 * rows.upperBound]), alone[index].0, "sequence \(index)")
                        let width = LawCase.vocabulary
                        expectSameBits(
                            Array(last[place * width..<(place + 1) * width]), alone[index].1, "logits \(index)")
                    }
                }
            }
        }

        @Test("completions that share a prompt equal each completion alone", arguments: LawCase.all)
        func groups(law: LawCase) throws {
            try law.forEachKernel { model, adapter in
                var dice = Dice(5)
                let groups = lawGroups(&dice)
                let shared = completionLogProbs(groups, model: model, adapter: adapter)
                for (group, values) in zip(groups, shared) {
                    for (completion, value) in zip(group.completions, values) {
                        let single = TokenBatch.Group(prompt: group.prompt, completions: [completion])
                        let alone = completionLogProbs([single], model: model, adapter: adapter)
                        #expect(value.count == 2 * completion.count && alone[0][0].count == value.count)
                        guard !completion.isEmpty else { continue }
                        expectSameBits(value, alone[0][0], "\(group.prompt.count) + \(completion.count)")
                        let sequence = group.prompt + completion
                        let run = Sequences([sequence], model: model, adapters: [adapter])
                        let rows = Array(group.prompt.count - 1..<sequence.count - 1)
                        let plain = model.logProbs(
                            run.hidden(model), rows: rows, targets: completion.map { Int32($0) }, temperature: 0.8,
                            batch: run.batch)
                        expectSameBits(value, plain.toArray(), "\(group.prompt.count) + \(completion.count), plain")
                    }
                }
            }
        }

        @Test(
            "sequences of one batch with different adapters equal each alone",
            arguments: LawCase.all.filter(\.isAdapted))
        func adapters(law: LawCase) throws {
            try law.forEachKernel { model, adapter in
                var dice = Dice(6)
                let other = try LawCase.trainable(model, seed: 2, law.adaptation ?? .factors).snapshot()
                let adapters = [adapter, nil, other, other, nil, adapter]
                let sequences = [40, 7, 1, 33, 20, 65].map { dice.tokens($0, below: LawCase.vocabulary) }
                let run = Sequences(sequences, model: model, adapters: adapters)
                let all = run.logits(model)
                for (index, sequence) in sequences.enumerated() {
                    let alone = Sequences([sequence], model: model, adapters: [adapters[index]]).logits(model)
                    let rows = run.rows[index]
                    let width = LawCase.vocabulary
                    expectSameBits(
                        Array(all[rows.lowerBound * width..<rows.upperBound * width]), alone, "sequence \(index)")
                }
                #expect(
                    Set(
                        adapters.prefix(3).map { Sequences([sequences[0]], model: model, adapters: [$0]).logits(model) }
                    ).count == 3)
            }
        }

        @Test("values and gradients are the same on 1, 2 and 3 threads", arguments: LawCase.all)
        func threads(law: LawCase) throws {
            defer { ComputeDevice.threadCount = 0 }
            var dice = Dice(7)
            let groups = lawGroups(&dice)
            let seeds = groups.map { $0.completions.map { dice.floats($0.count, 1) } }
            var (values, gradients): ([[Float]], [[Float]]) = ([], [])
            for threads in 1...3 {
                ComputeDevice.threadCount = threads
                let model = try LawCase.model(law.family, law.precision)
                let trainable = try LawCase.trainable(model, seed: 1, law.adaptation ?? .factors)
                let full = try FullParameters(model: model, source: LawCase.source(law.family))
                let parameters = law.isAdapted ? trainable.parameters : full.parameters
                let y = completionLogProbs(
                    groups, model: model, adapter: law.isAdapted ? trainable.snapshot() : nil, parameters: parameters,
                    seeds: seeds)
                values.append(y.flatMap { $0.flatMap { $0 } })
                gradients.append(parameters.gradients.toArray())
            }
            #expect(gradients[0].contains { $0 != 0 })
            for threads in 2...3 {
                expectSameBits(values[threads - 1], values[0], "values on \(threads) threads")
                expectSameBits(gradients[threads - 1], gradients[0], "gradients on \(threads) threads")
            }
        }

        @Test("log-probabilities come in the order asked for, whatever the order of the units; none are fine")
        func order() throws {
            let model = try LawCase.model(.normalized, .float32)
            let trainable = try LawCase.trainable(model, seed: 1)
            var dice = Dice(8)
            let run = Sequences(
                [9, 5].map { dice.tokens($0, below: LawCase.vocabulary) }, model: model,
                adapters: [trainable.snapshot()])
            let pass = GradientPass(parameters: trainable.parameters, units: run.batch.units)
            let hidden = run.hidden(model)
            let rows = Array(9..<14) + Array(0..<9)
            let targets = dice.tokens(14, below: LawCase.vocabulary).map { Int32($0) }
            func values(_ pass: GradientPass?) -> [Float] {
                model.logProbs(hidden, rows: rows, targets: targets, temperature: 1, batch: run.batch, pass: pass)
                    .toArray()
            }
            expectSameBits(values(pass), values(nil), "recorded")
            let none = model.logProbs(hidden, rows: [], targets: [], temperature: 1, batch: run.batch, pass: pass)
            #expect(none.shape == [0, 2])
        }
    }

    @Suite("Gradients of units")
    struct UnitGradients {
        @Test("units in one batch give the same bits as in several", arguments: LawCase.all.filter(\.isAdapted))
        func accumulation(law: LawCase) throws {
            try law.forEachKernel { model, adapter in
                var dice = Dice(9)
                let groups = lawGroups(&dice)
                let seeds = groups.map { $0.completions.map { dice.floats($0.count, 1) } }
                let parameters = try LawCase.trainable(model, seed: 1, law.adaptation ?? .factors).parameters
                func gradients(_ cuts: [Int], _ recomputation: QwenModel.Recomputation) -> [Float] {
                    parameters.clearGradients()
                    for (start, end) in zip([0] + cuts, cuts + [groups.count]) {
                        _ = completionLogProbs(
                            Array(groups[start..<end]), model: model, adapter: adapter, parameters: parameters,
                            recomputation: recomputation, seeds: Array(seeds[start..<end]))
                    }
                    return parameters.gradients.toArray()
                }
                let together = gradients([], .blocks)
                #expect(together.contains { $0 != 0 })
                expectSameBits(gradients([], .none), together, "without recomputation")
                for cuts in [[1, 2, 3, 4], [2], [3, 4]] {
                    expectSameBits(gradients(cuts, .blocks), together, "cut at \(cuts)")
                }
            }
        }

        @Test("a shared prompt's gradient is the sum of the unshared ones", arguments: LawCase.Family.allCases)
        func sharing(family: LawCase.Family) throws {
            let law = LawCase(family: family, precision: .float32, adaptation: .factors)
            try law.forEachKernel { model, adapter in
                var dice = Dice(10)
                let groups = lawGroups(&dice)
                let seeds = groups.map { $0.completions.map { dice.floats($0.count, 1) } }
                let full = try FullParameters(model: model, source: LawCase.source(family))
                for parameters in [try LawCase.trainable(model, seed: 1).parameters, full.parameters] {
                    _ = completionLogProbs(groups, model: model, adapter: adapter, parameters: parameters, seeds: seeds)
                    let shared = parameters.gradients.toArray()
                    parameters.clearGradients()
                    for (group, seeds) in zip(groups, seeds) {
                        let singles = group.completions.map {
                            TokenBatch.Group(prompt: group.prompt, completions: [$0])
                        }
                        _ = completionLogProbs(
                            singles, model: model, adapter: adapter, parameters: parameters, seeds: seeds.map { [$0] })
                    }
                    let unshared = parameters.gradients.toArray()
                    expectClose(shared, unshared, within: 1e-5 * largest(unshared), "gradient")
                }
            }
        }
    }
}
