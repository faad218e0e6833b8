import Foundation

/// A line chart as a self-contained SVG file: no script, no font file, the same bytes for the same input.
public struct LineChart: Sendable {
    /// A point, with an interval if there is one.
    public struct Point: Hashable, Sendable {
        /// Where.
        public var x: Double
        /// The value; one that is not finite makes a gap.
        public var y: Double
        /// The interval around the value, drawn as a band.
        public var interval: ClosedRange<Double>?

        /// A point.
        public init(_ x: Double, _ y: Double, interval: ClosedRange<Double>? = nil) {
            self.x = x
            self.y = y
            self.interval = interval
        }
    }

    /// A line.
    public struct Series: Hashable, Sendable {
        /// Its name in the legend.
        public var label: String
        /// Its points, from left to right.
        public var points: [Point]

        /// A line.
        public init(_ label: String, _ points: [Point]) {
            self.label = label
            self.points = points
        }
    }

    /// The title above.
    public var title: String
    /// What the horizontal axis shows, with its unit.
    public var xLabel: String
    /// What the vertical axis shows, with its unit.
    public var yLabel: String
    /// The lines; the first eight have colours of their own.
    public var series: [Series]
    /// Width of the picture in pixels.
    public var width: Int
    /// Height of the picture in pixels.
    public var height: Int

    /// A chart; 720 × 400 fits a page's column.
    public init(
        title: String, xLabel: String, yLabel: String, series: [Series], width: Int = 720, height: Int = 400
    ) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
        self.width = max(240, min(10_000, width))
        self.height = max(160, min(10_000, height))
    }

    /// Okabe and Ito's colours: told apart by colour-blind readers too.
    static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#444444"]

    /// The SVG text.
    public func svg() -> String {
        ChartDrawing(self).text()
    }
}

/// The chart laid out on its canvas.
private struct ChartDrawing {
    let chart: LineChart
    let xAxis: ChartAxis
    let yAxis: ChartAxis
    let left = 64.0
    let top: Double
    let right: Double
    let bottom: Double

    init(_ chart: LineChart) {
        self.chart = chart
        let points = chart.series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        let xs = points.map(\.x)
        xAxis = ChartAxis(
            values: xs, ticks: max(2, chart.width / 90), widens: false,
            wholeSteps: xs.allSatisfy { $0 == $0.rounded() } && (xs.max() ?? 0) - (xs.min() ?? 0) >= 1)
        let ys = points.flatMap { [$0.y, $0.interval?.lowerBound ?? $0.y, $0.interval?.upperBound ?? $0.y] }
        yAxis = ChartAxis(values: ys, ticks: max(2, chart.height / 50), widens: true)
        top = chart.series.count > 1 ? 74 : 52
        right = Double(chart.width) - 24
        bottom = Double(chart.height) - 52
    }

    func text() -> String {
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(chart.width)\" height=\"\(chart.height)\" "
                + "viewBox=\"0 0 \(chart.width) \(chart.height)\" role=\"img\" "
                + "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">",
            "<title>\(Self.escaped(chart.title))</title>",
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            label(chart.title, x: left, y: 28, size: 16, anchor: "start", fill: "#1a1a1a", weight: "600"),
        ]
        lines += axes()
        for (index, series) in chart.series.enumerated() { lines += drawing(series, color: color(index)) }
        if chart.series.count > 1 { lines += legend() }
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private func color(_ index: Int) -> String { LineChart.colors[index % LineChart.colors.count] }

    private func axes() -> [String] {
        var lines: [String] = []
        for (value, text) in yAxis.ticks {
            let y = number(place(y: value))
            lines.append("<path d=\"M\(number(left)) \(y)H\(number(right))\" stroke=\"#e6e6e6\" stroke-width=\"1\"/>")
            lines.append(label(text, x: left - 8, y: place(y: value) + 4, size: 12, anchor: "end"))
        }
        for (value, text) in xAxis.ticks {
            let x = number(place(x: value))
            lines.append("<path d=\"M\(x) \(number(bottom))v5\" stroke=\"#888888\" stroke-width=\"1\"/>")
            lines.append(label(text, x: place(x: value), y: bottom + 19, size: 12, anchor: "middle"))
        }
        lines.append(
            "<path d=\"M\(number(left)) \(number(bottom))H\(number(right))\" stroke=\"#888888\" stroke-width=\"1\"/>")
        lines.append(label(chart.xLabel, x: (left + right) / 2, y: bottom + 40, size: 13, anchor: "middle"))
        let middle = (top + bottom) / 2
        lines.append(
            "<text transform=\"translate(16 \(number(middle))) rotate(-90)\" font-size=\"13\" text-anchor=\"middle\" "
                + "fill=\"#555555\">\(Self.escaped(chart.yLabel))</text>")
        return lines
    }

    private func drawing(_ series: LineChart.Series, color: String) -> [String] {
        var lines: [String] = []
        for run in runs(series.points) {
            let banded = run.filter { $0.interval != nil }
            if banded.count > 1 {
                let upper = banded.map { coordinates($0.x, $0.interval?.upperBound ?? $0.y) }
                let lower = banded.reversed().map { coordinates($0.x, $0.interval?.lowerBound ?? $0.y) }
                let path = (upper + lower).joined(separator: "L")
                lines.append("<path d=\"M\(path)Z\" fill=\"\(color)\" fill-opacity=\"0.15\" stroke=\"none\"/>")
            }
            let path = run.map { coordinates($0.x, $0.y) }.joined(separator: "L")
            lines.append(
                "<path d=\"M\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\" stroke-linejoin=\"round\" "
                    + "stroke-linecap=\"round\"/>")
            guard run.count <= 30 else { continue }
            for point in run {
                let (x, y) = (number(place(x: point.x)), number(place(y: point.y)))
                lines.append("<circle cx=\"\(x)\" cy=\"\(y)\" r=\"3\" fill=\"\(color)\"/>")
            }
        }
        return lines
    }

    /// The points without gaps: a point that is not finite ends a run.
    private func runs(_ points: [LineChart.Point]) -> [[LineChart.Point]] {
        points.split { !$0.x.isFinite || !$0.y.isFinite }.map { run in
            run.map { point in
                let isDrawable = point.interval.map { $0.lowerBound.isFinite && $0.upperBound.isFinite } ?? false
                return isDrawable ? point : LineChart.Point(point.x, point.y)
            }
        }
    }

    /// A row of colour and name above the plot, as many as fit.
    private func legend() -> [String] {
        var lines: [String] = []
        var x = left
        for (index, series) in chart.series.enumerated() {
            let space = 26 + Double(series.label.count) * 7.2 + 18
            guard x + space <= right + 18 else { break }
            lines.append(
                "<path d=\"M\(number(x)) 50h18\" stroke=\"\(color(index))\" stroke-width=\"3\" stroke-linecap=\"round\"/>"
            )
            lines.append(label(series.label, x: x + 26, y: 54, size: 12, anchor: "start", fill: "#333333"))
            x += space
        }
        return lines
    }

    private func label(
        _ text: String, x: Double, y: Double, size: Int, anchor: String, fill: String = "#555555",
        weight: String = "400"
    ) -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" font-weight=\"\(weight)\" "
            + "text-anchor=\"\(anchor)\" fill=\"\(fill)\">\(Self.escaped(text))</text>"
    }

    private func place(x: Double) -> Double { left + xAxis.share(x) * (right - left) }
    private func place(y: Double) -> Double { bottom - yAxis.share(y) * (bottom - top) }
    private func coordinates(_ x: Double, _ y: Double) -> String { "\(number(place(x: x))) \(number(place(y: y)))" }

    /// At most two decimals: enough for a pixel, and short.
    private func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        var text = String(format: "%.2f", value)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text == "-0" ? "0" : text
    }

    /// XML's own characters replaced, control characters dropped.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default:
                if scalar.value >= 0x20, scalar.value != 0xFFFE, scalar.value != 0xFFFF {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}
