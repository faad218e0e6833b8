import Foundation
import Hummingbird
import OrderedJSON
import Serving

/// What the server answers to, and how a request gets there: limits, keys, errors in OpenAI's form.
struct Places: Sendable {
    /// What answers a request: its body is read already.
    private typealias Handler = @Sendable ([UInt8]) async throws(ServingError) -> Response

    let service: ModelService
    let rules: AccessRules
    let folders: AllowedFolders
    let options: ServerOptions

    /// The routes.
    func router() -> Router<BasicRequestContext> {
        let router = Router()
        let (service, folders) = (service, folders)
        get("/", .open, router) { _ in Self.page() }
        get("/health", .open, router) { _ in Self.answer(["status": "ok"]) }
        get("/ready", .open, router) { _ throws(ServingError) in
            guard service.scheduler.isAccepting else { throw ServingError(.unavailable, "the server is ending") }
            return Self.answer(["status": "ready"])
        }
        get("/metrics", .use, router) { _ in
            Self.response(Array(service.metricsPage().utf8), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        get("/v1/models", .use, router) { _ in Self.answer(service.models()) }
        post("/v1/chat/completions", .use, router) { body throws(ServingError) in
            Self.answer(try await service.chat(body))
        }
        post("/v1/completions", .use, router) { body throws(ServingError) in
            Self.answer(try await service.complete(body))
        }
        get("/tokenizer_info", .use, router) { _ in Self.answer(service.tokenizerInfo()) }
        post("/tokenize", .use, router) { body throws(ServingError) in Self.answer(try service.tokenize(body)) }
        post("/detokenize", .use, router) { body throws(ServingError) in Self.answer(try service.detokenize(body)) }
        post("/v1/load_lora_adapter", .administration, router) { body throws(ServingError) in
            Self.answer(try await service.load(body, in: folders))
        }
        post("/v1/unload_lora_adapter", .administration, router) { body throws(ServingError) in
            Self.answer(try await service.unload(body))
        }
        router.add(middleware: UnknownPlaces())
        return router
    }

    private func get(
        _ path: RouterPath, _ place: AccessRules.Place, _ router: Router<BasicRequestContext>,
        _ handler: @escaping Handler
    ) {
        router.on(path, method: .get) { request, _ in await handle(request, place, needsJSON: false, handler) }
    }

    private func post(
        _ path: RouterPath, _ place: AccessRules.Place, _ router: Router<BasicRequestContext>,
        _ handler: @escaping Handler
    ) {
        router.on(path, method: .post) { request, _ in await handle(request, place, needsJSON: true, handler) }
    }

    /// Checks a request, reads its body, and answers it; a client that goes away is not worked for.
    private func handle(
        _ request: Request, _ place: AccessRules.Place, needsJSON: Bool, _ handler: @escaping Handler
    ) async -> Response {
        let start = ContinuousClock.now
        var response: Response
        do {
            try rules.check(
                .init(authorization: request.headers[.authorization], host: request.head.authority), for: place)
            if needsJSON {
                try Self.checkType(request)
                response = try await request.body.consumeWithCancellationOnInboundClose { body in
                    let bytes = try await read(body)
                    return try await handler(bytes)
                }
                // The connection ends with the answer: what comes in while it is made means the client's end.
                response.headers[.connection] = "close"
            } else {
                response = try await handler([])
            }
        } catch let error as ServingError {
            service.scheduler.metrics.refused(error.code)
            response = Self.answer(error)
        } catch is CancellationError {
            response = Self.answer(ServingError(.timeout, "the client has gone"))
        } catch {
            let fault = ServingError(.invalidRequest, "the request could not be read to its end", cause: error)
            service.scheduler.metrics.refused(fault.code)
            response = Self.answer(fault)
        }
        if options.logRequests || options.logBodies {
            let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
            Log.write("\(request.method) \(request.uri.path.prefix(100)) \(response.status.code) \(milliseconds) ms")
        }
        return response
    }

    private static func checkType(_ request: Request) throws(ServingError) {
        // Only JSON: a form on a page of the web can't send it without asking first.
        let type = request.headers[.contentType]?.split(separator: ";").first?.lowercased()
        guard type?.trimmingCharacters(in: .whitespaces) == "application/json" else {
            throw ServingError(.invalidRequest, "Content-Type must be application/json")
        }
    }

    private func read(_ body: RequestBody) async throws -> [UInt8] {
        let limit = options.maxBody << 20
        var bytes: [UInt8] = []
        for try await buffer in body {
            guard bytes.count + buffer.readableBytes <= limit else {
                throw ServingError(.tooLarge, "the body has more than \(limit) bytes (--max-body)")
            }
            bytes += buffer.readableBytesView
        }
        if options.logBodies { Log.write("body: " + String(decoding: bytes.prefix(100_000), as: UTF8.self)) }
        return bytes
    }
}
