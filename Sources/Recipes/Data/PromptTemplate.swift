/// A prompt with `{name}` placeholders; `{{` and `}}` are braces.
public struct PromptTemplate: Sendable {
    /// Why a text is not a template.
    public struct Fault: Error {
        /// What is wrong.
        public let message: String
    }

    private enum Part: Sendable {
        case text(String)
        case name(String)
    }

    private var parts: [Part] = []

    /// The names of the placeholders, in order.
    public var names: [String] {
        parts.compactMap { if case .name(let name) = $0 { name } else { nil } }
    }

    /// Reads a template.
    ///
    /// - Throws: `Fault` where braces don't match.
    public init(_ text: String) throws(Fault) {
        var plain = ""
        var rest = Substring(text)
        while let character = rest.popFirst() {
            guard character == "{" || character == "}" else {
                plain.append(character)
                continue
            }
            if rest.first == character {
                rest.removeFirst()
                plain.append(character)
                continue
            }
            guard character == "{" else { throw Fault(message: "a lone '}'; write '}}' for a brace") }
            guard let end = rest.firstIndex(of: "}"), end > rest.startIndex else {
                throw Fault(message: "'{' without a name and '}'; write '{{' for a brace")
            }
            if !plain.isEmpty { parts.append(.text(plain)) }
            plain = ""
            parts.append(.name(String(rest[..<end])))
            rest = rest[rest.index(after: end)...]
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
    }

    /// The text with every placeholder filled in.
    public func filled<Failure>(_ value: (String) throws(Failure) -> String) throws(Failure) -> String {
        var output = ""
        for part in parts {
            switch part {
            case .text(let text): output += text
            case .name(let name): output += try value(name)
            }
        }
        return output
    }

    /// Notes what is wrong with a template of a recipe.
    static func check(
        _ text: String, _ path: [String], _ reader: inout RecipeReader, needs: [String], only: Bool
    ) {
        let template: PromptTemplate
        do { template = try PromptTemplate(text) } catch {
            reader.fault(path, error.message)
            return
        }
        let names = template.names
        for name in needs where !names.contains(name) { reader.fault(path, "the placeholder {\(name)} is missing") }
        for name in names where only && !needs.contains(name) {
            reader.fault(
                path, "unknown placeholder {\(name.prefix(40))}; expected {\(needs.joined(separator: "} or {"))}")
        }
        if names.isEmpty, needs.isEmpty {
            reader.fault(path, "has no {column} placeholder, so every prompt would be the same")
        }
    }
}
