import OrderedJSON

/// 1 if the completion's final answer is the row's, compared as the row's task asks, else 0.
///
/// The column `answer_form` says how: `number` as mathematics, `text` letter by letter, `list` element by element in order,
/// `set` in any order. Rows without the column are numbers. Capitals and white space never count in the latter three. The
/// final answer is what `AnswerExtraction` finds; where it finds none, an answer of a single line is taken whole. A row
/// without an answer is not applicable.
public struct TaskReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// The column of the gold answer.
    public let column: String
    let math: MathReward

    /// A task reward.
    ///
    /// - Parameter verifier: Checks numbers.
    public init(name: String = "task", column: String = "answer", verifier: MathVerifier = MathVerifier()) {
        self.name = name
        self.column = column
        math = MathReward(name: name, column: column, verifier: verifier)
    }

    /// 1, 0, or an outcome without a score for each sample.
    public func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        var outcomes: [RewardOutcome] = []
        var numbers: [Int] = []
        for (index, sample) in batch.enumerated() {
            outcomes.append(try outcome(sample))
            if form(of: sample) == "number" { numbers.append(index) }
        }
        guard !numbers.isEmpty else { return RewardBatch(outcomes) }
        let judged = try await math.score(numbers.map { batch[$0] }).outcomes
        for (index, outcome) in zip(numbers, judged) { outcomes[index] = outcome }
        return RewardBatch(outcomes)
    }

    /// How a row's answers are compared.
    func form(of sample: RewardSample) -> String { sample.columns["answer_form"]?.stringValue ?? "number" }

    private func outcome(_ sample: RewardSample) throws -> RewardOutcome {
        let form = form(of: sample)
        guard form != "number" else { return .notApplicable }
        guard ["text", "list", "set"].contains(form) else {
            return .failed(
                RewardFailure(.badRow, "answer_form is \"\(form.prefix(40))\", expected number, text, list or set"))
        }
        let golds: [String]
        do throws(RewardFailure) {
            guard let found = try TextColumn.texts(sample.columns, column) else { return .notApplicable }
            golds = found
        } catch { return .failed(error) }
        guard let given = FinalText.answer(of: sample) else { return .score(0) }
        let plain = FinalText.plain(given, form)
        return .score(golds.contains { FinalText.plain($0, form) == plain } ? 1 : 0)
    }
}

/// A final answer that is text, and what of it is compared.
enum FinalText {
    /// Longest answer that is looked at, in bytes.
    private static let maximumBytes = 4096

    /// The final answer of a completion; `nil` if it has none.
    static func answer(of sample: RewardSample) -> String? {
        let completion = ThinkTags.completion(of: sample)
        if case .found(let answer) = AnswerExtraction.extract(from: completion),
            [.boxed, .boxedList, .phrase, .answerTag].contains(answer.rule)
        {
            return answer.text
        }
        guard let text = CompletionPart.answer.text(of: sample), !text.isEmpty, text.utf8.count <= maximumBytes,
            !text.contains(where: \.isNewline), !text.contains("\\boxed")
        else { return nil }
        return text
    }

    /// The elements of an answer that are compared: one for a text.
    static func plain(_ answer: String, _ form: String) -> [String] {
        let text = unwrapped(String(decoding: answer.utf8.prefix(maximumBytes), as: UTF8.self))
        guard form != "text" else { return [element(text)] }
        var body = text[...]
        for (open, close) in [("[", "]"), ("(", ")"), ("\\{", "\\}"), ("{", "}")]
        where body.hasPrefix(open) && body.hasSuffix(close) && body.count >= open.count + close.count {
            body = body.dropFirst(open.count).dropLast(close.count)
            break
        }
        let elements = body.split { $0 == "," || $0 == ";" || $0.isNewline }.map { element(String($0)) }
            .filter { !$0.isEmpty }
        return form == "set" ? Array(Set(elements)).sorted() : elements
    }

    /// An element without quotes, signs of layout, and what doesn't count.
    private static func element(_ text: String) -> String {
        var body = text.normalized(ignoringCase: true, ignoringSpace: true)[...]
        if body.hasPrefix("and ") { body = body.dropFirst(4) }
        body = body.trimming { "\"'`*$. ".contains($0) }
        return String(body)
    }

    /// The answer without `\text{…}` and its like around or in it.
    private static func unwrapped(_ text: String) -> String {
        var text = text.replacing("~", with: " ").replacing("\\ ", with: " ").replacing("\\,", with: " ")
        for command in ["\\text{", "\\textbf{", "\\texttt{", "\\mathrm{", "\\mathbf{"] {
            while let start = text.firstRange(of: command) {
                guard let end = text[start.upperBound...].firstIndex(of: "}") else { return text }
                text =
                    String(text[..<start.lowerBound]) + text[start.upperBound..<end] + text[text.index(after: end)...]
            }
        }
        return String(text[...].trimming { $0.isWhitespace || $0 == "$" })
    }
}

extension Substring {
    /// Without some characters at its ends.
    fileprivate func trimming(_ isDropped: (Character) -> Bool) -> Substring {
        var body = self
        while let first = body.first, isDropped(first) { body = body.dropFirst() }
        while let last = body.last, isDropped(last) { body = body.dropLast() }
        return body
    }
}

extension TaskReward: AnswerChecking {
    /// The answer in a box; and another one.
    public func exemplars(_ columns: JSONObject) -> AnswerExemplars? {
        guard let gold = (try? TextColumn.texts(columns, column))?.first else { return nil }
        guard let form = columns["answer_form"]?.stringValue, form != "number" else { return math.exemplars(columns) }
        let wrong = form == "text" ? gold + "q" : gold + ", 1000001"
        return AnswerExemplars(right: "\\boxed{\(gold)}", wrong: "\\boxed{\(wrong)}")
    }
}
