import MathAlgebra
import OrderedJSON
import Testing
import WorkerProcesses

@testable import Rewards

@Suite("Math worker processes")
struct MathWorkersTests {
    private static func workers(_ script: String) -> MathWorkers {
        MathWorkers(WorkerCommand("/bin/sh", ["-c", script]), size: 1)
    }

    /// A question that needs algebra.
    private static func verdict(_ script: String, time: Duration = .milliseconds(300)) async -> MathVerdict {
        let workers = workers(script)
        let verdict = await MathVerifier(algebra: workers, timeLimit: time).verify(
            gold: "\\sqrt{8}", prediction: "\\boxed{2\\sqrt2}")
        await workers.stop()
        return verdict
    }

    @Test("a worker's word decides what arithmetic does not")
    func replies() async {
        #expect(await Self.verdict("read line; echo '{\"reply\":\"equal\"}'; sleep 9").verdict == .correct)
        #expect(await Self.verdict("read line; echo '{\"reply\":\"different\"}'; sleep 9").verdict == .wrong)
    }

    @Test(
        "a worker that hangs, dies, or talks nonsense is a timeout: never right, never wrong",
        arguments: ["sleep 60", "exit 1", "kill -9 $$", "read line; echo nonsense; sleep 9", "exec /nowhere"])
    func failures(script: String) async {
        #expect(await Self.verdict(script, time: .milliseconds(50)).verdict == .timeout)
    }

    @Test("a killed worker is started again for the next question")
    func restart() async {
        let workers = Self.workers(
            "read line; case $line in *first*) sleep 60;; *) echo '{\"reply\":\"equal\"}'; sleep 9;; esac")
        let first = MathQuestion(gold: "first", prediction: "", configuration: MathConfiguration())
        let second = MathQuestion(gold: "second", prediction: "", configuration: MathConfiguration())
        #expect(await workers.reply(to: first, within: .milliseconds(50)) == .timeout)
        #expect(await workers.reply(to: second, within: .seconds(2)) == .equal)
        await workers.stop()
    }

    @Test("a command that can't be started, or no service at all, is said so")
    func unavailable() async {
        let workers = MathWorkers(WorkerCommand("/nonexistent/program"))
        let verdict = await MathVerifier(algebra: workers).verify(gold: "\\sqrt{8}", prediction: "\\boxed{2\\sqrt2}")
        #expect(verdict.verdict == .timeout)
        #expect(verdict.reason.contains("/nonexistent/program"))
        let alone = await MathVerifier().verify(gold: "\\sqrt{8}", prediction: "\\boxed{2\\sqrt2}")
        #expect(alone.verdict == .timeout)
        #expect(alone.reason.contains("no algebra service"))
    }

    @Test("a question survives its line, and a worker answers lines of any kind")
    func lines() throws {
        let question = MathQuestion(
            gold: "\\sqrt{8}", prediction: "2\\sqrt2",
            configuration: MathConfiguration(goldForm: .text, allowSetRelation: false, roundingPlaces: 4))
        #expect(MathQuestion(json: try JSONValue(parsing: question.json.text())) == question)
        #expect(AlgebraWorker.answer(to: question.json.text()) == #"{"reply":"equal"}"#)
        for line in ["", "{}", "[1]", "nonsense", #"{"gold":1}"#] {
            #expect(AlgebraWorker.answer(to: line) == #"{"reply":"unreadable"}"#)
        }
        let tower = MathQuestion(gold: "3", prediction: "9^{9^{9^9}}\\pi", configuration: MathConfiguration())
        #expect(AlgebraWorker.answer(to: tower.json.text()) != #"{"reply":"equal"}"#)
    }
}
