extension PolicyObjective {
    /// REINFORCE++: PPO's clipped tokens without a critic, with advantages normalised over the whole batch.
    ///
    ///     loss = 1/Σ_i|o_i| Σ_i Σ_t ( ℓ_t + β·KL_t )        sums over the whole optimizer step
    ///
    /// The loss is that of `dapo`; what sets it apart are the advantages, which are the caller's:
    /// `AdvantageEstimator.Scaling.global` (no groups needed), or with a group's mean as baseline `.none` and `whitens`.
    ///
    /// Source: Hu et al. 2025, arXiv:2501.03262, section 3. Leaves out: rewards for single tokens. The paper takes the KL
    /// penalty from the reward; see `KLPenalty.Place`.
    public static func reinforcePP(
        clip: ClippedSurrogate = ClippedSurrogate(), ratioLevel: RatioLevel = .token, kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(
            name: "reinforce_pp", surrogate: clip, ratioLevel: ratioLevel, normalization: .stepTokens, kl: kl)
    }
}
