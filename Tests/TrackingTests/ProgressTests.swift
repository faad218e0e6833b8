import Testing

@testable import Tracking

@Suite("Progress line")
struct ProgressTests {
    static let state = ProgressState(
        step: 25, total: 100, reward: 0.5, accuracy: 0.625, tokensPerSecond: 12_345, remainingSeconds: 3723)

    @Test(
        "what has no room is left out from the end, the bar first",
        arguments: [
            (120, "[#####---------------]  step 25/100  reward 0.500  accuracy 62.5%  12.3k tok/s  ETA 1:02:03"),
            (91, "[#####---------------]  step 25/100  reward 0.500  accuracy 62.5%  12.3k tok/s  ETA 1:02:03"),
            (67, "step 25/100  reward 0.500  accuracy 62.5%  12.3k tok/s  ETA 1:02:03"),
            (66, "step 25/100  reward 0.500  accuracy 62.5%  12.3k tok/s"), (12, "step 25/100"), (5, "step "), (0, ""),
        ])
    func width(width: Int, expected: String) {
        #expect(ProgressFormat.line(Self.state, width: width) == expected)
    }

    @Test("every line fits its width, whatever the numbers")
    func fits() {
        for width in 0...140 {
            for value in [0, -1e300, .nan, .infinity, 1e12, 0.1] as [Double] {
                let state = ProgressState(
                    step: -3, total: 0, reward: value, accuracy: value, tokensPerSecond: value, remainingSeconds: value)
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
}
