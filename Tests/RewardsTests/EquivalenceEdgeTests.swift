import Testing

@testable import Rewards

@Suite("Equivalent answers at the edges")
struct EquivalenceEdgeTests {
    @Test(
        "equal: functions, tolerance, units, names",
        arguments: [
            ("x!", "x!"), ("\\sin{\\left(\\cos{\\left(\\theta \\right)} \\right)}", "\\sin\\cos\\theta"),
            ("\\cos^{2}{\\left(x \\right)}", "\\cos^2(x)"), ("\\cos^{2}{\\left(x \\right)}", "\\cos(x)^2"),
            ("\\pi^{\\left|{x y}\\right|}", "\\pi^{|xy|}"), ("x^{4}", "x^{\\left\\{3 + 1\\right\\}}"),
            ("\\left\\lfloor{x}\\right\\rfloor", "\\lfloor x\\rfloor"),
            ("\\left\\lfloor{x}\\right\\rfloor", "\\floor(x)"),
            ("\\operatorname{atanh}{\\left(a \\right)}", "\\artanh(a)"),
            ("\\operatorname{asin}{\\left(a \\right)}", "\\arcsin(a)"),
            ("\\operatorname{asin}{\\left(a \\right)}", "\\sin^{-1} a"),
            ("\\csc{\\left(x \\right)} \\sec{\\left(y \\right)}", "(\\csc x)(\\sec y)"),
            ("\\left\\lceil{b}\\right\\rceil", "\\ceil(b)"),
            ("\\frac{\\ln{\\left(x \\right)}}{\\ln{\\left(10 \\right)}}", "\\log x"),
            ("\\ln{\\left(x y \\right)}", "\\ln xy"), ("5! 7!", "5!7!"), ("a b", "a \\cdot b"),
            ("\\frac{a}{b}", "a \\div b"), ("\\sqrt[3]{\\sin{\\left(x \\right)}}", "\\sqrt[3]{\\sin x}"),
            ("- 3 y + 2 x", "2x-3y"), ("\\frac{d}{dx}x", "1"), ("\\int_0^7 dx", "7"),
            ("\\left(x + 1\\right)!", "(x+1)!"), ("\\binom{n}{k}", "\\binom{n}{n-k}"),
            ("153", "\\binom{16+2}{\\frac{4}{2}}"), ("8", "\\operatorname{max}(\\frac{54}{9}, 4, 8)"),
            ("6", "\\max(6,\\frac{54}{9})"), ("\\frac{1}{10}", "\\min(1/10,3)"), ("-6", "\\min(-12/2,-5)"),
            ("12", "\\gcd(144, 12)"), ("\\frac{3}{2}", "\\gcd(1.5, 618)"), ("56", "\\operatorname{lcm}(8, 7, 4)"),
            ("900", "\\lcm(12, 225)"), ("5.6", "|7*4/5|"), ("123456.4", "|-123,456.4|"), ("0", "\\left|0\\right|"),
            ("3", "\\operatorname{floor}(3.9)"), ("1", "\\lfloor \\frac{9}{5}\\rfloor"),
            ("10", "\\left\\lfloor\\sqrt{100}\\right\\rfloor"), ("10", "\\lceil\\sqrt{100}\\rceil"),
            ("0", "-128\\mod 4"), ("2", "128\\mod 3"), ("1", "7\\mod 3"), ("0", "40\\mod 20"), ("e^{3}", "\\exp(3)"),
            ("1", "\\exp(0)"), ("e^{3}", "\\exponentialE^3"), ("-3e", "-3\\exponentialE"), ("0.5", "50 \\%"),
            ("290348", "290.348E3"), ("0", "-0"), ("1", "0!"), ("i", "\\sqrt{-1}"), ("i\\pi", "\\ln(-1)"),
            ("5", "\\sqrt{25}"), ("5", "5\\text{}"), ("5", "\\hspace{1cm}5"), ("5", "\\text{5}"), ("5", "５"),
            ("5", "5\\,"), ("5", "\\;5\\;"), ("5", "\\mathbf{5}"), ("5", "\\mathit{5}"), ("1/3", "0.3333333333"),
            ("0.333333", "\\frac13"), ("\\pi", "3.14159"), ("\\sqrt2", "1.41421"), ("12", "12_{10}"),
            ("22.5^\\circ", "22^\\circ 30'"), ("5\\text{ m}", "500\\text{ cm}"), ("2\\text{ kg}", "2000\\text{ g}"),
            ("1\\text{ hour}", "60\\text{ min}"), ("3\\text{ dozen}", "36"), ("2\\text{ million}", "2{,}000{,}000"),
            ("\\frac{\\pi}{6}", "30^\\circ"), ("y = mx + b", "y = b + mx"), ("x=2y", "y=x/2"),
            ("x^2+y^2=r^2", "r^2=x^2+y^2"), ("-\\cos x+C", "C-\\cos x"), ("\\cos x", "\\frac{d}{dx}\\sin x"),
        ])
    func equal1(gold: String, answer: String) async {
        let verdict = await MathChecking.boxed(gold, answer)
        #expect(verdict.verdict == .correct, "\(verdict)")
    }

    @Test(
        "equal: sets, unicode, huge numbers",
        arguments: [
            ("2x", "\\frac{d}{dx}(x^2+3)"), ("\\frac{x^4}{4}+C", "\\frac14x^4+c"), ("|z|=1", "1"), ("AB=5", "5"),
            ("\\angle ABC=30^\\circ", "30"), ("P(A)=\\frac13", "\\frac13"), ("n=4", "4"),
            ("\\theta=\\frac{\\pi}{3}", "\\frac{\\pi}{3}"), ("f(2)=7", "7"), ("a_n=2n+1", "2n+1"), ("a_{10}=5", "5"),
            ("x=1\\text{ and }y=2", "x=1,y=2"), ("(x,y,z)=(1,2,3)", "(1,2,3)"), ("x_1=2, x_2=3", "2,3"),
            ("(-\\infty,-3)\\cup(-3,\\infty)", "\\mathbb{R}\\setminus\\{-3\\}"),
            ("(-\\infty,-3)\\cup(-3,\\infty)", "x\\neq-3"), ("[1,2]\\cap[2,3]", "\\{2\\}"),
            ("\\{1\\}\\cup\\{2\\}", "\\{1,2\\}"), ("(1,2]", "\\{x : 1<x\\le2\\}"),
            ("[-1,1]", "\\{x\\in\\mathbb{R}\\mid -1\\le x\\le 1\\}"), ("\\text{all real numbers}", "\\mathbb{R}"),
            ("x\\in\\mathbb{R}", "(-\\infty,\\infty)"),
            ("x \\in (-\\infty,2]\\cup[5,\\infty)", "x\\le2\\text{ or }x\\ge5"), ("x\\in[0,1]", "0\\le x\\le1"),
            ("[2,\\infty)", "2\\le x"), ("(-2,2)", "|x|<2"), ("[0,3]", "x^2\\le 3x"), ("(-\\infty,1)", "2x+1<3"),
            ("\\left(-\\infty, \\frac{1}{2}\\right]", "x\\le 0.5"),
            ("\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}"),
            ("\\begin{pmatrix}x\\\\y\\end{pmatrix}", "\\begin{pmatrix}x\\\\ y\\end{pmatrix}"),
            ("\\begin{pmatrix} 1/3 \\\\ 0.2 \\end{pmatrix}", "\\begin{pmatrix} \\frac13 \\\\ \\frac15 \\end{pmatrix}"),
            (
                "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}\\begin{pmatrix}1\\\\1\\end{pmatrix}",
                "\\begin{pmatrix}3\\\\7\\end{pmatrix}"
            ),
            ("2√3", "2\\sqrt3"), ("∛8", "2"), ("√25", "5"), ("√(1+3)", "2"), ("2×10³", "2000"), ("10⁻⁹", "10^{-9}"),
            ("i²", "-1"), ("|−5|", "5"), ("⌊3.7⌋", "3"), ("x≠2", "x\\ne2"), ("\\{1,2\\}", "2,1"),
            ("[1,∞)", "[1,\\infty)"), ("π/2", "\\frac{\\pi}{2}"), ("α+β", "β+α"), ("90°", "90"), ("x∈[0,1]", "[0,1]"),
            ("1⁄2", "0.5"), ("a·b", "ab"), ("2ⁿ", "2^n"), ("(−∞,3)", "x<3"), ("±2", "2,-2"), ("A∪B", "A\\cup B"),
            ("3²", "9"), ("(2^{10})^{3}", "2^{30}"), ("\\frac{10^{20}}{10^{18}}", "100"),
            ("10^{-400}", "\\frac{1}{10^{400}}"), ("2^{2^{20}}", "4^{2^{19}}"), ("3^{1000000}", "9^{500000}"),
            ("(x+1)^{100000}", "(1+x)^{100000}"), ("10^{10^{10}}", "10^{10^{10}}"),
            ("\\ln(10^{10^{10}})", "10^{10}\\ln 10"), ("\\binom{1000}{500}", "\\frac{1000!}{500!^2}"),
            ("F_{n+1}=F_n+F_{n-1}", "F_n+F_{n-1}=F_{n+1}"), ("2^{-1000}", "0.5^{1000}"), ("1:2", "1:2"),
            ("12{:}45", "12:45"), ("7.50", "7.5"), ("\\$7.50", "7.5"), ("7 dollars", "\\$7"),
            ("30\\text{ mph}", "30"), ("5,-5", "\\pm 5"), ("-5,5", "x=\\pm5"),
            ("\\sqrt{3}, -\\sqrt3", "\\pm\\sqrt{3}"), ("5", "(5)"), ("5", "((5))"), ("(a,b)", "(a, b)"),
        ])
    func equal2(gold: String, answer: String) async {
        let verdict = await MathChecking.boxed(gold, answer)
        #expect(verdict.verdict == .correct, "\(verdict)")
    }

    @Test(
        "not equal: choices, undefined values, near misses, other things with the same signs",
        arguments: [
            ("2", "\\{1,2,3\\}"), ("2", "2, \\ldots"), ("7", "\\mathbb{Z}"), ("7", "7\\neq 8"), ("7", "7\\le 7"),
            ("7", "7\\cup 8"), ("7", "7\\lor 8"), ("7", "7\\text{ (or }8)"), ("7", "7|8"), ("7", "7;8"),
            ("7", "7\\\\8"), ("7", "\\begin{cases}7\\\\8\\end{cases}"), ("5", "x"), ("5", "5 % 6"),
            ("5", "\\verb|5|"), ("5", "\\href{x}{5}"), ("5", "5\\text{ (trust me)}"), ("5", "5\\text{ or so}"),
            ("5", "V"), ("5", "Ⅴ"), ("0", "\\frac{1}{\\infty}"), ("\\infty", "\\frac{1}{0}"), ("1", "1^\\infty"),
            ("1", "\\infty^0"), ("0", "\\ln 0"), ("0", "\\arcsin 2"), ("1", "\\frac{\\sin 0}{0}"),
            ("1", "\\frac{0.0}{0.0}"), ("0", "\\frac{0}{x-x}"), ("\\pi", "3.1415"), ("\\sqrt2", "1.41422"),
            ("1/3", "0.33333"), ("1/3", "0.3333333334"), ("2/3", "0.66666"), ("5\\text{ cm}", "5\\text{ cm}^2"),
            ("5\\text{ kg}", "5\\text{ lb}"), ("5\\text{ dollars}", "5\\text{ cents}"), ("30^\\circ", "31^\\circ"),
            ("y=mx+b", "y=mx-b"), ("x=2y", "y=2x"), ("12", "12_{8}"), ("1010_2", "1010_3"), ("P(A)=0.3", "0.4"),
            ("x+y=5", "5"), ("xy=6", "6"), ("x^2=4", "4"), ("|x|<2", "(-2,2]"), ("[0,3]", "x^2<3x"),
            ("(0,1)", "[0,1]"), ("(0,1)", "x>0"), ("\\mathbb{R}", "\\mathbb{Q}"), ("(1,2)", "(1,2,3)"),
            ("2,1", "(2,1)"), ("\\{1,2\\}", "(1,2)"), ("1", "1,2"), ("x=1,y=2", "(2,1)"), ("x=1,y=2", "2,1"),
            ("2\\sqrt3", "3\\sqrt2"), ("n!", "(n+1)!"), ("2^n", "n^2"), ("x^{ab}", "x^{a}x^{b}"), ("\\sin x", "x"),
            ("\\sin^2 x", "\\sin x^2"), ("\\ln(a+b)", "\\ln a+\\ln b"), ("\\sqrt{a+b}", "\\sqrt a+\\sqrt b"),
            ("\\frac{1}{a+b}", "\\frac1a+\\frac1b"), ("(x+1)^{100000}", "(x+1)^{100000}+1"),
            ("10^{10^{10}}", "10^{10^{10}}+1"), ("1000000!", "1000000!+1"), ("3^{1000000}", "9^{500000}+1"),
            ("2^{-1000}", "2^{-1001}"), ("10^{-400}", "0"), ("0.1", "0.10000000000000001"),
            ("0.3", "0.1+0.2+10^{-17}"), ("1", "e^{10^{-20}}"), ("\\frac{\\pi}{4}", "\\arctan(1.0000000001)"),
            ("9", "3^{2.0000001}"), ("12:30", "12.5"), ("1,000", "1.000"), ("1.000", "1,000"), ("3.4", "3:4"),
            ("C", "c"), ("10", "1\\!0\\!1"), ("42", "4‍2"), ("42", "4²"), ("42", "4\\cdot2"), ("42", "4\\times 2"),
            ("24", "2\\text{ and }4"), ("5", "\\overline{5}"), ("5", "\\vec{5}"), ("5", "\\hat{5}"),
            ("6", "\\sum_{k=1}^{3} k + 1"), ("5", "5!"), ("5", "5i"), ("5", "-5"), ("5", "5^0"), ("5", "5e"),
            ("5", "5\\pi"), ("2", "\\int_0^1 x^{x^x}dx"), ("1", "\\lim_{n\\to\\infty}\\sin n"),
            ("5", "\\sum_{k=1}^{\\infty}k"), ("1", "\\prod_{k=1}^{\\infty}\\frac12"),
            ("0", "\\sum_{k=1}^{10^{7}}\\frac{(-1)^k}{k}"), ("7", "\\underbrace{7+7}_{2}"),
            ("7", "7^{7^{7^{7^{7^7}}}}"), ("2", "\\sqrt{2}^{\\sqrt{2}^{\\sqrt{2}^{\\sqrt{2}^{\\sqrt2}}}}"),
            ("1", "\\cos(\\cos(\\cos(\\cos(\\cos(\\cos(1))))))"), ("1", "\\Gamma(2)"),
            ("0", "\\sin(\\pi\\cdot 10^{50}+10^{-30})"), ("1", "\\frac{10^{1000}+1}{10^{1000}}"),
            ("1", "(1+10^{-100})^{10^{50}}"),
        ])
    func different(gold: String, answer: String) async {
        let verdict = await MathChecking.boxed(gold, answer)
        #expect(verdict.score == 0, "\(verdict)")
    }
}
