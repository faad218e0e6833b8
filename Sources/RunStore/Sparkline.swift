import Foundation

/// A curve as a line of text.
public enum Sparkline {
    private static let marks = Array("▁▂▃▄▅▆▇█")

    /// A curve of at most `width` marks, each the mean of its share of the points; a constant is a line in the middle, and
    /// what is not finite a gap.
    ///
    /// - Parameter range: What the lowest and highest mark stand for; the curve's own range unless given.
    public static func of(_ values: [Double], width: Int = 40, range: ClosedRange<Double>? = nil) -> String {
        guard !values.isEmpty, width > 0 else { return "" }
        let count = min(width, values.count)
        let means = (0..<count).map { place -> Double in
            let part = values[(place * values.count / count)..<((place + 1) * values.count / count)]
            let finite = part.filter(\.isFinite)
            return finite.isEmpty ? .nan : finite.reduce(0) { $0 + $1 / Double(finite.count) }
        }
        let finite = means.filter(\.isFinite)
        guard let low = range?.lowerBound ?? finite.min(), let high = range?.upperBound ?? finite.max() else {
            return String(repeating: " ", count: count)
        }
        return String(
            means.map { value -> Character in
                guard value.isFinite else { return " " }
                // Halves, so that no difference of finite numbers overflows.
                let share = high > low ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0.5
                return marks[max(0, min(marks.count - 1, Int((share * 8).rounded(.down))))]
            })
    }
}
