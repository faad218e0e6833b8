import ModelFiles
import Testing

@Suite("Codes of quantised blocks")
struct BlockCodesTests {
    static let types = StoredType.allCases.filter { $0.codes != nil }

    /// x = d · scale · (code − bias) − dmin · minimum, from what was unpacked.
    private func numbers(_ tensor: StoredTensor, _ range: Range<Int>) throws -> [Float] {
        let format = try #require(tensor.type.codes)
        let (size, group) = (tensor.type.elementsPerBlock, format.groupSize)
        var codes = [UInt8](repeating: 0xEE, count: range.count)
        var d = [UInt16](repeating: 0, count: range.count / size)
        var dmin = d
        var scales = [Int8](repeating: 1, count: range.count / group)
        var minima = scales
        codes.withUnsafeMutableBufferPointer { codes in
            d.withUnsafeMutableBufferPointer { d in
                dmin.withUnsafeMutableBufferPointer { dmin in
                    scales.withUnsafeMutableBufferPointer { scales in
                        minima.withUnsafeMutableBufferPointer { minima in
                            tensor.readCodes(
                                range, codes: codes, factors: d, minimumFactors: dmin, scales: scales, minima: minima)
                        }
                    }
                }
            }
        }
        return codes.indices.map { index in
            let code = format.bits == 8 ? Int(Int8(bitPattern: codes[index])) : Int(codes[index]) - format.bias
            #expect(format.bits == 8 || codes[index] < 1 << format.bits)
            let scale = Float(Float16(bitPattern: d[index / size])) * Float(scales[index / group])
            let product = scale * Float(code)
            guard format.hasMinima else { return product }
            return product - Float(Float16(bitPattern: dmin[index / size])) * Float(minima[index / group])
        }
    }

    @Test("codes, scales and minima give the numbers that ggml's reader gives, bit for bit", arguments: types)
    func formula(type: StoredType) throws {
        let blocks = 40
        let tensor = StoredTensorReadingTests.tensor(
            type, StoredTensorReadingTests.pseudorandomBytes(blocks * type.bytesPerBlock), shift: 1)
        let (expected, size) = (try tensor.floats(), type.elementsPerBlock)
        for range in [0..<blocks * size, size..<4 * size, (blocks - 1) * size..<blocks * size] {
            for (index, value) in zip(range, try numbers(tensor, range)) {
                // Random bits may be a scale that is NaN or infinite.
                let same = value.bitPattern == expected[index].bitPattern || value.isNaN && expected[index].isNaN
                #expect(same, "\(type.rawValue), element \(index): \(value), expected \(expected[index])")
            }
        }
    }
}
