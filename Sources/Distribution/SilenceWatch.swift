/// Knows which ranks have been silent for too long, and which wait for a sign of life.
///
/// A process that was itself stopped for a while, as a suspended job is, gives the others the same time again.
struct SilenceWatch {
    /// Seconds of silence after which a rank counts as lost.
    let timeout: Double
    private var heard: [Double]
    private var sent: [Double]
    /// Ranks that have not said farewell.
    private var speakers: Set<Int>
    /// Ranks that this one has not said farewell to.
    private var listeners: Set<Int>
    private var looked: Double
    /// Seconds between two looks beyond which this process must have been stopped.
    private static let longestLook = 2.0

    init(ranks: Int, own: Int, timeout: Double, now: Double) {
        self.timeout = timeout
        heard = Array(repeating: now, count: ranks)
        sent = heard
        speakers = Set(0..<ranks).subtracting([own])
        listeners = speakers
        looked = now
    }

    /// A rank has been heard.
    mutating func heard(_ rank: Int, _ now: Double) { heard[rank] = now }

    /// A rank has been sent something.
    mutating func sent(to rank: Int, _ now: Double) { sent[rank] = now }

    /// A rank has said farewell.
    mutating func heardLast(_ rank: Int) { speakers.remove(rank) }

    /// A rank has been told farewell.
    mutating func sentLast(to rank: Int) { listeners.remove(rank) }

    /// A rank that has been silent for too long.
    mutating func lost(_ now: Double) -> Int? {
        let gap = now - looked
        looked = now
        if gap > Self.longestLook { for rank in heard.indices { heard[rank] += gap } }
        return speakers.sorted().first { now - heard[$0] > timeout }
    }

    /// The ranks that must be sent a sign of life now.
    func due(_ now: Double) -> [Int] { listeners.sorted().filter { now - sent[$0] > timeout / 5 } }
}
