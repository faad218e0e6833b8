import Testing

@testable import Tokenization

@Suite("Words, normal form and merges")
struct PreTokenizerTests {
    static func words(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        var scanner = QwenPreTokenizer(bytes[...])
        var words: [String] = []
        while let range = scanner.next() { words.append(String(decoding: bytes[range], as: UTF8.self)) }
        return words
    }

    @Test(
        "text is cut where the pattern cuts it",
        arguments: [
            ("", []), ("don't", ["don", "'t"]), ("I'LL we'Re", ["I", "'LL", " we", "'Re"]),
            ("'\u{17F}x", ["'\u{17F}", "x"]), ("'sx'rx", ["'s", "x", "'rx"]), ("'\u{13}", ["'\u{13}"]),
            ("12³", ["1", "2", "³"]), ("a  b", ["a", " ", " b"]), ("a\t\tb", ["a", "\t", "\tb"]),
            ("a  !", ["a", " ", " !"]), ("a\t!", ["a", "\t", "!"]), ("x \n \n  y", ["x", " \n \n", " ", " y"]),
            ("end  ", ["end", "  "]), (" !?\r\n\nz", [" !?\r\n\n", "z"]), ("(word)", ["(word", ")"]),
            ("\u{3000}中文", ["\u{3000}中文"]), (" 1", [" ", "1"]), ("\nabc", ["\n", "abc"]),
            ("e\u{301}e", ["e", "\u{301}e"]), ("'", ["'"]), ("'l", ["'l"]), ("\u{85}\u{A0}x", ["\u{85}", "\u{A0}x"]),
        ] as [(String, [String])])
    func cuts(text: String, expected: [String]) {
        #expect(Self.words(text).map(\.exact) == expected.map(\.exact))
    }

    @Test("the scanner cuts as a regular expression engine does")
    func engine() throws {
        let regex = try Regex(QwenPreTokenizer.pattern).matchingSemantics(.unicodeScalar)
        var random = TestRandom(state: 5)
        for _ in 0..<1_500 {
            let text = random.text(Int.random(in: 1...24, using: &random))
            let expected = text.matches(of: regex).map { String(text[$0.range]).exact }
            #expect(Self.words(text).map(\.exact) == expected, "\(text.exact)")
        }
    }

    @Test(
        "known compositions",
        arguments: [
            ("e\u{301}", "\u{E9}"), ("\u{212B}", "\u{C5}"), ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"),
            ("\u{AC00}\u{11A8}", "\u{AC01}"), ("\u{AC01}\u{11A8}", "\u{AC01}\u{11A8}"),
            ("\u{1100}\u{1161}\u{11A7}", "\u{AC00}\u{11A7}"), ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            ("\u{1E0A}\u{323}", "\u{1E0C}\u{307}"), ("\u{958}", "\u{915}\u{93C}"), ("\u{344}", "\u{308}\u{301}"),
            ("a\u{315}\u{300}\u{5AE}\u{300}b", "\u{E0}\u{5AE}\u{300}\u{315}b"), ("\u{9C7}\u{9BE}", "\u{9CB}"),
            ("a\u{5AE}\u{300}", "\u{E0}\u{5AE}"), ("\u{1D15E}", "\u{1D157}\u{1D165}"), ("\u{F900}", "\u{8C48}"),
        ] as [(String, String)])
    func compositions(text: String, expected: String) {
        let bytes = Array(text.utf8)
        let composed = CanonicalComposition.normalize(bytes[...]) ?? bytes
        #expect(String(decoding: composed, as: UTF8.self).exact == expected.exact)
    }

    @Test("normal form is canonically equivalent to the text, and its own normal form")
    func normalForm() {
        var random = TestRandom(state: 9)
        for _ in 0..<5_000 {
            let text = random.text(Int.random(in: 0...20, using: &random))
            let bytes = Array(text.utf8)
            let composed = CanonicalComposition.normalize(bytes[...]) ?? bytes
            // The standard library compares by canonical equivalence.
            #expect(String(decoding: composed, as: UTF8.self) == text)
            #expect((CanonicalComposition.normalize(composed[...]) ?? composed) == composed)
        }
    }

    @Test("words of any length merge as the definition says")
    func definition() throws {
        let vocabulary = try SmallTokenizer.make().vocabulary
        var encoder = BytePairEncoder(merges: vocabulary.merges, byteTokens: vocabulary.byteTokens)
        var random = TestRandom(state: 3)
        for _ in 0..<2_000 {
            let length = Int.random(in: 0...120, using: &random)
            let word = (0..<length).map { _ in Array("theinoaal ".utf8).randomElement(using: &random) ?? 0 }
            #expect(encoder.encode(word[...]) == Self.mergeByDefinition(word, vocabulary))
        }
    }

    /// The lowest rank first, and the leftmost of equal ones.
    private static func mergeByDefinition(_ word: [UInt8], _ vocabulary: Vocabulary) -> [UInt32] {
        var ids = word.map { vocabulary.byteTokens[Int($0)] }
        while ids.count > 1 {
            let merges = (0..<ids.count - 1).map { vocabulary.merges.find(ids[$0], ids[$0 + 1]) }
            guard let best = merges.indices.min(by: { (merges[$0].rank, $0) < (merges[$1].rank, $1) }),
                merges[best].rank != MergeTable.noRank
            else { break }
            ids.replaceSubrange(best...best + 1, with: [merges[best].result])
        }
        return ids
    }
}
