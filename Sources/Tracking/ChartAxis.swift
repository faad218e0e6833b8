import Foundation

/// An axis: its range, widened to round numbers, and its ticks.
struct ChartAxis: Equatable {
    /// The ends of the axis.
    let low: Double
    let high: Double
    /// The distance of two ticks: 1, 2 or 5 times a power of ten.
    let step: Double
    /// Decimals that a tick's label needs.
    let places: Int

    /// An axis for values.
    ///
    /// - Parameter widens: Whether its ends move out to the next ticks; else they stay at the values' ends.
    init(values: [Double], ticks: Int, widens: Bool, wholeSteps: Bool = false) {
        let finite = values.filter(\.isFinite)
        var first = max(finite.min() ?? 0, -1e300)
        var last = min(finite.max() ?? 1, 1e300)
        if last - first <= max(max(abs(first), abs(last)) * 1e-12, 1e-200) {
            let margin = abs(first) < 1e-100 ? 1 : abs(first) * 0.1
            first -= margin
            last += margin
        }
        let raw = (last - first) / Double(max(1, ticks))
        let power = pow(10, floor(log10(raw)))
        let factor = raw / power
        let nice = factor <= 1.0001 ? 1.0 : factor <= 2.0001 ? 2 : factor <= 5.0001 ? 5 : 10
        step = wholeSteps ? max(1, nice * power) : nice * power
        low = widens ? floor(first / step + 1e-9) * step : first
        high = widens ? ceil(last / step - 1e-9) * step : last
        places = max(0, min(12, Int(-floor(log10(step) + 1e-9))))
    }

    /// The ticks from low to high, with their labels.
    var ticks: [(value: Double, label: String)] {
        let first = ceil(low / step - 1e-9)
        let count = Int(min(100, max(-1, floor(high / step + 1e-9) - first)))
        return (0..<count + 1).map { index in
            let value = (first + Double(index)) * step
            return (value, label(value))
        }
    }

    private func label(_ value: Double) -> String {
        if abs(value) < step * 1e-6 { return "0" }
        if abs(value) >= 1e6 || abs(value) < 1e-4 { return String(format: "%.3g", value) }
        if abs(value) >= 10_000, places == 0, value.truncatingRemainder(dividingBy: 1000) == 0 {
            return String(format: "%.0fk", value / 1000)
        }
        return String(format: "%.\(places)f", value)
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    func share(_ value: Double) -> Double { (value - low) / (high - low) }
}
