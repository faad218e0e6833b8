/// Applies `--set a.b=c` to a recipe's values before they get types, so that faults name the override.
enum Overrides {
    /// The values with one override laid over them.
    static func applying(_ override: String, to root: Located) throws(RecipeError) -> Located {
        guard let equals = override.firstIndex(of: "=") else {
            throw fault(override, "expected key.path=value")
        }
        let path = override[..<equals].split(separator: ".", omittingEmptySubsequences: false)
            .map { String($0).trimmingSpaces }
        guard path.allSatisfy({ !$0.isEmpty }), path.count <= 16 else {
            throw fault(override, "expected key.path=value, got the key path '\(override[..<equals].prefix(80))'")
        }
        let text = String(override[override.index(after: equals)...])
        let read = try YAMLText(override: override).read(text)
        let value = read ?? Located(content: .scalar("", isPlain: true), place: .override(override))
        return try set(value, at: path[...], in: root, override, done: [])
    }

    private static func set(
        _ value: Located, at path: ArraySlice<String>, in parent: Located, _ override: String, done: [String]
    ) throws(RecipeError) -> Located {
        guard let key = path.first else { return value }
        let rest = path.dropFirst()
        let place = RecipeError.Place.override(override)
        let name = done.isEmpty ? "the recipe" : "'\(done.joined(separator: "."))'"
        switch parent.content {
        case .map(var entries):
            if let index = entries.firstIndex(where: { $0.key == key }) {
                entries[index].value = try set(value, at: rest, in: entries[index].value, override, done: done + [key])
            } else {
                let empty = Located(content: .map([]), place: place)
                let new = try set(value, at: rest, in: empty, override, done: done + [key])
                entries.append(.init(key: key, place: place, value: new))
            }
            return Located(content: .map(entries), place: parent.place)
        case .list(var elements):
            guard let index = Int(key), elements.indices.contains(index) else {
                throw fault(
                    override,
                    "\(name) is a list of \(elements.count), expected an index "
                        + (elements.isEmpty ? "but it is empty" : "from 0 to \(elements.count - 1)")
                        + ", got '\(key.prefix(40))'")
            }
            elements[index] = try set(value, at: rest, in: elements[index], override, done: done + [key])
            return Located(content: .list(elements), place: parent.place)
        case .scalar:
            guard parent.isNull else { throw fault(override, "\(name) is \(parent.summary), not a section") }
            return try set(value, at: path, in: Located(content: .map([]), place: place), override, done: done)
        }
    }

    private static func fault(_ override: String, _ message: String) -> RecipeError {
        RecipeError(
            .invalid, faults: [.init(source: "--set", place: .override(override), path: "", message: message)])
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
