import Testing

@testable import Rewards

@Suite("Written numbers")
struct NumberTests {
    @Test(
        "two spellings of one number are equal",
        arguments: [
            ("18", "18.0"), ("-5", "−5"), ("1234", "1,234"), ("1234", "1{,}234"), ("1000000", "1\\,000\\,000"),
            ("1000000", "1 000 000"), ("10000.5", "10,000.5"), ("0.5", ".5"), ("1/2", "\\frac{1}{2}"),
            ("\\frac12", "0.5"),
            ("-2/3", "\\frac{-2}{3}"), ("-\\frac23", "\\dfrac{2}{-3}"), ("2/3", "\\frac{-2}{-3}"),
            ("7/3", "2\\frac{1}{3}"),
            ("-3/2", "-1\\frac{1}{2}"), ("40/9", "4 4/9"), ("-40/9", "-4 4/9"), ("9004/9", "1 000 4/9"), ("5/2", "2½"),
            ("602000000000000000000000", "6.02e23"), ("6.02e23", "6.02\\times10^{23}"), ("6.02e23", "6.02 × 10^23"),
            ("0.00001", "10^{-5}"), ("45e2", "4.5\\cdot 10^3"), ("25\\%", "1/4"), ("0.25", "25%"),
            ("0.25", "25 percent"),
            ("18", "$18"), ("18", "\\$18.00"), ("-18", "-$18"), ("5", "x = 5"), ("x=5", "5"), ("5", "x_1 = 5"),
            ("5", "\\theta=5"), ("5", "(5)"), ("5", "\\text{5}"), ("42", "\\boxed{42.}"), ("42", "**42**"),
            ("42", "$42$."),
            ("5", "05"), ("5", "+5"), ("42", "４２"), ("5 cm", "5\\text{ cm}"), ("7", "7 \\text{ apples}"),
            ("5\\text{ meters}", "5 \\mathrm{meter}"), ("90", "90^\\circ"), ("90°", "90^{\\circ}"),
            ("6", "\\frac{\\frac{3}{2}}{\\frac{1}{4}}"),
            ("12.5\\%", "12\\frac{1}{2}\\%"), ("1/3", "0.333333"), ("\\frac{2}{3}", "0.6666667"), ("3", "6÷2"),
            ("15\\text{ cm}^2", "15\\,\\mathrm{cm}^2"), ("1e400", "10^{400}"),
        ])
    func equal(a: String, b: String) throws {
        let (left, right) = (try #require(NumberParser.parse(a)), try #require(NumberParser.parse(b)))
        #expect(ExactNumber.same(left, right))
        #expect(ExactNumber.same(right, left))
    }

    @Test(
        "numbers that are near, scaled or otherwise alike are not equal",
        arguments: [
            ("18", "19"), ("18", "-18"), ("100", "1"), ("50", "0.5"), ("25", "25\\%"), ("25", "0.25"),
            ("1", "1.0000000000000000001"),
            ("9007199254740993", "9007199254740992"), ("0", "0.0000001"), ("1e-8", "0"), ("2024", "2024.1"),
            ("1/3", "0.333"),
            ("1/3", "0.33333"), ("2/3", "0.666666"), ("0.333333", "0.3333334"), ("1/2", "0.5000001"), ("1234", "1.234"),
            ("2\\frac13", "2/3"), ("5 cm", "5\\text{ m}"), ("x=5", "y=5"), ("4.50", "45.0"), ("6.02e23", "6.02e22"),
            ("1/2", "2"),
            ("1000", "1"), ("22/7", "3.14159265"),
        ])
    func different(a: String, b: String) throws {
        let (left, right) = (try #require(NumberParser.parse(a)), try #require(NumberParser.parse(b)))
        #expect(!ExactNumber.same(left, right))
        #expect(!ExactNumber.same(right, left))
    }

    @Test(
        "what is more or less than a number is not read as one",
        arguments: [
            "", " ", "x", "5x", "5\\pi", "5i", "1,2", "12,34,5", "1,23", "1, 234", "(1,2)", "[3]", "1+1", "2-", "--5",
            "5!", "2^3",
            "1/0", "\\frac{0}{0}", "\\frac{1}{}", "\\frac{1}", "4 4/0", "11 6/6", "2 3", "4 2", "1/2/3", "1.2.3",
            "5 or 6", "5 \\text{ or } 6",
            "\\text{not }5", "3 million", "3 \\text{ million}", "5 dozen", "5m", "5\\text{ tenths}", "5\\text{ if }x",
            "5\\text{ more than }6", "5 = 7",
            "x = 5 = 5", "x \\ge 7", "6 < x",
            "204_5", "12:30", "1O", "4\u{0}2", "\u{202E}24", "5\u{336}", "0x10", "1e", "1e999999999", "10^{10^{10}}",
            "1_000",
            "\\sqrt{2}", "\\infty", "NaN", "inf", "1e5e5", "7\\phantom{42}", "5, 6", "$5$ $6$", "\\frac{1}{2}{3}",
            "5\\text{ is wrong}",
            "11.0 4/9", "4\\frac{4}{3}", "5 5", "5\u{0661}",
        ])
    func refused(text: String) {
        #expect(NumberParser.parse(text) == nil)
    }

    @Test("huge digits, exponents, nesting and lengths are refused quickly")
    func limits() {
        let digits = String(repeating: "9", count: ExactNumber.Limit.digits)
        #expect(NumberParser.parse(digits) != nil)
        #expect(NumberParser.parse(digits + "9") == nil)
        #expect(NumberParser.parse("0." + digits + "9") == nil)
        #expect(NumberParser.parse("1e4096") != nil)
        for text in ["1e4097", "1e-4097", "1e99999999999999999999", "10^{-99999999}"] {
            #expect(NumberParser.parse(text) == nil)
        }
        for piece in ["\\frac{", "{", "(", "\\boxed{", "\\text{", "$", "-", "1,"] {
            #expect(NumberParser.parse(String(repeating: piece, count: 5000)) == nil)
            #expect(NumberParser.parse(String(repeating: piece, count: 1000) + "5") == nil)
        }
    }
}
