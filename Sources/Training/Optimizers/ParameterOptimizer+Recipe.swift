import Recipes

extension ParameterOptimizer {
    /// A recipe's optimizer for a run of some steps. `constant` with warm-up steps is `constant_with_warmup`.
    public init(_ recipe: Recipe, totalSteps: Int) {
        self.init(
            rule: recipe.optimizer.rule, schedule: LearningRateSchedule(recipe, totalSteps: totalSteps),
            maxGradientNorm: recipe.optimizer.maxGradientNorm)
        undecayed = recipe.optimizer.undecayed
        loraPlusRatio = recipe.adapter.kind == .lora ? recipe.optimizer.loraPlusRatio : 1
    }
}

extension Recipe.Optimizer {
    /// The update rule with its settings.
    var rule: any UpdateRule {
        let (beta1, beta2) = (betas.first ?? 0.9, betas.last ?? 0.95)
        return switch name {
        case .adamw: AdamW(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
        case .adam: Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
        case .sgd: SGD(momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
        }
    }
}

extension LearningRateSchedule {
    /// A recipe's schedule.
    init(_ recipe: Recipe, totalSteps: Int) {
        let schedule = recipe.schedule
        let kind: Kind =
            switch schedule.kind {
            case .constant: schedule.warmupSteps > 0 ? .constantWithWarmup : .constant
            case .linear: .linear
            case .cosine: .cosine
            case .cosineWithRestarts: .cosineWithRestarts
            case .polynomial: .polynomial
            case .inverseSqrt: .inverseSqrt
            }
        self.init(
            kind: kind, baseRate: recipe.optimizer.learningRate, warmupSteps: schedule.warmupSteps,
            totalSteps: totalSteps)
        decay.power = schedule.power
        decay.finalRate = schedule.finalRate
        restarts.cycles = schedule.cycles
    }
}
