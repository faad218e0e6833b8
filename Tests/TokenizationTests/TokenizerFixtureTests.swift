import OrderedJSON
import Testing

@testable import Tokenization

@Suite("Tokenizer against the reference", .enabled(if: TokenizerReference.isPresent, TokenizerReference.missing))
struct TokenizerFixtureTests {
    @Test("every string of the Qwen3 vocabulary gives the reference's ids, and they give its text")
    func encodeQwen3() throws {
        try expectEncoding(TokenizerReference.qwen3.get(), rows: TokenizerReference.rows("qwen_encode.jsonl"))
    }

    @Test("every string of the tiny vocabulary gives the reference's ids, and they give its text")
    func encodeTiny() throws {
        try expectEncoding(TokenizerReference.tiny.get(), rows: TokenizerReference.rows("tiny_encode.jsonl"))
    }

    @Test("Qwen2.5 gives the reference's ids, read from its folder and from the lists of GGUF metadata")
    func encodeQwen25() throws {
        let (folder, lists) = try (TokenizerReference.qwen25.get(), TokenizerReference.qwen25FromLists.get())
        for row in try TokenizerReference.rows("qwen_encode.jsonl") {
            let text = try #require(row["text"]?.stringValue)
            let expected = try #require((row["ids_qwen25"] ?? row["ids"])?.integers)
            #expect(folder.encode(text) == expected, "\(text)")
            #expect(lists.encode(text) == expected, "\(text)")
            #expect(
                lists.encode(text, specialTokens: .asText) == folder.encode(text, specialTokens: .asText), "\(text)")
        }
    }

    @Test("lists of GGUF metadata make the tokenizer that the folder makes")
    func listsEqualFolder() throws {
        let (folder, lists) = try (TokenizerReference.qwen25.get(), TokenizerReference.qwen25FromLists.get())
        #expect(lists.addedTokens == folder.addedTokens)
        #expect(lists.vocabularySize == folder.vocabularySize)
        #expect(lists.vocabularySize == 151_665)
        #expect(lists.eosID == folder.eosID)
        #expect(lists.padID == folder.padID)
        #expect((0..<151_936).allSatisfy { lists.bytes(of: $0) == folder.bytes(of: $0) })
        #expect(lists.encode("[PAD151700]").allSatisfy { $0 < 151_643 })
        #expect(lists.bytes(of: 151_700) == nil)
    }

    @Test("decoding, token bytes and streaming of the Qwen3 vocabulary are the reference's")
    func decodeQwen3() throws {
        try expectDecoding(TokenizerReference.qwen3.get(), rows: TokenizerReference.rows("qwen_decode.jsonl"))
    }

    @Test("decoding, token bytes and streaming of the tiny vocabulary are the reference's")
    func decodeTiny() throws {
        try expectDecoding(TokenizerReference.tiny.get(), rows: TokenizerReference.rows("tiny_decode.jsonl"))
    }

    @Test("names, sizes and templates are read")
    func facts() throws {
        let tokenizer = try TokenizerReference.qwen3.get()
        #expect(tokenizer.vocabularySize == 151_669)
        #expect(tokenizer.eosID == 151_645)
        #expect(tokenizer.padID == 151_643)
        #expect(tokenizer.bosID == nil)
        #expect(tokenizer.id(of: "<think>") == 151_667)
        #expect(tokenizer.id(of: "Ġhello") == tokenizer.encode(" hello").first)
        #expect(tokenizer.id(of: "no such token") == nil)
        #expect(tokenizer.addedTokens.count == 26)
        #expect(tokenizer.addedToken(of: 151_667)?.isSpecial == false)
        #expect(tokenizer.chatTemplate?.hasPrefix("{%- if tools %}") == true)
    }

    private func expectEncoding(_ tokenizer: Tokenizer, rows: [JSONValue]) throws {
        #expect(!rows.isEmpty)
        for row in rows {
            let text = try #require(row["text"]?.stringValue)
            let ids = try #require(row["ids"]?.integers)
            let decoded = row["decoded"]?.stringValue ?? text
            let skipping = row["decoded_skip_special"]?.stringValue ?? decoded
            #expect(tokenizer.encode(text) == ids, "\(text)")
            let asText = try #require((row["ids_special_as_text"] ?? row["ids"])?.integers)
            #expect(tokenizer.encode(text, specialTokens: .asText) == asText, "\(text)")
            #expect(tokenizer.decode(ids).exact == decoded.exact, "\(text)")
            #expect(tokenizer.decode(ids, skipSpecialTokens: true).exact == skipping.exact, "\(text)")
        }
    }

    private func expectDecoding(_ tokenizer: Tokenizer, rows: [JSONValue]) throws {
        #expect(!rows.isEmpty)
        for row in rows {
            let ids = try #require(row["ids"]?.integers)
            let text = try #require(row["text"]?.stringValue)
            #expect(tokenizer.decode(ids).exact == text.exact, "\(ids)")
            #expect(
                tokenizer.decode(ids, skipSpecialTokens: true).exact == row["text_skip_special"]?.stringValue?.exact,
                "\(ids)")
            let hex = try #require(row["token_bytes_hex"]?.arrayValue).map(\.stringValue)
            let bytes = ids.map {
                tokenizer.bytes(of: $0)?.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            }
            #expect(bytes == hex, "\(ids)")

            var decoder = StreamDecoder(tokenizer)
            let pieces = ids.map { decoder.append($0) }
            let expected = try #require(row["stream"]?.arrayValue).map { $0.stringValue ?? "" }
            #expect(pieces.map(\.exact) == expected.map(\.exact), "\(ids)")
            #expect((pieces.joined() + decoder.finish()).exact == text.exact, "\(ids)")
        }
    }
}
