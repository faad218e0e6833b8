import OrderedJSON

extension Recipe {
    /// One reward; a completion's reward is the weighted sum.
    ///
    /// What every type has is here; what one type has is its `RewardSection`, a file in Sections/Rewards.
    public struct Reward: Hashable, Sendable {
        /// The name in metrics and completions; never `nil` in a recipe that was read.
        public var name: String?
        /// What the score is multiplied by.
        public var weight = 1.0
        /// The run stops when the reward fails on a greater share of a step's completions.
        public var maxFailed = 0.5
        /// The keys of the reward's type.
        var section: any RewardSection = Math()

        /// The keys of the reward's type.
        public var options: any RewardOptions { section }
        /// The word that the recipe gives as `type`.
        public var type: String { Swift.type(of: section).type }

        /// Every type of reward, in the order of the documentation.
        static let types: [any RewardSection.Type] = [
            Math.self, Task.self, Code.self, Countdown.self, ExactMatch.self, Contains.self, JSONSchema.self,
            Format.self,
            Overlong.self,
            CosineLength.self, Repetition.self, Plugin.self, HTTP.self, Judge.self,
        ]

        /// A reward with a type's defaults.
        init(_ type: any RewardSection.Type = Math.self) { section = type.init() }

        /// Whether two rewards have the same type and keys.
        public static func == (a: Reward, b: Reward) -> Bool {
            (a.name, a.weight, a.maxFailed) == (b.name, b.weight, b.maxFailed)
                && AnyHashable(a.section) == AnyHashable(b.section)
        }

        /// Hashes all keys.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(name)
            hasher.combine(weight)
            hasher.combine(maxFailed)
            hasher.combine(AnyHashable(section))
        }
    }
}

/// The keys that one type of reward has besides those of every reward.
public protocol RewardOptions: Hashable, Sendable {
    /// The word that the recipe gives as `type`.
    static var type: String { get }
}

/// A type of reward as the recipe knows it: a table of keys, and what it has to do with the rest of the recipe.
protocol RewardSection: RewardOptions, RecipeSection {
    /// What it scores, in a sentence for the reference table.
    static var summary: String { get }
    /// The columns that every row of the data must have.
    var columns: [String] { get }
    /// Notes contradictions with the rest of the recipe, which is sound so far.
    func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader)
    /// Sets the defaults that depend on the rest of the recipe.
    ///
    /// - Parameter folder: The recipe's folder, absolute.
    mutating func fillIn(from recipe: Recipe, folder: String)
}

extension RewardSection {
    var columns: [String] { [] }
    func check(in recipe: Recipe, _ path: [String], _ reader: inout RecipeReader) {}
    mutating func fillIn(from recipe: Recipe, folder: String) {}
}

extension Recipe.Reward: RecipeSection {
    init() { self.init(Math.self) }

    /// The keys of every type but `type` itself.
    static let keys: [Key<Self>] = [
        .init("name", \.name, .optional(.text), "Name in metrics; null: the type"),
        .init("weight", \.weight, .number(.any), "Multiplies the score; negative: a penalty; 0: only watched"),
        .init(
            "max_failed", \.maxFailed, .number(.from(0, to: 1)),
            "The run stops when the reward fails on a greater share of a step's completions; 1: never"),
    ]

    /// Defaults that depend on the rest of the recipe.
    mutating func fillIn(from recipe: Recipe, folder: String) {
        name = name ?? type
        section.fillIn(from: recipe, folder: folder)
    }

    /// Reads one entry of `rewards`: first its type, then the keys of every type, then those of its own.
    fileprivate static func read(_ value: Located, _ path: [String], _ reader: inout RecipeReader) -> Self? {
        guard case .map(let entries) = value.content else {
            reader.unexpected(value, path, "a section with a type, such as {type: math}")
            return nil
        }
        guard let given = entries.first(where: { $0.key == "type" })?.value else {
            reader.fault(path + ["type"], "missing: expected one of \(words.joined(separator: ", "))", at: value.place)
            return nil
        }
        guard let type = types.first(where: { $0.type == given.scalar?.stringValue }) else {
            let hint = Suggestion.nearest(to: given.scalar?.stringValue ?? "", among: words)
                .map { "; did you mean '\($0)'?" }
            reader.fault(
                path + ["type"],
                "expected one of \(words.joined(separator: ", ")), got \(given.summary)\(hint ?? "")", at: given.place)
            return nil
        }
        let common = keys.map(\.name)
        let shared = Located(content: .map(entries.filter { common.contains($0.key) }), place: value.place)
        let own = entries.filter { entry in
            guard let others = owners(of: entry.key, besides: type) else { return true }
            let plural = others.count == 1 ? "type \(others[0])" : "the types \(others.joined(separator: ", "))"
            reader.fault(path + [entry.key], "applies to \(plural), not to \(type.type); remove it", at: entry.place)
            return false
        }
        let options = type.readSection(
            Located(content: .map(own), place: value.place), path, &reader, known: ["type"] + common)
        guard var reward = read(shared, path, &reader, known: []), let options else { return nil }
        reward.section = options
        return reward
    }

    /// The words that `type` takes.
    private static var words: [String] { types.map { $0.type } }

    /// The types that have a key, if it is none of a type's own.
    private static func owners(of key: String, besides type: any RewardSection.Type) -> [String]? {
        guard !type.keyNames.contains(key), !keys.contains(where: { $0.name == key }) else { return nil }
        let owners = types.filter { $0.keyNames.contains(key) }.map { $0.type }
        return owners.isEmpty ? nil : owners
    }

    fileprivate var written: JSONObject { section.written(leading: written(leading: ["type": .string(type)])) }

    /// The keys of every type, then each type with its own.
    fileprivate static func documentation(_ path: String) -> [Recipe.KeyDocumentation] {
        func marked(_ rows: [Recipe.KeyDocumentation], _ mark: String) -> [Recipe.KeyDocumentation] {
            rows.map { .init(key: $0.key, type: $0.type, standard: $0.standard, meaning: "(\(mark)) \($0.meaning)") }
        }
        return marked(Recipe.Reward().documentation(path), "every reward")
            + types.flatMap { type in
                [
                    Recipe.KeyDocumentation(
                        key: path + ".type", type: "`\(type.type)`", standard: "required", meaning: type.summary)
                ] + marked(type.init().documentation(path), type.type)
            }
    }
}

extension RewardSection {
    /// The names of the type's own keys.
    fileprivate static var keyNames: [String] { keys.map(\.name) }

    fileprivate static func readSection(
        _ value: Located, _ path: [String], _ reader: inout RecipeReader, known: [String]
    ) -> (any RewardSection)? {
        read(value, path, &reader, known: known)
    }
}

extension ValueType where Value == [Recipe.Reward] {
    /// The list of rewards.
    static var rewards: Self {
        let reward = ValueType<Recipe.Reward>(name: "reward", read: Recipe.Reward.read) { .object($0.written) }
        let list = list(of: reward, count: 1...64, "rewards")
        return Self(name: list.name, read: list.read, write: list.write) { path, _ in
            Recipe.Reward.documentation(path + ".N")
        }
    }

    /// A list of rewards that may be empty; documented once, at `rewards`.
    static var checkers: Self {
        let reward = ValueType<Recipe.Reward>(name: "reward", read: Recipe.Reward.read) { .object($0.written) }
        let list = list(of: reward, count: 0...64, "rewards")
        return Self(name: list.name, read: list.read, write: list.write)
    }
}
