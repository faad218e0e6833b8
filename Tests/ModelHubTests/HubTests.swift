import FileTesting
import Foundation
import OrderedJSON
import Testing

@testable import ModelHub

/// The lying hub of hub.py, one for all tests.
final class LocalHub: @unchecked Sendable {
    static let shared = try? LocalHub()
    let address: String
    private let process = Process()
    /// The server ends when this end of the pipe is closed, as it is when the process ends.
    private let input = Pipe()

    private init() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("hub.py").path
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script]
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        address = "http://127.0.0.1:\(line.trimmingCharacters(in: .whitespacesAndNewlines))"
    }
}

@Suite("Fetching from a hub", .serialized, .enabled(if: LocalHub.shared != nil, "python3 is missing"))
struct HubTests {
    private func download(_ name: String, token: String? = nil) throws -> HubDownload {
        let hub = try #require(LocalHub.shared)
        let endpoint = try HubEndpoint(environment: ["HF_ENDPOINT": hub.address, "HF_TOKEN": token ?? ""])
        var download = HubDownload(try HubRepository("lab/\(name)"), endpoint: endpoint)
        download.idle = 3
        return download
    }

    private func fetch(_ name: String, to folder: String, token: String? = nil, include: [String] = []) async throws {
        let download = try download(name, token: token)
        let listing = try await download.listing()
        try await download.fetch(listing.selected(include), commit: listing.commit, to: folder)
    }

    private func failure(_ name: String) async throws -> (code: HubError.Code?, message: String, names: [String]) {
        let folder = try TemporaryFolder()
        do {
            try await fetch(name, to: folder.path + "/m")
            return (nil, "no error", folder.names)
        } catch let error as HubError { return (error.code, error.message, folder.names) }
    }

    @Test("a model is fetched whole, without pickles, and checked", arguments: ["plain", "redirect", "norange"])
    func plain(name: String) async throws {
        let folder = try TemporaryFolder()
        // The one that breaks off and knows no ranges begins again.
        if name == "norange" { _ = try? await fetch(name, to: folder.path + "/m", token: "secret") }
        try await fetch(name, to: folder.path + "/m", token: "secret")
        #expect(folder.names == ["m"])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/m").sorted()
        #expect(names == ["config.json", "model.safetensors"])
        let weights = FileManager.default.contents(atPath: folder.path + "/m/model.safetensors")
        #expect(weights?.count == 1 << 20 && weights?[257] == 1)
    }

    @Test("patterns choose files, in folders too")
    func include() async throws {
        let folder = try TemporaryFolder()
        try await fetch("plain", to: folder.path + "/m", include: ["notes/*"])
        #expect(FileManager.default.contents(atPath: folder.path + "/m/notes/inner.txt") == Data("inner".utf8))
    }

    @Test("a broken transfer is gone on with, not begun again")
    func resume() async throws {
        let folder = try TemporaryFolder()
        await #expect(throws: HubError.self) { try await fetch("flaky", to: folder.path + "/m") }
        #expect(folder.names == ["m.download"])
        let part = FileManager.default.contents(atPath: folder.path + "/m.download/model.safetensors.part")
        #expect(part?.count == 1 << 19)
        try await fetch("flaky", to: folder.path + "/m")
        #expect(folder.names == ["m"])
        #expect(FileManager.default.contents(atPath: folder.path + "/m/model.safetensors")?.count == 1 << 20)
    }

    @Test(
        "a hub that lies gets nothing written in its name",
        arguments: [
            ("traversal", HubError.Code.malformed, "would lie outside the folder"),
            ("absolute", .malformed, "would lie outside the folder"), ("backslash", .malformed, "would lie outside"),
            ("empty", .malformed, "would lie outside"), ("control", .malformed, "would lie outside"),
            ("dots", .malformed, "would lie outside"), ("deep", .malformed, "would lie outside"),
            ("drive", .malformed, "would lie outside"), ("longname", .malformed, "would lie outside"),
            ("marker", .malformed, "impossible name"), ("hugesize", .malformed, "impossible size"),
            ("below", .malformed, "below a file"), ("twice", .malformed, "twice"),
            ("badsize", .malformed, "impossible size"), ("nocommit", .malformed, "has no commit"),
            ("notjson", .malformed, "is not JSON"), ("missing", .refused, "status 404"),
            ("private", .refused, "HF_TOKEN"),
            ("hash", .damaged, "the checksum is"), ("blob", .damaged, "the checksum is"),
            ("clipped", .damaged, "1000 bytes came, expected 1048576"), ("short", .unreachable, ""),
            ("long", .damaged, "more than the listed 1048576 bytes"),
            ("loop", .malformed, "redirects more than 5 times"),
            ("file", .refused, "status 404"), ("silent", .unreachable, "no answer for 3 seconds"),
        ] as [(String, HubError.Code, String)])
    func lies(name: String, code: HubError.Code, text: String) async throws {
        let (got, message, names) = try await failure(name)
        #expect(got == code && message.contains(text.isEmpty ? name : text), "\(message)")
        #expect(!names.contains("m") && !names.contains("evil.json"))
    }

    @Test("a range that was not asked for is refused")
    func wrongRange() async throws {
        let folder = try TemporaryFolder()
        for _ in 0..<2 {
            await #expect(throws: HubError.self) { try await fetch("wrongrange", to: folder.path + "/m") }
        }
        #expect(folder.names == ["m.download"])
    }

    @Test("a token opens a private repository")
    func token() async throws {
        let folder = try TemporaryFolder()
        try await fetch("private", to: folder.path + "/m", token: "secret")
        #expect(folder.names == ["m"])
    }

    @Test("names and settings that can't be used are refused")
    func names() throws {
        for name in ["", "a", "a/b/c", "../b", "a/..", "a b/c", "a/b?x", "a/\n"] {
            #expect(throws: HubError.self, "\(name)") { try HubRepository(name) }
        }
        #expect(throws: HubError.self) { try HubRepository("a/b", revision: "../x") }
        for value in ["ftp://x", "x", "http://", "http://a@b/"] {
            #expect(throws: HubError.self, "\(value)") { try HubEndpoint(environment: ["HF_ENDPOINT": value]) }
        }
        #expect(throws: HubError.self) { try HubEndpoint(environment: ["HF_TOKEN": "a\r\nX: y"]) }
        let offline = #expect(throws: HubError.self) { try HubEndpoint(environment: ["HF_HUB_OFFLINE": "1"]) }
        #expect(offline?.code == .offline)
    }

    @Test("of several GGUF files one must be chosen")
    func choice() throws {
        let names = ["a-q4.gguf", "a-q8.gguf", "config.json"]
        let json: JSONValue = [
            "sha": .string(String(repeating: "a", count: 40)),
            "siblings": .array(names.map { ["rfilename": .string($0)] }),
        ]
        let listing = try HubListing(json, of: "lab/a")
        #expect(throws: HubError.self) { try listing.selected([]) }
        #expect(try listing.selected(["*q4*"]).map(\.path) == ["a-q4.gguf"])
        #expect(throws: HubError.self) { try listing.selected(["nothing*"]) }
    }
}
