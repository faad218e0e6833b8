import Foundation
import OrderedJSON

/// How positions turn into rotations: the base, and YaRN's stretching of it.
public struct RotaryConfiguration: Sendable, Hashable {
    /// YaRN's numbers.
    public struct Yarn: Sendable, Hashable {
        /// How many times longer the context becomes.
        public var factor: Double
        /// The context the model was trained with, in tokens.
        public var originalPositions: Int
        /// Rotations within the original context above which a frequency stays as it is.
        public var betaFast: Double
        /// Rotations below which a frequency is divided by the factor.
        public var betaSlow: Double
        /// What cosines and sines are multiplied by; `nil`: 0.1 ln(factor) + 1.
        public var attentionFactor: Double?
    }

    /// Base of the frequencies.
    public var theta: Double
    /// `nil` for plain rotary embedding.
    public var yarn: Yarn?

    init(_ fields: ConfigurationFields, maxPositionEmbeddings: Int) throws(QwenModelError) {
        let key = fields["rope_parameters"] != nil ? "rope_parameters" : "rope_scaling"
        let parameters = ConfigurationFields(json: fields[key] ?? .object([:]), path: fields.path)
        guard parameters.json.objectValue != nil else {
            throw fields.invalid(key, "is \(parameters.json.text()), expected an object")
        }
        theta =
            parameters["rope_theta"] != nil
            ? try parameters.number("rope_theta", default: 10000) : try fields.number("rope_theta", default: 10000)
        guard theta > 1 else { throw fields.invalid("rope_theta", "is \(theta), expected a number above 1") }
        let type = try parameters.text("rope_type", default: try parameters.text("type", default: "default"))
        switch type {
        case "default": yarn = nil
        case "yarn":
            let factor = try parameters.number("factor", default: 0)
            guard factor >= 1 else {
                let got = parameters["factor"] == nil ? "missing" : "\(factor)"
                throw fields.invalid(key + ".factor", "is \(got), expected at least 1")
            }
            yarn = Yarn(
                factor: factor,
                originalPositions: try parameters.size(
                    "original_max_position_embeddings", limit: 1 << 26, default: maxPositionEmbeddings),
                betaFast: try parameters.number("beta_fast", default: 32),
                betaSlow: try parameters.number("beta_slow", default: 1),
                attentionFactor: parameters["attention_factor"] == nil
                    ? nil : try parameters.number("attention_factor", default: 1))
        default:
            throw QwenModelError(
                .unsupported,
                "\(fields.path): rotary scaling of type '\(type)' is not supported; 'default' and 'yarn' are")
        }
    }

    /// Radians a position for each pair of channels, and the factor on cosines and sines.
    ///
    ///     plain: θ^(−2i/D)      YaRN: that, or that divided by the factor, or in between on a ramp over i
    ///
    /// Source: Su et al. 2021, arXiv:2104.09864; Peng et al. 2023, arXiv:2309.00071, with floored and ceiled bounds as
    /// in the published code.
    public func frequencies(headDim: Int) -> (inverse: [Float], attentionFactor: Float) {
        let half = headDim / 2
        let plain = (0..<half).map { index in
            1 / Float(pow(Float(theta), Float(2 * index) / Float(headDim)))
        }
        guard let yarn else { return (plain, 1) }
        func dimension(rotations: Double) -> Double {
            Double(headDim) * log(Double(yarn.originalPositions) / (rotations * 2 * .pi)) / (2 * log(theta))
        }
        let low = max(dimension(rotations: yarn.betaFast).rounded(.down), 0)
        var high = min(dimension(rotations: yarn.betaSlow).rounded(.up), Double(headDim - 1))
        if low == high { high += 0.001 }
        let inverse = plain.enumerated().map { index, frequency in
            let ramp = Float(min(max((Double(index) - low) / (high - low), 0), 1))
            return frequency / Float(yarn.factor) * ramp + frequency * (1 - ramp)
        }
        let factor = yarn.attentionFactor ?? (yarn.factor <= 1 ? 1 : 0.1 * log(yarn.factor) + 1)
        return (inverse, Float(factor))
    }
}
