extension PolicyObjective {
    /// REINFORCE with the mean of the other completions as baseline; a completion is one action.
    ///
    ///     w_i  = Π_t ρ_t
    ///     loss = −1/B Σ_i min( w_i·A_i , clip(w_i)·A_i )
    ///
    /// Meant for `AdvantageEstimator.Scaling.leaveOneOut`, and for a KL penalty that is taken from the reward; both are the
    /// caller's. While the policy has not moved, w = 1 and this is the REINFORCE estimator itself.
    ///
    /// Source: Ahmadian et al. 2024, arXiv:2402.14740, equation 8; clipped ratios for further updates as in TRL. Normalises
    /// by completions: long ones move the policy more. Leaves out a clip on single tokens.
    public static func rloo(clip: ClippedSurrogate = ClippedSurrogate(), kl: KLPenalty? = nil) -> PolicyObjective {
        PolicyObjective(name: "rloo", surrogate: clip, ratioLevel: .product, normalization: .sequence, kl: kl)
    }
}
