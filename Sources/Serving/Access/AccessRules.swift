/// What a request must bring to be served.
public struct AccessRules: Sendable {
    /// What a place is for.
    public enum Place: Sendable {
        /// Whether the server is alive, and the page: for everybody.
        case open
        /// Completions and what belongs to them.
        case use
        /// Loading and unloading adapters.
        case administration
    }

    /// The parts of a request that are looked at.
    public struct Bearer: Sendable {
        /// `Authorization`.
        public var authorization: String?
        /// `Host`.
        public var host: String?

        /// The parts.
        public init(authorization: String?, host: String?) {
            self.authorization = authorization
            self.host = host
        }
    }

    private let keys: KeyRing?
    private let administrationKeys: KeyRing?
    private let isLocal: Bool

    /// Rules.
    ///
    /// - Parameter keys: Those for use; `nil` lets everybody.
    /// - Parameter administrationKeys: Those for administration, which allow use too. Without them administration is
    ///   allowed to users of a server that only listens to this machine.
    /// - Parameter isLocal: Whether the server only listens to this machine.
    public init(keys: KeyRing?, administrationKeys: KeyRing?, isLocal: Bool) {
        self.keys = keys
        self.administrationKeys = administrationKeys
        self.isLocal = isLocal
    }

    /// Checks a request.
    ///
    /// - Throws: `ServingError`: `unauthorized`, `forbidden`.
    public func check(_ bearer: Bearer, for place: Place) throws(ServingError) {
        // A page of the web that calls this machine by a name of its own is not let in.
        if isLocal, let host = bearer.host, !Self.isLocalName(host) {
            throw ServingError(.forbidden, "this server only answers to localhost")
        }
        guard place != .open else { return }
        let key = Self.key(bearer.authorization)
        let isAdministrator = key.flatMap { key in administrationKeys?.contains(key) } ?? false
        if isAdministrator { return }
        let isUser = keys == nil || key.flatMap { key in keys?.contains(key) } ?? false
        guard isUser else {
            throw ServingError(
                .unauthorized, "the API key is missing or wrong; send it as 'Authorization: Bearer KEY'")
        }
        guard place == .administration else { return }
        if administrationKeys != nil {
            throw ServingError(.forbidden, "adapters are administered with a key of their own (--admin-key-file)")
        }
        guard isLocal else {
            throw ServingError(
                .forbidden, "adapters can't be administered over the network without --admin-key-file")
        }
    }

    private static func key(_ authorization: String?) -> String? {
        guard let authorization, authorization.prefix(7).lowercased() == "bearer " else { return nil }
        return String(authorization.dropFirst(7).drop { $0 == " " })
    }

    private static func isLocalName(_ host: String) -> Bool {
        let name = host.hasPrefix("[") ? String(host.prefix { $0 != "]" }) + "]" : String(host.prefix { $0 != ":" })
        return ["localhost", "127.0.0.1", "[::1]"].contains(name.lowercased())
    }
}
