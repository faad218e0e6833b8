extension PolicyObjective {
    /// GRPO done right: divides by a constant, so that a completion's length does not change what its tokens weigh.
    ///
    ///     loss = 1/(B·L_max) Σ_i Σ_t ( ℓ_t + β·KL_t )
    ///
    /// Source: Liu et al. 2025, arXiv:2503.20783, section 3.2. Meant for advantages that are centred but not divided by a
    /// standard deviation (`AdvantageEstimator.Scaling.none`), which this leaves to the caller.
    public static func drGRPO(
        clip: ClippedSurrogate = ClippedSurrogate(), ratioLevel: RatioLevel = .token, kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(
            name: "dr_grpo", surrogate: clip, ratioLevel: ratioLevel, normalization: .constantLength, kl: kl)
    }
}
