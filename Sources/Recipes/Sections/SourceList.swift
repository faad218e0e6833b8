import OrderedJSON

extension Recipe {
    /// One of several sources of a data set: in training they are mixed by weight, in evaluation each is a set of its own.
    public struct Source: Hashable, Sendable {
        /// The name in metrics; never `nil` in a recipe that was read.
        public var name: String?
        /// The share of prompts, in proportion to the other sources' weights.
        public var weight = 1.0
        /// A generator or a file.
        public var set = DataSet.arithmetic(Arithmetic())
    }
}

extension Recipe.Source: RecipeSection {
    /// The keys besides those of the generator or file.
    static let keys: [Key<Self>] = [
        .init("name", \.name, .optional(.text), "Name in metrics; null: the generator, or the file's name"),
        .init("weight", \.weight, .number(.over(0, to: 1e6)), "Share of the prompts, in proportion; training only"),
    ]

    /// Reads an entry of a list.
    static func readEntry(_ value: Located, _ path: [String], _ reader: inout RecipeReader) -> Self? {
        guard case .map(let entries) = value.content else {
            reader.unexpected(value, path, "a section with `generator` or `path`")
            return nil
        }
        let own = keys.map(\.name)
        let shared = Located(content: .map(entries.filter { own.contains($0.key) }), place: value.place)
        let rest = Located(content: .map(entries.filter { !own.contains($0.key) }), place: value.place)
        guard var source = read(shared, path, &reader), let set = Recipe.DataSet.readOne(rest, path, &reader) else {
            return nil
        }
        source.set = set
        return source
    }

    /// The entry as the resolved recipe has it.
    var entry: JSONObject {
        var object = written()
        for (key, value) in set.entry { object[key] = value }
        return object
    }

    func check(_ path: [String], _ reader: inout RecipeReader) {
        guard let name else { return }
        let isPlain = name.utf8.allSatisfy {
            (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || "._-".utf8.contains($0)
        }
        if !isPlain || name.utf8.count > 60 {
            reader.fault(path + ["name"], "expected at most 60 letters, digits, '.', '_' or '-'")
        }
    }
}

extension [Recipe.Source] {
    /// Notes names that are given twice.
    func checkNames(_ path: [String], _ reader: inout RecipeReader) {
        var seen: Set<String> = []
        for (index, source) in enumerated() {
            guard let name = source.name, !seen.insert(name).inserted else { continue }
            reader.fault(path + [String(index), "name"], "'\(name)' is the name of an earlier source; give another")
        }
    }

    /// Gives each source without a name its generator's or file's, with a number where that is taken.
    mutating func nameAll() {
        var taken = Set(compactMap(\.name))
        for index in indices where self[index].name == nil {
            let stem = self[index].set.stem
            var (name, number) = (stem, 2)
            while !taken.insert(name).inserted {
                name = "\(stem)-\(number)"
                number += 1
            }
            self[index].name = name
        }
    }
}
