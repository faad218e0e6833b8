import Foundation
import Synchronization
import TensorCore
import Testing

/// Loops on one thread.
@Suite("Loops")
struct LoopTests {
    @Test("alone, loops stay on the calling thread and are held up between their parts")
    func alone() {
        let own = pthread_self()
        let pauses = Atomic<Int>(0)
        let others = Atomic<Int>(0)
        var order: [Int] = []
        ComputeDevice.alone(pausing: { pauses.wrappingAdd(1, ordering: .relaxed) }) {
            parallelFor(5) { index in
                if pthread_equal(own, pthread_self()) == 0 { others.wrappingAdd(1, ordering: .relaxed) }
                parallelFor(2) { _ in order.append(index) }
            }
            ComputeDevice.pause()
        }
        #expect(order == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] && others.load(ordering: .relaxed) == 0)
        #expect(pauses.load(ordering: .relaxed) == 5 + 10 + 1)
        // Outside nobody is held up.
        ComputeDevice.pause()
        parallelFor(3) { _ in }
        #expect(pauses.load(ordering: .relaxed) == 16)
    }
}
