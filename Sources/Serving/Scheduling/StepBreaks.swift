import Foundation

/// The time between the steps of a batch in which other work of the process may use the processors.
///
/// The threads that compute a step wait for the slowest of them, so what takes a processor from one of them holds up all
/// streams. Leaving it to the system's priorities went wrong both ways: with an ordinary one steps of 45 ms became 110 to 190,
/// with the lowest one the work stood still for seconds beside any other load. So work that can wait asks often whether it may go
/// on, and does so for a short while after each step.
public final class StepBreaks: @unchecked Sendable {
    /// Of the time of steps this share is added by breaks, as long as somebody has use for them.
    static let share = 0.08
    /// The shortest break, in seconds.
    static let shortest = 0.0002

    /// What the work that can wait is doing.
    private enum Work { case away, waiting, going }

    /// How long a step waits for work that doesn't step back, because it reads from a slow disk or has no processor; seconds.
    private let patience: Double
    private let condition = NSCondition()
    private var work = Work.away
    private var isComputing = false
    /// When the break is over; `nil`: not before the next step.
    private var end: Date?

    /// Nothing is computed yet.
    public convenience init() { self.init(patience: 0.002) }

    init(patience: Double) { self.patience = patience }

    private func isOpen(_ now: Date) -> Bool { !isComputing && end.map { now < $0 } ?? true }

    // MARK: Who computes

    /// Before each step: gives work that waits its break, and returns when it has stepped back.
    ///
    /// - Parameter seconds: What a step takes.
    /// - Returns: Whether there was work that waited.
    @discardableResult
    func beginStep(of seconds: Double) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        let isWaitedFor = work == .waiting
        if isWaitedFor {
            let over = Date(timeIntervalSinceNow: max(Self.shortest, Self.share * seconds))
            (isComputing, end) = (false, over)
            condition.broadcast()
            let limit = over.addingTimeInterval(patience)
            // It may end before its time, or only now get a processor.
            while work != .away, work == .going || Date() < over, condition.wait(until: limit) {}
        }
        (isComputing, end) = (true, nil)
        let limit = Date(timeIntervalSinceNow: patience)
        while work == .going, condition.wait(until: limit) {}
        return isWaitedFor
    }

    /// When there are no more steps for now.
    func rest() {
        condition.lock()
        (isComputing, end) = (false, nil)
        condition.broadcast()
        condition.unlock()
    }

    // MARK: Who waits

    /// Waits for a break if there is none; to be called every few hundred microseconds.
    func pause() {
        condition.lock()
        defer { condition.unlock() }
        while !isOpen(Date()) {
            if work != .waiting {
                work = .waiting
                condition.broadcast()
            }
            condition.wait()
        }
        work = .going
    }

    /// The work is done.
    func leave() {
        condition.lock()
        work = .away
        condition.broadcast()
        condition.unlock()
    }
}
