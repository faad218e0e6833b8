import TensorCore

/// Hands out pages of keys and values and counts who uses them; a page that several sequences share is free when the
/// last has let go of it.
struct PagePool {
    let pages: KeyValuePages
    /// Pages that may exist at most.
    let limit: Int
    private var free: [Int32]
    private var users: [Int32]

    init(pages: KeyValuePages, limit: Int) {
        self.pages = pages
        self.limit = max(limit, pages.pages)
        free = (0..<Int32(pages.pages)).reversed()
        users = Array(repeating: 0, count: pages.pages)
    }

    /// Gives back the memory that grew; nobody may be using a page.
    mutating func shrink() {
        pages.shrink()
        self = PagePool(pages: pages, limit: limit)
    }

    /// Pages that can still be taken.
    var available: Int { free.count + limit - pages.pages }

    /// Pages that somebody uses.
    var used: Int { pages.pages - free.count }

    /// Whether a page has one user only.
    func isUsedOnce(_ page: Int32) -> Bool { users[Int(page)] == 1 }

    /// Takes pages; the caller has checked that they are available.
    mutating func take(_ count: Int) -> [Int32] {
        while free.count < count {
            let first = Int32(pages.pages)
            pages.grow()
            free.insert(contentsOf: (first..<Int32(pages.pages)).reversed(), at: 0)
            users += Array(repeating: 0, count: pages.pages - Int(first))
        }
        return (0..<count).map { _ in
            let page = free.removeLast()
            users[Int(page)] = 1
            return page
        }
    }

    /// One more user of each page.
    mutating func share(_ pages: some Sequence<Int32>) { for page in pages { users[Int(page)] += 1 } }

    /// One user less of each page.
    mutating func release(_ pages: some Sequence<Int32>) {
        for page in pages {
            users[Int(page)] -= 1
            if users[Int(page)] == 0 { free.append(page) }
        }
    }
}
