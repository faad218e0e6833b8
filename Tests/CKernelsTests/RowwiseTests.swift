import CKernels
import Foundation
import NumericalTesting
import Testing

@Suite("Gate, norm and rotary kernels")
struct RowwiseTests {
    private func double(_ x: [Float]) -> [Double] { x.map(Double.init) }

    @Test("swiGLU and its gradient equal Double for gates of all sizes", arguments: Kernels.all)
    func swiGLU(kernels: Kernels) {
        for count in counts {
            for scale: Float in [0.1, 3, 30, 90, 1e4] {
                var values = TestValues(count)
                let (g, u, dy) = (values.floats(count, scale), values.floats(count), values.floats(count))
                var (y, dg, du) = (g, g, g)
                kernels.table.pointee.swiglu(&y, g, u, count)
                kernels.table.pointee.swiglu_backward(&dg, &du, dy, g, u, count)
                let allowed = Tolerance(absolute: 1e-33, relative: 2e-6)
                expectClose(y, Twin.swiGLU(double(g), double(u)), allowed, "y, gates to \(scale)")
                expectClose(du, Twin.swiGLU(double(g), double(dy)), allowed, "du, gates to \(scale)")
                let slopes = (0..<count).map { i -> Double in
                    let (x, s) = (Double(g[i]), 1 / (1 + exp(-Double(g[i]))))
                    return Double(dy[i]) * Double(u[i]) * (s + x * s * (1 - s))
                }
                expectClose(dg, slopes, Tolerance(absolute: 3e-6, relative: 3e-6), "dg, gates to \(scale)")
            }
        }
    }

    @Test("swiGLU of extreme gates is finite", arguments: Kernels.all)
    func extremeGates(kernels: Kernels) {
        let g: [Float] = [-1e30, -1000, -89, -88, -0.0, 0, 88, 89, 1000, 1e30]
        let ones = [Float](repeating: 1, count: g.count)
        var (y, dg, du) = (g, g, g)
        kernels.table.pointee.swiglu(&y, g, ones, g.count)
        kernels.table.pointee.swiglu_backward(&dg, &du, ones, g, ones, g.count)
        expectClose(y, g.map { Double(max($0, 0)) }, Tolerance(absolute: 1e-8, relative: 1e-7))
        expectClose(dg, [0, 0, 0, 0, 0.5, 0.5, 1, 1, 1, 1], Tolerance(absolute: 1e-8))
    }

    @Test("rmsNorm and its gradients equal Double", arguments: Kernels.all)
    func rmsNorm(kernels: Kernels) {
        for width in counts {
            let rows = 3
            var values = TestValues(width)
            let (x, dy) = (values.floats(rows * width), values.floats(rows * width))
            let w = values.floats(width, 0.5, around: 1)
            var (y, dx, rstd) = (x, x, [Float](repeating: 0, count: rows))
            kernels.table.pointee.rms_norm(&y, &rstd, x, w, 1e-5, rows, width)
            expectClose(y, Twin.rmsNorm(double(x), weight: double(w), epsilon: 1e-5), .forward, "y of \(width)")
            let scales = (0..<rows).map { r -> Double in
                let squares = (0..<width).reduce(0.0) { $0 + pow(Double(x[r * width + $1]), 2) }
                return 1 / (squares / Double(width) + 1e-5).squareRoot()
            }
            expectClose(rstd, scales, Tolerance(relative: 1e-6), "rstd of \(width)")
            let start = values.floats(width)
            var dw = start
            kernels.table.pointee.rms_norm_backward(&dx, &dw, dy, x, w, rstd, rows, width)
            let (expectedX, expectedW) = normGradients(dy, x, w, scales, start)
            expectClose(dx, expectedX, .forward, "dx of \(width)")
            expectClose(dw, expectedW, .forward, "dw of \(width)")
            var alone = dx
            kernels.table.pointee.rms_norm_backward(&alone, nil, dy, x, w, rstd, rows, width)
            expectSameBits(alone, dx, "dx without the weight's gradient")
            var last = Array(y[..<width])
            kernels.table.pointee.rms_norm(&last, nil, Array(x[(2 * width)...]), w, 1e-5, 1, width)
            expectSameBits(last, Array(y[(2 * width)...]), "a row alone")
        }
    }

    private func normGradients(
        _ dy: [Float], _ x: [Float], _ w: [Float], _ scales: [Double], _ start: [Float]
    ) -> (dx: [Double], dw: [Double]) {
        let width = w.count
        var (dx, dw) = (double(x), double(start))
        for (row, scale) in scales.enumerated() {
            let mean =
                (0..<width).reduce(0.0) {
                    $0 + Double(dy[row * width + $1]) * Double(w[$1]) * Double(x[row * width + $1]) * scale
                } / Double(width)
            for column in 0..<width {
                let place = row * width + column
                let normal = Double(x[place]) * scale
                dw[column] += Double(dy[place]) * normal
                dx[place] = scale * (Double(dy[place]) * Double(w[column]) - normal * mean)
            }
        }
        return (dx, dw)
    }

    @Test("rotary turns each head's halves, and sign −1 turns them back", arguments: Kernels.all)
    func rotary(kernels: Kernels) {
        for half in [1, 3, 8, 16, 17, 64] {
            let (heads, positions): (Int, [Int32]) = (3, [4, 0, 2, 2, 7])
            var values = TestValues(half)
            let frequencies = (0..<half).map { pow(100, -Double($0) / Double(half)) }
            let angles = (0..<8 * half).map { Double($0 / half) * frequencies[$0 % half] }
            let (cosines, sines) = (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
            let x = values.floats(positions.count * heads * 2 * half)
            var (y, back) = (x, x)
            kernels.table.pointee.rope(&y, x, cosines, sines, positions, positions.count, heads, 2 * half, 1)
            let expected = Twin.rotary(
                double(x), positions: positions, heads: heads, frequencies: frequencies, factor: 1)
            expectClose(y, expected, Tolerance(absolute: 4e-7), "half \(half)")
            kernels.table.pointee.rope(&back, y, cosines, sines, positions, positions.count, heads, 2 * half, -1)
            expectClose(back, double(x), Tolerance(absolute: 8e-7), "back, half \(half)")
        }
    }
}
