import InferenceCore

/// Puts completions, which end in any order, into the order of requests and samples.
struct CompletionQueue {
    private var ended: [Place: Completion] = [:]
    private var next = Place(request: 0, sample: 0)
    private let samples: Int

    private struct Place: Hashable, Comparable {
        var request: Int
        var sample: Int

        static func < (a: Place, b: Place) -> Bool { (a.request, a.sample) < (b.request, b.sample) }
    }

    /// A queue for requests of so many samples each, numbered from 0.
    init(samples: Int) { self.samples = samples }

    /// Takes a completion; returns those whose turn it is.
    mutating func add(_ completion: Completion) -> [Completion] {
        ended[Place(request: completion.request, sample: completion.sample)] = completion
        var ready: [Completion] = []
        while let completion = ended.removeValue(forKey: next) {
            ready.append(completion)
            next.sample += 1
            if next.sample == samples { next = Place(request: next.request + 1, sample: 0) }
        }
        return ready
    }

    /// What has ended although something before it has not, in order.
    mutating func drain() -> [Completion] {
        defer { ended = [:] }
        return ended.sorted { $0.key < $1.key }.map(\.value)
    }
}
