/// Which tokens of a vocabulary are allowed.
public struct TokenMask: Sendable {
    /// A bit for each token, the lowest first.
    public private(set) var words: [UInt64]

    /// No token.
    init(tokenCount: Int) { words = [UInt64](repeating: 0, count: (tokenCount + 63) / 64) }

    /// Whether a token is allowed.
    public func contains(_ token: Int) -> Bool {
        token >= 0 && token >> 6 < words.count && words[token >> 6] >> UInt64(token & 63) & 1 != 0
    }

    /// Lets a closure allow tokens: token t is bit t mod 64 of word t div 64.
    mutating func withMutableWords<Result>(_ body: (UnsafeMutableBufferPointer<UInt64>) -> Result) -> Result {
        words.withUnsafeMutableBufferPointer { body($0) }
    }

    /// How many tokens are allowed.
    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Copies the scores of allowed tokens; all others become −∞.
    ///
    /// - Parameter also: Tokens that are allowed besides.
    public func copy(
        _ scores: UnsafeBufferPointer<Float>, into masked: UnsafeMutableBufferPointer<Float>, also: some Sequence<Int>
    ) {
        masked.update(repeating: -.infinity)
        for (place, word) in words.enumerated() where word != 0 {
            var left = word
            while left != 0 {
                let token = place << 6 | left.trailingZeroBitCount
                left &= left - 1
                if token < scores.count { masked[token] = scores[token] }
            }
        }
        for token in also where scores.indices.contains(token) { masked[token] = scores[token] }
    }
}
