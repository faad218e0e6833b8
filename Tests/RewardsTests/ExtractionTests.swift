import Testing

@testable import Rewards

@Suite("Answer extraction")
struct ExtractionTests {
    @Test(
        "the last answer is found, and by which rule",
        arguments: [
            ("\\boxed{42}", "42", .boxed), ("a \\boxed{1} so \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}", .boxed),
            ("$\\boxed 5$", "5", .boxed), ("\\fbox{7}", "7", .boxed), ("\\boxed{\\boxed{7}}", "\\boxed{7}", .boxed),
            ("\\boxed{\\{1\\}}", "\\{1\\}", .boxed), ("{\\boxed{3}", "3", .boxed), ("\\boxed{5}}}}", "5", .boxed),
            ("<think>\\boxed{1}</think> It is \\boxed{2}", "2", .boxed), ("<think>\\boxed{1}</think>\n", "1", .boxed),
            ("The answer is 42.", "42", .phrase), ("The final answer is: $\\frac{1}{2}$.", "\\frac{1}{2}", .phrase),
            ("**Answer:** 42", "42", .phrase), ("ANSWER: 1,234", "1,234", .phrase), ("work\n#### 18", "18", .phrase),
            ("The answer is 1. No, the answer is 2.", "2", .phrase),
            ("The answer is 42, because 41 is too small.", "42", .phrase),
            ("Answer: The largest n is 34.", "34", .phrase), ("Answer:\n\n42", "42", .phrase),
            ("The answer is $5.00 per day", "$5.00", .phrase),
            ("The answer is 1.5.", "1.5", .phrase), ("Answer: \\(x = 5\\)", "x = 5", .phrase),
            ("the answer is -7", "-7", .phrase),
            ("<answer>41</answer> <answer> 42 </answer>", "42", .answerTag),
            ("<think>6*7</think><answer>42</answer>", "42", .answerTag),
            ("so we get $x = 7$.", "x = 7", .lastFormula), ("\\[ 9 \\]", "\\[ 9 \\]", .whole),
            ("Therefore $x \\ge 5$ is the solution.", "x \\ge 5", .lastFormula),
            ("$1$ and $2$", "$1$ and $2$", .whole), ("It is $1$ or $2$.", "1, 2", .lastFormula),
            ("\\boxed{1}. Final answer: 2.", "2", .phrase), ("\\boxed{1}. The answer is 2.", "1", .boxed),
            ("\\boxed{28}$ percent", "28\\%", .boxed), ("\\\\boxed{840}", "840", .boxed),
            ("16 - 7 = 9 eggs, 9 * 2 = 18", "18", .lastNumber), ("It costs 42 dollars.", "42", .lastNumber),
            ("-5", "-5", .whole),
            ("in total 1,234!", "", .lastNumber), ("so x = 5", "5", .lastNumber), ("4 4/9", "4 4/9", .whole),
        ] as [(String, String, ExtractionRule)])
    func found(completion: String, text: String, rule: ExtractionRule) {
        switch AnswerExtraction.extract(from: completion) {
        case .found(let answer): #expect((answer.text, answer.rule) == (text, rule))
        case .none(let reason): #expect(text.isEmpty, "\(reason)")
        }
    }

    @Test(
        "joined boxes are one list, which is never a number; boxes apart are not joined",
        arguments: [
            ("\\boxed{1}, \\boxed{2}", true), ("$\\boxed{1}$ and $\\boxed{2}$", true),
            ("\\boxed{1} or\n\\boxed{2}", true),
            ("\\boxed{1} \\text{ or } \\boxed{2}", true), ("\\boxed{1}, then \\boxed{2}", false),
            ("\\boxed{1}\n\n\\boxed{2}", false),
        ])
    func lists(completion: String, isList: Bool) async throws {
        guard case .found(let answer) = AnswerExtraction.extract(from: completion) else {
            Issue.record("nothing found")
            return
        }
        #expect(answer.isList == isList)
        #expect(answer.rule == (isList ? .boxedList : .boxed))
        #expect(answer.text == (isList ? "1, 2" : "2"))
        #expect(await MathVerifier().verify(gold: "2", prediction: completion).verdict == (isList ? .wrong : .correct))
        #expect(await MathVerifier().verify(gold: "12", prediction: completion).score == 0)
    }

    @Test(
        "no answer is guessed: of several candidates, of a formula, of a thought that broke off",
        arguments: [
            "", "I don't know.", "The answer could be 41 or 42", "between 41 and 42", "41, 42", "x + 42", "x^{42}",
            "x_42", "[41, 42]",
            "\\sqrt{42}", "42x", "42 million", "more than 42", "x \\ge 42", "41 42", "1+41+42", "x^2 - 5x = 42",
            "$x^2-x=42$", "3:42",
            "<think>maybe 42", "<think>it is 42</think>", "<think>a</think><think>42", "The answer is not 42",
            "The answer is 42 or 43",
            "The answer is either 42 or 43.", "The answer is 42 million", "The answer is 42x", "The answer is 42+1",
            "The answer is less than 42",
            "The answer is: I can't say that it is 42.", "Answer: 41, 42", "#### 42 or 43",
            "The answer is $42$ or $43$", "\\boxed{42",
            "\\boxed{41} \\boxed{42", "\\boxed{42 or 43}", "\\boxed{\\text{not } 42}", "\\boxed{42}, \\boxed{42}",
            "\\boxed{}42", "\\boxed{42!}",
            "<answer>42", "<answer>42</answer><answer>4", "<answer>41 or 42</answer>",
            "Is 42 the answer? The answer is 41.", "#### 42\n#### 41", "\\boxed{42} no, \\boxed{41}",
            "1/42", "42/1/2", "4 42/0", "0.42", ".42", "4.2", "4,2", "-42", "−42", "42e1", "42\\cdot 2",
            "$42+1$", "7 - 42", "42?", "2(42)", "f(42)",
        ])
    func refused(completion: String) async {
        let verdict = await MathChecking.verifier.verify(gold: "42", prediction: completion)
        #expect(verdict.score == 0, "\(verdict)")
    }

    @Test("a megabyte of anything is read in linear time", .timeLimit(.minutes(1)))
    func linear() async {
        for piece in [
            "\\boxed{", "{", "}", "\\boxed{1}", "\\boxed{1},", "answer is ", "answer: (", "#### ", "<answer>",
            "</answer>", "<think>", "</think>",
            "1 ", "1", "1,", "\\frac{", "$", "\\(", "\\", "-", "1+", "= ", "a=1 ", "\\text{", "x = ", "½", " ", "\n",
        ] {
            let count = (1 << 20) / piece.utf8.count + 10
            let text = String(repeating: piece, count: count)
            let start = ContinuousClock.now
            _ = await MathVerifier().verify(gold: "7", prediction: text)
            #expect(ContinuousClock.now - start < .seconds(5), "\(piece)")
            #expect(await MathVerifier().verify(gold: "7", prediction: text + "\n\\boxed{7}").verdict != .timeout)
        }
    }
}
