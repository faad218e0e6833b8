import OrderedJSON

/// Whether one written answer equals another: what a worker process is asked when the answer needs algebra.
public struct MathQuestion: Hashable, Sendable {
    /// The gold answer, as extracted.
    public let gold: String
    /// The completion's answer, as extracted.
    public let prediction: String
    /// How they are compared.
    public let configuration: MathConfiguration

    /// A question of its parts.
    public init(gold: String, prediction: String, configuration: MathConfiguration) {
        self.gold = gold
        self.prediction = prediction
        self.configuration = configuration
    }

    /// Steps that a check in process may take: some milliseconds.
    package static let steps = 200_000

    /// What came of a comparison.
    package enum Outcome: Hashable, Sendable {
        case equal(String)
        case different(String)
        case unreadable
        case goldUnreadable
    }

    /// Answers the question.
    ///
    /// - Parameter algebra: What decides the questions that arithmetic does not; `nil` throws `needsAlgebra` there.
    package func outcome(algebra: (any Algebra)?, budget: StepBudget) throws(ComparisonFault) -> Outcome {
        guard let expected = AnswerReader.read(gold) else {
            // What can't be read can still be met letter by letter.
            let spelling = AnswerReader.words(gold)
            guard spelling.utf8.contains(where: MathText.isWord) else { return .goldUnreadable }
            return spelling == AnswerReader.words(prediction) ? .equal("the spellings are equal") : .goldUnreadable
        }
        guard let found = AnswerReader.read(prediction) else {
            return gold == prediction ? .equal("the spellings are equal") : .unreadable
        }
        if expected.isText || found.isText, AnswerReader.words(gold) == AnswerReader.words(prediction) {
            return .equal("the words are equal")
        }
        let bytes = [UInt8](gold.utf8) + [0] + [UInt8](prediction.utf8)
        let comparison = AnswerComparison(
            scalars: ScalarComparison(
                algebra: algebra, budget: budget, seed: Fingerprint.hash(bytes, 0),
                roundingPlaces: configuration.roundingPlaces),
            allowsSetRelation: configuration.allowSetRelation, allowsPercentDrop: configuration.goldForm == .bare)
        let isEqual = try comparison.areEqual(gold: expected, prediction: found)
        return isEqual ? .equal("the answers are equal") : .different("the answers differ")
    }

    // MARK: The line of a worker

    /// The question as a line for a worker.
    public var json: JSONValue {
        var object: JSONObject = [
            "gold": .string(gold), "prediction": .string(prediction),
            "gold_form": .string(configuration.goldForm.rawValue),
            "allow_set_relation": .bool(configuration.allowSetRelation),
        ]
        if let places = configuration.roundingPlaces { object["rounding_places"] = .integer(places) }
        return .object(object)
    }

    /// Reads a question; `nil` if the line is none.
    public init?(json: JSONValue) {
        guard let gold = json["gold"]?.stringValue, let prediction = json["prediction"]?.stringValue,
            let form = json["gold_form"]?.stringValue.flatMap(MathConfiguration.GoldForm.init(rawValue:))
        else { return nil }
        self.init(
            gold: gold, prediction: prediction,
            configuration: MathConfiguration(
                goldForm: form, allowSetRelation: json["allow_set_relation"]?.boolValue ?? true,
                roundingPlaces: json["rounding_places"]?.intValue))
    }
}

extension Expression {
    var isText: Bool { if case .text = self { true } else { false } }
}
