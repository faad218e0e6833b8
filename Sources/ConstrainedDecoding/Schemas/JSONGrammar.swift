import RegularExpressions

/// Which JSON texts are wanted: rules that refer to one another by number.
public struct JSONGrammar: Sendable {
    /// Most arrays and objects inside one another that are written.
    public static let maximumDepth = 64

    let rules: [ValueRule]
    let root: Int
    /// The rules that a rule stands for: itself, or the alternatives of `anyOf` all the way down.
    let alternatives: [[Int]]
    /// How many arrays and objects inside one another the flattest value of each rule has; `impossible` if it has none.
    let depths: [Int]

    static let impossible = Int.max / 2

    /// A grammar from its rules.
    ///
    /// - Throws: `SchemaError` if no value satisfies the root.
    init(rules: [ValueRule], root: Int) throws(SchemaError) {
        self.rules = rules
        self.root = root
        alternatives = rules.indices.map { Self.alternatives(of: $0, rules) }
        depths = Self.depths(rules, alternatives)
        guard depths[root] <= Self.maximumDepth else {
            throw SchemaError(
                .unsatisfiable, "no JSON value of at most \(Self.maximumDepth) levels satisfies the schema")
        }
    }

    private static func alternatives(of rule: Int, _ rules: [ValueRule]) -> [Int] {
        var (open, seen, found) = ([rule], Set([rule]), [Int]())
        while let next = open.popLast() {
            guard case .anyOf(let others) = rules[next] else {
                found.append(next)
                continue
            }
            for other in others.reversed() where seen.insert(other).inserted { open.append(other) }
        }
        return found
    }

    /// The smallest solution, approached from above: what has not come down after as many rounds as there are levels never
    /// does.
    private static func depths(_ rules: [ValueRule], _ alternatives: [[Int]]) -> [Int] {
        var depths = [Int](repeating: impossible, count: rules.count)
        for _ in 0...maximumDepth + 1 {
            var hasChanged = false
            for (index, rule) in rules.enumerated() {
                let depth = min(depth(rule, alternatives[index], depths), impossible)
                if depth < depths[index] {
                    depths[index] = depth
                    hasChanged = true
                }
            }
            if !hasChanged { break }
        }
        return depths
    }

    private static func depth(_ rule: ValueRule, _ alternatives: [Int], _ depths: [Int]) -> Int {
        switch rule {
        case .literal: return 0
        case .string(let rule): return rule.isPossible ? 0 : impossible
        case .number(let rule): return rule.isPossible ? 0 : impossible
        case .anyOf: return alternatives.map { depths[$0] }.min() ?? impossible
        case .array(let rule):
            guard rule.minimum <= rule.maximum ?? .max else { return impossible }
            var deepest = 0
            for index in 0..<min(rule.minimum, rule.prefix.count + 1) {
                guard let item = rule.item(index) else { return impossible }
                deepest = max(deepest, depths[item])
            }
            return 1 + deepest
        case .object(let rule):
            return 1 + (rule.properties.lazy.filter(\.isRequired).map { depths[$0.rule] }.max() ?? 0)
        }
    }
}

/// What a value may be.
enum ValueRule: Sendable {
    /// A text that is written as it is: `true`, `false`, `null`, a number.
    case literal([UInt8])
    case string(StringRule)
    case number(NumberRule)
    case array(ArrayRule)
    case object(ObjectRule)
    /// One of other rules.
    case anyOf([Int])
}

/// What an array holds.
struct ArrayRule: Sendable {
    /// The rules of the first elements.
    var prefix: [Int] = []
    /// The rule of all others; `nil` if there may be none.
    var rest: Int?
    var minimum = 0
    var maximum: Int?

    /// The rule of an element.
    func item(_ index: Int) -> Int? { index < prefix.count ? prefix[index] : rest }

    /// A number of elements, or the least that makes the same difference.
    func counted(_ count: Int) -> Int { min(count, max(prefix.count, minimum, maximum ?? 0)) }
}

/// What an object holds: its properties in their order, then others.
struct ObjectRule: Sendable {
    struct Property: Sendable {
        /// The key as it is written, from behind the opening quotation mark on.
        var key: [UInt8]
        var rule: Int
        var isRequired: Bool
    }

    var properties: [Property] = []
    /// The rule of properties with other names; `nil` if there may be none.
    var additional: Int?
    /// What names they may have.
    var additionalNames = StringRule.anything
}
