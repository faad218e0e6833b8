import Foundation
import OrderedJSON
import Testing
import Tokenization

@Suite("Hostile chat templates")
struct ChatTemplateLimitTests {
    /// A time-bounded rendering: what is refused must be refused quickly.
    static let limits = ChatTemplate.Limits(steps: 2_000_000, outputBytes: 1 << 20)

    static let hostile: [(String, ChatTemplateError.Code)] = [
        ("{{ range(10 ** 9) }}", .limit), ("{{ 'x' * 10 ** 9 }}", .limit), ("{{ [1] * 10 ** 9 }}", .limit),
        ("{{ 'ab' * 9223372036854775807 }}", .limit),
        ("{{ 9223372036854775807 + 1 }}", .limit), ("{{ -9223372036854775807 - 2 }}", .limit),
        ("{{ 3037000500 * 3037000500 }}", .limit), ("{{ 2 ** 64 }}", .limit), ("{{ (0 - 2 ** 62 * 2) }}", .limit),
        ("{{ (-9223372036854775807 - 1) // -1 }}", .limit), ("{{ -(-9223372036854775807 - 1) }}", .limit),
        ("{{ (-9223372036854775807 - 1)|abs }}", .limit), ("{{ 1e300|int }}", .limit),
        ("{{ 99999999999999999999 }}", .limit), ("{{ 10.0 ** 400 }}", .type),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", .limit),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", .limit),
        ("{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}", .limit),
        ("{% set ns = namespace(x='x') %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", .limit),
        ("{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", .limit),
        ("{% set ns = namespace(x=[]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}", .limit),
        ("{% set ns = namespace(x={}) %}{% for a in range(9999) %}{% set ns.x = {'a': ns.x} %}{% endfor %}", .limit),
        (
            "{% set ns = namespace(x=1) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
            .limit
        ),
        (
            "{% set ns = namespace(x=1, y=1) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
                + "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}", .limit
        ),
        (
            "{% set ns = namespace(x=1) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
                + "{{ ns.x|tojson }}", .limit
        ),
        ("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}", .limit),
        ("{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns|string }}", .limit),
        ("{{ ('a' * 900000).replace('', 'bb') }}", .limit), ("{{ ('a' * 999).replace('a', 'a' * 9999) }}", .limit),
        ("{{ ('a' * 999999).find('a' * 99999 + 'b') }}", .limit), ("{{ 'x'.zfill(10 ** 12) }}", .limit),
        ("{{ 'x'|indent(10 ** 12) }}", .limit), ("{{ [1]|tojson(indent=10 ** 12) }}", .limit),
        ("{% for a in range(9999) %}{{ 'x' * 1000 }}{% endfor %}", .limit),
        ("{{ " + String(repeating: "(", count: 100_000) + String(repeating: ")", count: 100_000) + "}}", .limit),
        ("{{ " + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + "}}", .limit),
        ("{{ " + String(repeating: "{1:", count: 100_000) + String(repeating: "}", count: 100_000) + "}}", .limit),
        ("{{ " + String(repeating: "not ", count: 100_000) + "1 }}", .limit),
        ("{{ " + String(repeating: "-", count: 100_000) + "1 }}", .limit),
        ("{{ " + String(repeating: "1 + ", count: 100_000) + "1 }}", .limit),
        ("{{ a" + String(repeating: ".a", count: 100_000) + " }}", .limit),
        ("{{ a" + String(repeating: "|d", count: 100_000) + " }}", .limit),
        ("{{ " + String(repeating: "1 if 1 else ", count: 100_000) + "1 }}", .limit),
        (String(repeating: "{% if 1 %}", count: 100_000), .limit),
        (String(repeating: "{% for a in b %}", count: 100_000), .limit),
        ("{% set " + String(repeating: "(", count: 99_999) + String(repeating: ")", count: 99_999) + " %}", .limit),
        (String(repeating: "x", count: 1 << 22), .limit),
    ]

    @Test("what would take too much is an error, neither a crash nor a hang", arguments: hostile)
    func refused(source: String, code: ChatTemplateError.Code) {
        #expect {
            _ = try ChatTemplate(source: source).render(messages: [], limits: Self.limits)
        } throws: { error in
            (error as? ChatTemplateError)?.code == code
        }
    }

    @Test("slices, indices and repetitions at the ends of 64 bits are defined")
    func extremes() throws {
        let least = "(-9223372036854775807 - 1)"
        let source = """
            {{ 'abc'[\(least)] }}{{ 'abc'[\(least):9223372036854775807] }}{{ 'abc'[::\(least)] }}\
            {{ [1, 2][9223372036854775807] }}{{ [1, 2][\(least):] }}{{ [1, 2][::9223372036854775807] }}\
            {{ 'a' * \(least) }}{{ \(least) % -1 if false }}{{ range(\(least), \(least) + 2)|list|length }}
            """
        #expect(try ChatTemplate(source: source).render(messages: []).text == "abcc[1, 2][1]2")
    }

    @Test("the deepest template that is accepted runs on a stack of 2 MiB")
    func stack() throws {
        let recursion =
            "{% macro f(n) %}{% if n > 0 %}{% with a = n %}{{ (f(n - 1) ~ '')|upper }}{% endwith %}{% endif %}"
            + "{% endmacro %}"
        let nested = String(repeating: "(", count: 60) + "1" + String(repeating: ")", count: 60)
        let sum = String(repeating: "1 + ", count: 150) + "1"
        let lists = "{% set ns = namespace(x=[]) %}{% for i in range(150) %}{% set ns.x = [ns.x] %}{% endfor %}"
        let sources = [
            recursion + "{{ f(10000) }}", "{{ \(nested) }}", "{{ \(sum) }}",
            recursion + lists + "{{ ns.x == ns.x }}{{ ns.x|tojson|length }}{{ ns.x }}{{ f(9999) }}",
            String(repeating: "{% if 1 %}", count: 60) + "{{ \(nested.dropLast(59).dropFirst(59)) }}"
                + String(repeating: "{% endif %}", count: 60),
            "{% set ns = namespace() %}{% set ns.me = [[[ns]]] %}{{ ns }}",
        ]
        let thread = Thread {
            for source in sources { _ = try? ChatTemplate(source: source).render(messages: []) }
        }
        thread.stackSize = 2 << 20
        thread.start()
        while !thread.isFinished { Thread.sleep(forTimeInterval: 0.01) }
    }

    @Test("a deeply nested conversation is an error")
    func conversation() throws {
        var message: JSONValue = [:]
        for _ in 0..<1000 { message = ["content": message] }
        #expect(throws: ChatTemplateError.self) {
            try ChatTemplate(source: "{{ messages }}").render(messages: [message])
        }
    }

    /// A conversation with one key of one message changed, which may stand in another's place.
    static func mutated(_ messages: [JSONValue], value: JSONValue, _ next: (Int) -> Int) -> JSONValue {
        guard !messages.isEmpty, var message = messages[next(messages.count)].objectValue else { return [] }
        message[["role", "content", "tool_calls", "reasoning_content", "zz"][next(5)]] = value
        var mutated = messages
        mutated[next(messages.count)] = .object(message)
        return .array(mutated)
    }

    @Test(
        "mutated templates and conversations give a text or an error",
        .enabled(if: ChatTemplateFixtures.areThere, "the reference renderings ../shared/fixtures/chat are missing"))
    func fuzz() throws {
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(bound, 1)
        }
        let templates = try ChatTemplateFixtures.names.map { try ChatTemplateFixtures.text("templates/\($0).jinja") }
        let seeds =
            try templates.map { Array($0.utf8) }
            + ChatTemplateConstructs.table.split(separator: "\n").map { line in
                Array((try JSONValue(parsing: String(line))[0]?.stringValue ?? "").utf8)
            }
        let conversations = try #require(try ChatTemplateFixtures.json("conversations.json").objectValue)
        let variables = try #require(try JSONValue(parsing: ChatTemplateConstructs.variables).objectValue)
        let values: [JSONValue] = [nil, true, -1, 1e300, "", "</think>", [], [:], ["text": "x"], ["x", nil]]
        let symbols = Array("()[]{}%|.'\"-~*:,=0 {{}}{%%}()".utf8)
        var rendered = 0
        let limits = ChatTemplate.Limits(steps: 3000, outputBytes: 1 << 14)
        for round in 0..<100_000 {
            var bytes = seeds[round.isMultiple(of: 8) ? next(7) : 7 + next(seeds.count - 7)]
            for _ in 0..<next(4) {
                let place = next(bytes.count)
                let other = seeds[next(seeds.count)]
                let start = next(other.count)
                switch next(4) {
                case 0: bytes.removeSubrange(place..<min(place + 1 + next(12), bytes.count))
                case 1: bytes.insert(contentsOf: other[start..<min(start + 1 + next(20), other.count)], at: place)
                case 2 where !bytes.isEmpty: bytes[place] = UInt8(next(256))
                default: bytes.insert(contentsOf: symbols[next(symbols.count)...].prefix(2), at: place)
                }
            }
            let conversation = conversations[conversations.keys[next(conversations.count)]]?["messages"]
            let messages = Self.mutated(conversation?.arrayValue ?? [], value: values[next(values.count)], next)
            // Both throw `ChatTemplateError` only, by their types; a trap or an endless loop ends the test run.
            guard let template = try? ChatTemplate(source: String(decoding: bytes, as: UTF8.self)) else { continue }
            let rendering = try? template.render(
                messages: messages, tools: values[next(values.count)], continueFinalMessage: next(8) == 0,
                variables: variables, limits: limits, now: 0)
            rendered += rendering == nil ? 0 : 1
        }
        #expect(rendered > 10_000)
    }
}
