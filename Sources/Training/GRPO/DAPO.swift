extension PolicyObjective {
    /// Decoupled clip and token-level mean: each token of the step counts the same.
    ///
    ///     loss = 1/Σ_i|o_i| Σ_i Σ_t ( ℓ_t + β·KL_t )        sums over the whole optimizer step
    ///
    /// Source: Yu et al. 2025, arXiv:2503.14476, equations 8 and 12. The paper's bounds are 0.2 and 0.28 and it has no KL.
    /// Leaves out what is not part of the loss: dynamic sampling and the soft punishment of overlong completions.
    public static func dapo(
        clip: ClippedSurrogate = ClippedSurrogate(), ratioLevel: RatioLevel = .token, kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(name: "dapo", surrogate: clip, ratioLevel: ratioLevel, normalization: .stepTokens, kl: kl)
    }
}
