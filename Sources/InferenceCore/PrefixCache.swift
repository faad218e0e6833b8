import QwenModel
import TensorCore

/// Keys and values of beginnings that were computed before, page by page, for prompts to come.
///
/// A beginning is found by the digest of the adapter it was computed with and by all its tokens, compared one by one; a row
/// depends on its own prefix only, so what is found are the bits that would be computed. What an adapter has computed is
/// forgotten once nobody holds the adapter any more: with a run that publishes every step, old versions take no memory.
struct PrefixCache {
    /// A page: which page comes before it, and its own tokens.
    private struct Key: Hashable {
        var parent: Int
        var tokens: [Int32]
    }

    private struct Node {
        var key: Key
        /// The digest that it is found under.
        var root: String
        var page: Int32
        var lastUse: Int
        var children = 0
    }

    /// All that was computed under one digest.
    private struct Root {
        /// The number that its first pages follow.
        let id: Int
        let isOfBase: Bool
        weak var adapter: Adapter?
        var nodes: Set<Int> = []
    }

    private var roots: [String: Root] = [:]
    private var nodes: [Int: Node] = [:]
    private var places: [Key: Int] = [:]
    private var nextID = 0
    private var clock = 0

    /// Pages that are kept.
    var count: Int { nodes.count }

    /// The pages of the longest known beginning of some tokens. They are not taken: the caller shares them.
    ///
    /// - Parameter limit: Tokens that may be found at most.
    mutating func pages(for tokens: [Int], under key: String, limit: Int) -> [Int32] {
        guard var parent = roots[key]?.id else { return [] }
        clock += 1
        var pages: [Int32] = []
        let size = KeyValuePages.pageSize
        while (pages.count + 1) * size <= limit {
            let piece = Self.piece(pages.count, of: tokens)
            guard let place = places[Key(parent: parent, tokens: piece)] else { break }
            nodes[place]?.lastUse = clock
            if let page = nodes[place]?.page { pages.append(page) }
            parent = place
        }
        return pages
    }

    /// Keeps the full pages of some tokens; each is shared once.
    ///
    /// - Parameter count: Tokens whose keys and values have been computed.
    /// - Parameter adapter: What they were computed with; they are kept as long as somebody holds it.
    mutating func insert(
        _ tokens: [Int], count: Int, pages: [Int32], under key: String, of adapter: Adapter?, pool: inout PagePool
    ) {
        let full = min(count / KeyValuePages.pageSize, pages.count)
        guard full > 0 else { return }
        clock += 1
        var parent = root(key, of: adapter)
        for index in 0..<full {
            let place = Key(parent: parent, tokens: Self.piece(index, of: tokens))
            if let known = places[place] {
                nodes[known]?.lastUse = clock
                parent = known
                continue
            }
            let id = newID()
            pool.share(CollectionOfOne(pages[index]))
            nodes[id] = Node(key: place, root: key, page: pages[index], lastUse: clock)
            places[place] = id
            nodes[parent]?.children += 1
            roots[key]?.nodes.insert(id)
            parent = id
        }
    }

    /// Lets go of the pages that were used the longest time ago and that nothing else uses, until enough are available.
    mutating func makeRoom(_ needed: Int, in pool: inout PagePool) {
        while pool.available < needed {
            let idle = nodes.filter { $0.value.children == 0 && pool.isUsedOnce($0.value.page) }
                .sorted { ($0.value.lastUse, $0.key) < ($1.value.lastUse, $1.key) }
            guard !idle.isEmpty else { return }
            // The ends of many beginnings at once; what stood before them is an end then.
            for (id, _) in idle.prefix(max(needed - pool.available, idle.count / 16)) { remove(id, from: &pool) }
        }
    }

    /// Forgets everything.
    mutating func removeAll(from pool: inout PagePool) {
        pool.release(nodes.values.map(\.page))
        self = PrefixCache()
    }

    /// Forgets what was computed with adapters that nobody holds any more.
    mutating func forgetAdaptersThatWent(from pool: inout PagePool) {
        for (key, root) in roots where !root.isOfBase && root.adapter == nil {
            for id in root.nodes {
                guard let node = nodes.removeValue(forKey: id) else { continue }
                places[node.key] = nil
                pool.release(CollectionOfOne(node.page))
            }
            roots[key] = nil
        }
    }

    private mutating func remove(_ id: Int, from pool: inout PagePool) {
        guard let node = nodes.removeValue(forKey: id) else { return }
        places[node.key] = nil
        pool.release(CollectionOfOne(node.page))
        nodes[node.key.parent]?.children -= 1
        roots[node.root]?.nodes.remove(id)
        if roots[node.root]?.nodes.isEmpty == true { roots[node.root] = nil }
    }

    /// The number that the first pages under a digest follow. Two adapters of equal content share it: the one used last
    /// keeps it.
    private mutating func root(_ key: String, of adapter: Adapter?) -> Int {
        if let root = roots[key] {
            if !root.isOfBase { roots[key]?.adapter = adapter }
            return root.id
        }
        let id = newID()
        roots[key] = Root(id: id, isOfBase: adapter == nil, adapter: adapter)
        return id
    }

    private mutating func newID() -> Int {
        defer { nextID += 1 }
        return nextID
    }

    private static func piece(_ index: Int, of tokens: [Int]) -> [Int32] {
        let size = KeyValuePages.pageSize
        return tokens[index * size..<(index + 1) * size].map { Int32(truncatingIfNeeded: $0) }
    }
}
