import Hummingbird
import OrderedJSON
import Serving

extension Places {
    /// An answer of bytes.
    static func response(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// A JSON answer.
    static func answer(_ value: JSONValue) -> Response { response(Array(value.text().utf8), type: "application/json") }

    /// An error in OpenAI's form.
    static func answer(_ error: ServingError) -> Response {
        var response = response(
            Array(error.json.text().utf8), type: "application/json",
            status: HTTPResponse.Status(code: error.status))
        if let seconds = error.retryAfter { response.headers[.retryAfter] = "\(seconds)" }
        if error.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        if error.code == .tooLarge { response.headers[.connection] = "close" }
        return response
    }

    /// Completions, as JSON or as server-sent events.
    static func answer(_ reply: Reply) -> Response {
        switch reply {
        case .whole(let value): return answer(value)
        case .stream(let pieces):
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody { writer in
                    // When the client has gone, writing throws, the stream ends, and so does the work for it.
                    for await piece in pieces { try await writer.write(ByteBuffer(string: "data: \(piece)\n\n")) }
                    try await writer.write(ByteBuffer(string: "data: [DONE]\n\n"))
                    try await writer.finish(nil)
                })
        }
    }

    /// The page for people.
    static func page() -> Response {
        var response = response(PackageResources.index_html, type: "text/html; charset=utf-8")
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return response
    }
}

/// Answers to places that are not there, in OpenAI's form.
struct UnknownPlaces<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do { return try await next(request, context) } catch let error as HTTPError {
            let message =
                error.status == .notFound
                ? "there is nothing at this place; see /v1/models and /v1/chat/completions" : "not possible here"
            var response = Places.answer(ServingError(.notFound, message))
            response.status = error.status
            return response
        }
    }
}
