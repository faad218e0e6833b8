/// Q4_K: a scale and a minimum for each of eight groups of 32, both quantised to 6 bits under two factors of the block.
extension BlockEncoding {
    /// `x ≈ scale · code − minimum` with neither negative.
    private struct Line {
        var scale: Float = 0
        var minimum: Float = 0
    }

    static func encodeQ4K(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) {
        let lines = (0..<8).map { fit(x + $0 * 32) }
        let d = half((lines.map(\.scale).max() ?? 0) / 63)
        let dmin = half((lines.map(\.minimum).max() ?? 0) / 63)
        for byte in 0..<144 { out[byte] = 0 }
        store(d, out)
        store(dmin, out + 2)
        for (group, line) in lines.enumerated() {
            let scale = sixBits(line.scale, d)
            let minimum = sixBits(line.minimum, dmin)
            place(scale, minimum, group, out + 4)
            let (step, shift) = (d * Float(scale), dmin * Float(minimum))
            guard step > 0 else { continue }
            for index in 0..<32 {
                let code = nearest(x[group * 32 + index] + shift, step)
                out[16 + group / 2 * 32 + index] |= group & 1 == 0 ? code : code << 4
            }
        }
    }

    private static func half(_ value: Float) -> Float { value.isFinite ? Float(Float16(min(value, 65504))) : 0 }

    private static func sixBits(_ value: Float, _ factor: Float) -> UInt8 {
        factor > 0 ? UInt8(max(0, min(63, (value / factor).rounded()))) : 0
    }

    private static func nearest(_ value: Float, _ step: Float) -> UInt8 {
        let code = (value / step).rounded()
        return code > 0 ? UInt8(min(code, 15)) : 0
    }

    /// Writes a 6-bit scale and minimum where `scaleAndMinimum` reads them.
    private static func place(_ scale: UInt8, _ minimum: UInt8, _ group: Int, _ packed: UnsafeMutablePointer<UInt8>) {
        if group < 4 {
            packed[group] |= scale
            packed[group + 4] |= minimum
        } else {
            packed[group + 4] |= scale & 15 | (minimum & 15) << 4
            packed[group - 4] |= (scale >> 4) << 6
            packed[group] |= (minimum >> 4) << 6
        }
    }

    /// The line for 32 numbers: large ones count more, as they do in products. Codes come from a candidate scale, then the
    /// line from the codes by least squares; the candidate with the smallest error wins.
    private static func fit(_ x: UnsafePointer<Float>) -> Line {
        var (lowest, highest, squares): (Float, Float, Float) = (0, 0, 0)
        for index in 0..<32 {
            lowest = min(lowest, x[index])
            highest = max(highest, x[index])
            squares += x[index] * x[index]
        }
        let range = highest - lowest
        guard range > 0, range.isFinite, squares.isFinite else { return Line() }
        let common = (squares / 32).squareRoot()
        var best = Line(scale: range / 15, minimum: -lowest)
        var bestError = error(best, x, common)
        for candidate in 0...20 {
            // From one code more than there are to one less.
            let step = range / (14 + Float(candidate) * 0.1)
            guard let line = regression(x, common, Line(scale: step, minimum: -lowest)) else { continue }
            let lineError = error(line, x, common)
            if lineError < bestError { (best, bestError) = (line, lineError) }
        }
        return best
    }

    private static func weight(_ x: Float, _ common: Float) -> Float { common + abs(x) }

    /// The weighted squared error when every number takes its nearest code.
    private static func error(_ line: Line, _ x: UnsafePointer<Float>, _ common: Float) -> Float {
        var sum: Float = 0
        for index in 0..<32 {
            let code = Float(nearest(x[index] + line.minimum, line.scale))
            let difference = line.scale * code - line.minimum - x[index]
            sum += weight(x[index], common) * difference * difference
        }
        return sum
    }

    /// The best line for the codes that a line gives; `nil` where it would not be of the wanted signs.
    private static func regression(_ x: UnsafePointer<Float>, _ common: Float, _ line: Line) -> Line? {
        var (w, wq, wqq, wx, wqx): (Float, Float, Float, Float, Float) = (0, 0, 0, 0, 0)
        for index in 0..<32 {
            let code = Float(nearest(x[index] + line.minimum, line.scale))
            let part = weight(x[index], common)
            w += part
            wq += part * code
            wqq += part * code * code
            wx += part * x[index]
            wqx += part * code * x[index]
        }
        let determinant = w * wqq - wq * wq
        guard determinant > 0 else { return nil }
        var scale = (w * wqx - wq * wx) / determinant
        var minimum = (wq * wqx - wqq * wx) / determinant
        if minimum < 0 {
            guard wqq > 0 else { return nil }
            (scale, minimum) = (wqx / wqq, 0)
        }
        return scale > 0 && scale.isFinite && minimum.isFinite ? Line(scale: scale, minimum: minimum) : nil
    }
}
