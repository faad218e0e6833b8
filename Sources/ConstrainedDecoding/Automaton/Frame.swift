/// What is being written at one level, inside of what is being written around it.
enum Frame: Hashable {
    /// A value is to begin.
    case value(rule: Int, spaces: Int)
    /// A text that is written as it is.
    case literal(rule: Int, position: Int)
    /// The name of a known property.
    case key(object: Int, property: Int, position: Int)
    /// A string, or the name of another property of an object.
    case string(rule: Int, isName: Bool, StringRule.Place, Pending)
    case number(rule: Int, NumberRule.Place)
    case array(rule: Int, count: Int, isEmpty: Bool, spaces: Int)
    /// An object; `next` is the first property that may still come.
    case object(rule: Int, next: Int, ObjectPhase, spaces: Int)

    /// Most bytes of white space in a row: answers don't end in nothing but space.
    static let maximumSpaces = 40

    /// Whether the frame is a level of nesting.
    var isLevel: Bool {
        switch self {
        case .array, .object: true
        default: false
        }
    }
}

/// A character of a string that is not complete.
enum Pending: Hashable {
    case none
    /// Behind a backslash.
    case escape
    /// Behind `\u` and some digits.
    case hexadecimal(left: Int, value: UInt32)
    /// Behind some bytes of a character; `least` is the least scalar of that length.
    case bytes(left: Int, value: UInt32, least: UInt32)
}

/// Where an object stands.
enum ObjectPhase: Hashable {
    /// Behind the opening brace.
    case first
    /// Behind a value.
    case afterValue
    /// Behind a comma.
    case name
    /// Behind a name; the rule is its value's.
    case colon(rule: Int)
}
