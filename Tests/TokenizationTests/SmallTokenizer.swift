import OrderedJSON

@testable import Tokenization

/// A tokenizer of 256 bytes and a few merges, for tests that need no reference data.
enum SmallTokenizer {
    static let words = ["t h", "th e", "Ġ the", "i n", "o n", "a a", "aa aa", "Ġ Ġ", "l l", "h e"]

    /// The vocabulary's spellings by id: the bytes, then what each merge makes.
    static func spellings(merges: [String] = words) -> [String] {
        (0..<256).map { String(decoding: ByteLevelAlphabet.spelling(of: UInt8($0)), as: UTF8.self) }
            + merges.map { $0.split(separator: " ").joined() }
    }

    /// Its `tokenizer.json`.
    static func json(
        merges: [JSONValue]? = nil, added: [JSONValue] = defaultAdded,
        changes: [(path: [String], value: JSONValue?)] = []
    ) -> JSONValue {
        let byteLevel: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
        ]
        let vocabulary = spellings().enumerated().map { ($1, JSONValue.integer($0)) }
        var json: JSONValue = [
            "version": "1.0", "added_tokens": .array(added), "normalizer": ["type": "NFC"],
            "pre_tokenizer": [
                "type": "Sequence",
                "pretokenizers": [
                    [
                        "type": "Split", "pattern": ["Regex": .string(QwenPreTokenizer.pattern)],
                        "behavior": "Isolated", "invert": false,
                    ], byteLevel,
                ],
            ],
            "post_processor": byteLevel, "decoder": byteLevel,
            "model": [
                "type": "BPE", "dropout": nil, "unk_token": nil, "vocab": .object(JSONObject(vocabulary)),
                "merges": .array(merges ?? words.map { .string($0) }),
            ],
        ]
        for (path, value) in changes { json.set(path[...], value) }
        return json
    }

    static let defaultAdded = [
        added(266, "<|end|>", special: true), added(267, "<think>"), added(268, "<|end|>!", special: true),
    ]

    static func added(_ id: Int, _ content: String, special: Bool = false, flags: [String: JSONValue] = [:])
        -> JSONValue
    {
        var object: JSONObject = [
            "id": .integer(id), "content": .string(content), "special": .bool(special), "normalized": false,
        ]
        for (key, value) in flags { object[key] = value }
        return .object(object)
    }

    static func make(
        added: [JSONValue] = defaultAdded, changes: [(path: [String], value: JSONValue?)] = []
    ) throws -> Tokenizer {
        try Tokenizer(tokenizerJSON: json(added: added, changes: changes))
    }
}

extension JSONValue {
    /// Sets or removes the value at a path of keys.
    mutating func set(_ path: ArraySlice<String>, _ value: JSONValue?) {
        guard let key = path.first, var object = objectValue else { return }
        if path.count == 1 {
            object[key] = value
        } else {
            var inner = object[key] ?? [:]
            inner.set(path.dropFirst(), value)
            object[key] = inner
        }
        self = .object(object)
    }
}

/// A reproducible generator for test inputs.
struct TestRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 32) ^ (state << 17)
    }

    /// Text of scalars from a few blocks that old Unicode versions know.
    mutating func text(_ length: Int) -> String {
        let blocks: [ClosedRange<UInt32>] = [
            0x20...0x7E, 0x09...0x0D, 0xC0...0x17F, 0x300...0x33F, 0x591...0x5BD, 0x900...0x94D, 0x1100...0x11C2,
            0x1E00...0x1EF9, 0xAC00...0xACFF, 0x2000...0x200A, 0x4E00...0x4E7F, 0xF900...0xF9FF, 0x1F600...0x1F64F,
            0x1D15E...0x1D164, 0x660...0x669, 0x27...0x27, 0x73...0x74,
        ]
        var text = String.UnicodeScalarView()
        let chosen = (0...Int.random(in: 0..<4, using: &self)).map { _ in
            blocks.randomElement(using: &self) ?? 0x20...0x7E
        }
        for _ in 0..<length {
            let block = chosen.randomElement(using: &self) ?? 0x20...0x7E
            if let scalar = Unicode.Scalar(UInt32.random(in: block, using: &self)) { text.append(scalar) }
        }
        return String(text)
    }
}
