import OrderedJSON
import Testing

@testable import Tracking

@Suite("Progress line")
struct ProgressTests {
    static let state = ProgressState(
        step: 25, total: 100, reward: 0.5, passRate: 0.5, accuracy: 0.625, tokensPerSecond: 12_345,
        remainingSeconds: 3723, phases: "decode 60% backward 40%")

    @Test(
        "what has no room is left out from the end, the bar first",
        arguments: [
            (
                137,
                "[#####---------------]  step 25/100  reward 0.500  pass 50.0%  held-out 62.5%  12.3k tok/s  ETA 1:02:03"
                    + "  decode 60% backward 40%"
            ),
            (
                128,
                "[#####---------------]  step 25/100  reward 0.500  pass 50.0%  held-out 62.5%  12.3k tok/s  ETA 1:02:03"
                    + "  decode 60% backward 40%"
            ),
            (
                127,
                "step 25/100  reward 0.500  pass 50.0%  held-out 62.5%  12.3k tok/s  ETA 1:02:03  decode 60% backward 40%"
            ),
            (
                104,
                "step 25/100  reward 0.500  pass 50.0%  held-out 62.5%  12.3k tok/s  ETA 1:02:03  decode 60% backward 40%"
            ),
            (103, "step 25/100  reward 0.500  pass 50.0%  held-out 62.5%  12.3k tok/s  ETA 1:02:03"),
            (78, "step 25/100  reward 0.500  pass 50.0%  held-out 62.5%  12.3k tok/s"), (12, "step 25/100"),
            (5, "step "), (0, ""),
        ])
    func width(width: Int, expected: String) {
        #expect(ProgressFormat.line(Self.state, width: width) == expected)
    }

    @Test("every line fits its width, whatever the numbers")
    func fits() {
        for width in 0...140 {
            for value in [0, -1e300, .nan, .infinity, 1e12, 0.1] as [Double] {
                let state = ProgressState(
                    step: -3, total: 0, reward: value, passRate: value, accuracy: value, tokensPerSecond: value,
                    remainingSeconds: value)
                #expect(ProgressFormat.line(state, width: width).count <= width)
            }
        }
    }

    @Test(
        "durations read as clocks",
        arguments: [
            (0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (90_000, "1d 1h"), (-1, "?"), (.nan, "?"),
            (1e300, "?"),
        ] as [(Double, String)])
    func durations(seconds: Double, expected: String) {
        #expect(ProgressFormat.duration(seconds) == expected)
    }

    @Test("the ETA is smoothed and ends at zero")
    func eta() throws {
        var time = RemainingTime()
        let steps: [(Double, Int)] = [(.nan, 0), (10, 1), (20, 2), (10, 4)]
        let estimates = steps.map { time.update(stepSeconds: $0.0, step: $0.1, total: 4) }
        #expect(estimates[0] == nil)
        #expect(estimates[1] == 30)
        #expect(abs(try #require(estimates[2]) - 24) < 1e-9)
        #expect(estimates[3] == 0)
    }

    @Test("a terminal line is redrawn in place; elsewhere a line comes every N steps and at the end")
    func targets() {
        var output: [String] = []
        let live = ProgressLine(target: .terminal(columns: 12)) { output.append($0) }
        live.show(ProgressState(step: 1, total: 7))
        live.message("saved")
        live.show(ProgressState(step: 2, total: 7))
        live.finish()
        live.finish()
        #expect(output == ["\r\u{1B}[2Kstep 1/7", "\r\u{1B}[2Ksaved\n", "\r\u{1B}[2Kstep 2/7", "\n"])
        output = []
        let plain = ProgressLine(target: .plain(every: 3)) { output.append($0) }
        for step in 1...7 { plain.show(ProgressState(step: step, total: 7)) }
        plain.finish()
        #expect(output.count == 3)
        #expect(output.allSatisfy { $0.hasSuffix("\n") && !$0.contains("\r") && !$0.contains("\u{1B}") })
    }

    @Test("a phase that is told in parts counts by them and by what they leave; idle time and evaluation don't count")
    func phases() {
        let metrics: JSONObject = [
            "time/generate": 4, "time/prefill": 1, "time/decode": 2.5, "time/reward": 0, "time/update": 6,
            "time/forward": 2, "time/backward": 4, "time/idle": 3, "time/evaluate": 9, "step_time": 10,
        ]
        let phases = PhaseTimes(metrics)
        #expect(phases.phases.map(\.name) == ["backward", "decode", "forward", "prefill", "generate"])
        #expect(phases.phases.map(\.seconds) == [4, 2.5, 2, 1, 0.5])
        #expect(phases.summary() == "backward 40% decode 25% forward 20%")
        #expect(
            PhaseTimes(["time_decode": 3, "time_rewards": 1, "time/decode": 9]).summary() == "decode 75% rewards 25%")
        #expect(PhaseTimes(["time/generate": .double(.nan), "reward": 1]).summary() == nil)
    }
}
