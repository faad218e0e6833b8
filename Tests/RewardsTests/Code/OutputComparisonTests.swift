import OrderedJSON
import Testing

@testable import Rewards

@Suite("Output comparison")
struct OutputComparisonTests {
    private func accepts(_ row: JSONObject, _ output: String, _ expected: String) throws -> Bool {
        try OutputComparison(row).accepts(Array(output.utf8), expected: expected)
    }

    @Test("tokens ignore spacing, lines ignore blanks at their ends, exact ignores nothing")
    func forms() throws {
        for form in ["tokens", "lines", "exact"] {
            #expect(try accepts(["compare": .string(form)], "6\n3\n", "6\n3\n"))
            #expect(try !accepts(["compare": .string(form)], "6\n", "6\n3\n"))
            #expect(try !accepts(["compare": .string(form)], "6\n3\n4\n", "6\n3\n"))
            #expect(try !accepts(["compare": .string(form)], "", "6\n"))
        }
        #expect(try accepts(["compare": "tokens"], "6 \n\n 3", "6\n3\n"))
        #expect(try !accepts(["compare": "lines"], "6 3", "6\n3\n"))
        #expect(try accepts([:], "6  \r\n3\n\n\n", "6\n3\n"))
        #expect(try !accepts([:], "6\n\n3\n", "6\n3\n"))
        #expect(try !accepts(["compare": "exact"], "6\n3", "6\n3\n"))
        #expect(throws: RewardFailure.self) { try OutputComparison(["compare": "fuzzy"]) }
    }

    @Test("numbers are compared as written unless a tolerance is given, and integers always")
    func numbers() throws {
        #expect(try !accepts([:], "0.333", "0.3333"))
        #expect(try accepts(["tolerance": 1e-3], "0.333", "0.3333"))
        #expect(try !accepts(["tolerance": 1e-3], "1000000001", "1000000000"))
        #expect(try !accepts(["tolerance": 1e-3], "nan", "0.5"))
        #expect(try !accepts(["tolerance": 1e-3], "inf", "1.5"))
    }
}
