import OrderedJSON
import Testing

@testable import Tokenization

@Suite("Tokenizer")
struct TokenizerTests {
    @Test("random text comes back in NFC, whole and as a stream")
    func roundTrip() throws {
        let tokenizer = try SmallTokenizer.make()
        var random = TestRandom(state: 1)
        for _ in 0..<3_000 {
            let text = random.text(Int.random(in: 0...40, using: &random))
            let bytes = Array(text.utf8)
            let composed = CanonicalComposition.normalize(bytes[...]) ?? bytes
            let ids = tokenizer.encode(text)
            #expect(ids == tokenizer.encode(text), "a remembered word has the same ids")
            #expect(Array(tokenizer.decode(ids).utf8) == composed)
            var decoder = StreamDecoder(tokenizer)
            var streamed = ids.map { decoder.append($0) }.joined()
            streamed += decoder.finish()
            #expect(Array(streamed.utf8) == composed)
        }
    }

    @Test("special tokens are seen or are text; other added tokens are always seen; the longest wins")
    func specialTokens() throws {
        let tokenizer = try SmallTokenizer.make()
        #expect(tokenizer.encode("<|end|>") == [266])
        #expect(tokenizer.encode("a<|end|>!<think>b") == [97, 268, 267, 98])
        #expect(tokenizer.encode("<think><|end", specialTokens: .recognised).first == 267)
        let asText = tokenizer.encode("<|end|><think>", specialTokens: .asText)
        #expect(asText.last == 267)
        #expect(asText.dropLast().allSatisfy { $0 < 266 })
        #expect(tokenizer.decode([266, 267], skipSpecialTokens: true) == "<think>")
        #expect(tokenizer.decode(asText, skipSpecialTokens: true) == "<|end|><think>")
    }

    @Test("words that differ in length only are not taken for one another")
    func remembered() throws {
        let tokenizer = try SmallTokenizer.make()
        for text in [
            "!", "!\0", "!\0\0", "\0", "!", String(repeating: "!", count: 15), String(repeating: "!", count: 16),
        ] {
            #expect(tokenizer.decode(tokenizer.encode(text)) == text)
            #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        }
    }

    @Test("strip, single-word and normalised flags are obeyed")
    func flags() throws {
        let tokenizer = try SmallTokenizer.make(added: [
            SmallTokenizer.added(266, "<L>", flags: ["lstrip": true]),
            SmallTokenizer.added(267, "<R>", flags: ["rstrip": true]),
            SmallTokenizer.added(268, "<W>", flags: ["single_word": true]),
            SmallTokenizer.added(269, "n\u{303}", flags: ["normalized": true]),
        ])
        let x = tokenizer.encode("x")
        #expect(tokenizer.encode("x \u{3000}<L>x") == x + [266] + x)
        #expect(tokenizer.encode("x<R> \nx") == x + [267] + x)
        #expect(tokenizer.encode("<W> <W>").filter { $0 == 268 }.count == 2)
        #expect(!tokenizer.encode("x<W>").contains(268))
        #expect(!tokenizer.encode("<W>é").contains(268))
        #expect(tokenizer.encode("\u{F1}") == [269])
        #expect(tokenizer.encode("n\u{303}") == [269])
    }

    @Test("ids without a token stand for nothing")
    func unknownIDs() throws {
        let tokenizer = try SmallTokenizer.make()
        let x = tokenizer.encode("x")
        #expect(tokenizer.decode([-1, .min, .max, 400_000] + x) == "x")
        #expect(tokenizer.bytes(of: -1) == nil)
        #expect(tokenizer.bytes(of: .max) == nil)
        #expect(tokenizer.bytes(of: 258) == Array(" the".utf8))
        #expect(tokenizer.vocabularySize == 269)
    }

    @Test("merges spelled as pairs or as text give the same ids; a word that is a token may go before the merges")
    func spellings() throws {
        let pairs = SmallTokenizer.words.map { word in
            JSONValue.array(word.split(separator: " ").map { .string(String($0)) })
        }
        let tokenizer = try Tokenizer(tokenizerJSON: SmallTokenizer.json(merges: pairs))
        #expect(tokenizer.encode("the the aaaaa") == (try SmallTokenizer.make()).encode("the the aaaaa"))
        let none = [(path: ["model", "merges"], value: JSONValue.array([]) as JSONValue?)]
        #expect(try SmallTokenizer.make(changes: none).encode(" the").count == 4)
        let whole = none + [(path: ["model", "ignore_merges"], value: true)]
        #expect(try SmallTokenizer.make(changes: whole).encode(" the") == [258])
    }

    @Test("without a normaliser text keeps its form")
    func noNormalizer() throws {
        let tokenizer = try SmallTokenizer.make(changes: [(["normalizer"], nil)])
        #expect(tokenizer.decode(tokenizer.encode("e\u{301}")).exact == "e\u{301}".exact)
    }

    @Test("a megabyte without a space is no harder than a megabyte of words")
    func longWords() throws {
        let tokenizer = try SmallTokenizer.make()
        for unit in ["a", " ", "!", "th", "\n ", "\u{301}\u{316}", "<|en", "1"] {
            let text = String(repeating: unit, count: (1 << 20) / unit.utf8.count)
            let ids = tokenizer.encode(text)
            #expect(tokenizer.decode(ids).utf8.count == text.utf8.count)
        }
    }

    @Test("many threads may encode at once")
    func concurrency() async throws {
        let tokenizer = try SmallTokenizer.make()
        let text = "the then in on the all he the <think> hello "
        let expected = tokenizer.encode(text)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 {
                group.addTask { (0..<200).allSatisfy { _ in tokenizer.encode(text) == expected } }
            }
            for await isEqual in group { #expect(isEqual) }
        }
    }

    @Test("text that ends in a replacement character is held back until more text or the end")
    func streaming() throws {
        let tokenizer = try SmallTokenizer.make()
        var decoder = StreamDecoder(tokenizer, skipSpecialTokens: true)
        let ids = "é!".utf8.map { Int(tokenizer.vocabulary.byteTokens[Int($0)]) }
        #expect(ids.map { decoder.append($0) } == ["", "é", "!"])
        #expect(decoder.append(ids[0]) == "")
        #expect(decoder.append(266) == "", "a token that is left out completes nothing")
        #expect(decoder.append(267) == "\u{FFFD}<think>")
        #expect(decoder.append(ids[1]) == "")
        #expect(decoder.finish() == "\u{FFFD}")
        #expect(decoder.finish() == "")
    }

    @Test("lists of GGUF metadata: types, published flags, settings")
    func lists() throws {
        let tokens = SmallTokenizer.spellings() + ["<|end|>", "<think>", "<|fim_pad|>", "[PAD269]"]
        let types = [Int](repeating: 1, count: 266) + [3, 4, 3, 5]
        let tokenizer = try Tokenizer(
            tokens: tokens, merges: SmallTokenizer.words, tokenTypes: types, eosID: 266, padID: 269)
        #expect(tokenizer.addedTokens.map(\.id) == [266, 267, 268])
        #expect(tokenizer.addedTokens.map(\.isSpecial) == [true, false, false])
        #expect(tokenizer.vocabularySize == 269)
        #expect(tokenizer.encode("[PAD269]").allSatisfy { $0 < 266 })
        #expect(tokenizer.encode("e\u{301}") == tokenizer.encode("\u{E9}"))
        #expect(tokenizer.eosID == 266)
    }

    @Test("the configuration's names, tokens and templates are read")
    func configuration() throws {
        let tokenizer = try Tokenizer(
            tokenizerJSON: SmallTokenizer.json(),
            configuration: [
                "eos_token": ["content": "<|end|>"], "pad_token": "<new>", "bos_token": nil,
                "added_tokens_decoder": ["300": ["content": "<new>", "special": true]],
                "chat_template": [
                    ["name": "default", "template": "D"], ["name": "tool_use", "template": "T"],
                ],
            ])
        #expect(tokenizer.eosID == 266)
        #expect(tokenizer.padID == 300)
        #expect(tokenizer.bosID == nil)
        #expect(tokenizer.encode("<new>") == [300])
        #expect(tokenizer.chatTemplate == "D")
        #expect(tokenizer.namedChatTemplates == ["default": "D", "tool_use": "T"])
        #expect(tokenizer.vocabularySize == 301)
    }
}
