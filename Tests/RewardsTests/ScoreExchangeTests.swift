import OrderedJSON
import Testing

@testable import Rewards

@Suite("Plugin protocol")
struct ScoreExchangeTests {
    private let exchange = ScoreExchange(
        id: 7,
        [
            RewardSample(
                prompt: "p\n", messages: [["role": "user", "content": "q"]], completion: "c\u{2028}\"",
                completionIDs: [1, 2],
                columns: ["answer": "4", "n": 1.5]),
            RewardSample(prompt: "", completion: "", finishReason: "length"),
        ])

    @Test("the message is one line and holds all that a sample has")
    func message() {
        #expect(
            exchange.message
                == #"{"id":7,"samples":[{"prompt":"p\n","messages":[{"role":"user","content":"q"}],"completion":"c"#
                + "\u{2028}"
                + #"\"","completion_ids":[1,2],"finish_reason":"stop","columns":{"answer":"4","n":1.5}},"#
                + #"{"prompt":"","messages":null,"completion":"","completion_ids":[],"finish_reason":"length","columns":{}}]}"#
        )
    }

    @Test("scores, null for what does not apply, failures of single samples, and values for the log")
    func reply() throws {
        let batch = try exchange.read(
            #" {"id":7.0,"scores":[0.5,null],"logs":{"a/b":1,"c":null2} }"#.replacing("null2", with: "2"))
        #expect(batch.outcomes == [.score(0.5), .notApplicable])
        #expect(batch.logs == ["a/b": 1, "c": 2])
        let partly = try exchange.read(
            #"{"id":7,"scores":[{"failed":"timeout","reason":"slow\nvery"},-3],"logs":null,"x":1}"#)
        #expect(partly.outcomes == [.failed(RewardFailure(.timeout, "slow very")), .score(-3)])
        let all = try exchange.read(#"{"id":7,"failed":"crash","reason":"ValueError: x"}"#)
        #expect(all.outcomes == Array(repeating: .failed(RewardFailure(.crash, "ValueError: x")), count: 2))
    }

    @Test(
        "a reply that is not as described says what it is",
        arguments: [
            (
                "", RewardFailure.Boundary.unparsable,
                "the reply is no JSON (invalid JSON at byte 0: the text ends where a value was expected): "
            ),
            ("hello", .unparsable, "the reply is no JSON (invalid JSON at byte 0: expected a value, got 'h'): hello"),
            (#"{"id":7,"scores":[NaN,1]}"#, .nonFinite, #"the reply holds NaN or Infinity: {"id":7,"scores":[NaN,1]}"#),
            (#"{"id":7,"scores":[1e999,1]}"#, .nonFinite, "the score is inf, expected a finite number"),
            ("[1,2]", .unparsable, "the reply is no JSON object: [1,2]"),
            (#"{"scores":[1,2]}"#, .unparsable, "the reply's id is missing, expected 7"),
            (#"{"id":6,"scores":[1,2]}"#, .unparsable, "the reply's id is 6, expected 7"),
            (#"{"id":7}"#, .unparsable, #"the reply has no list "scores": {"id":7}"#),
            (#"{"id":7,"scores":[1]}"#, .wrongCount, "the reply has 1 scores, expected 2"),
            (#"{"id":7,"scores":[1,2,3]}"#, .wrongCount, "the reply has 3 scores, expected 2"),
            (#"{"id":7,"scores":["1",2]}"#, .unparsable, #"a score is "1", expected a number or null"#),
            (#"{"id":7,"scores":[true,2]}"#, .unparsable, "a score is true, expected a number or null"),
            (
                #"{"id":7,"scores":[{},2]}"#, .unparsable,
                #""failed" is {}, expected one of timeout, crash, unparsable, non_finite, wrong_count, unavailable, bad_row"#
            ),
            (#"{"id":7,"scores":[1,2],"logs":[]}"#, .unparsable, #""logs" is no object of at most 64 numbers"#),
            (
                #"{"id":7,"scores":[1,2],"logs":{"mean":1}}"#, .unparsable,
                #""logs" has the name mean, which is empty, long or taken"#
            ),
            (
                #"{"id":7,"scores":[1,2],"logs":{"failed/x":1}}"#, .unparsable,
                #""logs" has the name failed/x, which is empty, long or taken"#
            ),
            (#"{"id":7,"scores":[1,2],"logs":{"a":"b"}}"#, .unparsable, #""logs": a is "b", expected a number"#),
        ])
    func faults(reply: String, boundary: RewardFailure.Boundary, detail: String) {
        let failure = #expect(throws: RewardFailure.self) { try exchange.read(reply) }
        #expect(failure?.boundary == boundary)
        #expect(failure?.detail == detail)
    }
}
