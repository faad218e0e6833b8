extension PolicyObjective {
    /// GRPO with the mean taken over all tokens of the micro-batch.
    ///
    ///     loss = 1/Σ_i|o_i| Σ_i Σ_t ( ℓ_t + β·KL_t ) / accumulation
    ///
    /// Source: TRL's `loss_type="bnpo"` (named after Xiao et al. 2025, arXiv:2506.02864, whose beta-normalised advantages
    /// it leaves out). Depends on how a step is cut into micro-batches; `dapo` does not.
    public static func bnpo(
        clip: ClippedSurrogate = ClippedSurrogate(), ratioLevel: RatioLevel = .token, kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(name: "bnpo", surrogate: clip, ratioLevel: ratioLevel, normalization: .batchTokens, kl: kl)
    }
}
