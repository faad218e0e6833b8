extension Tokenizer {
    /// What `encode` makes of the text of special tokens.
    public enum SpecialTokenHandling: Sendable {
        /// `<|im_end|>` in the text becomes the one token. For rendered templates and one's own prompts.
        case recognised
        /// `<|im_end|>` in the text is text, and becomes several tokens. For text from strangers. Added tokens that are
        /// not special (`<think>`, `<tool_call>`) are still recognised, as `split_special_tokens` has it.
        case asText
    }

    /// The token ids of a text. Nothing is added at either end.
    ///
    /// Time and memory are linear in the text but for single words of thousands of bytes, where they are n log n.
    public func encode(_ text: String, specialTokens: SpecialTokenHandling = .recognised) -> [Int] {
        var encoder = encoders.withLock { $0.popLast() } ?? WordEncoder(vocabulary)
        defer { giveBack(encoder) }
        var ids: [Int] = []
        let bytes = Array(text.utf8)
        ids.reserveCapacity(bytes.count / 3)
        let seesSpecial = specialTokens == .recognised
        rawMatcher.split(bytes[...], seesSpecial: seesSpecial) { piece in
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let range): encodeRaw(bytes[range], seesSpecial, &encoder, &ids)
            }
        }
        return ids
    }

    /// The token ids of a whole prompt or document: those of its text behind the tokens that every text begins with, unless
    /// it has them itself, as a rendered chat template does.
    public func encodeWhole(_ text: String, specialTokens: SpecialTokenHandling = .recognised) -> [Int] {
        let ids = encode(text, specialTokens: specialTokens)
        return ids.starts(with: prefixIDs) ? ids : prefixIDs + ids
    }

    private func encodeRaw(
        _ raw: ArraySlice<UInt8>, _ seesSpecial: Bool, _ encoder: inout WordEncoder, _ ids: inout [Int]
    ) {
        let text = (normalizes ? CanonicalComposition.normalize(raw)?[...] : nil) ?? raw
        guard !normalizedMatcher.isEmpty else { return encoder.encode(text, &ids) }
        normalizedMatcher.split(text, seesSpecial: seesSpecial) { piece in
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let range): encoder.encode(text[range], &ids)
            }
        }
    }

    /// Keeps a few encoders with their word caches for the next calls.
    private func giveBack(_ encoder: WordEncoder) {
        encoders.withLock { if $0.count < 8 { $0.append(encoder) } }
    }
}

/// Cuts text into words and encodes each, remembering short ones.
struct WordEncoder: Sendable {
    private let vocabulary: Vocabulary
    private var pairs: BytePairEncoder
    private var cache = WordCache()

    init(_ vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        pairs = BytePairEncoder(merges: vocabulary.merges, byteTokens: vocabulary.byteTokens)
    }

    /// Appends the ids of normalised text without added tokens.
    mutating func encode(_ text: ArraySlice<UInt8>, _ ids: inout [Int]) {
        var words = QwenPreTokenizer(text)
        while let range = words.next() {
            let word = text[range]
            let key = WordCache.Key(word)
            if let key, cache.append(key, to: &ids) { continue }
            if vocabulary.ignoresMerges, let id = vocabulary.id(ofWord: word) {
                ids.append(id)
                continue
            }
            let tokens = pairs.encode(word)
            for token in tokens { ids.append(Int(token)) }
            if let key { cache.remember(key, tokens) }
        }
    }
}
