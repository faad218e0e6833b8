import Foundation
import OrderedJSON

/// The pass rates that `touchstone reward screen` measured, by row number.
public struct ScreenFile: Sendable {
    /// Which rows are used, with their pass rates.
    public let rates: [Int: Double]

    /// Reads a file; rows without a pass rate, or whose own answer is wrong, are not used.
    ///
    /// - Throws: `RecipeError` for a file that can't be read, a line that is none of `reward screen`, or when no row is left.
    init(_ screen: Recipe.Screen) throws(RecipeError) {
        guard let bytes = FileManager.default.contents(atPath: screen.path) else {
            throw RecipeError(.unreadable, "\(screen.path): can't be opened; data.screen names it")
        }
        guard bytes.count <= 1 << 30 else {
            throw RecipeError(.unreadable, "\(screen.path): larger than 1 GiB; expected what `reward screen` wrote")
        }
        var rates: [Int: Double] = [:]
        for (number, line) in bytes.split(separator: 0x0A).enumerated() {
            guard let object = try? JSONValue(parsing: Array(line)[...], maximumDepth: 8),
                let row = object["row"]?.intValue, row >= 0, let rate = object["pass_rate"]
            else {
                throw RecipeError(
                    .data,
                    "\(screen.path): line \(number + 1): expected {\"row\": …, \"pass_rate\": …}, as `reward screen` writes"
                )
            }
            guard let value = rate.doubleValue, value > screen.above, value < screen.below,
                object["answer"]?.stringValue != "wrong"
            else { continue }
            rates[row] = value
        }
        guard !rates.isEmpty else {
            throw RecipeError(
                .data,
                "\(screen.path): no row has a pass rate above \(screen.above) and below \(screen.below); widen data.screen"
            )
        }
        self.rates = rates
    }
}
