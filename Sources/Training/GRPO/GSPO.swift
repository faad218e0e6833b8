extension PolicyObjective {
    /// Group sequence policy optimisation: one ratio a completion, clipped as a whole.
    ///
    ///     s_i  = exp( mean_t(logπ_t − logπ_old,t) )
    ///     loss = −1/B Σ_i min( s_i·A_i , clip(s_i)·A_i )
    ///
    /// Source: Zheng et al. 2025, arXiv:2507.18071, equation 5. The ratio is a geometric mean and so close to 1 that the
    /// paper's bounds are 3e-4 and 4e-4. Equal to GRPO while the policy has not moved. Leaves out the token-level variant.
    public static func gspo(
        clip: ClippedSurrogate = ClippedSurrogate(low: 3e-4, high: 4e-4), kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(name: "gspo", surrogate: clip, ratioLevel: .sequence, normalization: .sequenceMean, kl: kl)
    }
}
