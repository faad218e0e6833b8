import Foundation
import NumericalTesting
import TensorCore
import Testing

@Suite("Storage, tensors and packed matrices")
struct StorageTests {
    @Test("blocks are aligned to 64 bytes and whole, whatever their size")
    func blocks() {
        for size in [0, 1, 63, 64, 65, 511, 512, 513, 577, 4097, 1_000_003] {
            let blocks = (0..<4).map { _ in Storage(byteCount: size) }
            #expect(Set(blocks.map(\.pointer)).count == blocks.count, "blocks in use are distinct")
            for (index, block) in blocks.enumerated() {
                #expect(UInt(bitPattern: block.pointer) % 64 == 0 && block.byteCount == size)
                block.pointer.initializeMemory(as: UInt8.self, repeating: UInt8(index), count: size)
            }
            for (index, block) in blocks.enumerated() {
                let bytes = UnsafeRawBufferPointer(start: block.pointer, count: size)
                #expect(bytes.allSatisfy { $0 == UInt8(index) })
            }
        }
    }

    @Test("borrowed memory is neither freed nor kept, and its owner lives as long")
    func borrowed() {
        final class Owner {}
        var owner: Owner? = Owner()
        weak let watched = owner
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        defer { memory.deallocate() }
        var storage = owner.map { Storage(borrowing: memory, byteCount: 64, owner: $0) }
        owner = nil
        #expect(watched != nil && storage?.pointer == memory)
        storage = nil
        #expect(watched == nil)
        #expect(Storage(byteCount: 64).pointer != memory)
    }

    @Test("memory that the system refuses ends the process with a message that says what to lower")
    func refusal() async throws {
        let result = try await #require(processExitsWith: .exitCode(7), observing: [\.standardErrorContent]) {
            OutOfMemory.advise("lower the batch")
            OutOfMemory.handle { message in
                try? FileHandle.standardError.write(contentsOf: Data((message + "\n").utf8))
                _exit(7)
            }
            // More than addresses reach.
            _ = Storage(byteCount: 1 << 52)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("out of memory: the system refused 4294967296 MiB; lower the batch\n"), "\(text)")
    }

    @Test("phases that take turns with blocks of different sizes get their memory back, not new memory of the system")
    func turns() async {
        await #expect(processExitsWith: .success) {
            for turn in 0..<8 {
                let large = Storage(byteCount: 5 << 20)
                let mark = large.pointer.assumingMemoryBound(to: Int.self)
                // What comes from the system is zero.
                guard turn == 0 || mark.pointee == 1_234_567 else { _exit(1) }
                mark.pointee = 1_234_567
                withExtendedLifetime(large) {}
                for size in 1...20 { _ = Storage(byteCount: size << 14) }
            }
        }
    }

    @Test("a view of rows shares its tensor's memory")
    func views() {
        let x = Tensor((0..<12).map(Float.init), shape: [4, 3])
        let middle = x.rows(1..<3)
        #expect(middle.shape == [2, 3] && middle.toArray() == [3, 4, 5, 6, 7, 8])
        #expect(middle.rows(1..<2).toArray() == [6, 7, 8] && x.rows(4..<4).isEmptyOfRows)
        x.floats[4] = 40
        #expect(middle.toArray()[1] == 40)
        #expect(x.dimension(-1) == 3 && x.dimension(0) == 4 && x.count == 12)
        #expect(x.leaf.node != nil && x.leaf.detached.node == nil && x.leaf.rows(0..<1).node == nil)
    }

    @Test("packed rows come back, in bfloat16 rounded once; refilling replaces them", arguments: [1, 16, 17, 50])
    func packing(rows: Int) {
        for type in [ElementType.float32, .bfloat16] {
            for columns in [1, 2, 31] {
                var values = TestValues(rows + columns)
                let (first, second) = (values.floats(rows * columns), values.floats(rows * columns))
                let matrix = PackedMatrix(Tensor(first, shape: [rows, columns]), type: type)
                func read() -> [Float] {
                    (0..<rows).flatMap { row in
                        let y = Tensor(shape: [columns])
                        matrix.readRow(row, into: y.floats)
                        return y.toArray()
                    }
                }
                expectSameBits(read(), type == .bfloat16 ? nearestBFloat16(first) : first)
                matrix.refill(from: Tensor(second, shape: [rows, columns]))
                expectSameBits(read(), type == .bfloat16 ? nearestBFloat16(second) : second)
            }
        }
    }

    @Test("parameters are views of one flat buffer, in their order")
    func parameters() {
        let set = ParameterSet([(name: "a", shape: [2, 3]), (name: "b", shape: [4])])
        #expect(set.count == 10 && set.entry(named: "c") == nil)
        let entry = set.entries[1]
        set.value(entry).floats[0] = 5
        set.gradient(entry).floats[3] = 7
        #expect(set.values.toArray()[6] == 5 && set.gradients.toArray()[9] == 7 && set.values.toArray()[9] == 0)
        set.clearGradients()
        #expect(set.gradients.toArray().allSatisfy { $0 == 0 })
    }

    @Test("a pass restricted to rows counts its units from their start")
    func restriction() {
        let pass = GradientPass(parameters: ParameterSet([]), units: [0..<3, 3..<5, 5..<9])
        #expect(pass.restricted(to: 2..<6).units == [0..<1, 1..<3, 3..<4])
        #expect(pass.restricted(to: 3..<5).units == [0..<2])
    }
}

extension Tensor {
    fileprivate var isEmptyOfRows: Bool { shape[0] == 0 && toArray().isEmpty }
}
