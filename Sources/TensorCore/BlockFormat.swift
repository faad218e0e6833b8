import CKernels

/// How a matrix of small codes stands for numbers:
///
///     x = d · scale · (code − bias) − dmin · minimum
///
/// `d` and `dmin` (half precision) belong to a block of inputs of a row, `scale` and `minimum` (small integers; 1 where a
/// format has none) to a group of them. Products of these are exact in single precision, so that x is rounded once at most.
public struct BlockFormat: Sendable, Hashable {
    /// Bits of a code: 2, 3, 4, 5, 6 or 8. Codes of 8 bits are signed.
    public let bits: Int
    /// What is subtracted from a code.
    public let bias: Int
    /// Inputs that share a scale: 16 or 32.
    public let groupSize: Int
    /// Inputs that share `d`: 32 or 256.
    public let blockSize: Int
    /// Whether groups have integer scales.
    public let hasScales: Bool
    /// Whether something is subtracted.
    public let hasMinima: Bool

    /// A format.
    public init(bits: Int, bias: Int, groupSize: Int, blockSize: Int, hasScales: Bool, hasMinima: Bool) {
        precondition(
            [2, 3, 4, 5, 6, 8].contains(bits) && [16, 32].contains(groupSize) && [32, 256].contains(blockSize),
            "BlockFormat: \(bits) bits in groups of \(groupSize) and blocks of \(blockSize)")
        (self.bits, self.bias, self.groupSize, self.blockSize) = (bits, bias, groupSize, blockSize)
        (self.hasScales, self.hasMinima) = (hasScales, hasMinima)
    }

    /// The format as the kernels have it: codes in a plane of 2, 4 or 8 low bits and one of up to 2 high ones.
    var kernel: ck_block_format {
        let low = bits == 8 ? 8 : bits < 4 ? 2 : 4
        return ck_block_format(
            low: Int32(low), high: Int32(bits - low), bias: Int32(bias), group: Int32(groupSize),
            block: Int32(blockSize), scales: hasScales, minima: hasMinima)
    }
}

/// One row of a matrix of codes while it is packed; what the format lacks is empty.
public struct BlockRow {
    /// The codes, `[columns]`.
    public let codes: UnsafeMutableBufferPointer<UInt8>
    /// `d` of each block, bits of half precision.
    public let factors: UnsafeMutableBufferPointer<UInt16>
    /// `dmin` of each block, bits of half precision.
    public let minimumFactors: UnsafeMutableBufferPointer<UInt16>
    /// The scale of each group.
    public let scales: UnsafeMutableBufferPointer<Int8>
    /// The minimum of each group.
    public let minima: UnsafeMutableBufferPointer<Int8>
}

/// Sixteen rows of codes, one below the other, that become a panel.
final class BlockStripe {
    private let format: BlockFormat
    private let columns: Int
    private var codes: [UInt8]
    private var factors: [UInt16]
    private var minimumFactors: [UInt16]
    private var scales: [Int8]
    private var minima: [Int8]

    init(_ format: BlockFormat, rows: Int, columns: Int) {
        (self.format, self.columns) = (format, columns)
        let (blocks, groups) = (rows * columns / format.blockSize, rows * columns / format.groupSize)
        codes = Array(repeating: 0, count: rows * columns)
        factors = Array(repeating: 0, count: blocks)
        minimumFactors = Array(repeating: 0, count: format.hasMinima ? blocks : 0)
        scales = Array(repeating: 0, count: format.hasScales ? groups : 0)
        minima = Array(repeating: 0, count: format.hasScales && format.hasMinima ? groups : 0)
    }

    /// Has each row filled and packs them all.
    func pack(_ count: Int, into panel: UnsafeMutablePointer<UInt8>, fill: (Int, BlockRow) -> Void) {
        let (blocks, groups) = (columns / format.blockSize, columns / format.groupSize)
        func part<T>(_ buffer: UnsafeMutableBufferPointer<T>, _ row: Int, _ width: Int) -> UnsafeMutableBufferPointer<T>
        {
            buffer.isEmpty ? buffer : UnsafeMutableBufferPointer(rebasing: buffer[row * width..<(row + 1) * width])
        }
        codes.withUnsafeMutableBufferPointer { codes in
            factors.withUnsafeMutableBufferPointer { factors in
                minimumFactors.withUnsafeMutableBufferPointer { minimumFactors in
                    scales.withUnsafeMutableBufferPointer { scales in
                        minima.withUnsafeMutableBufferPointer { minima in
                            for row in 0..<count {
                                fill(
                                    row,
                                    BlockRow(
                                        codes: part(codes, row, columns), factors: part(factors, row, blocks),
                                        minimumFactors: part(minimumFactors, row, blocks),
                                        scales: part(scales, row, groups), minima: part(minima, row, groups)))
                            }
                            var kernel = format.kernel
                            ck_pack_panel_blocks(
                                panel, &kernel, columns, count, codes.baseAddress, factors.baseAddress,
                                minimumFactors.baseAddress, scales.baseAddress, minima.baseAddress)
                        }
                    }
                }
            }
        }
    }
}
