import Randomness
import Testing

@Suite("Philox")
struct PhiloxTests {
    /// The known-answer vectors published with Random123 (kat_vectors, philox 4x32 10).
    @Test(
        "Philox4x32-10 gives Random123's known answers",
        arguments: [
            (
                SIMD4<UInt32>(0, 0, 0, 0), SIMD2<UInt32>(0, 0),
                SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
            ),
            (
                SIMD4(repeating: UInt32.max), SIMD2(repeating: UInt32.max),
                SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
            ),
            (
                SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2(0xa409_3822, 0x299f_31d0),
                SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
            ),
        ])
    func knownAnswers(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, expected: SIMD4<UInt32>) {
        #expect(Philox.block(counter: counter, key: key) == expected)
    }

    @Test("every part of an address changes the draw")
    func addressesDiffer() {
        let base = RandomAddress(seed: 1, purpose: .sampling, step: 2, prompt: 3, sample: 4)
        var others = [RandomAddress](repeating: base, count: 5)
        others[0].seed = 2
        others[1].purpose = .shuffle
        others[2].step = 3
        others[3].prompt = 4
        others[4].sample = 5
        let draws = ([base] + others).map { $0.uniform(at: 7) } + [base.uniform(at: 8)]
        #expect(Set(draws).count == draws.count)
        #expect(base.uniform(at: 7) == base.uniform(at: 7))
    }

    @Test("uniform draws lie in [0, 1) with the right mean and variance")
    func uniformMoments() {
        let address = RandomAddress(seed: 9, purpose: .probe)
        let draws = (0..<20_000).map { address.uniform(at: $0) }
        let mean = draws.reduce(0, +) / Double(draws.count)
        let variance = draws.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(draws.count)
        #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(mean - 0.5) < 0.01)
        #expect(abs(variance - 1.0 / 12) < 0.003)
    }
}
