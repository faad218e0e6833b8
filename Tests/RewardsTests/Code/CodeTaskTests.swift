import OrderedJSON
import Testing

@testable import Rewards

@Suite("Programming tasks")
struct CodeTaskTests {
    @Test(
        "what is wrong with the tests of a row is told",
        arguments: [
            ("7", "the tests are 7, expected an object or a list"),
            (#""x""#, "the tests are a text that is no JSON: 'x'"),
            (
                #"{"a":1}"#,
                "no tests found; expected one of the columns test_list, test, test_code, input_output, inputs, "
                    + "test_cases, or an object with a type"
            ),
            (#"{"type":"foo"}"#, "the tests' type is 'foo', expected assert, humaneval, stdio, call or pytest"),
            (#"{"type":"assert","tests":[]}"#, "the list of tests is empty"),
            (#"{"type":"assert","tests":[1]}"#, "tests holds something else than texts"),
            (#"{"type":"humaneval","test":"x"}"#, "entry_point is missing, expected a text"),
            (#"{"type":"stdio","cases":3}"#, "cases is 3, expected a list"),
            (#"{"type":"stdio","cases":[{"input":""}]}"#, #"case 1 is {"input":""}, expected input and output"#),
            (
                #"{"type":"call","fn_name":"f","cases":[{"input":"x","output":"1"}]}"#,
                "an argument is 'x', expected JSON"
            ),
            (#"{"inputs":[1],"outputs":[]}"#, "there are 1 inputs but 0 outputs"),
        ])
    func faults(text: String, message: String) throws {
        let value = try JSONValue(parsing: text)
        #expect { try CodeTask(value) } throws: { ($0 as? RewardFailure)?.detail == message }
    }

    @Test("the rows of the usual data sets are read")
    func dataSets() throws {
        func kind(_ text: String) throws -> String {
            let task = try CodeTask(try JSONValue(parsing: text))
            switch task.tests {
            case .functions(let spec): return (spec["type"]?.stringValue ?? "") + " \(task.count)"
            case .programs: return "stdio \(task.count)"
            }
        }
        #expect(try kind(#"{"test_list":["a","b"],"test_setup_code":"","test_imports":["import math"]}"#) == "assert 2")
        #expect(try kind(#"{"test":"def check(c): pass","entry_point":"f","prompt":"x"}"#) == "humaneval 1")
        #expect(try kind(#"{"test":"assert f() == 1","task_id":1}"#) == "assert 1")
        #expect(try kind(#"{"test_code":"def test_a(): pass"}"#) == "pytest 1")
        #expect(try kind(#"{"input_output":"{\"inputs\":[\"1\"],\"outputs\":[\"2\"]}"}"#) == "stdio 1")
        #expect(try kind(#"{"input_output":"{\"fn_name\":\"f\",\"inputs\":[[1]],\"outputs\":[2]}"}"#) == "call 1")
        #expect(try kind(#"[{"input":"1","output":"2","testtype":"stdin"}]"#) == "stdio 1")
        #expect(
            try kind(
                #"{"public_test_cases":"[{\"input\":\"1\",\"output\":\"2\"}]","metadata":"{\"func_name\":\"f\"}"}"#)
                == "call 1")
        #expect(try kind(#"{"reward_model":{"ground_truth":"{\"inputs\":[\"1\"],\"outputs\":[\"2\"]}"}}"#) == "stdio 1")
    }
}
