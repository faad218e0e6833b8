/// Why a request is not served. The message is meant for the client: it never holds a path of the server or a prompt.
public struct ServingError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault, stable across versions.
    public enum Code: String, Sendable {
        /// A field that is missing, of the wrong type, out of range, or asks for what can't be had.
        case invalidRequest = "invalid_request"
        /// No key, or a wrong one.
        case unauthorized = "invalid_api_key"
        /// A key that does not allow it.
        case forbidden
        /// No model, adapter or place of that name.
        case notFound = "not_found"
        /// An adapter that exists already, or is not the expected one.
        case conflict
        /// A body or prompt over the limits.
        case tooLarge = "too_large"
        /// The queue is full.
        case overloaded = "rate_limit_exceeded"
        /// The request took longer than allowed.
        case timeout
        /// The server is ending.
        case unavailable
        /// The work itself failed.
        case failed = "internal_error"
    }

    /// The kind of fault.
    public let code: Code
    /// What, got, expected, and what to do; one line.
    public let message: String
    /// The field of the request at fault.
    public let parameter: String?
    /// Seconds after which to try again.
    public let retryAfter: Int?
    /// The error underneath, for the server's log only.
    public let cause: (any Error)?
    /// The message.
    public var description: String { message }

    /// An error with its message.
    public init(
        _ code: Code, _ message: String, parameter: String? = nil, retryAfter: Int? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.parameter = parameter
        self.retryAfter = retryAfter
        self.cause = cause
    }

    /// The status of the answer over HTTP.
    public var status: Int {
        switch code {
        case .invalidRequest: 400
        case .unauthorized: 401
        case .forbidden: 403
        case .notFound: 404
        case .conflict: 409
        case .tooLarge: 413
        case .overloaded: 429
        case .timeout: 504
        case .unavailable: 503
        case .failed: 500
        }
    }

    /// OpenAI's name for the group of faults.
    public var type: String {
        switch code {
        case .invalidRequest, .notFound, .conflict, .tooLarge: "invalid_request_error"
        case .unauthorized: "authentication_error"
        case .forbidden: "permission_error"
        case .overloaded: "rate_limit_error"
        case .timeout, .unavailable, .failed: "server_error"
        }
    }
}
