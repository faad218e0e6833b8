import Foundation
import FoundationNetworking
import OrderedJSON
import WebRequests
import WorkerProcesses

/// A web server that takes JSON and answers with JSON: so many requests at once, each with a time-out, repeated with
/// growing pauses after a fault that may pass.
public final class RewardServer: Sendable {
    /// How the server is asked.
    public struct Options: Hashable, Sendable {
        /// Seconds for one answer.
        public var timeout: Double
        /// How often a request is repeated after a time-out, a lost connection, or the status 408, 429 or 5xx.
        public var retries: Int
        /// Requests at the same time.
        public var concurrency: Int
        /// Sent as `Authorization: Bearer`.
        public var key: String?
        /// Seconds before the first repetition; each pause is twice the one before, at most 30 s.
        public var pause: Double

        /// Options.
        public init(
            timeout: Double = 60, retries: Int = 3, concurrency: Int = 8, key: String? = nil, pause: Double = 0.5
        ) {
            self.timeout = timeout
            self.retries = retries
            self.concurrency = concurrency
            self.key = key
            self.pause = pause
        }
    }

    /// Longest pause, in seconds, whatever the server asks for.
    private static let longestPause = 30.0

    /// Where requests go.
    public let url: String
    private let address: URL
    private let options: Options
    private let permits: FairQueue<Void>

    /// A server.
    ///
    /// - Throws: `RewardsError` unless the address is one of HTTP.
    public init(_ url: String, options: Options = Options()) throws(RewardsError) {
        guard let address = URL(string: url), ["http", "https"].contains(address.scheme ?? ""), address.host != nil
        else {
            throw RewardsError(.invalidOption, "url is '\(url.prefix(200))', expected an http:// or https:// address")
        }
        self.url = url
        self.address = address
        self.options = options
        permits = FairQueue([Void](repeating: (), count: max(1, options.concurrency)))
    }

    /// Posts a JSON text.
    ///
    /// - Returns: The text of the answer with status 200.
    /// - Throws: `RewardFailure`, `CancellationError`.
    func post(_ body: String) async throws -> String {
        try await permits.take()
        defer { permits.giveBack(()) }
        let request = URLRequest(posting: body, to: address, key: options.key)
        var pause = options.pause
        var repetitions = 0
        while true {
            switch try await attempt(request) {
            case .answer(let text): return text
            case .refused(let failure): throw failure
            case .failed(let failure, let wait):
                guard repetitions < options.retries else { throw failure }
                repetitions += 1
                try await Task.sleep(for: .seconds(min(max(pause, wait), Self.longestPause)))
                pause *= 2
            }
        }
    }

    /// How one attempt ended.
    private enum Attempt {
        case answer(String)
        /// For good.
        case refused(RewardFailure)
        /// With a fault that may pass, after so many seconds.
        case failed(RewardFailure, wait: Double)
    }

    private func attempt(_ request: URLRequest) async throws -> Attempt {
        let answer: WebExchange.Answer
        do { answer = try await WebExchange.send(request, timeout: options.timeout) } catch let fault
            as WebExchange.Fault
        {
            switch fault {
            case .timeout:
                return .failed(RewardFailure(.timeout, "\(url): no answer within \(options.timeout) s"), wait: 0)
            case .tooLarge: return .refused(RewardFailure(.unparsable, "\(url): the answer is too large"))
            case .connection(let reason): return .failed(RewardFailure(.unavailable, "\(url): \(reason)"), wait: 0)
            }
        }
        let text = String(decoding: answer.body, as: UTF8.self)
        if answer.status == 200 { return .answer(text) }
        let failure = RewardFailure(
            .unavailable, "\(url): status \(answer.status), expected 200: \(ScoreExchange.shown(text))")
        return answer.mayPass ? .failed(failure, wait: max(0, answer.retryAfter ?? 0)) : .refused(failure)
    }
}
