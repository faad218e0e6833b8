/// The "K" types: 256 numbers a block in groups of 16 or 32, whose scales (and minima) are themselves quantised.
///
/// In the layouts, `h` counts halves of 128 numbers and `j` the four rows of 32 inside a half.
extension BlockDecoding {
    /// Q2_K, 84 bytes: 16 scale bytes [0..<16] (low half scale, high half minimum, one for each 16 numbers),
    /// 64 bytes of codes [16..<80], `d` half [80..<82], `dmin` half [82..<84].
    /// Number `128·h + 32·j + l` has bits `2j, 2j+1` of code byte `32·h + l`. `x = (d·scale)·q − dmin·minimum`.
    @inline(__always)
    static func decodeQ2K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(80)
        let minimum = block.half(82)
        for group in 0..<16 {
            let packed = Int32(block.byte(group))
            let groupScale = scale * Float(packed & 15)
            let groupMinimum = minimum * Float(packed >> 4)
            store(lowBits(block + 16, group) & 3, times: groupScale, minus: groupMinimum, to: output + group &* 16)
        }
    }

    /// The codes of group `group` of 16 in the 64 bytes that Q2_K and Q3_K share, above two bits of others.
    @inline(__always)
    static func lowBits(_ codes: UnsafeRawPointer, _ group: Int) -> SIMD16<UInt8> {
        codes.sixteen((group >> 3) &* 32 &+ (group & 1) &* 16) &>> (UInt8(truncatingIfNeeded: group >> 1 & 3) &* 2)
    }

    /// Q3_K, 110 bytes: 32 bytes of third bits [0..<32], 64 bytes of low codes [32..<96] as in Q2_K, 12 bytes of scales
    /// [96..<108], `d` half [108..<110].
    /// The third bit of number `128·h + 32·j + l` is bit `4h + j` of byte `l`; where it is 0, 4 is subtracted.
    /// Scale `s` of 16 has its low four bits in byte `s mod 8` (low half first) and its high two in bits
    /// `2·(s div 4)` of byte `8 + s mod 4`. `x = (d·(scale − 32))·q`.
    @inline(__always)
    static func decodeQ3K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(108)
        for group in 0..<16 {
            let groupScale = scale * Float(scaleQ3K(block + 96, group))
            let third = block.sixteen((group & 1) &* 16) &>> UInt8(truncatingIfNeeded: group >> 1) & 1
            store(
                lowBits(block + 32, group) & 3 | third &<< 2, less: 4, times: groupScale, to: output + group &* 16)
        }
    }

    /// The scale of group `group` of 16 in Q3_K's 12 bytes, from −32 to 31.
    @inline(__always)
    static func scaleQ3K(_ scales: UnsafeRawPointer, _ group: Int) -> Int32 {
        let low = Int32(scales.byte(group & 7)) &>> (group < 8 ? 0 : 4) & 15
        let high = Int32(scales.byte(8 &+ group & 3)) &>> (Int32(truncatingIfNeeded: group >> 2) &* 2) & 3
        return (low | high << 4) &- 32
    }

    /// The 6-bit scale and minimum of group `group` of 8 in the 12 bytes that Q4_K and Q5_K share: groups 0–3 in the low
    /// six bits of bytes 0–3 and 4–7; groups 4–7 with the low four bits in bytes 8–11 (scale low half, minimum high
    /// half) and the high two in the top of bytes 0–3 and 4–7.
    @inline(__always)
    static func scaleAndMinimum(_ packed: UnsafeRawPointer, _ group: Int) -> (scale: UInt8, minimum: UInt8) {
        if group < 4 { return (packed.byte(group) & 63, packed.byte(group &+ 4) & 63) }
        let low = packed.byte(group &+ 4)
        return (low & 15 | (packed.byte(group &- 4) >> 6) << 4, low >> 4 | (packed.byte(group) >> 6) << 4)
    }

    /// Q4_K, 144 bytes: `d` half [0..<2], `dmin` half [2..<4], 12 bytes of scales and minima [4..<16] for 8 groups of 32,
    /// 128 bytes of codes [16..<144]; bytes `32p + l` hold group `2p` in their low and group `2p + 1` in their high
    /// halves. `x = (d·scale)·q − dmin·minimum`.
    @inline(__always)
    static func decodeQ4K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let minimum = block.half(2)
        for pair in 0..<4 {
            let first = scaleAndMinimum(block + 4, pair &* 2)
            let second = scaleAndMinimum(block + 4, pair &* 2 &+ 1)
            let firstScale = scale * Float(first.scale)
            let firstMinimum = minimum * Float(first.minimum)
            let secondScale = scale * Float(second.scale)
            let secondMinimum = minimum * Float(second.minimum)
            for part in 0..<2 {
                let codes = block.sixteen(16 &+ pair &* 32 &+ part &* 16)
                let target = output + (pair &* 64 &+ part &* 16)
                store(codes & 15, times: firstScale, minus: firstMinimum, to: target)
                store(codes &>> 4, times: secondScale, minus: secondMinimum, to: target + 32)
            }
        }
    }

    /// Q5_K, 176 bytes: `d`, `dmin`, scales and minima as in Q4_K [0..<16], 32 bytes of fifth bits [16..<48], 128 bytes of
    /// low codes [48..<176] as in Q4_K. The fifth bit of number `32·g + l` is bit `g` of byte `l`.
    /// `x = (d·scale)·q − dmin·minimum`.
    @inline(__always)
    static func decodeQ5K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(0)
        let minimum = block.half(2)
        for group in 0..<8 {
            let factors = scaleAndMinimum(block + 4, group)
            let groupScale = scale * Float(factors.scale)
            let groupMinimum = minimum * Float(factors.minimum)
            for part in 0..<2 {
                let codes = block.sixteen(48 &+ (group >> 1) &* 32 &+ part &* 16) &>> (group & 1 == 0 ? 0 : 4) & 15
                let fifth = block.sixteen(16 &+ part &* 16) &>> UInt8(truncatingIfNeeded: group) & 1
                let target = output + (group &* 32 &+ part &* 16)
                store(codes | fifth &<< 4, times: groupScale, minus: groupMinimum, to: target)
            }
        }
    }

    /// Q6_K, 210 bytes: 128 bytes of low codes [0..<128], 64 bytes of high bits [128..<192], 16 × Int8 scales [192..<208]
    /// for groups of 16, `d` half [208..<210].
    /// Number `128·h + 32·j + l` has its low four bits in byte `64·h + 32·(j mod 2) + l` (low half for `j < 2`) and its
    /// high two in bits `2j` of high byte `32·h + l`. `x = (d·scale)·(q − 32)`.
    @inline(__always)
    static func decodeQ6K(_ block: UnsafeRawPointer, _ output: UnsafeMutablePointer<Float>) {
        let scale = block.half(208)
        for group in 0..<16 {
            let groupScale = scale * Float(Int8(bitPattern: block.byte(192 &+ group)))
            store(codesQ6K(block, group), less: 32, times: groupScale, to: output + group &* 16)
        }
    }

    /// The codes of group `group` of 16 of a Q6_K block.
    @inline(__always)
    static func codesQ6K(_ block: UnsafeRawPointer, _ group: Int) -> SIMD16<UInt8> {
        let (half, row, column) = (group >> 3, group >> 1 & 3, (group & 1) &* 16)
        let lows = block.sixteen(half &* 64 &+ (row & 1) &* 32 &+ column)
        let highs = block.sixteen(128 &+ half &* 32 &+ column)
        return lows &>> (row < 2 ? 0 : 4) & 15 | (highs &>> UInt8(truncatingIfNeeded: row &* 2) & 3) &<< 4
    }
}
