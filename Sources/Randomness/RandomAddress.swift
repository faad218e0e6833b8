/// What a random draw is for. Draws of different purposes never share bits; the numbers are part of the file format of
/// runs and must not change.
public enum RandomPurpose: UInt32, Sendable, CaseIterable {
    /// Choosing the next token of a completion.
    case sampling = 1
    /// Initial adapter weights.
    case adapterInitialization = 2
    /// The order of a data set.
    case shuffle = 3
    /// Generated training problems.
    case taskGeneration = 4
    /// Initial weights of a whole model.
    case modelInitialization = 5
    /// Sampling during evaluation.
    case evaluation = 6
    /// Probes and self-checks.
    case probe = 7
    /// Which inputs of adapters training drops.
    case adapterDropout = 8
    /// Which numbers of adapters a merge drops.
    case adapterMerging = 9
    /// Which source of a mixture comes next.
    case mixture = 20
    /// Choices of a curriculum.
    case curriculum = 21
    /// Resampling in statistical tests.
    case resampling = 22
    /// Which prompts of a step are to be thought about.
    case thinking = 23
}

/// The address of a random draw: every draw is a pure function of it, so nothing has to be replayed to resume a run, and
/// batching or scheduling cannot change a sample.
public struct RandomAddress: Hashable, Sendable {
    /// The run's seed.
    public var seed: UInt64
    /// What the draw is for.
    public var purpose: RandomPurpose
    /// Optimizer step, or epoch.
    public var step: UInt32
    /// Prompt, problem or parameter within the step.
    public var prompt: UInt32
    /// Sample within the prompt's group.
    public var sample: UInt32

    /// An address; what is not given is 0.
    public init(seed: UInt64, purpose: RandomPurpose, step: Int = 0, prompt: Int = 0, sample: Int = 0) {
        self.seed = seed
        self.purpose = purpose
        self.step = UInt32(truncatingIfNeeded: step)
        self.prompt = UInt32(truncatingIfNeeded: prompt)
        self.sample = UInt32(truncatingIfNeeded: sample)
    }

    /// The 128 random bits at a position of this address.
    public func bits(at position: Int) -> SIMD4<UInt32> {
        let stream = Philox.block(
            counter: SIMD4(purpose.rawValue, 0x746F_7563, 0x6873_746F, 0x6E65_0001),
            key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        return Philox.block(
            counter: SIMD4(UInt32(truncatingIfNeeded: position), sample, prompt, step), key: SIMD2(stream.x, stream.y))
    }

    /// A uniform double in [0, 1) with 53 random bits.
    public func uniform(at position: Int) -> Double {
        let bits = bits(at: position)
        return Double((UInt64(bits.x) << 32 | UInt64(bits.y)) >> 11) * 0x1p-53
    }

    /// A generator that walks through the positions of this address, for Swift's own random functions.
    public func generator() -> AddressedGenerator { AddressedGenerator(address: self) }
}

/// Walks through the positions of one address; two words a position.
public struct AddressedGenerator: RandomNumberGenerator, Sendable {
    private let address: RandomAddress
    private var position = 0
    private var spare: UInt64?

    init(address: RandomAddress) { self.address = address }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        if let value = spare {
            spare = nil
            return value
        }
        let bits = address.bits(at: position)
        position += 1
        spare = UInt64(bits.z) << 32 | UInt64(bits.w)
        return UInt64(bits.x) << 32 | UInt64(bits.y)
    }
}
