import Randomness
import Testing

@testable import InferenceCore

/// All text that is given out, and the match.
private func run(_ pieces: [String], stops: [String]) throws -> (text: String, match: String?) {
    var matcher = try StopMatcher(stops: stops)
    var text = ""
    for piece in pieces { text += matcher.append(piece).text }
    text += matcher.finish()
    return (text, matcher.match)
}

@Suite("Stop texts")
struct StopMatcherTests {
    @Test("a stop text that spans pieces ends the text before it")
    func spans() throws {
        var matcher = try StopMatcher(stops: ["</answer>", "STOP"])
        #expect(matcher.append("The ans</an") == .init(text: "The ans", match: nil))
        #expect(matcher.append("other>") == .init(text: "</another>", match: nil))
        #expect(matcher.append(" 4</answer") == .init(text: " 4", match: nil))
        #expect(matcher.append("> more STOP") == .init(text: "", match: "</answer>"))
        #expect(matcher.append("x") == .init(text: "", match: "</answer>"))
        #expect(matcher.finish() == "")
    }

    @Test("what is held back at the end is given out")
    func finish() throws {
        var matcher = try StopMatcher(stops: ["\n\n"])
        #expect(matcher.append("line\n") == .init(text: "line", match: nil))
        #expect(matcher.finish() == "\n")
    }

    @Test("the result does not depend on where the text is cut")
    func cuts() throws {
        let address = RandomAddress(seed: 4, purpose: .probe)
        let alphabet = ["a", "b", "é", "😀", "e\u{301}"]
        var position = 0
        func draw(_ count: Int) -> Int {
            position += 1
            return Int(address.uniform(at: position) * Double(count))
        }
        for round in 0..<600 {
            // Few letters make stop texts that overlap themselves.
            let letters = round.isMultiple(of: 2) ? 2 : 5
            let scalars = Array((0..<draw(40)).map { _ in alphabet[draw(letters)] }.joined().unicodeScalars)
            let stops = (0...draw(3)).map { _ in (0...draw(8)).map { _ in alphabet[draw(letters)] }.joined() }
            let text = String(String.UnicodeScalarView(scalars))
            let whole = try run([text], stops: stops)
            let single = try run(scalars.map { String($0) }, stops: stops)
            #expect(whole.text.utf8.elementsEqual(single.text.utf8) && whole.match == single.match)
            if let match = whole.match {
                #expect(Array(text.utf8).starts(with: Array((whole.text + match).utf8)))
            } else {
                #expect(whole.text.utf8.elementsEqual(text.utf8))
                for stop in stops {
                    let bytes = Array(text.utf8)
                    let length = stop.utf8.count
                    let isThere = (0..<max(bytes.count - length + 1, 0)).contains {
                        bytes[$0..<$0 + length].elementsEqual(stop.utf8)
                    }
                    #expect(!isThere)
                }
            }
        }
    }

    @Test("of stop texts completed by the same character, the longest is reported")
    func longest() throws {
        let result = try run(["xxabc"], stops: ["bc", "abc", "c"])
        #expect(result.text == "xx" && result.match == "abc")
        #expect(try run(["aabaaabaaac"], stops: ["aabaaac"]).text == "aaba")
        #expect(try run(["aaab"], stops: ["aab"]).text == "a")
        #expect(try run(["abcd"], stops: []).text == "abcd")
    }

    @Test("empty, overlong and too many stop texts are errors with a clear text")
    func errors() {
        let cases: [([String], String)] = [
            (["a", ""], "stop: text 1 has 0 bytes, expected 1 to 4096"),
            ([String(repeating: "x", count: 5000)], "stop: text 0 has 5000 bytes, expected 1 to 4096"),
            (Array(repeating: "a", count: 65), "stop: 65 texts, expected at most 64"),
        ]
        for (stops, text) in cases {
            let error = #expect(throws: InferenceError.self) { try StopMatcher(stops: stops) }
            #expect(error?.message == text)
        }
    }
}
