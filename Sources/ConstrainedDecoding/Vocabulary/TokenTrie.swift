/// The bytes of a vocabulary's tokens as a tree, laid out in the order in which it is walked.
public struct TokenTrie: Sendable {
    /// The longest token that is ever allowed, in bytes.
    static let longestToken = 255

    /// The byte that leads to each node.
    let bytes: [UInt8]
    /// How many bytes lead to the node's parent.
    let depths: [UInt8]
    /// The token that ends at each node, or −1.
    let tokens: [Int32]
    /// The first node behind all that are below each node.
    let ends: [Int32]
    /// How many token ids there are.
    public let tokenCount: Int
    private let text: [UInt8]
    private let textEnds: [UInt32]

    /// A tree of tokens by their ids.
    ///
    /// - Parameter tokens: What each token stands for; `nil` for one that is never written, such as `<|im_end|>`.
    public init(_ tokens: [ArraySlice<UInt8>?]) {
        tokenCount = tokens.count
        var text: [UInt8] = []
        var textEnds: [UInt32] = []
        text.reserveCapacity(tokens.count * 7)
        for token in tokens {
            if let token, token.count <= Self.longestToken { text += token }
            textEnds.append(UInt32(text.count))
        }
        (self.text, self.textEnds) = (text, textEnds)
        func range(_ id: Int) -> Range<Int> { (id == 0 ? 0 : Int(textEnds[id - 1]))..<Int(textEnds[id]) }
        let order = tokens.indices.filter { !range($0).isEmpty }.sorted {
            text[range($0)].lexicographicallyPrecedes(text[range($1)])
        }
        var (bytes, depths, ids, ends): ([UInt8], [UInt8], [Int32], [Int32]) = ([], [], [], [])
        // The nodes that lead to the one added last.
        var path: [Int] = []
        for id in order {
            let token = text[range(id)]
            let shared = zip(path, token).prefix { bytes[$0] == $1 }.count
            while path.count > shared { ends[path.removeLast()] = Int32(bytes.count) }
            for byte in token.dropFirst(shared) {
                path.append(bytes.count)
                bytes.append(byte)
                depths.append(UInt8(path.count - 1))
                ids.append(-1)
                ends.append(0)
            }
            if let last = path.last, ids[last] < 0 { ids[last] = Int32(id) }
        }
        while let node = path.popLast() { ends[node] = Int32(bytes.count) }
        (self.bytes, self.depths, self.tokens, self.ends) = (bytes, depths, ids, ends)
    }

    /// How many nodes there are.
    var nodeCount: Int { bytes.count }

    /// Walks the tree in its order along the steps of a machine, and marks the tokens that it passes.
    ///
    /// - Parameter steps: The state behind each state and byte, or `ByteAutomaton.dead` or `.unknown`.
    /// - Parameter path: The states behind the bytes that lead to a node; filled for `start`, brought up to date.
    /// - Parameter words: Where tokens are marked, a bit for each.
    /// - Returns: The first node whose step is unknown, or `nodeCount`.
    func walk(
        from start: Int, steps: UnsafeBufferPointer<Int32>, path: UnsafeMutableBufferPointer<Int32>,
        words: UnsafeMutableBufferPointer<UInt64>
    ) -> Int {
        bytes.withUnsafeBufferPointer { bytes in
            depths.withUnsafeBufferPointer { depths in
                tokens.withUnsafeBufferPointer { tokens in
                    var node = start
                    while node < bytes.count {
                        let depth = Int(depths[node])
                        let next = steps[Int(path[depth]) << 8 | Int(bytes[node])]
                        if next >= 0 {
                            path[depth + 1] = next
                            let token = Int(tokens[node])
                            if token >= 0 { words[token >> 6] |= 1 << UInt64(token & 63) }
                            node += 1
                        } else if next == ByteAutomaton.dead {
                            node = Int(ends[node])
                        } else {
                            return node
                        }
                    }
                    return node
                }
            }
        }
    }

    /// What a token stands for; nothing for one that is never written.
    func bytes(of token: Int) -> ArraySlice<UInt8> {
        guard token >= 0, token < textEnds.count else { return [] }
        return text[(token == 0 ? 0 : Int(textEnds[token - 1]))..<Int(textEnds[token])]
    }
}
