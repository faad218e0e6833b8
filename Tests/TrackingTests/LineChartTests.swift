import Foundation
import Testing

@testable import Tracking

@Suite("Line chart")
struct LineChartTests {
    static let chart = LineChart(
        title: "Reward & accuracy <tiny>", xLabel: "step", yLabel: "mean reward",
        series: [
            .init(
                "reward",
                (0...100).map { step in
                    let y = 1 - exp(-Double(step) / 30)
                    return .init(Double(step), y, interval: (y - 0.08)...(y + 0.08))
                }),
            .init(
                "held-out accuracy", stride(from: 0, through: 100, by: 10).map { .init(Double($0), Double($0) / 125) }),
        ])

    @Test("the picture is well-formed, self-contained XML with one line and one band a series that has intervals")
    func structure() throws {
        let svg = Self.chart.svg()
        #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"400\""))
        #expect(svg.hasSuffix("</svg>\n"))
        #expect(svg.components(separatedBy: "stroke-width=\"2\"").count - 1 == 2)
        #expect(svg.components(separatedBy: "fill-opacity").count - 1 == 1)
        #expect(svg.components(separatedBy: "<circle").count - 1 == 11)
        #expect(svg.contains(">Reward &amp; accuracy &lt;tiny&gt;</text>"))
        #expect(svg.contains(">held-out accuracy</text>") && svg.contains(">mean reward</text>"))
        #expect(!svg.contains("href") && !svg.contains("<script") && !svg.contains("nan") && !svg.contains("inf"))
        #expect(svg == Self.chart.svg())
    }

    @Test("runs that differ in their seed make one line: their mean, with Student's interval over the runs")
    func seeds() throws {
        let series = LineChart.Series(
            "grpo",
            meanOf: [
                [.init(0, 1), .init(10, 4), .init(20, 9)], [.init(0, 1), .init(10, 5)], [.init(10, 9), .init(0, 1)],
            ])
        #expect(series.points.map(\.x) == [0, 10] && series.points.map(\.y) == [1, 6])
        #expect(series.points[0].interval == 1...1)
        // s = √7, n = 3, t = 4.303.
        let interval = try #require(series.points[1].interval)
        #expect(abs(interval.upperBound - (6 + 4.303 * (7.0 / 3).squareRoot())) < 1e-12)
        #expect(abs(interval.lowerBound + interval.upperBound - 12) < 1e-12)
        #expect(LineChart.Series("one", meanOf: [[.init(1, 2)]]).points == [.init(1, 2)])
        #expect(LineChart.Series("none", meanOf: []).points.isEmpty)
        #expect(LineChart.Series.quantile(100) == 1.96)
    }

    @Test("a value that is not finite makes a gap")
    func gap() {
        let points: [LineChart.Point] = [
            .init(0, 1), .init(1, 2), .init(2, .nan), .init(3, 4), .init(4, .infinity), .init(5, 1),
        ]
        let svg = LineChart(title: "", xLabel: "", yLabel: "", series: [.init("a", points)]).svg()
        #expect(svg.components(separatedBy: "stroke-width=\"2\"").count - 1 == 3)
        #expect(!svg.lowercased().contains("nan") && !svg.contains("inf"))
    }

    @Test("nothing, one point, constants and extremes are drawn without a fault")
    func degenerate() {
        for ys: [Double] in [
            [], [3], [0, 0, 0], [7, 7], [1e308, -1e308], [5e-324, 0], [1e-9, 2e-9], [.nan], [1e15, 1e15 + 1],
        ] {
            let points = ys.enumerated().map { LineChart.Point(Double($0), $1) }
            let svg = LineChart(title: "\u{1}t", xLabel: "x", yLabel: "y", series: [.init("a", points)]).svg()
            #expect(svg.hasSuffix("</svg>\n") && !svg.contains("nan"))
        }
    }

    @Test(
        "ticks are 1, 2 or 5 times a power of ten and cover the values",
        arguments: [
            ([0, 1], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]), ([0, 97], ["0", "20", "40", "60", "80", "100"]),
            ([-0.3, 0.2], ["-0.3", "-0.2", "-0.1", "0", "0.1", "0.2"]),
            ([0, 50_000], ["0", "10k", "20k", "30k", "40k", "50k"]),
        ] as [([Double], [String])])
    func ticks(values: [Double], expected: [String]) {
        let axis = ChartAxis(values: values, ticks: 5, widens: true)
        #expect(axis.ticks.map(\.label).map { $0 == "0.0" ? "0" : $0 } == expected.map { $0 == "0.0" ? "0" : $0 })
    }
}
