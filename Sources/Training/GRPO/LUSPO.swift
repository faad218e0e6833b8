extension PolicyObjective {
    /// Length-unbiased sequence policy optimisation: GSPO with each completion weighted by its length.
    ///
    ///     loss = 1/B Σ_i |o_i| · ( −min( s_i·A_i , clip(s_i)·A_i ) ) + β·KL       summed over tokens, not averaged
    ///
    /// GSPO's mean over a completion makes its tokens count less the longer it is; the factor |o_i| takes that back.
    ///
    /// Source: "Length-Unbiased Sequence Policy Optimization" 2026, as TRL's `loss_type="luspo"`; bounds as TRL recommends.
    /// Normalises by completions only, so the loss grows with their length: the learning rate must fit.
    public static func luspo(
        clip: ClippedSurrogate = ClippedSurrogate(low: 2e-3, high: 2.5e-3), ratioLevel: RatioLevel = .sequence,
        kl: KLPenalty? = nil
    ) -> PolicyObjective {
        PolicyObjective(name: "luspo", surrogate: clip, ratioLevel: ratioLevel, normalization: .sequenceSum, kl: kl)
    }
}
