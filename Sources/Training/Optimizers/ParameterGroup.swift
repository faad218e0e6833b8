/// Neighbouring parameters that an optimizer treats in a way of their own.
public struct ParameterGroup: Sendable, Hashable {
    /// What is done differently.
    public struct Settings: Sendable, Hashable {
        /// Whether weight decay applies.
        public var decays: Bool
        /// What the learning rate is multiplied by.
        public var rateFactor: Double

        /// Settings.
        public init(decays: Bool, rateFactor: Double) {
            (self.decays, self.rateFactor) = (decays, rateFactor)
        }

        /// Those of all other parameters.
        public static let usual = Settings(decays: true, rateFactor: 1)
    }

    /// The parameters, in elements of the flat buffer.
    public let range: Range<Int>
    /// What is done differently.
    public let settings: Settings

    /// A group.
    public init(range: Range<Int>, settings: Settings) { (self.range, self.settings) = (range, settings) }

    /// A piece of the buffer cut where groups begin or end.
    static func segments(of piece: Range<Int>, _ groups: [ParameterGroup]) -> [ParameterGroup] {
        var segments: [ParameterGroup] = []
        var start = piece.lowerBound
        for group in groups {
            let range = group.range.clamped(to: piece)
            guard !range.isEmpty else { continue }
            if start < range.lowerBound {
                segments.append(ParameterGroup(range: start..<range.lowerBound, settings: .usual))
            }
            segments.append(ParameterGroup(range: range, settings: group.settings))
            start = range.upperBound
        }
        if start < piece.upperBound {
            segments.append(ParameterGroup(range: start..<piece.upperBound, settings: .usual))
        }
        return segments
    }
}
