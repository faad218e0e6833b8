import OrderedJSON
import Testing
import Training

/// One batch of the reference file, with padding removed.
struct ReferenceBatch {
    let json: JSONValue
    let lengths: [Int]

    init(_ json: JSONValue) {
        self.json = json
        lengths = (json["completion_mask"]?.rows ?? []).map { row in row.count { $0 == 1 } }
    }

    /// The unpadded values of all rows behind one another.
    func flat(_ rows: [[Double]]) -> [Float] {
        zip(rows, lengths).flatMap { $0.prefix($1).map { Float($0) } }
    }

    func flat(_ name: String) -> [Float] { flat(json[name]?.rows ?? []) }

    func batch(_ arguments: JSONValue) -> PolicyBatch {
        let accumulation = arguments["accumulation"]?.intValue ?? 1
        let items = arguments["num_items_in_batch"]?.doubleValue ?? 0
        let steps = arguments["steps_per_generation"]?.doubleValue ?? Double(accumulation)
        var offsets = [0]
        for length in lengths { offsets.append((offsets.last ?? 0) + length) }
        return PolicyBatch(
            logProbs: flat("per_token_logps"), rowOffsets: offsets,
            advantages: (json["advantages"]?.doubles ?? []).map { Float($0) },
            totals: PolicyTotals(
                sequences: lengths.count * accumulation, activeTokens: items * Double(accumulation) / steps,
                maxCompletionLength: arguments["max_completion_length"]?.intValue ?? 0, accumulation: accumulation),
            oldLogProbs: arguments["use_old"] != false ? flat("old_per_token_logps") : nil,
            referenceLogProbs: flat("ref_per_token_logps"), entropies: flat("entropies"),
            mask: arguments["use_tool_mask"] == true ? flat("tool_mask").map { $0 == 1 } : nil,
            tokenWeights: arguments["use_tis"] == true ? flat("importance_sampling_ratio") : nil,
            samplingLogProbs: flat("sampling_per_token_logps"))
    }
}

/// The objective that a reference case names; `nil` for an unknown one.
func objective(_ arguments: JSONValue) -> PolicyObjective? {
    let low = arguments["epsilon"]?.doubleValue ?? 0.2
    let high = arguments["epsilon_high"]?.doubleValue ?? low
    let clip = ClippedSurrogate(low: low, high: high, delta: arguments["delta"]?.doubleValue)
    let level = RatioLevel(rawValue: arguments["level"]?.stringValue ?? "") ?? .token
    let kl = KLPenalty(
        coefficient: arguments["beta"]?.doubleValue ?? 0,
        isRatioCorrected: arguments["use_bias_correction_kl"] == true)
    var objective: PolicyObjective
    switch arguments["loss_type"]?.stringValue {
    case "grpo": objective = .grpo(clip: clip, ratioLevel: level, kl: kl)
    case "bnpo": objective = .bnpo(clip: clip, ratioLevel: level, kl: kl)
    case "dr_grpo": objective = .drGRPO(clip: clip, ratioLevel: level, kl: kl)
    case "dapo": objective = .dapo(clip: clip, ratioLevel: level, kl: kl)
    case "cispo": objective = .cispo(surrogate: CISPOSurrogate(cap: high), ratioLevel: level, kl: kl)
    case "sapo":
        let surrogate = SAPOSurrogate(
            positiveTemperature: arguments["sapo_temperature_pos"]?.doubleValue ?? 1,
            negativeTemperature: arguments["sapo_temperature_neg"]?.doubleValue ?? 1.05)
        objective = .sapo(surrogate: surrogate, ratioLevel: level, kl: kl)
    case "luspo": objective = .luspo(clip: clip, ratioLevel: level, kl: kl)
    case "vespo":
        var surrogate = VESPOSurrogate()
        func set(_ name: String, _ property: WritableKeyPath<VESPOSurrogate, Double>) {
            if let value = arguments["vespo_\(name)"]?.doubleValue { surrogate[keyPath: property] = value }
        }
        set("k_pos", \.positive.power)
        set("lambda_pos", \.positive.rate)
        set("k_neg", \.negative.power)
        set("lambda_neg", \.negative.rate)
        objective = .vespo(surrogate: surrogate, kl: kl)
    default: return nil
    }
    objective.selection = TokenSelection(
        topEntropyQuantile: arguments["top_entropy_quantile"]?.doubleValue ?? 1,
        offPolicyThreshold: arguments["off_policy_mask_threshold"]?.doubleValue)
    objective.entropyBonus = EntropyBonus(coefficient: arguments["entropy_coef"]?.doubleValue ?? 0)
    return objective
}

@Suite("Policy objectives against TRL")
struct PolicyObjectiveReferenceTests {
    @Test(
        "loss, every gradient and every metric equal TRL's",
        .enabled(if: ReferenceData.has("grpo/loss_cases.jsonl"), "reference data is not there"))
    func reference() throws {
        try compare("grpo/loss_cases.jsonl") { objective($0) }
    }

    @Test(
        "RLOO's loss, every gradient and every metric equal TRL's",
        .enabled(if: ReferenceData.has("grpo/rloo_loss_cases.jsonl"), "reference data is not there"))
    func rloo() throws {
        try compare("grpo/rloo_loss_cases.jsonl") { arguments in
            let low = arguments["epsilon"]?.doubleValue ?? 0.2
            return .rloo(clip: ClippedSurrogate(low: low, high: arguments["epsilon_high"]?.doubleValue ?? low))
        }
    }

    private func compare(_ file: String, _ objective: (JSONValue) -> PolicyObjective?) throws {
        let batches = try ReferenceData.json("grpo/loss_batches.json")
        let cases = try ReferenceData.jsonLines(file)
        #expect(!cases.isEmpty)
        for item in cases {
            let name = item["name"]?.stringValue ?? ""
            let arguments = try #require(item["arguments"])
            let objective = try #require(objective(arguments), "\(name): there is no such objective")
            let reference = ReferenceBatch(try #require(batches[item["batch"]?.stringValue ?? ""]))
            let result = objective.evaluate(reference.batch(arguments))
            let loss = try #require(item["loss"]?.doubleValue)
            #expect(worstError([Double(result.loss)], [loss]) < 1e-6, "\(name): loss \(result.loss), expected \(loss)")
            let gradient = reference.flat(item["grad"]?.rows ?? []).map(Double.init)
            let error = worstError(result.dLogProbs.map(Double.init), gradient)
            #expect(error < 1e-6, "\(name): gradient off by \(error)")
            let metrics = item["metrics"]?.objectValue ?? JSONObject()
            #expect(Set(result.metrics.keys) == Set(metrics.keys), "\(name)")
            for (metric, expected) in metrics {
                let value = result.metrics[metric] ?? .nan
                let error = worstError([value], [expected.doubleValue ?? .nan])
                #expect(error < 1e-5, "\(name): \(metric) is \(value), expected \(expected)")
            }
        }
    }
}
