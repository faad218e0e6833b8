import OrderedJSON

/// The batch of an update that failed, for whoever looks into it: everything that went into the objective.
///
/// Numbers that JSON has no spelling for are texts: `"nan"`, `"inf"`, `"-inf"`.
struct FailedBatch {
    let step: Int
    /// Which update of the step, from 1.
    let update: Int
    let error: TrainingError
    let objective: String
    let learningRate: Double
    let groups: [PolicyGroup]

    /// The record as it is written into the run folder.
    var record: JSONObject {
        [
            "step": .integer(step), "update": .integer(update), "error": .string(error.message),
            "objective": .string(objective), "learning_rate": .number(learningRate),
            "groups": .array(
                groups.map { group in
                    .object([
                        "prompt_ids": .array(group.prompt.map { .integer($0) }),
                        "completions": .array(group.samples.map { .object(Self.record($0)) }),
                    ])
                }),
        ]
    }

    private static func record(_ sample: PolicySample) -> JSONObject {
        var record: JSONObject = [
            "ids": .array(sample.tokens.map { .integer($0) }), "advantage": .number(Double(sample.advantage)),
            "masked": .bool(sample.isMasked),
        ]
        if !sample.inserted.isEmpty {
            record["inserted"] = .array([.integer(sample.inserted.lowerBound), .integer(sample.inserted.upperBound)])
        }
        func add(_ name: String, _ values: [Float]?) {
            if let values { record[name] = .array(values.map { .number(Double($0)) }) }
        }
        add("logprobs", sample.oldLogProbs)
        add("sampling_logprobs", sample.samplingLogProbs)
        add("weights", sample.tokenWeights)
        add("reference_logprobs", sample.referenceLogProbs)
        return record
    }
}

extension JSONValue {
    /// A number, or a text where it is not finite.
    fileprivate static func number(_ value: Double) -> JSONValue {
        if value.isFinite { return .double(value) }
        return .string(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
    }
}
