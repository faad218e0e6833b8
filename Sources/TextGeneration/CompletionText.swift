import InferenceCore
import Synchronization
import Tokenization

/// Turns generated tokens into text, piece by piece, up to a stop text. Special tokens are left out.
public struct CompletionText: Sendable {
    private var decoder: StreamDecoder
    private var matcher: StopMatcher
    private var count = 0

    /// The stop text that ended it, if one did.
    public var match: String? { matcher.match }

    /// The text of a completion that has not begun.
    public init(_ tokenizer: Tokenizer, stops: StopMatcher) {
        decoder = StreamDecoder(tokenizer, skipSpecialTokens: true)
        matcher = stops
    }

    /// Takes the tokens that are new among all tokens so far; returns text that is certain by now.
    public mutating func update(_ tokens: [Int]) -> String {
        var text = ""
        for token in tokens.dropFirst(count) { text += matcher.append(decoder.append(token)).text }
        count = max(count, tokens.count)
        return text
    }

    /// The rest of the text.
    public mutating func finish() -> String { matcher.append(decoder.finish()).text + matcher.finish() }

    /// The whole text of a completion.
    public static func text(of tokens: [Int], _ tokenizer: Tokenizer, stops: StopMatcher) -> String {
        var text = CompletionText(tokenizer, stops: stops)
        return text.update(tokens) + text.finish()
    }
}

/// Looks for stop texts in the samples of one request while they are generated.
public final class StopWatch: Sendable {
    private let texts: Mutex<[Int: CompletionText]> = Mutex([:])
    private let tokenizer: Tokenizer
    private let stops: StopMatcher

    /// A watch that has seen nothing.
    public init(_ tokenizer: Tokenizer, stops: StopMatcher) {
        self.tokenizer = tokenizer
        self.stops = stops
    }

    /// Whether a sample's text now holds a stop text.
    public func isStopped(_ sample: Int, _ tokens: [Int]) -> Bool {
        texts.withLock { texts in
            _ = texts[sample, default: CompletionText(tokenizer, stops: stops)].update(tokens)
            return texts[sample]?.match != nil
        }
    }
}
