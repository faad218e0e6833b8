import Foundation
import FoundationNetworking
import Synchronization

/// One HTTP request and its answer, with a deadline for the whole answer and a limit on its size.
///
/// Each has a session of its own: nothing is shared with other requests that could be taken for this one's answer.
public final class WebExchange: NSObject, URLSessionDataDelegate, Sendable {
    /// Why there is no answer.
    public enum Fault: Error {
        /// The deadline passed.
        case timeout
        /// More bytes came than are read.
        case tooLarge
        /// No connection, or it was lost.
        case connection(String)
    }

    /// An answer.
    public struct Answer: Sendable {
        /// The status.
        public let status: Int
        /// What was sent.
        public let body: Data
        /// Seconds after which to ask again, if the server says so.
        public let retryAfter: Double?

        /// Whether the same request may succeed later: too slow, too many, or the server's own fault.
        public var mayPass: Bool { [408, 429].contains(status) || (500...599).contains(status) }
    }

    private struct State {
        var continuation: CheckedContinuation<Answer, any Error>?
        var body = Data()
    }

    /// Most bytes of an answer.
    private static let maximumBytes = 8 << 20

    private let state = Mutex(State())

    /// Sends a request.
    ///
    /// - Parameter timeout: Seconds until the whole answer must be there.
    /// - Throws: `Fault`, `CancellationError`.
    public static func send(_ request: URLRequest, timeout: Double) async throws -> Answer {
        let exchange = WebExchange()
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        let session = URLSession(configuration: configuration, delegate: exchange, delegateQueue: nil)
        defer { session.invalidateAndCancel() }
        var request = request
        request.timeoutInterval = timeout
        let task = session.dataTask(with: request)
        let deadline = Task {
            try await Task.sleep(for: .seconds(timeout))
            exchange.end(.failure(Fault.timeout))
        }
        defer { deadline.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                exchange.state.withLock { $0.continuation = continuation }
                if Task.isCancelled { exchange.end(.failure(CancellationError())) } else { task.resume() }
            }
        } onCancel: {
            exchange.end(.failure(CancellationError()))
        }
    }

    /// Ends the exchange, unless it has ended already.
    private func end(_ result: Result<Answer, any Error>) {
        let continuation = state.withLock { state in
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(with: result)
    }

    /// Takes a piece of the answer.
    public func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLarge = state.withLock { state in
            guard state.continuation != nil else { return false }
            state.body.append(data)
            return state.body.count > Self.maximumBytes
        }
        guard isTooLarge else { return }
        end(.failure(Fault.tooLarge))
        // At once: until the caller goes on and ends the session, a server that never stops would fill the memory.
        dataTask.cancel()
    }

    /// Redirections are not followed: the key must not go elsewhere.
    public func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    /// Ends the exchange with the answer or the reason that there is none.
    public func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        if let response = task.response as? HTTPURLResponse, error == nil {
            let wait = response.value(forHTTPHeaderField: "Retry-After").flatMap { Double($0) }
            end(.success(Answer(status: response.statusCode, body: state.withLock { $0.body }, retryAfter: wait)))
        } else if (error as? URLError)?.code == .timedOut {
            end(.failure(Fault.timeout))
        } else {
            end(.failure(Fault.connection(error?.localizedDescription ?? "no answer")))
        }
    }
}

extension URLRequest {
    /// A request that posts a JSON text.
    ///
    /// - Parameter key: Sent as `Authorization: Bearer`.
    public init(posting body: String, to address: URL, key: String? = nil) {
        self.init(url: address)
        httpMethod = "POST"
        httpBody = Data(body.utf8)
        setValue("application/json", forHTTPHeaderField: "Content-Type")
        if let key { setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
    }
}
