import Foundation

/// A value that threads change one after the other, and wait for.
final class Monitor<Value>: @unchecked Sendable {
    private var value: Value
    private let condition = NSCondition()

    init(_ value: sending Value) { self.value = value }

    /// Changes the value, and wakes who waits.
    func change<Result>(_ body: (inout Value) -> Result) -> Result {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return body(&value)
    }

    /// Waits until the body finds what it looks for.
    func wait<Result>(_ body: (inout Value) -> Result?) -> Result {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let result = body(&value) { return result }
            condition.wait()
        }
    }

    /// Waits until something has changed, or for so many seconds.
    func pause(_ seconds: Double, unless body: (Value) -> Bool) {
        condition.lock()
        defer { condition.unlock() }
        if !body(value) { _ = condition.wait(until: Date(timeIntervalSinceNow: seconds)) }
    }
}
