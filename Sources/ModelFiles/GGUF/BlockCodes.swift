/// What the blocks of a type hold: codes, and how they become numbers.
///
///     x = d · scale · (code − bias) − dmin · minimum
///
/// `d` and `dmin` are half-precision numbers, one for each block; scale and minimum small integers, one for each group, or
/// 1 where a type has none.
public struct CodeFormat: Hashable, Sendable {
    /// Bits of a code; codes of 8 bits are signed.
    public let bits: Int
    /// What is subtracted from a code.
    public let bias: Int
    /// Numbers that share a scale.
    public let groupSize: Int
    /// Whether groups have integer scales.
    public let hasScales: Bool
    /// Whether something is subtracted.
    public let hasMinima: Bool
}

extension StoredType {
    /// How the codes of a block type become numbers; `nil` for plain numbers.
    public var codes: CodeFormat? {
        switch self {
        case .float32, .float16, .bfloat16, .int64, .int32: nil
        case .q8x0: CodeFormat(bits: 8, bias: 0, groupSize: 32, hasScales: false, hasMinima: false)
        case .q4x0: CodeFormat(bits: 4, bias: 8, groupSize: 32, hasScales: false, hasMinima: false)
        case .q4x1: CodeFormat(bits: 4, bias: 0, groupSize: 32, hasScales: false, hasMinima: true)
        case .q5x0: CodeFormat(bits: 5, bias: 16, groupSize: 32, hasScales: false, hasMinima: false)
        case .q5x1: CodeFormat(bits: 5, bias: 0, groupSize: 32, hasScales: false, hasMinima: true)
        case .q2k: CodeFormat(bits: 2, bias: 0, groupSize: 16, hasScales: true, hasMinima: true)
        case .q3k: CodeFormat(bits: 3, bias: 4, groupSize: 16, hasScales: true, hasMinima: false)
        case .q4k: CodeFormat(bits: 4, bias: 0, groupSize: 32, hasScales: true, hasMinima: true)
        case .q5k: CodeFormat(bits: 5, bias: 0, groupSize: 32, hasScales: true, hasMinima: true)
        case .q6k: CodeFormat(bits: 6, bias: 32, groupSize: 16, hasScales: true, hasMinima: false)
        }
    }
}

/// Where the parts of one block are written.
struct CodeBlock {
    let codes: UnsafeMutablePointer<UInt8>
    let factor: UnsafeMutablePointer<UInt16>
    let minimumFactor: UnsafeMutablePointer<UInt16>?
    let scales: UnsafeMutablePointer<Int8>?
    let minima: UnsafeMutablePointer<Int8>?

    @inline(__always)
    func store(_ sixteen: SIMD16<UInt8>, at index: Int) {
        UnsafeMutableRawPointer(codes + index).storeBytes(of: sixteen, as: SIMD16<UInt8>.self)
    }

    @inline(__always)
    func setScale(_ group: Int, _ scale: UInt8) { scales?[group] = Int8(bitPattern: scale) }

    @inline(__always)
    func setMinimum(_ group: Int, _ minimum: UInt8) { minima?[group] = Int8(bitPattern: minimum) }
}

/// The codes of a block type's blocks, unpacked without arithmetic. The layouts are those of `BlockDecoding`.
enum BlockCodes {
    static func read(_ type: StoredType, _ block: UnsafeRawPointer, into out: CodeBlock) {
        switch type {
        case .q8x0: for part in 0..<2 { out.store(block.sixteen(2 &+ part &* 16), at: part &* 16) }
        case .q4x0: halves(block.sixteen(2), high: .zero, .zero, out)
        case .q4x1: halves(block.sixteen(4), high: .zero, .zero, out)
        case .q5x0: halves(block.sixteen(6), high: fifth(block + 2), fifth(block + 4), out)
        case .q5x1: halves(block.sixteen(8), high: fifth(block + 4), fifth(block + 6), out)
        case .q2k: q2K(block, out)
        case .q3k: q3K(block, out)
        case .q4k, .q5k: q4K(block, out, fifthBits: type == .q5k)
        case .q6k: q6K(block, out)
        case .float32, .float16, .bfloat16, .int64, .int32:
            preconditionFailure("BlockCodes: \(type.rawValue) is not a block type")
        }
        out.factor.pointee = half(block, type.factorOffset)
        switch type {
        // These add their minimum: it is kept with the other sign.
        case .q4x1, .q5x1: out.minimumFactor?.pointee = half(block, 2) ^ 0x8000
        case .q4k, .q5k: out.minimumFactor?.pointee = half(block, 2)
        case .q2k: out.minimumFactor?.pointee = half(block, 82)
        default: break
        }
    }

    @inline(__always)
    private static func half(_ block: UnsafeRawPointer, _ offset: Int) -> UInt16 {
        UInt16(littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    private static func halves(
        _ bytes: SIMD16<UInt8>, high: SIMD16<UInt8>, _ higher: SIMD16<UInt8>, _ out: CodeBlock
    ) {
        out.store(bytes & 15 | high, at: 0)
        out.store(bytes &>> 4 | higher, at: 16)
    }

    @inline(__always)
    private static func fifth(_ bytes: UnsafeRawPointer) -> SIMD16<UInt8> { BlockDecoding.fifthBits(bytes) }

    private static func q2K(_ block: UnsafeRawPointer, _ out: CodeBlock) {
        for group in 0..<16 {
            out.setScale(group, block.byte(group) & 15)
            out.setMinimum(group, block.byte(group) >> 4)
            out.store(BlockDecoding.lowBits(block + 16, group) & 3, at: group &* 16)
        }
    }

    private static func q3K(_ block: UnsafeRawPointer, _ out: CodeBlock) {
        for group in 0..<16 {
            out.scales?[group] = Int8(truncatingIfNeeded: BlockDecoding.scaleQ3K(block + 96, group))
            let third = block.sixteen((group & 1) &* 16) &>> UInt8(truncatingIfNeeded: group >> 1) & 1
            out.store(BlockDecoding.lowBits(block + 32, group) & 3 | third &<< 2, at: group &* 16)
        }
    }

    private static func q4K(_ block: UnsafeRawPointer, _ out: CodeBlock, fifthBits: Bool) {
        let codes = block + (fifthBits ? 48 : 16)
        for group in 0..<8 {
            let (scale, minimum) = BlockDecoding.scaleAndMinimum(block + 4, group)
            out.setScale(group, scale)
            out.setMinimum(group, minimum)
            for part in 0..<2 {
                let bytes = codes.sixteen((group >> 1) &* 32 &+ part &* 16)
                let low = bytes &>> (group & 1 == 0 ? 0 : 4) & 15
                let fifth = fifthBits ? block.sixteen(16 &+ part &* 16) &>> UInt8(truncatingIfNeeded: group) & 1 : .zero
                out.store(low | fifth &<< 4, at: group &* 32 &+ part &* 16)
            }
        }
    }

    private static func q6K(_ block: UnsafeRawPointer, _ out: CodeBlock) {
        for group in 0..<16 {
            out.setScale(group, block.byte(192 &+ group))
            out.store(BlockDecoding.codesQ6K(block, group), at: group &* 16)
        }
    }
}

extension StoredType {
    /// Where in a block `d` stands.
    fileprivate var factorOffset: Int {
        switch self {
        case .q2k: 80
        case .q3k: 108
        case .q6k: 208
        default: 0
        }
    }
}

extension StoredTensor {
    /// Unpacks a part of a tensor of blocks: codes and what makes them numbers, without arithmetic.
    ///
    /// May run on several threads at once. Buffers of what the type lacks may be empty.
    ///
    /// - Parameter range: Elements in row-major order, whole blocks of them.
    /// - Parameter codes: One for each element.
    /// - Parameter factors: `d` of each block, bits of half precision.
    /// - Parameter minimumFactors: `dmin` of each block.
    /// - Parameter scales: The scale of each group.
    /// - Parameter minima: The minimum of each group.
    public func readCodes(
        _ range: Range<Int>, codes: UnsafeMutableBufferPointer<UInt8>, factors: UnsafeMutableBufferPointer<UInt16>,
        minimumFactors: UnsafeMutableBufferPointer<UInt16>, scales: UnsafeMutableBufferPointer<Int8>,
        minima: UnsafeMutableBufferPointer<Int8>
    ) {
        guard let format = type.codes else { preconditionFailure("readCodes: \(type.rawValue) has no codes") }
        let (size, groups) = (type.elementsPerBlock, type.elementsPerBlock / format.groupSize)
        let blocks = range.count / size
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count && range.lowerBound % size == 0
                && range.count % size == 0, "readCodes: \(range) of \(count) elements in blocks of \(size)")
        precondition(
            codes.count >= range.count && factors.count >= blocks
                && (!format.hasMinima || minimumFactors.count >= blocks)
                && (!format.hasScales || scales.count >= blocks * groups)
                && (!(format.hasScales && format.hasMinima) || minima.count >= blocks * groups),
            "readCodes: no room for \(range.count) elements")
        guard let source = bytes.baseAddress, let codes = codes.baseAddress, let factors = factors.baseAddress
        else { return }
        for block in 0..<blocks {
            let out = CodeBlock(
                codes: codes + block * size, factor: factors + block,
                minimumFactor: minimumFactors.baseAddress.map { $0 + block },
                scales: scales.baseAddress.map { $0 + block * groups },
                minima: minima.baseAddress.map { $0 + block * groups })
            BlockCodes.read(type, source + (range.lowerBound / size + block) * type.bytesPerBlock, into: out)
        }
    }
}
