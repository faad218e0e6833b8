import OrderedJSON

/// One section of a recipe: a value whose initial state holds the defaults, and the table of its keys.
///
/// The table is the only place that says which keys there are. Reading, the resolved recipe and the reference table are
/// all made from it, and the defaults from `init()`, so documentation can't drift.
protocol RecipeSection: Sendable {
    /// The section with every default.
    init()
    /// The keys in the order of the reference table and of the resolved recipe.
    static var keys: [Key<Self>] { get }
    /// Notes contradictions between keys. A key with a fault of its own still has its default here.
    func check(_ path: [String], _ reader: inout RecipeReader)
}

extension RecipeSection {
    func check(_ path: [String], _ reader: inout RecipeReader) {}
}

/// One key of a section.
struct Key<Section: Sendable>: Sendable {
    let name: String
    let type: String
    let meaning: String
    let isRequired: Bool
    let read: @Sendable (Located, [String], inout Section, inout RecipeReader) -> Void
    let write: @Sendable (Section) -> JSONValue
    let rows: @Sendable (_ path: String, Section) -> [Recipe.KeyDocumentation]

    /// A key that is kept in a property.
    init<Value>(
        _ name: String, _ property: WritableKeyPath<Section, Value> & Sendable, _ type: ValueType<Value>,
        required: Bool = false, _ meaning: String
    ) {
        self.name = name
        self.type = type.name
        self.meaning = meaning
        self.isRequired = required
        self.read = { value, path, section, reader in
            if let value = type.read(value, path, &reader) { section[keyPath: property] = value }
        }
        self.write = { type.write($0[keyPath: property]) }
        self.rows = { path, section in type.rows(path, section[keyPath: property]) }
    }
}

extension RecipeSection {
    /// Reads the section from a map, noting every fault.
    ///
    /// - Parameter known: Keys that the caller has already dealt with.
    static func read(
        _ value: Located, _ path: [String], _ reader: inout RecipeReader, known: [String] = []
    ) -> Self? {
        guard case .map(let entries) = value.content else {
            let list = keys.prefix(3).map(\.name).joined(separator: ", ")
            reader.unexpected(value, path, "a section with keys (\(list)…)")
            return nil
        }
        var section = Self()
        for entry in entries where !known.contains(entry.key) {
            let path = path + [entry.key]
            guard let key = keys.first(where: { $0.name == entry.key }) else {
                if !reader.isFull { reader.fault(path, unknown(entry.key, known: known), at: entry.place) }
                continue
            }
            key.read(entry.value, path, &section, &reader)
        }
        for key in keys where key.isRequired && !entries.contains(where: { $0.key == key.name }) {
            reader.fault(path + [key.name], "missing: \(key.meaning) (\(key.type))", at: value.place)
        }
        section.check(path, &reader)
        return section
    }

    private static func unknown(_ name: String, known: [String]) -> String {
        let names = known + keys.map(\.name)
        if let nearest = Suggestion.nearest(to: name, among: names) { return "unknown key; did you mean '\(nearest)'?" }
        if let elsewhere = Recipe.path(ofKey: name) { return "unknown key here; '\(elsewhere)' exists" }
        return "unknown key; expected one of \(names.joined(separator: ", "))"
    }

    /// The section as the resolved recipe has it.
    func written(leading: JSONObject = [:]) -> JSONObject {
        var object = leading
        for key in Self.keys { object[key.name] = key.write(self) }
        return object
    }

    /// The rows of the reference table.
    func documentation(_ path: String) -> [Recipe.KeyDocumentation] {
        Self.keys.flatMap { key in
            let name = path.isEmpty ? key.name : "\(path).\(key.name)"
            let below = key.rows(name, self)
            guard below.isEmpty else { return below }
            let standard = key.isRequired ? "required" : "`\(key.write(self).text(.spaced))`"
            return [.init(key: name, type: key.type, standard: standard, meaning: key.meaning)]
        }
    }
}

extension ValueType where Value: RecipeSection {
    /// A nested section.
    static var section: Self {
        Self(name: "section") { value, path, reader in
            Value.read(value.isNull ? Located(content: .map([]), place: value.place) : value, path, &reader)
        } write: {
            .object($0.written())
        } rows: { path, value in
            value.documentation(path)
        }
    }
}
