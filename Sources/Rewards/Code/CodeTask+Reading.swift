import OrderedJSON

extension CodeTask {
    /// A task from a JSON value: an object, a list of cases, or JSON in a text.
    ///
    /// - Throws: `RewardFailure` (`badRow`) that says what was found and what is known.
    public init(_ value: JSONValue) throws(RewardFailure) {
        switch value {
        case .object(let object): try self.init(row: object)
        case .array: try self.init(row: ["test_cases": value])
        case .string(let text):
            // Data sets keep nested objects as texts.
            guard let parsed = try? JSONValue(parsing: text), parsed.stringValue == nil else {
                throw RewardFailure(.badRow, "the tests are a text that is no JSON: '\(text.prefix(60))'")
            }
            try self.init(parsed)
        default: throw RewardFailure(.badRow, "the tests are \(value.text().prefix(60)), expected an object or a list")
        }
    }

    /// A task from a data row.
    ///
    /// Known are objects with a `type` (`assert`, `humaneval`, `stdio`, `call`, `pytest`) and the columns of MBPP
    /// (`test_list`), HumanEval and LeetCodeDataset (`test`, `entry_point`), KodCode (`test_code`), APPS, TACO and verl
    /// (`input_output`, or `inputs` and `outputs`), open-r1 (`test_cases`), and LiveCodeBench (`public_test_cases`).
    ///
    /// - Throws: `RewardFailure` (`badRow`).
    public init(row: JSONObject) throws(RewardFailure) {
        let fields = TaskFields(row)
        switch row["type"]?.stringValue {
        case "assert": self = try Self.asserts(fields, tests: try fields.texts("tests"))
        case "humaneval": self = try Self.check(fields)
        case "pytest": self = try Self.pytest(fields, test: try fields.text("test"))
        case "call", "stdio": self = try Self.cases(fields, try fields.list("cases"))
        case .some(let type) where row["test_list"] == nil && row["test"] == nil:
            throw RewardFailure(
                .badRow, "the tests' type is '\(type.prefix(40))', expected assert, humaneval, stdio, call or pytest")
        default: self = try Self.dataSet(fields)
        }
    }

    /// Whether a data row has a column with tests at all, whatever is in it.
    static func hasTests(_ row: JSONObject) -> Bool {
        let fields = TaskFields(row)
        return testColumns.contains(where: fields.has)
    }

    /// The columns that data sets keep tests in.
    private static let testColumns = [
        "type", "test_list", "assert_case", "test_code", "test", "input_output", "verification_info", "reward_model",
        "ground_truth", "test_cases", "public_test_cases", "cases", "inputs",
    ]

    /// A row as a data set writes it.
    private static func dataSet(_ fields: TaskFields) throws(RewardFailure) -> CodeTask {
        if fields.has("test_list") { return try asserts(fields, tests: try fields.texts("test_list")) }
        if fields.has("assert_case") { return try asserts(fields, tests: try fields.texts("assert_case")) }
        if fields.has("test_code") { return try pytest(fields, test: try fields.text("test_code")) }
        if fields.has("test") {
            let test = try fields.text("test")
            if test.contains("def check(") { return try check(fields) }
            return test.contains("def test")
                ? try pytest(fields, test: test) : try asserts(fields, tests: [test])
        }
        for key in ["input_output", "verification_info", "reward_model", "ground_truth"] where fields.has(key) {
            return try CodeTask(fields.row[key] ?? .null)
        }
        for key in ["test_cases", "public_test_cases", "cases"] where fields.has(key) {
            return try cases(fields, try fields.list(key))
        }
        if fields.has("inputs") {
            let (inputs, outputs) = (try fields.list("inputs"), try fields.list("outputs"))
            guard inputs.count == outputs.count else {
                throw RewardFailure(.badRow, "there are \(inputs.count) inputs but \(outputs.count) outputs")
            }
            return try cases(
                fields, zip(inputs, outputs).map { .object(["input": $0, "output": $1, "wrapped": true]) })
        }
        throw RewardFailure(
            .badRow,
            "no tests found; expected one of the columns test_list, test, test_code, input_output, inputs, test_cases, or "
                + "an object with a type")
    }

    private static func asserts(_ fields: TaskFields, tests: [String]) throws(RewardFailure) -> CodeTask {
        guard !tests.isEmpty else { throw RewardFailure(.badRow, "the list of tests is empty") }
        var setup: [String] = []
        for key in ["setup", "test_setup_code", "test_imports", "imports"] where fields.has(key) {
            setup += try fields.texts(key)
        }
        setup = setup.filter { !$0.isEmpty }
        let entryPoint = fields.optional("entry_point") ?? ""
        let spec: JSONObject = [
            "type": "assert", "setup": .array(setup.map { .string($0) }), "tests": .array(tests.map { .string($0) }),
            "entry_point": .string(entryPoint), "count": .integer(tests.count),
        ]
        return CodeTask(.functions(spec), count: tests.count, prelude: setup, entryPoint: entryPoint)
    }

    private static func check(_ fields: TaskFields) throws(RewardFailure) -> CodeTask {
        let prompt = fields.optional("prompt") ?? fields.optional("starter_code") ?? ""
        let entryPoint = try fields.text("entry_point")
        let spec: JSONObject = [
            "type": "humaneval", "setup": .array([.string(prompt)]), "test": .string(try fields.text("test")),
            "entry_point": .string(entryPoint), "count": 1,
        ]
        return CodeTask(.functions(spec), count: 1, prompt: prompt, entryPoint: entryPoint)
    }

    private static func pytest(_ fields: TaskFields, test: String) throws(RewardFailure) -> CodeTask {
        let entryPoint = fields.optional("entry_point") ?? ""
        let spec: JSONObject = [
            "type": "pytest", "test": .string(test), "entry_point": .string(entryPoint), "count": 1, "setup": [],
        ]
        return CodeTask(.functions(spec), count: 1, entryPoint: entryPoint)
    }

    /// Cases of one function, or of the whole program if no function is named.
    private static func cases(_ fields: TaskFields, _ cases: [JSONValue]) throws(RewardFailure) -> CodeTask {
        guard !cases.isEmpty else { throw RewardFailure(.badRow, "the list of cases is empty") }
        let metadata =
            fields.row["metadata"]?.objectValue
            ?? (try? JSONValue(parsing: fields.optional("metadata") ?? ""))?
            .objectValue
        let name = fields.optional("fn_name") ?? metadata?["func_name"]?.stringValue ?? cases[0]["fn_name"]?.stringValue
        guard let name, !name.isEmpty, fields.row["type"]?.stringValue != "stdio" else {
            let comparison = try OutputComparison(fields.row)
            var runs: [ProgramCase] = []
            for value in cases {
                guard let input = value["input"].map(TaskFields.joined),
                    let output = value["output"].map(TaskFields.joined)
                else {
                    throw RewardFailure(
                        .badRow, "case \(runs.count + 1) is \(value.text().prefix(60)), expected input and output")
                }
                runs.append(ProgramCase(input: input, output: output))
            }
            return CodeTask(.programs(runs, comparison), count: runs.count)
        }
        var calls: [JSONValue] = []
        for value in cases { calls.append(.object(try TaskFields.call(value))) }
        var spec: JSONObject = [
            "type": "call", "fn_name": .string(name), "cases": .array(calls), "entry_point": .string(name),
            "count": .integer(calls.count), "setup": [],
        ]
        spec["cls"] =
            fields.row["cls"]
            ?? (fields.optional("starter_code")?.contains("class Solution") == true ? "Solution" : .null)
        spec["rel_tol"] = fields.row["rel_tol"] ?? .null
        return CodeTask(.functions(spec), count: calls.count, entryPoint: name)
    }
}

/// Reads the fields of a task.
struct TaskFields {
    let row: JSONObject
    init(_ row: JSONObject) { self.row = row }

    func has(_ key: String) -> Bool { row[key].map { !$0.isNull } ?? false }
    func optional(_ key: String) -> String? { row[key]?.stringValue }

    func text(_ key: String) throws(RewardFailure) -> String {
        guard let text = optional(key) else {
            throw RewardFailure(
                .badRow, "\(key) is \(row[key].map { String($0.text().prefix(60)) } ?? "missing"), expected a text")
        }
        return text
    }

    /// A list; also one in a text, and a single text as a list of one.
    func list(_ key: String) throws(RewardFailure) -> [JSONValue] {
        var value = row[key] ?? .null
        if let text = value.stringValue, let parsed = try? JSONValue(parsing: text), parsed.arrayValue != nil {
            value = parsed
        }
        guard let list = value.arrayValue else {
            throw RewardFailure(.badRow, "\(key) is \(value.text().prefix(60)), expected a list")
        }
        return list
    }

    func texts(_ key: String) throws(RewardFailure) -> [String] {
        if let text = optional(key), (try? JSONValue(parsing: text))?.arrayValue == nil { return [text] }
        let list = try list(key)
        let texts = list.compactMap(\.stringValue)
        guard texts.count == list.count else {
            throw RewardFailure(.badRow, "\(key) holds something else than texts")
        }
        return texts
    }

    /// A program's input or output: a text, or a list of lines.
    static func joined(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .array(let lines): lines.map(joined).joined(separator: "\n")
        default: value.text()
        }
    }

    /// Arguments and accepted results of one call.
    static func call(_ value: JSONValue) throws(RewardFailure) -> JSONObject {
        if let arguments = value["args"], arguments.arrayValue != nil {
            return ["args": arguments, "expected": .array([value["expected"] ?? .null])]
        }
        guard let input = value["input"], let output = value["output"] else {
            throw RewardFailure(
                .badRow, "a case is \(value.text().prefix(60)), expected args and expected, or input and output")
        }
        var arguments = input
        if let text = input.stringValue {
            // One JSON value a line.
            var values: [JSONValue] = []
            for line in text.split(whereSeparator: \.isNewline) {
                guard let parsed = try? JSONValue(parsing: String(line)) else {
                    throw RewardFailure(.badRow, "an argument is '\(line.prefix(60))', expected JSON")
                }
                values.append(parsed)
            }
            arguments = .array(values)
        }
        guard arguments.arrayValue != nil else {
            throw RewardFailure(.badRow, "an input is \(input.text().prefix(60)), expected a list of arguments")
        }
        let expected = output.stringValue.flatMap { try? JSONValue(parsing: $0) } ?? output
        var accepted = [expected]
        // APPS wraps each result in a list of one.
        if value["wrapped"]?.boolValue == true, let list = expected.arrayValue, list.count == 1 {
            accepted.append(list[0])
        }
        return ["args": arguments, "expected": .array(accepted)]
    }
}
