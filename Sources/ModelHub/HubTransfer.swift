import Foundation
import FoundationNetworking
import Synchronization

/// One GET, whose body goes piece by piece to a receiver. Redirections are followed at most five times, never from https to
/// http, and the token is not shown to another server.
final class HubTransfer: NSObject, URLSessionDataDelegate, Sendable {
    /// The most redirections.
    static let maximumRedirections = 5

    private struct State {
        var continuation: CheckedContinuation<Int, any Error>?
        var redirections = 0
        var failure: HubError?
    }

    private let endpoint: HubEndpoint
    private let name: String
    private let accept: @Sendable (HTTPURLResponse) throws(HubError) -> Void
    private let receive: @Sendable (Data) throws(HubError) -> Void
    private let state = Mutex(State())

    private init(
        _ endpoint: HubEndpoint, _ name: String, accept: @escaping @Sendable (HTTPURLResponse) throws(HubError) -> Void,
        receive: @escaping @Sendable (Data) throws(HubError) -> Void
    ) {
        self.endpoint = endpoint
        self.name = name
        self.accept = accept
        self.receive = receive
    }

    /// Fetches an address.
    ///
    /// - Parameter name: What it is, for messages.
    /// - Parameter start: The first byte that is wanted.
    /// - Parameter idle: Seconds without a byte after which the server counts as lost.
    /// - Parameter accept: Sees the last response before its body.
    /// - Returns: The status.
    /// - Throws: `HubError`, `CancellationError`.
    static func get(
        _ url: URL, endpoint: HubEndpoint, name: String, from start: Int = 0, idle: Double = 60,
        accept: @escaping @Sendable (HTTPURLResponse) throws(HubError) -> Void,
        receive: @escaping @Sendable (Data) throws(HubError) -> Void
    ) async throws -> Int {
        let transfer = HubTransfer(endpoint, name, accept: accept, receive: receive)
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        configuration.timeoutIntervalForRequest = idle
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        let session = URLSession(configuration: configuration, delegate: transfer, delegateQueue: queue)
        defer { session.invalidateAndCancel() }
        var request = URLRequest(url: url)
        request.timeoutInterval = idle
        // What is checksummed must come as it is stored.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        request.setValue("touchstone", forHTTPHeaderField: "User-Agent")
        if start > 0 { request.setValue("bytes=\(start)-", forHTTPHeaderField: "Range") }
        if let token = endpoint.token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                transfer.state.withLock { $0.continuation = continuation }
                if Task.isCancelled { transfer.end(.failure(CancellationError())) } else { task.resume() }
            }
        } onCancel: {
            transfer.end(.failure(CancellationError()))
        }
    }

    private func end(_ result: Result<Int, any Error>) {
        let continuation = state.withLock { state in
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(with: result)
    }

    /// Notes why the transfer is broken off.
    private func fail(_ error: HubError, _ task: URLSessionTask) {
        end(.failure(error))
        task.cancel()
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        guard let response = response as? HTTPURLResponse else { return completionHandler(.cancel) }
        do throws(HubError) {
            try accept(response)
            completionHandler(.allow)
        } catch {
            end(.failure(error))
            completionHandler(.cancel)
        }
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        guard state.withLock({ $0.continuation != nil }) else { return }
        do throws(HubError) { try receive(data) } catch { fail(error, dataTask) }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        let count = state.withLock { state in
            state.redirections += 1
            return state.redirections
        }
        guard count <= Self.maximumRedirections, let url = request.url, let scheme = url.scheme,
            scheme == "https" || scheme == "http" && endpoint.base.scheme == "http"
        else {
            completionHandler(nil)
            let reason =
                count > Self.maximumRedirections ? "more than \(Self.maximumRedirections) times" : "to another protocol"
            return fail(HubError(.malformed, "\(name): the hub redirects \(reason)"), task)
        }
        var next = request
        for header in ["Range", "Accept-Encoding", "User-Agent"] {
            next.setValue(task.originalRequest?.value(forHTTPHeaderField: header), forHTTPHeaderField: header)
        }
        let token = endpoint.isOwn(url) ? endpoint.token : nil
        next.setValue(token.map { "Bearer \($0)" }, forHTTPHeaderField: "Authorization")
        completionHandler(next)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        if let response = task.response as? HTTPURLResponse, error == nil { return end(.success(response.statusCode)) }
        let reason =
            (error as? URLError)?.code == .timedOut ? "no answer in time" : error?.localizedDescription ?? "no answer"
        end(.failure(HubError(.unreachable, "\(name): \(reason) from \(endpoint.base.absoluteString)", cause: error)))
    }
}
