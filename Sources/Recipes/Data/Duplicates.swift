import Foundation
import OrderedJSON

/// Recognises training rows that are evaluated on.
///
/// Exactly: the texts are the same after Unicode compatibility composition (NFKC), lower-casing, and making every run of
/// white space one space. Nearly: the row holds at least a share of one evaluation text's n-grams of words, where a word is
/// a run of letters or of digits, or a single other sign; a text of fewer words is one gram.
///
/// Source of the n-gram rule: Brown et al. 2020, arXiv:2005.14165, appendix C; the share is added, since the questions of a
/// template have many n-grams in common.
public struct Duplicates: Sendable {
    /// How a row is a duplicate.
    public enum Kind: Sendable {
        /// The same text.
        case exact
        /// Nearly the same.
        case near
    }

    private let settings: Recipe.Exclusion
    private var texts: Set<String> = []
    /// In which evaluation texts an n-gram occurs.
    private var places: [UInt64: [Int]] = [:]
    private var gramCounts: [Int] = []

    /// Recognises rows of some evaluation rows.
    init(_ rows: [DataRow], _ settings: Recipe.Exclusion) {
        self.settings = settings
        for row in rows {
            let text = Self.normalized(row.askedText)
            guard !text.isEmpty, texts.insert(text).inserted, let ngram = settings.ngram else { continue }
            let grams = Self.grams(text, ngram)
            for gram in grams { places[gram, default: []].append(gramCounts.count) }
            gramCounts.append(grams.count)
        }
    }

    /// Whether there is nothing to recognise.
    var isEmpty: Bool { texts.isEmpty || !settings.exact && settings.ngram == nil }

    /// How a row is a duplicate; `nil` if it is none.
    func kind(of row: DataRow) -> Kind? { kind(of: row.askedText) }

    /// How a question is a duplicate; `nil` if it is none.
    func kind(of question: String) -> Kind? {
        let text = Self.normalized(question)
        if settings.exact, texts.contains(text) { return .exact }
        guard let ngram = settings.ngram else { return nil }
        var counts: [Int: Int] = [:]
        for gram in Self.grams(text, ngram) {
            for place in places[gram] ?? [] { counts[place, default: 0] += 1 }
        }
        let isNear = counts.contains { Double($0.value) >= settings.overlap * Double(gramCounts[$0.key]) }
        return isNear ? .near : nil
    }

    /// A text with what doesn't tell questions apart made the same.
    static func normalized(_ text: String) -> String {
        text.precomposedStringWithCompatibilityMapping.lowercased().split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
    }

    /// The hashes (FNV-1a) of a normalised text's different n-grams.
    private static func grams(_ text: String, _ length: Int) -> Set<UInt64> {
        let words = words(text).map(hash)
        guard words.count > length else { return words.isEmpty ? [] : [combined(words[...])] }
        return Set((0...(words.count - length)).map { combined(words[$0..<$0 + length]) })
    }

    private static func words(_ text: String) -> [[UInt8]] {
        var (words, kind) = ([[UInt8]](), 0)
        for scalar in text.unicodeScalars {
            let now = scalar.properties.isAlphabetic ? 1 : scalar.properties.numericType != nil ? 2 : 0
            if scalar.properties.isWhitespace {
                kind = 0
                continue
            }
            if now == 0 || now != kind { words.append([]) }
            words[words.count - 1] += Array(String(scalar).utf8)
            kind = now
        }
        return words
    }

    private static func hash(_ word: [UInt8]) -> UInt64 {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in word { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return state
    }

    private static func combined(_ words: ArraySlice<UInt64>) -> UInt64 {
        hash(words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } })
    }
}

extension DataRow {
    /// What is asked, without the system message: the user's messages, or the prompt as it is.
    public var askedText: String {
        switch content {
        case .messages(let messages):
            messages.filter { $0["role"]?.stringValue == "user" }.compactMap { $0["content"]?.stringValue }
                .joined(separator: "\n")
        case .text(let prompt), .completion(let prompt, _): prompt
        case .tokens(let ids, _): ids.map(String.init).joined(separator: " ")
        }
    }

    /// The row with another number.
    func numbered(_ number: Int) -> DataRow {
        DataRow(index: number, content: content, answer: answer, columns: columns)
    }
}
