/// Frames on top of one another, each pile known by a number; 0 is the empty one, a finished text.
struct FrameStacks {
    private struct Key: Hashable {
        let frame: Frame
        let below: Int32
    }

    private var frames: [Frame] = [.value(rule: 0, spaces: 0)]
    private var belows: [Int32] = [-1]
    private var levels: [Int32] = [0]
    private var numbers: [Key: Int32] = [:]

    /// How many piles are known.
    var count: Int { frames.count }

    /// The frame on top.
    func frame(_ stack: Int32) -> Frame { frames[Int(stack)] }

    /// The pile without its top.
    func below(_ stack: Int32) -> Int32 { belows[Int(stack)] }

    /// Arrays and objects in the pile.
    func levels(_ stack: Int32) -> Int { Int(levels[Int(stack)]) }

    /// The pile with a frame on top.
    mutating func push(_ frame: Frame, on below: Int32) -> Int32 {
        let key = Key(frame: frame, below: below)
        if let known = numbers[key] { return known }
        let number = Int32(frames.count)
        numbers[key] = number
        frames.append(frame)
        belows.append(below)
        levels.append(levels[Int(below)] + (frame.isLevel ? 1 : 0))
        return number
    }
}
