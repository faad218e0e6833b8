extension PolicyObjective {
    /// Group relative policy optimisation: the clipped surrogate, averaged within each completion, then over completions.
    ///
    ///     loss = 1/B Σ_i 1/|o_i| Σ_t ( ℓ_t + β·KL_t )
    ///
    /// Source: Shao et al. 2024, arXiv:2402.03300, equation 3. Normalises by each completion's own length, so long wrong
    /// answers are punished less a token than short ones. Leaves out a critic: the group's mean is the baseline.
    public static func grpo(
        clip: ClippedSurrogate = ClippedSurrogate(), ratioLevel: RatioLevel = .token, kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(name: "grpo", surrogate: clip, ratioLevel: ratioLevel, normalization: .sequenceMean, kl: kl)
    }
}
