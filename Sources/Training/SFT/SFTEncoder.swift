import OrderedJSON
import QwenModel
import Recipes
import Tokenization

/// Turns data rows into sequences with the tokens that are learned.
///
/// What the model reads and what it writes are always encoded apart and put together as tokens: in use, too, a prompt is
/// encoded by itself and the model's own tokens follow, so no token ever spans the border. The parts are:
/// - a conversation whose template marks the assistant's text with `{% generation %}`: cut at the marks;
/// - any other conversation: for each assistant's message, the template's text of what comes before it (with the beginning
///   of an assistant's message) and the text that the message adds. Where these agree with the text of the whole
///   conversation they become one sequence; where they don't, because the template rewrites earlier messages (Qwen3 drops
///   their thoughts), each message becomes a sequence of its own, exactly as the model will meet it;
/// - a prompt and its completion: as they are, with the end token behind;
/// - token ids with their mask: as they are.
///
/// Marks are followed to the letter. Without them, what a template writes after an assistant's end token (a line break) is
/// not learned.
public struct SFTEncoder: Sendable {
    private let model: ModelText
    private let maxTokens: Int
    private let learnsAll: Bool

    /// An encoder.
    ///
    /// - Parameter maxTokens: Sequences are cut after so many tokens.
    /// - Parameter learnsAll: Whether every token is learned, not only what the model writes.
    public init(_ model: ModelText, maxTokens: Int, learnsAll: Bool = false) {
        self.model = model
        self.maxTokens = maxTokens
        self.learnsAll = learnsAll
    }

    /// A piece of a sequence.
    private struct Part {
        var tokens: [Int]
        var isLearned: Bool
        /// Whether learning stops behind the last end token.
        var stopsAtEnd = true
    }

    /// The sequences of a row, as units whose prompt is all that comes before the first learned token; empty when no
    /// token is left to learn.
    ///
    /// - Throws: `TrainingError` (`data`) for a row that the template refuses or tokens that the model does not have.
    public func units(_ row: DataRow) throws(TrainingError) -> [TrainingUnit] {
        switch row.content {
        case .tokens(let ids, let mask): return try unit(ids, mask, row).map { [$0] } ?? []
        case .text(let text):
            return try [sequence([Part(tokens: encode(text), isLearned: true)], row)].compactMap { $0 }
        case .completion(let prompt, let completion):
            let end = model.tokenizer.eosID.map { [$0] } ?? []
            let parts = [
                Part(tokens: encode(prompt), isLearned: false), Part(tokens: encode(completion) + end, isLearned: true),
            ]
            return try [sequence(parts, row)].compactMap { $0 }
        case .messages(let messages):
            var units: [TrainingUnit] = []
            for parts in try conversations(messages, row) {
                if let unit = try sequence(parts, row) { units.append(unit) }
            }
            return units
        }
    }

    private func encode(_ text: some StringProtocol) -> [Int] { model.tokenizer.encode(String(text)) }

    private func sequence(_ texts: [Part], _ row: DataRow) throws(TrainingError) -> TrainingUnit? {
        let prefix = model.tokenizer.prefixIDs
        let hasPrefix = texts.flatMap(\.tokens).starts(with: prefix)
        let parts = hasPrefix ? texts : [Part(tokens: prefix, isLearned: false)] + texts
        let mask = parts.flatMap { part in
            let last = part.stopsAtEnd ? part.tokens.lastIndex { model.endTokens.contains($0) } : nil
            let end = last ?? part.tokens.count
            return part.tokens.indices.map { part.isLearned && $0 <= end }
        }
        return try unit(parts.flatMap(\.tokens), mask, row)
    }

    /// A unit of a masked sequence. The first token is predicted by nothing, so it is never learned; what comes after the
    /// last learned token is left out.
    private func unit(_ ids: [Int], _ mask: [Bool], _ row: DataRow) throws(TrainingError) -> TrainingUnit? {
        try model.check(ids, "row \(row.index)")
        let learned = ids.indices.prefix(maxTokens).map { $0 > 0 && (learnsAll || mask[$0]) }
        guard let first = learned.firstIndex(of: true), let last = learned.lastIndex(of: true) else { return nil }
        return TrainingUnit(
            group: TokenBatch.Group(prompt: Array(ids[..<first]), completions: [Array(ids[first...last])]),
            learned: [Array(learned[first...last])])
    }

    /// A conversation as one or more sequences of parts.
    private func conversations(_ messages: [JSONValue], _ row: DataRow) throws(TrainingError) -> [[Part]] {
        let whole = try render(messages[...], row)
        let ranges =
            whole.generationRanges.isEmpty
            ? try messages.indices.filter { messages[$0]["role"]?.stringValue == "assistant" }
                .map { index throws(TrainingError) in try addition(of: index, in: messages, row) }
            : []
        if let additions = nonEmpty(ranges) {
            let bytes = Array(whole.text.utf8)
            let isWhole = additions.allSatisfy { bytes.starts(with: ($0.before + $0.added).utf8) }
            guard isWhole else {
                return additions.map { addition in
                    [
                        Part(tokens: encode(addition.before), isLearned: false),
                        Part(tokens: encode(addition.added), isLearned: true),
                    ]
                }
            }
            return [
                parts(
                    of: bytes, additions.map { $0.before.utf8.count..<$0.before.utf8.count + $0.added.utf8.count },
                    areMarks: false)
            ]
        }
        return [parts(of: Array(whole.text.utf8), whole.generationRanges, areMarks: true)]
    }

    private func nonEmpty<Element>(_ elements: [Element]) -> [Element]? { elements.isEmpty ? nil : elements }

    /// Cuts a text at the learned ranges, given in bytes.
    private func parts(of bytes: [UInt8], _ ranges: [Range<Int>], areMarks: Bool) -> [Part] {
        var parts: [Part] = []
        var place = 0
        func append(_ end: Int, isLearned: Bool) {
            guard end > place else { return }
            let text = String(decoding: bytes[place..<end], as: UTF8.self)
            parts.append(Part(tokens: encode(text), isLearned: isLearned, stopsAtEnd: !areMarks))
            place = end
        }
        for range in ranges {
            append(min(range.lowerBound, bytes.count), isLearned: false)
            append(min(range.upperBound, bytes.count), isLearned: true)
        }
        append(bytes.count, isLearned: false)
        return parts
    }

    /// The text before an assistant's message, and what the message adds to it.
    private func addition(
        of index: Int, in messages: [JSONValue], _ row: DataRow
    ) throws(TrainingError) -> (before: String, added: String) {
        let text = try render(messages[...index], row).text
        for prompt in [true, false] {
            let before = try render(messages[..<index], row, addGenerationPrompt: prompt).text
            if text.utf8.starts(with: before.utf8), text.utf8.count > before.utf8.count {
                return (before, String(decoding: text.utf8.dropFirst(before.utf8.count), as: UTF8.self))
            }
        }
        throw TrainingError(
            .data,
            "row \(row.index): message \(index): the chat template's text without the message is not the beginning of the "
                + "text with it, so what to learn can't be told; use a template with {% generation %}, or ids and mask")
    }

    private func render(
        _ messages: ArraySlice<JSONValue>, _ row: DataRow, addGenerationPrompt: Bool = false
    ) throws(TrainingError) -> ChatTemplate.Rendering {
        guard let template = model.chatTemplate else {
            throw TrainingError(
                .data, "row \(row.index): the model has no chat template; give model.chat_template or data.format: text"
            )
        }
        do throws(ChatTemplateError) {
            return try template.render(
                messages: .array(Array(messages)), addGenerationPrompt: addGenerationPrompt,
                variables: model.templateVariables)
        } catch {
            throw TrainingError(.data, "row \(row.index): the chat template raised: \(error)", cause: error)
        }
    }
}
