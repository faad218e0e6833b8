import OrderedJSON
import Testing
import Tokenization

@Suite("Chat template constructs")
struct ChatTemplateConstructTests {
    static let rows = ChatTemplateConstructs.table.split(separator: "\n").map(String.init)

    @Test("a construct gives what Python's Jinja gives, and raises where it raises", arguments: rows)
    func construct(row: String) throws {
        let pair = try JSONValue(parsing: row)
        let source = try #require(pair[0]?.stringValue)
        let variables = try #require(try JSONValue(parsing: ChatTemplateConstructs.variables).objectValue)
        let expected = pair[1]?.stringValue
        do {
            let text = try ChatTemplate(source: source).render(messages: [], variables: variables).text
            #expect(text.unicodeScalars.map(\.value) == expected?.unicodeScalars.map(\.value), "\(source) gave \(text)")
        } catch {
            #expect(expected == nil, "\(source) raised \(error)")
        }
    }
}
