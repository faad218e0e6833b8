import Foundation
import OrderedJSON

extension GGUFTokenizer {
    /// The file of the first Qwen's tokens.
    static let tiktokenName = "qwen.tiktoken"

    /// The tokenizer of a folder of the first Qwen: `qwen.tiktoken` as lists of tokens and merges, and the tokens that its
    /// code adds. `nil` for other folders.
    ///
    /// tiktoken joins the pair whose joint token has the lowest number. That is byte-pair encoding by merges in the order of
    /// tokens, each merge joining what is left of the token itself when only lower tokens are joined.
    ///
    /// - Throws: `ModelFileError` (`malformed`) naming the line.
    public init?(firstQwen folder: String) throws(ModelFileError) {
        guard Self.isOfFirstQwen(folder) else { return nil }
        let vocabulary = try TiktokenVocabulary(try MappedFile(path: "\(folder)/\(Self.tiktokenName)"))
        let added = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + (0..<205).map { "<|extra_\($0)|>" }
        let first = vocabulary.tokens.count
        let isChat = try Self.isChat(folder)
        (model, preTokenizer) = ("gpt2", "qwen2")
        tokens = vocabulary.tokens.map(Self.spelling) + added
        kinds = Array(repeating: .normal, count: first) + Array(repeating: .control, count: added.count)
        merges = try vocabulary.merges().map { Self.spelling($0.left) + " " + Self.spelling($0.right) }
        (bosTokenID, eosTokenID, eotTokenID) = (nil, isChat ? first + 2 : first, nil)
        (paddingTokenID, addsBOS) = (first, false)
        (chatTemplate, namedChatTemplates) = (isChat ? Self.chatML : nil, [:])
    }

    /// The chat template of a folder of the first Qwen, which is in its code; `nil` for other folders and base models.
    ///
    /// - Throws: `ModelFileError` for a generation_config.json that can't be read.
    public static func chatTemplate(ofFirstQwen folder: String) throws(ModelFileError) -> String? {
        guard isOfFirstQwen(folder), try isChat(folder) else { return nil }
        return chatML
    }

    private static func isOfFirstQwen(_ folder: String) -> Bool {
        access("\(folder)/\(tiktokenName)", F_OK) == 0 && access(folder + "/tokenizer.json", F_OK) != 0
    }

    private static func isChat(_ folder: String) throws(ModelFileError) -> Bool {
        let path = folder + "/generation_config.json"
        guard access(path, F_OK) == 0 else { return false }
        return FirstQwen.isChat(.object(try JSONFile.object(in: try MappedFile(path: path))))
    }

    /// The form of the first Qwen's conversations, with the system message that its code takes where none is given.
    private static let chatML = """
        {%- if messages[0].role != 'system' %}
            {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
        {%- endif %}
        {%- for message in messages %}
            {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\\n' }}
        {%- endif %}
        """

    /// Bytes in GPT-2's alphabet: printable ones stand for themselves, the others for the characters from U+0100 on.
    private static func spelling(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes { text.unicodeScalars.append(alphabet[Int(byte)]) }
        return text
    }

    private static let alphabet: [Unicode.Scalar] = {
        var next: UInt32 = 256
        return (0..<256).map { byte -> Unicode.Scalar in
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
                return Unicode.Scalar(UInt8(byte))
            }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? " "
        }
    }()
}

/// A file of lines `base64 number`: the tokens of a tiktoken vocabulary.
struct TiktokenVocabulary {
    /// The tokens' bytes, by number.
    let tokens: [[UInt8]]
    private let path: String

    /// The most bytes of a file; Qwen's has 2.6 million.
    private static let largestFile = 32 << 20
    /// The most bytes of a token; Qwen's longest has 128.
    private static let longestToken = 256

    init(_ file: MappedFile) throws(ModelFileError) {
        path = file.path
        guard file.bytes.count <= Self.largestFile else {
            throw ModelFileError(
                .malformed, "\(path): \(file.bytes.count) bytes, expected at most \(Self.largestFile)")
        }
        var tokens: [[UInt8]] = []
        let text = file.withBytes { String(decoding: $0, as: UTF8.self) }
        for (index, line) in text.split(separator: "\n").enumerated() {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let data = Data(base64Encoded: String(parts[0])), !data.isEmpty,
                data.count <= Self.longestToken, Int(parts[1]) == index
            else {
                throw ModelFileError(
                    .malformed,
                    "\(path): line \(index + 1) is \(quoted(String(line.prefix(60)))), expected a token in base64 and the "
                        + "number \(index)")
            }
            tokens.append(Array(data))
        }
        guard Set(tokens).count == tokens.count else {
            throw ModelFileError(.malformed, "\(path): a token is there twice")
        }
        guard tokens.count >= 256, Set(tokens.prefix(256)) == Set((UInt8.min...UInt8.max).map { [$0] }) else {
            throw ModelFileError(.malformed, "\(path): the first 256 tokens are not the 256 bytes")
        }
        self.tokens = tokens
    }

    /// The pair that each token of more than one byte is joined from, in the order of the tokens.
    func merges() throws(ModelFileError) -> [(left: [UInt8], right: [UInt8])] {
        let numbers = Dictionary(uniqueKeysWithValues: zip(tokens, tokens.indices))
        var merges: [(left: [UInt8], right: [UInt8])] = []
        for (number, token) in tokens.enumerated() where token.count > 1 {
            let parts = Self.parts(of: token, below: number, numbers)
            guard parts.count == 2 else {
                throw ModelFileError(
                    .malformed,
                    "\(path): token \(number) is joined from \(parts.count) tokens of lower numbers, expected 2")
            }
            merges.append((parts[0], parts[1]))
        }
        return merges
    }

    /// A token's bytes after all joins that give a token of a number below the given one.
    private static func parts(of token: [UInt8], below limit: Int, _ numbers: [[UInt8]: Int]) -> [[UInt8]] {
        var ends = Array(1...token.count)
        func rank(_ index: Int) -> Int {
            guard index + 1 < ends.count else { return .max }
            let start = index == 0 ? 0 : ends[index - 1]
            return numbers[Array(token[start..<ends[index + 1]])] ?? .max
        }
        var ranks = ends.indices.map(rank)
        while let best = ranks.indices.min(by: { ranks[$0] < ranks[$1] }), ranks[best] < limit {
            ends.remove(at: best)
            ranks.remove(at: best)
            ranks[best] = rank(best)
            if best > 0 { ranks[best - 1] = rank(best - 1) }
        }
        return ends.indices.map { Array(token[($0 == 0 ? 0 : ends[$0 - 1])..<ends[$0]]) }
    }
}
