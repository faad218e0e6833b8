import Foundation

/// What a progress line tells.
public struct ProgressState: Hashable, Sendable {
    /// Steps done.
    public var step: Int
    /// Steps in all.
    public var total: Int
    /// Mean reward of the step.
    public var reward: Double?
    /// Share of the step's completions with the right answer, 0…1.
    public var passRate: Double?
    /// Share of right answers on held-out problems when they were last tried, 0…1.
    public var accuracy: Double?
    /// Generated and learned tokens a second.
    public var tokensPerSecond: Double?
    /// Seconds to the end.
    public var remainingSeconds: Double?
    /// Where the step's time went, such as `backward 45% decode 30%`.
    public var phases: String?

    /// A state of its parts.
    public init(
        step: Int, total: Int, reward: Double? = nil, passRate: Double? = nil, accuracy: Double? = nil,
        tokensPerSecond: Double? = nil, remainingSeconds: Double? = nil, phases: String? = nil
    ) {
        self.step = step
        self.total = total
        self.reward = reward
        self.passRate = passRate
        self.accuracy = accuracy
        self.tokensPerSecond = tokensPerSecond
        self.remainingSeconds = remainingSeconds
        self.phases = phases
    }
}

/// Formats progress; pure.
public enum ProgressFormat {
    private static let barWidth = 20

    /// One line of at most `width` columns: bar, step/total, reward, pass rate, held-out accuracy, tokens/s, ETA, phases.
    /// What has no room is left out from the end, after the bar; step/total always stays, cut if it must.
    public static func line(_ state: ProgressState, width: Int) -> String {
        var parts = ["step \(state.step)/\(state.total)"]
        if let reward = state.reward { parts.append("reward \(fixed(reward, 3))") }
        if let rate = state.passRate { parts.append("pass \(fixed(rate * 100, 1))%") }
        if let accuracy = state.accuracy { parts.append("held-out \(fixed(accuracy * 100, 1))%") }
        if let rate = state.tokensPerSecond { parts.append("\(compact(rate)) tok/s") }
        if let seconds = state.remainingSeconds { parts.append("ETA \(duration(seconds))") }
        if let phases = state.phases { parts.append(phases) }
        let text = parts.joined(separator: "  ")
        let withBar = "\(bar(state))  \(text)"
        if withBar.count <= width { return withBar }
        while parts.count > 1, parts.joined(separator: "  ").count > width { parts.removeLast() }
        return String(parts.joined(separator: "  ").prefix(max(0, width)))
    }

    private static func bar(_ state: ProgressState) -> String {
        let share = state.total > 0 ? min(1, max(0, Double(state.step) / Double(state.total))) : 0
        let filled = Int(share * Double(barWidth))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: barWidth - filled) + "]"
    }

    /// `1:02:03`, `2:03`, `0:07`; days as `3d 4h`; `?` if unknown.
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
        if whole >= 86_400 { return "\(whole / 86_400)d \(whole % 86_400 / 3600)h" }
        if whole >= 3600 { return "\(whole / 3600):\(two(whole % 3600 / 60)):\(two(whole % 60))" }
        return "\(whole / 60):\(two(whole % 60))"
    }

    /// `987`, `12.3k`, `4.5M`.
    static func compact(_ value: Double) -> String {
        guard value.isFinite else { return "?" }
        if abs(value) >= 999_950 { return fixed(value / 1e6, 1) + "M" }
        if abs(value) >= 9999.5 { return fixed(value / 1000, 1) + "k" }
        return fixed(value, abs(value) < 10 ? 1 : 0)
    }

    /// A number with a fixed count of decimals, whatever the locale.
    static func fixed(_ value: Double, _ places: Int) -> String {
        value.isFinite ? String(format: "%.\(places)f", value) : "?"
    }
}

/// Time to the end, from a smoothed duration of a step.
public struct RemainingTime: Sendable {
    private var smoothed: Double?
    private let weight: Double

    /// - Parameter weight: Share of the newest step in the mean; 0.2 forgets a slow step (an evaluation) within about ten.
    public init(weight: Double = 0.2) {
        self.weight = weight
    }

    /// Takes in a step's duration and tells the seconds to the end. Without a usable duration yet, `nil`.
    public mutating func update(stepSeconds: Double, step: Int, total: Int) -> Double? {
        if stepSeconds.isFinite, stepSeconds >= 0 {
            smoothed = smoothed.map { $0 + weight * (stepSeconds - $0) } ?? stepSeconds
        }
        return smoothed.map { $0 * Double(max(0, total - step)) }
    }
}

/// Shows progress on standard error: one live line on a terminal, else a plain line every few steps.
public final class ProgressLine {
    /// Where the text goes.
    public enum Target: Sendable {
        /// A terminal of so many columns; the line is redrawn in place.
        case terminal(columns: Int)
        /// A file or pipe; a line every so many steps, and one at the end.
        case plain(every: Int)
    }

    private let target: Target
    private let write: (String) -> Void
    private var isDrawn = false

    /// A line of its own target and output.
    public init(target: Target, write: @escaping (String) -> Void) {
        self.target = target
        self.write = write
    }

    /// A line on standard error, as what it is: a terminal or not.
    ///
    /// - Parameter every: Steps from one plain line to the next.
    public static func standardError(every: Int = 10) -> ProgressLine {
        let target = isatty(STDERR_FILENO) == 1 ? Target.terminal(columns: columns()) : .plain(every: every)
        return ProgressLine(target: target) { FileHandle.standardError.write(Data($0.utf8)) }
    }

    /// Shows a state.
    public func show(_ state: ProgressState) {
        switch target {
        case .terminal(let columns):
            // One column stays free: a full line would make some terminals wrap.
            write("\r\u{1B}[2K" + ProgressFormat.line(state, width: max(1, columns - 1)))
            isDrawn = true
        case .plain(let every):
            guard state.step % max(1, every) == 0 || state.step == state.total else { return }
            write(ProgressFormat.line(state, width: 120) + "\n")
        }
    }

    /// Writes a message on its own line; the live line is redrawn by the next `show`.
    public func message(_ text: String) {
        write((isDrawn ? "\r\u{1B}[2K" : "") + text + "\n")
        isDrawn = false
    }

    /// Ends the live line, so that what follows begins on a new one.
    public func finish() {
        if isDrawn { write("\n") }
        isDrawn = false
    }

    /// The terminal's width; 80 if it does not say.
    private static func columns() -> Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
