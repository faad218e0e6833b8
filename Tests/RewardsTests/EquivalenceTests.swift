import Testing

@testable import Rewards

@Suite("Equivalent answers")
struct EquivalenceTests {
    @Test(
        "equal in both directions: numbers, percent, units, times",
        arguments: [
            ("\\frac{1}{2}", "\\frac{2}{4}"), ("2\\frac{1}{3}", "2 1/3"), ("-1\\frac12", "-\\frac32"),
            ("\\frac{3}{2}", "1\\frac{1}{2}"), ("\\frac{a}{b}", "a/b"), ("1\\frac{3}{4}", "1.75"), ("7/4", "1.75"),
            ("\\frac{5}{12}", "\\tfrac{5}{12}"), ("0.375", "\\frac38"), ("1.50", "1.500"),
            ("0.\\overline{12}", "\\frac{4}{33}"), ("0.\\overline{09}", "\\frac{1}{11}"),
            ("0.\\dot{1}\\dot{8}", "\\frac{2}{11}"), ("0.1\\dot{6}", "\\frac16"),
            ("0.12\\overline{3}", "\\frac{37}{300}"), ("\\frac{2}{3}", "0.6666667"), ("0.\\overline{6}", "0.666667"),
            ("3.\\overline{3}", "\\frac{10}{3}"), ("0.\\bar{3}", "\\frac13"), ("50\\%", "\\frac12"), ("0.5", "50\\%"),
            ("12.5\\%", "0.125"), ("33\\frac13\\%", "\\frac13"), ("5\\%", "0.05"), ("100\\%", "1"),
            ("0.1\\%", "0.001"), ("1,234,567", "1234567"), ("1{,}000{,}000", "1000000"), ("10,000", "10^4"),
            ("12,345.67", "12345.67"), ("1234", "1\\,234"), ("1 234 567", "1234567"),
            ("6.02\\times 10^{23}", "602 \\times 10^{21}"), ("3e5", "300000"), ("1.5\\times10^{-3}", "0.0015"),
            ("2.5e-3", "0.0025"), ("10^{-9}", "1e-9"), ("4.5 \\cdot 10^3", "4500"), ("1E3", "1000"),
            ("1.0\\times 10^2", "100"), ("180^\\circ", "180"), ("30^\\circ", "30\\text{ degrees}"),
            ("45°", "45^{\\circ}"), ("60^{\\circ}", "60^\\circ"), ("5\\text{ cm}", "5\\text{cm}"),
            ("5\\text{ cm}", "5"), ("5", "5\\text{ meters}"), ("5\\text{ meters}", "5\\text{ m}"),
            ("10\\text{ square units}", "10"), ("15\\text{ cm}^2", "15\\text{ square centimeters}"),
            ("\\$4.50", "4.50"), ("\\$1{,}000", "1000"), ("18", "\\$18"), ("5\\text{ mph}", "5"),
            ("24\\pi\\text{ cm}^3", "24\\pi"), ("3\\text{ hours}", "3\\text{ hr}"),
            ("12\\text{ km/h}", "12\\text{ km/h}"), ("9.8\\text{ m/s}^2", "9.8"), ("12 inches", "12"), ("3:4", "3:4"),
            ("12:30", "12:30"), ("2:3", "4:6"), ("1:2:3", "1:2:3"), ("3:15\\text{ p.m.}", "3{:}15\\text{ PM}"),
            ("2\\sqrt{3}", "\\sqrt{12}"), ("\\frac{\\sqrt3}{3}", "\\frac{1}{\\sqrt3}"),
            ("\\sqrt{7+4\\sqrt3}", "2+\\sqrt3"), ("\\sqrt[3]{8}", "2"), ("\\sqrt[3]{-8}", "-2"),
            ("\\sqrt[3]{16}", "2\\sqrt[3]{2}"), ("\\sqrt{-9}", "3i"), ("\\sqrt{2}\\cdot\\sqrt{3}", "\\sqrt6"),
        ])
    func equal1(a: String, b: String) async {
        let (there, back) = (await MathChecking.boxed(a, b), await MathChecking.boxed(b, a))
        #expect(there.verdict == .correct, "\(there)")
        #expect(back.verdict == .correct, "\(back)")
    }

    @Test(
        "equal in both directions: roots, logarithms, functions, big numbers",
        arguments: [
            ("8^{1/3}", "2"), ("2^{1/2}", "\\sqrt2"), ("\\sqrt{\\frac{1}{2}}", "\\frac{\\sqrt2}{2}"),
            ("(\\sqrt{2}+1)(\\sqrt2-1)", "1"), ("\\sqrt{5}", "2.2360680"),
            ("\\sqrt{2}+\\sqrt{3}", "\\sqrt{5+2\\sqrt6}"), ("\\frac{1}{\\sqrt{2}-1}", "\\sqrt2+1"),
            ("\\sqrt{50}-\\sqrt{18}", "2\\sqrt2"), ("\\sqrt[4]{16}", "2"),
            ("\\sqrt[3]{2+\\sqrt5}-\\sqrt[3]{\\sqrt5-2}", "1"), ("\\frac{1+\\sqrt5}{2}", "2\\cos 36^\\circ"),
            ("\\pi", "3.14159265"), ("2\\pi r", "2r\\pi"), ("\\frac{\\pi}{2}", "0.5\\pi"), ("e^2", "e\\cdot e"),
            ("e", "2.718281828"), ("\\frac{4\\pi}{3}", "\\frac43\\pi"), ("16\\pi", "\\pi\\cdot 4^2"),
            ("\\log_2 8", "3"), ("\\ln e^3", "3"), ("\\log_2 3", "\\frac{\\ln 3}{\\ln 2}"), ("\\ln 8", "3\\ln 2"),
            ("\\log 100", "2"), ("\\log_{10} 2", "\\frac{\\ln 2}{\\ln 10}"), ("e^{2\\ln 3}", "9"),
            ("\\ln\\frac12", "-\\ln2"), ("\\log_9 27", "\\frac32"), ("\\ln 6", "\\ln2+\\ln3"),
            ("\\sin 30^\\circ", "\\frac12"), ("\\sin^2 x+\\cos^2 x", "1"), ("\\sin 2x", "2\\sin x\\cos x"),
            ("\\cos 2x", "1-2\\sin^2 x"), ("\\tan x", "\\frac{\\sin x}{\\cos x}"), ("\\cos 60^\\circ", "0.5"),
            ("\\arcsin\\frac12", "\\frac{\\pi}{6}"), ("\\tan^{-1}(1)", "\\frac{\\pi}{4}"),
            ("\\sec^2 x", "1+\\tan^2 x"), ("\\sin 75^\\circ", "\\frac{\\sqrt6+\\sqrt2}{4}"),
            ("\\cos\\frac{\\pi}{5}", "\\frac{1+\\sqrt5}{4}"), ("\\sin(\\pi-x)", "\\sin x"),
            ("\\tan 15^\\circ", "2-\\sqrt3"), ("\\cosh x", "\\frac{e^x+e^{-x}}{2}"),
            ("\\sin(a+b)", "\\sin a\\cos b+\\cos a\\sin b"),
            ("\\arctan x+\\arctan\\frac1x+0", "\\arctan x+\\arctan\\frac{1}{x}"), ("|x|", "\\sqrt{x^2}"),
            ("|-3|", "3"), ("|x|^2", "x^2"), ("|a-b|", "|b-a|"), ("5!", "120"), ("\\binom{5}{2}", "10"),
            ("\\binom{10}{3}", "120"), ("(n+1)!", "(n+1)n!"), ("\\frac{(n+1)!}{n!}", "n+1"),
            ("\\binom{n}{2}", "\\frac{n(n-1)}{2}"), ("20!", "2432902008176640000"),
            ("\\binom{n}{k}", "\\frac{n!}{k!(n-k)!}"), ("2^{64}", "18446744073709551616"), ("100!", "100\\cdot 99!"),
            ("\\frac{52!}{47!}", "311875200"), ("7^{50}", "7^{25}\\cdot7^{25}"),
            ("2^{100}", "1267650600228229401496703205376"), ("(2+3i)(2-3i)", "13"), ("\\frac{1}{i}", "-i"),
            ("i^2", "-1"), ("|3+4i|", "5"), ("e^{i\\pi}", "-1"), ("2i+1", "1+2i"), ("(1+i)^4", "-4"),
            ("\\frac{3+i}{2}", "1.5+0.5i"), ("e^{i\\pi/2}", "i"), ("\\sqrt{-16}", "4i"),
            ("-1+i\\sqrt3", "2e^{2\\pi i/3}"),
        ])
    func equal2(a: String, b: String) async {
        let (there, back) = (await MathChecking.boxed(a, b), await MathChecking.boxed(b, a))
        #expect(there.verdict == .correct, "\(there)")
        #expect(back.verdict == .correct, "\(back)")
    }

    @Test(
        "equal in both directions: lists, sets, intervals, matrices, relations",
        arguments: [
            ("\\cos\\theta+i\\sin\\theta", "e^{i\\theta}"), ("\\pm3", "3,-3"), ("\\{-3,3\\}", "\\pm3"),
            ("2\\pm\\sqrt3", "2-\\sqrt3, 2+\\sqrt3"), ("x=\\pm 2", "x=2\\text{ or }x=-2"),
            ("\\frac{1\\pm\\sqrt5}{2}", "\\frac{1+\\sqrt5}{2},\\frac{1-\\sqrt5}{2}"), ("1,2", "\\{1,2\\}"),
            ("1,2,3", "3, 2, 1"), ("1 and 2", "1,2"), ("1\\text{ and }2", "2,1"), ("-2, 5", "x=5,x=-2"),
            ("\\{a,b\\}", "\\{b,a\\}"), ("\\emptyset", "\\{\\}"), ("\\varnothing", "\\emptyset"),
            ("(1,2),(3,4)", "(3,4),(1,2)"), ("\\{(1,2),(3,4)\\}", "(3,4),(1,2)"), ("(0,1)", "\\left(0,1\\right)"),
            ("(1,-2,3)", "(1, -2, 3)"), ("\\langle 1,2\\rangle", "(1,2)"), ("(\\sqrt4, 3)", "(2,3)"),
            ("(-\\infty,2)\\cup(3,\\infty)", "(3,\\infty)\\cup(-\\infty,2)"), ("[1,3]", "1\\le x\\le3"),
            ("(2,\\infty)", "x>2"), ("x\\in(1,2)", "(1,2)"), ("[2,5]\\cup[4,8]", "[2,8]"),
            ("\\mathbb{R}", "(-\\infty, \\infty)"), ("x\\ne 2", "(-\\infty,2)\\cup(2,\\infty)"),
            ("(-\\infty,0)\\cup(0,\\infty)", "\\mathbb{R}\\setminus\\{0\\}"), ("[0, \\frac12]", "[0,0.5]"),
            ("x<2\\text{ or }x>5", "(-\\infty,2)\\cup(5,\\infty)"), ("-3\\le x\\le 3", "|x|\\le3"),
            ("|x-2|<3", "(-1,5)"), ("(-1,1)", "x^2<1"), ("x^2-5x+6>0", "(-\\infty,2)\\cup(3,\\infty)"),
            ("\\{x\\mid 1<x<2\\}", "(1,2)"), ("[0,\\infty)", "\\{x \\mid x\\ge0\\}"),
            ("(-\\infty,-\\sqrt2)\\cup(\\sqrt2,\\infty)", "x^2>2"), ("x \\geq -2", "[-2,\\infty)"),
            ("(2,3]", "2<x\\leq 3"), ("x>\\sqrt2", "(\\sqrt{2},\\infty)"),
            ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{bmatrix}1\\\\2\\end{bmatrix}"),
            ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1.0&\\frac42\\\\3&2^2\\end{pmatrix}"),
            ("\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", "\\left[\\begin{array}{cc}1&0\\\\0&1\\end{array}\\right]"),
            ("\\begin{pmatrix}2\\\\4\\end{pmatrix}", "2\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
            ("\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{matrix}1&2\\end{matrix}"),
            ("\\begin{pmatrix} -1 \\\\ 3 \\end{pmatrix}", "\\begin{pmatrix}-1\\\\3\\end{pmatrix}"),
            ("y=2x+1", "2x-y+1=0"), ("y=2x+1", "y=1+2x"), ("x=3", "3=x"), ("3", "x=3"), ("f(x)=2x", "2x"),
            ("x^2+y^2=1", "y^2+x^2=1"), ("x+y=1", "1=x+y"), ("y-2=3(x-1)", "y=3x-1"),
            ("\\frac{x^2}{4}+\\frac{y^2}{9}=1", "9x^2+4y^2=36"), ("(x-1)^2+(y+2)^2=9", "x^2-2x+y^2+4y-4=0"),
            ("2x=4", "x=2"), ("a=b", "b=a"), ("x<5", "5>x"), ("x\\ge1", "1\\le x"), ("2x<4", "x<2"), ("-x<3", "x>-3"),
            ("1<x<2", "2>x>1"), ("x\\neq0", "0\\ne x"), ("a+b>c", "c<a+b"),
            ("x \\le -1 \\text{ or } x\\ge 1", "(-\\infty,-1]\\cup[1,\\infty)"), ("x>0", "0<x"), ("x+1>3", "x>2"),
            ("\\sum_{k=1}^{10}k", "55"), ("\\prod_{k=1}^4 k", "24"), ("\\sum_{i=0}^{3} i^2", "14"),
            ("\\lfloor -2.5\\rfloor", "-3"),
        ])
    func equal3(a: String, b: String) async {
        let (there, back) = (await MathChecking.boxed(a, b), await MathChecking.boxed(b, a))
        #expect(there.verdict == .correct, "\(there)")
        #expect(back.verdict == .correct, "\(back)")
    }

    @Test(
        "equal in both directions: sums, bases, words, expressions, unicode",
        arguments: [
            ("\\lceil 2.1\\rceil", "3"), ("\\gcd(12,18)", "6"), ("\\operatorname{lcm}(3,5)", "15"),
            ("\\min(3,7)", "3"), ("\\max\\{1,5,3\\}", "5"), ("100\\bmod 7", "2"), ("\\int_0^1 x^2\\,dx", "\\frac13"),
            ("\\sum_{k=0}^\\infty \\frac{1}{2^k}", "2"), ("\\frac{d}{dx}x^3", "3x^2"), ("x^2+C", "C+x^2"),
            ("\\int_0^2 (3x^2+1) dx", "10"), ("\\sum_{k=1}^{100}\\frac{1}{k(k+1)}", "\\frac{100}{101}"),
            ("\\sum_{n=1}^{5}(2n-1)", "25"), ("\\frac{n(n+1)(2n+1)}{6}", "\\sum_{k=1}^n k^2"),
            ("2^{n+1}-1", "\\sum_{k=0}^{n}2^k"), ("\\infty", "+\\infty"), ("-\\infty", "-\\infty"),
            ("101_2", "101_{2}"), ("2A_{16}", "2A_{16}"), ("12_{\\text{five}}", "12_5"), ("FF_{16}", "ff_{16}"),
            ("1011_2", "1011_{\\text{two}}"), ("\\text{yes}", "Yes"), ("\\text{True}", "\\text{true}"),
            ("\\text{Alice}", "Alice"), ("\\text{(B)}", "B"), ("\\text{odd}", "odd"),
            ("\\text{no solution}", "\\text{No solution}"), ("\\text{Monday}", "\\textbf{Monday}"),
            ("red", "\\text{red}"), ("(x+1)^2", "x^2+2x+1"), ("x(x+1)", "x^2+x"), ("\\frac{x^2-1}{x-1}", "x+1"),
            ("\\frac{1}{x}+\\frac1y", "\\frac{x+y}{xy}"), ("(a-b)(a+b)", "a^2-b^2"), ("2x+3y", "3y+2x"),
            ("x^{-2}", "\\frac{1}{x^2}"), ("\\alpha+\\beta", "\\beta+\\alpha"), ("n(n-1)", "n^2-n"),
            ("x_1x_2", "x_2x_1"), ("\\frac{-b+c}{a}", "-\\frac{b-c}{a}"), ("a^{m+n}", "a^m a^n"),
            ("\\frac{x}{2}", "0.5x"), ("x^3-1", "(x-1)(x^2+x+1)"),
            ("(x+y)^5", "x^5+5x^4y+10x^3y^2+10x^2y^3+5xy^4+y^5"), ("\\sqrt{x}", "x^{1/2}"), ("2^{2n}", "4^n"),
            ("\\frac{x^{2}}{x}", "x"), ("3(x-2)+1", "3x-5"), ("-(x-3)", "3-x"), ("1-x^2", "(1-x)(1+x)"),
            ("4x^2+4x+1", "(2x+1)^2"), ("x^{\\frac{3}{2}}", "x\\sqrt{x}"), ("x=1,y=2", "y=2,x=1"),
            ("(x,y)=(1,2)", "(1,2)"), ("(1,2)", "x=1,y=2"), ("a=3, b=4", "a=3\\text{ and }b=4"), ("½", "0.5"),
            ("2π", "2\\pi"), ("√2", "\\sqrt2"), ("x²", "x^2"), ("x≤3", "x\\le3"), ("∞", "\\infty"), ("3×4", "12"),
            ("5·2", "10"), ("−7", "-7"), ("x₁", "x_1"), ("½x", "\\frac{x}{2}"), ("2⁵", "32"), ("45°", "45"),
        ])
    func equal4(a: String, b: String) async {
        let (there, back) = (await MathChecking.boxed(a, b), await MathChecking.boxed(b, a))
        #expect(there.verdict == .correct, "\(there)")
        #expect(back.verdict == .correct, "\(back)")
    }

    @Test(
        "near, scaled, swapped or crafted answers are not equal, first part",
        arguments: [
            ("3", "4"), ("\\frac12", "\\frac13"), ("0.5", "0.05"), ("-3", "3"), ("\\frac{1}{3}", "0.33"),
            ("\\frac13", "0.333334"), ("1234", "1243"), ("1,000", "100"), ("\\sqrt2", "\\sqrt3"),
            ("\\sqrt2", "1.414"), ("\\pi", "\\frac{22}{7}"), ("e", "3"), ("25\\%", "0.025"), ("75\\%", "75.5\\%"),
            ("5\\text{ cm}", "5\\text{ mm}"), ("5\\text{ apples}", "6"), ("1,2", "1,3"), ("1,2", "(1,2)"),
            ("(1,2)", "(1,3)"), ("(1,2)", "[1,2]"), ("[1,2)", "(1,2]"), ("[1,3]", "[1,4]"), ("x>2", "x<2"),
            ("x>2", "x\\ge 2"), ("x\\le 3", "x<3"), ("y=2x", "y=2x+1"), ("x=2", "x=-2"), ("x+1", "x-1"),
            ("x^2", "x^3"), ("2x", "x^2"), ("\\sin x", "\\cos x"), ("\\ln 3", "\\log 3"), ("5i", "5"),
            ("2+3i", "2-3i"), ("3+4i", "5"), ("\\frac{1}{2}", "2"), ("2:3", "3:2"), ("2:3", "2:4"),
            ("101_2", "101_3"), ("\\text{even}", "odd"), ("\\text{red}", "blue"), ("A", "B"), ("\\infty", "10^{100}"),
            ("\\infty", "0"), ("120", "5"), ("2^{10}", "2^{11}"), ("10!", "9!"), ("\\binom{5}{2}", "\\binom{5}{1}"),
            ("\\{1,2\\}", "\\{1,2,3\\}"), ("\\emptyset", "0"), ("\\emptyset", "\\{0\\}"),
            ("\\mathbb{R}", "[0,\\infty)"),
            ("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{pmatrix}2\\\\1\\end{pmatrix}"),
            ("\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"), ("12:00", "0:12"),
            ("90^\\circ", "45^\\circ"), ("x^2+1", "x^2+1.0001"), ("x", "2305843009213693952x"),
            ("5", "2305843009213693956"), ("(x+1)^{50}", "(x+1)^{50}+10^{-30}"), ("x", "x+10^{-60}"),
            ("0", "10^{-300}"),
        ])
    func different1(a: String, b: String) async {
        let (there, back) = (await MathChecking.boxed(a, b), await MathChecking.boxed(b, a))
        #expect(there.score == 0, "\(there)")
        #expect(back.score == 0, "\(back)")
    }

    @Test(
        "near, scaled, swapped or crafted answers are not equal, second part",
        arguments: [
            ("0", "\\frac{1}{10^{400}}"), ("0", "e^{-10^{10}}"), ("1", "1-10^{-50}"), ("0", "\\sin(\\pi+10^{-40})"),
            ("262537412640768744", "e^{\\pi\\sqrt{163}}"), ("20", "e^\\pi-\\pi"), ("1", "0.999999999"),
            ("0", "0\\cdot\\ln 0"), ("0", "0\\cdot\\tan\\frac{\\pi}{2}"), ("1", "\\frac{x}{x}+\\frac{0}{0}"),
            ("0", "\\tan\\frac{\\pi}{2}-\\tan\\frac{\\pi}{2}"), ("1", "0^0"), ("0", "\\lfloor n/1000\\rfloor"),
            ("n", "\\sqrt{n^2}"), ("x", "|x|"), ("7", "5+3"), ("7", "x=7=8"), ("7", "7=8"), ("7", "7 or 8"),
            ("7", "7,8"), ("7", "7\\text{ or }8"), ("7", "7\\text{ is wrong}"), ("7", "\\text{not }7"), ("7", "7?8"),
            ("7", "7\\pm1"), ("7", "(7,7)"), ("7", "[6,8]"), ("7", "x<8"), ("12", "1 2"), ("7", "7\\text{ million}"),
            ("7", "0.7"), ("42", "4.2e1e0"), ("10^{10}", "10^{11}"), ("2^{3^2}", "2^6"), ("-2^2", "4"),
            ("(-2)^2", "-4"), ("1/2/3", "3/2"), ("a/b", "b/a"), ("a-b", "b-a"), ("a^b", "b^a"),
            ("\\frac{x+1}{x+2}", "\\frac12"), ("x\\cdot y", "x+y"), ("AB", "CD"), ("P", "p"), ("f(x)=x^2", "f(x)=x"),
            ("x=1", "y=2"), ("100", "\\sum_{k=1}^{10^9}1"), ("1", "\\prod_{k=1}^{10^8}(1+\\frac{1}{k^2})"),
            ("3", "10^{10^{10^{10^{10}}}}"), ("2", "\\sin(10^{10^{10}})"), ("0", "\\sin(10^{100})"),
            ("1", "(10^{10^5})!"), ("6", "(((3!)!)!)!"), ("2", "\\binom{10^9}{10^8}"),
            ("1", "\\log(10^{10^{10^{10}}})"), ("4", "2^{2^{2^{2^{2^{2}}}}}"),
            ("5", "\\sqrt{2}^{\\sqrt{2}^{\\sqrt2}}"), ("1", "\\lfloor 10^{10^{9}}/7\\rfloor"), ("1", "\\tanh(1000)"),
            ("1", "\\frac{(10^6)!}{(10^6)!+1}"), ("0", "2^{-10^{6}}"),
        ])
    func different2(a: String, b: String) async {
        let (there, back) = (await MathChecking.boxed(a, b), await MathChecking.boxed(b, a))
        #expect(there.score == 0, "\(there)")
        #expect(back.score == 0, "\(back)")
    }
}
