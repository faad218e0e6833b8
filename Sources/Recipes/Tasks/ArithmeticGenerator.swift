import OrderedJSON
import Randomness

/// Arithmetic problems with exact integer answers.
///
/// Columns: `expression`.
public struct ArithmeticGenerator: TaskGenerator {
    private let settings: Recipe.Arithmetic
    private let seed: Int
    private let operators: [ArithmeticOperator]
    private let form: ArithmeticForm?
    private let template: PromptTemplate
    private let fallback: ArithmeticExpression

    /// A generator.
    ///
    /// - Throws: `RecipeError` when the settings (nearly) never give a problem, such as division of numbers of one digit
    ///   by numbers of three.
    public init(_ settings: Recipe.Arithmetic) throws(RecipeError) {
        self.settings = settings
        seed = settings.seed ?? 0
        operators = settings.operators.compactMap { ArithmeticOperator(symbol: $0) }
        guard !operators.isEmpty else { throw RecipeError(.data, "arithmetic: no operators; give some of + - * /") }
        do throws(ArithmeticForm.Fault) {
            if let text = settings.form {
                form = try ArithmeticForm.parse(text, operators: operators)
            } else {
                form = nil
            }
        } catch { throw RecipeError(.data, "arithmetic: form: \(error.message)") }
        do { template = try PromptTemplate(settings.template) } catch {
            throw RecipeError(.data, "arithmetic: template: \(error.message)")
        }
        var found: ArithmeticExpression?
        for index in 0..<16 {
            found = Self.expression(settings, form, operators, seed: seed, index: index, draw: 0)
            if found == nil { break }
        }
        guard let found else {
            let asked = settings.form.map { "the form \($0)" } ?? "these operands, digits and operators"
            let sign = settings.negative ? "" : " that is not negative"
            throw RecipeError(
                .data,
                "arithmetic: \(asked) (nearly) never give an exact answer\(sign); allow other digits, "
                    + "operators or negative answers")
        }
        fallback = found
    }

    /// A problem.
    public func problem(index: Int, draw: Int) -> Problem {
        let expression =
            Self.expression(settings, form, operators, seed: seed, index: index, draw: draw) ?? fallback
        let prompt = template.filled { _ in expression.text }
        return Problem(
            prompt: prompt, answer: String(expression.value), solution: solution(expression, index: index),
            columns: ["expression": .string(expression.text)],
            key: expression.key)
    }

    /// What sft learns: the working between `<think>` and `</think>`, or nothing there, and then the answer.
    private func solution(_ expression: ArithmeticExpression, index: Int) -> String {
        let address = RandomAddress(
            seed: UInt64(bitPattern: Int64(seed)), purpose: .taskGeneration, step: 1, prompt: index)
        let working = address.uniform(at: 0) < settings.working ? expression.steps.joined(separator: "\n") : ""
        return "<think>\n\(working)\n</think>\n\n\(expression.value)"
    }

    private static func expression(
        _ settings: Recipe.Arithmetic, _ form: ArithmeticForm?, _ operators: [ArithmeticOperator], seed: Int,
        index: Int,
        draw: Int
    ) -> ArithmeticExpression? {
        var random = TaskRandom(seed: seed, index: index, draw: draw)
        for _ in 0..<100 {
            let form = form ?? randomForm(settings, operators, &random)
            // The form keeps its operators for some tries, so that hard ones are not rarer than easy ones.
            for _ in 0..<32 {
                if let expression = ArithmeticExpression.draw(form, random: &random),
                    settings.negative || expression.value >= 0
                {
                    return expression
                }
            }
        }
        return nil
    }

    private static func randomForm(
        _ settings: Recipe.Arithmetic, _ operators: [ArithmeticOperator], _ random: inout TaskRandom
    ) -> ArithmeticForm {
        let count = max(2, random.integer(in: settings.operands))
        var forms = [ArithmeticForm](repeating: .number(digits: settings.digits), count: count)
        var chosen: [ArithmeticOperator] = []
        for _ in 1..<count { chosen.append(random.element(of: operators)) }
        // Either any two neighbours are joined next, or those whose operator binds tightest, from the left.
        while forms.count > 1 {
            let index =
                settings.parentheses
                ? random.integer(in: 0...(chosen.count - 1))
                : chosen.firstIndex { $0.kind.precedence == 2 } ?? 0
            let symbol = chosen.remove(at: index)
            let right = forms.remove(at: index + 1)
            forms[index] = .binary([symbol], forms[index], right)
        }
        return forms[0]
    }
}
