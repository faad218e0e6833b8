import Foundation

/// Where a hub is and who asks: what `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE` say.
public struct HubEndpoint: Sendable {
    /// The hub's address, without a path.
    public let base: URL
    let token: String?

    /// A hub from environment variables.
    ///
    /// - Throws: `HubError`: `offline` if fetching is switched off, `invalidName` for an address that is none.
    public init(environment: [String: String]) throws(HubError) {
        func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
        if ["1", "ON", "YES", "TRUE"].contains(value("HF_HUB_OFFLINE")?.uppercased() ?? "") {
            throw HubError(.offline, "HF_HUB_OFFLINE is set: nothing is fetched; unset it or give a local folder")
        }
        let text = value("HF_ENDPOINT") ?? "https://huggingface.co"
        guard let url = URL(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme), url.host != nil,
            url.user == nil, url.query == nil
        else {
            throw HubError(
                .invalidName, "HF_ENDPOINT is '\(text.prefix(80))', expected an address such as https://huggingface.co")
        }
        base = url
        let token = value("HF_TOKEN")
        guard token?.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) ?? true else {
            throw HubError(.invalidName, "HF_TOKEN has spaces or other characters that no token has")
        }
        self.token = token
    }

    /// An address below the hub's; each component is escaped.
    func url(_ components: [String], query: String? = nil) throws(HubError) -> URL {
        var allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: Unicode.Scalar(0)..."\u{7F}"))
        allowed.insert(charactersIn: "-._~")
        let path = components.map { $0.addingPercentEncoding(withAllowedCharacters: allowed) ?? "" }.joined(
            separator: "/")
        var text = base.absoluteString
        while text.hasSuffix("/") { text.removeLast() }
        guard let url = URL(string: "\(text)/\(path)\(query.map { "?" + $0 } ?? "")") else {
            throw HubError(.invalidName, "'\(path.prefix(80))' makes no address")
        }
        return url
    }

    /// Whether an address is on the hub itself: only then may it see the token.
    func isOwn(_ url: URL) -> Bool { url.scheme == base.scheme && url.host == base.host && url.port == base.port }
}

/// A repository on a hub at a revision.
public struct HubRepository: Sendable {
    /// `OWNER/NAME`.
    public let name: String
    /// A branch, tag or commit.
    public let revision: String

    /// A repository by its name.
    ///
    /// - Throws: `HubError` (`invalidName`).
    public init(_ name: String, revision: String = "main") throws(HubError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy(Self.isName) else {
            throw HubError(
                .invalidName, "'\(name.prefix(80))' is no repository; expected OWNER/NAME, for example Qwen/Qwen3-0.6B")
        }
        guard !revision.isEmpty, revision.utf8.count <= 200,
            revision.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Self.isName)
        else {
            throw HubError(
                .invalidName, "the revision '\(revision.prefix(80))' is none; expected a branch, tag or commit")
        }
        self.name = name
        self.revision = revision
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.count <= 96 && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-_.".utf8.contains(byte)
            }
    }
}
