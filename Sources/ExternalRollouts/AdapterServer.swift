import Foundation
import FoundationNetworking
import InferenceCore
import OrderedJSON
import WebRequests

/// A server over HTTP that completes prompts and serves adapters which it is told to load.
public struct AdapterServer: Sendable {
    /// The address as it was given.
    public let url: String
    /// What it is.
    public let kind: ServerKind
    private let base: URL
    /// Sent with everything.
    private let key: String?
    /// Sent with what loads and unloads adapters.
    private let adapterKey: String?

    /// Seconds that a server may take to load or unload an adapter, or to list its models.
    static let managementTimeout = 120.0

    /// A server.
    ///
    /// - Parameter url: Its address, without `/v1`.
    /// - Parameter key: Sent as `Authorization: Bearer`.
    /// - Parameter adapterKey: Sent instead where adapters are loaded and unloaded.
    /// - Throws: `ExternalRolloutError` (`address`).
    public init(_ url: String, kind: ServerKind, key: String? = nil, adapterKey: String? = nil)
        throws(ExternalRolloutError)
    {
        guard let base = URL(string: url), ["http", "https"].contains(base.scheme ?? ""), base.host != nil else {
            throw ExternalRolloutError(
                .address, "'\(url.prefix(200))' is no address, expected such as http://127.0.0.1:8000")
        }
        (self.url, self.kind, self.base) = (url, kind, base)
        (self.key, self.adapterKey) = (key, adapterKey ?? key)
    }

    /// Has the server load an adapter from a folder that it can read.
    ///
    /// - Parameter inPlace: Whether one of that name is replaced; else one that is there already counts as loaded, since
    ///   then names must never be used twice.
    /// - Throws: `ExternalRolloutError`, `CancellationError`.
    public func load(_ name: String, from path: String, inPlace: Bool = false) async throws {
        do { _ = try await post(kind.loadPath, kind.loadBody(name, path: path, inPlace: inPlace)) } catch let error
            as ExternalRolloutError where error.code == .refused && !inPlace
        {
            if try await models().contains(name) { return }
            throw error
        }
    }

    /// Has the server forget an adapter.
    ///
    /// - Throws: `ExternalRolloutError`, `CancellationError`.
    public func unload(_ name: String, timeout: Double? = nil) async throws {
        _ = try await post(kind.unloadPath, ["lora_name": .string(name)], timeout: timeout)
    }

    /// The names of its models and adapters.
    ///
    /// - Throws: `ExternalRolloutError`, `CancellationError`.
    public func models() async throws -> [String] {
        var request = URLRequest(url: base.appendingPathComponent(kind.modelsPath))
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        let text = try await send(request, kind.modelsPath, timeout: Self.managementTimeout)
        guard let list = (try? JSONValue(parsing: text))?["data"]?.arrayValue else {
            throw ExternalRolloutError(.wrongAnswer, "\(url)/\(kind.modelsPath): the answer has no list 'data'")
        }
        return list.compactMap { $0["id"]?.stringValue }
    }

    /// Asks for one completion.
    ///
    /// - Parameter model: The adapter's name.
    /// - Throws: `ExternalRolloutError`, `CancellationError`.
    func complete(_ job: CompletionJob, model: String, check: CompletionCheck, timeout: Double) async throws
        -> Completion
    {
        let body = kind.completionBody(job, model: model).text()
        let request = URLRequest(
            posting: body, to: base.appendingPathComponent(kind.completionPath), key: key)
        let text = try await send(request, kind.completionPath, timeout: timeout)
        do throws(ExternalRolloutError) {
            return try check(CompletionAnswer(text, from: kind), to: job, model: model)
        } catch { throw ExternalRolloutError(error.code, "\(url): \(error.message)", cause: error.cause) }
    }

    private func post(_ path: String, _ body: JSONValue, timeout: Double? = nil) async throws -> String {
        let request = URLRequest(posting: body.text(), to: base.appendingPathComponent(path), key: adapterKey)
        return try await send(request, path, timeout: timeout ?? Self.managementTimeout)
    }

    /// The text of an answer with status 200.
    private func send(_ request: URLRequest, _ path: String, timeout: Double) async throws -> String {
        let answer: WebExchange.Answer
        do { answer = try await WebExchange.send(request, timeout: timeout) } catch let fault as WebExchange.Fault {
            switch fault {
            case .timeout: throw ExternalRolloutError(.timeout, "\(url)/\(path): no answer within \(timeout) s")
            case .tooLarge: throw ExternalRolloutError(.wrongAnswer, "\(url)/\(path): the answer is too large")
            case .connection(let reason):
                throw ExternalRolloutError(
                    .connection, "\(url)/\(path): no answer (\(reason)); is the server running?")
            }
        }
        let text = String(decoding: answer.body, as: UTF8.self)
        guard answer.status != 200 else { return text }
        let parsed = try? JSONValue(parsing: text)
        let reason = parsed?["error"]?["message"]?.stringValue ?? parsed?["error_message"]?.stringValue ?? text
        let wait = answer.retryAfter.flatMap { $0.isFinite ? max(0, $0) : nil }
        // A fault of its own while it loads an adapter is one with the adapter, as a rule.
        let mayPass = answer.mayPass && !(answer.status == 500 && path == kind.loadPath)
        throw ExternalRolloutError(
            mayPass ? .unavailable : .refused,
            "\(url)/\(path): status \(answer.status): \(ExternalRolloutError.shown(reason))", retryAfter: wait)
    }
}
