import OrderedJSON
import Testing
import Tokenization

@Suite("Chat templates")
struct ChatTemplateTests {
    static let errors: [(String, ChatTemplateError.Code, String)] = [
        ("a\n{{ x|nope }}", .unsupported, "line 2: the filter 'nope' is not supported"),
        ("{{ x is nope }}", .unsupported, "line 1: the test 'nope' is not supported"),
        ("\n\n{% nope %}", .unsupported, "line 3: the statement 'nope' is not supported"),
        ("{% if 1 %}\n{{ x|nope }}{% endif %}", .unsupported, "line 2: the filter 'nope' is not supported"),
        ("{% for a in b recursive %}", .unsupported, "line 1: recursive loops are not supported"),
        ("{{ 1 2 }}", .syntax, "line 1: expected '}}', got a number"),
        ("{{ (1 }}", .syntax, "line 1: unexpected '}'"),
        ("{{ 'abc", .syntax, "line 1: a string is not closed: expected '"),
        ("{# abc", .syntax, "line 1: a comment is not closed: expected '#}'"),
        ("x\n{% if 1 %}\ny", .syntax, "line 2: the template ends inside 'if': expected elif or else or endif"),
        ("{% endif %}", .syntax, "line 1: unexpected 'endif': no block is open"),
        ("{% set none = 1 %}", .syntax, "line 1: can't assign to 'none'"),
        ("{% break %}", .syntax, "line 1: 'break' outside of a loop"),
        ("\n{{ a.b }}", .undefined, "line 2: 'a' is undefined"),
        ("{{ messages[0].role.x.y }}", .undefined, "line 1: 'list object' has no element 0"),
        ("{{ {}.x.y }}", .undefined, "line 1: 'dict object' has no attribute 'x'"),
        ("{{ none + 'x' }}", .type, "line 1: unsupported operand type(s) for +: 'NoneType' and 'str'"),
        ("{{ 'x' + [] }}", .type, "line 1: can only concatenate str (not \"list\") to str"),
        ("{{ raise_exception('No ' ~ 1) }}", .raised, "line 1: No 1"),
        ("{{ 9223372036854775807 + 1 }}", .limit, "line 1: the result of '+' does not fit 64 bits"),
        ("{{ range(100001) }}", .limit, "line 1: a range has at most 100000 elements"),
    ]

    @Test("an error names what, the line, what was got and expected", arguments: errors)
    func errorTexts(source: String, code: ChatTemplateError.Code, message: String) throws {
        let error = #expect(throws: ChatTemplateError.self) {
            try ChatTemplate(source: source).render(messages: [])
        }
        #expect(error?.code == code)
        #expect(error?.description == "chat template, " + message)
    }

    @Test("generation blocks are reported in bytes of the text")
    func generation() throws {
        let source = "é{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}|{% endfor %}"
        let rendering = try ChatTemplate(source: source).render(messages: [["content": "ü"], ["content": "ab"]])
        #expect(rendering.text == "éü|ab|")
        #expect(rendering.generationRanges == [2..<4, 5..<7])
    }

    @Test("reasoning and thinking are read as reasoning_content, which goes before them")
    func reasoning() throws {
        let template = try ChatTemplate(source: "{% for m in messages %}{{ m.reasoning_content }};{% endfor %}")
        let messages: JSONValue = [
            ["reasoning": "a"], ["thinking": "b"], ["reasoning_content": "c", "thinking": "d"], ["reasoning": nil], [:],
        ]
        #expect(try template.render(messages: messages).text == "a;b;c;;;")
    }

    @Test("a final message that the template drops can't be continued")
    func continuation() throws {
        let template = try ChatTemplate(source: "{% for m in messages %}[{{ m.content|trim }}]{% endfor %}")
        let messages: JSONValue = [["content": "a"], ["content": " b "]]
        #expect(try template.render(messages: messages, continueFinalMessage: true).text == "[a][b")
        for wrong: JSONValue in [[], [["role": "user"]], [["content": []]], "x"] {
            #expect(throws: ChatTemplateError.self) { try template.render(messages: wrong, continueFinalMessage: true) }
        }
        let silent = try ChatTemplate(source: "x")
        #expect(throws: ChatTemplateError.self) { try silent.render(messages: messages, continueFinalMessage: true) }
        #expect(throws: ChatTemplateError.self) {
            try template.render(messages: messages, addGenerationPrompt: true, continueFinalMessage: true)
        }
    }

    @Test("special tokens come through the variables; tools and documents are none when absent")
    func variables() throws {
        let template = try ChatTemplate(
            source: "{{ bos_token }}{{ tools is none }}{{ documents is none }}{{ eos_token }}")
        #expect(try template.render(messages: [], variables: ["bos_token": "<s>"]).text == "<s>TrueTrue")
    }

    @Test("the date is that of the clock that was given")
    func date() throws {
        let template = try ChatTemplate(source: "{{ strftime_now('%Y-%m') }}|{{ strftime_now('') }}")
        #expect(try template.render(messages: [], now: 1_750_000_000).text == "2025-06|")
    }

    @Test("the template's text is chosen by file, name and tools")
    func source() throws {
        let named: JSONValue = [
            "chat_template": [["name": "default", "template": "D"], ["name": "tool_use", "template": "T"]]
        ]
        #expect(try ChatTemplate.chooseSource(tokenizerConfiguration: ["chat_template": "S"]) == "S")
        #expect(try ChatTemplate.chooseSource(tokenizerConfiguration: ["chat_template": "S"], templateFile: "F") == "F")
        #expect(try ChatTemplate.chooseSource(tokenizerConfiguration: named) == "D")
        #expect(try ChatTemplate.chooseSource(tokenizerConfiguration: named, hasTools: true) == "T")
        #expect(try ChatTemplate.chooseSource(tokenizerConfiguration: named, name: "tool_use") == "T")
        let missing = #expect(throws: ChatTemplateError.self) {
            try ChatTemplate.chooseSource(tokenizerConfiguration: named, name: "rag")
        }
        #expect(
            missing?.message == "there is no chat template 'rag'; there are 'default', 'tool_use': choose one by name")
        #expect(throws: ChatTemplateError.self) { try ChatTemplate.chooseSource(tokenizerConfiguration: nil) }
        #expect(throws: ChatTemplateError.self) {
            try ChatTemplate.chooseSource(tokenizerConfiguration: ["chat_template": 1])
        }
    }
}
