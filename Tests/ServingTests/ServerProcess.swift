import Foundation
import FoundationNetworking
import OrderedJSON
import Synchronization
import Testing

/// The built server, which lies beside the test bundle, serving the bundled model.
final class ServerProcess: Sendable {
    /// An answer over HTTP.
    struct Answer {
        let status: Int
        let body: Data
        let headers: [String: String]

        var text: String { String(decoding: body, as: UTF8.self) }
        var json: JSONValue { get throws { try JSONValue(parsing: body) } }
        /// The JSON texts of server-sent events.
        var events: [String] {
            text.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { String($0.dropFirst("data: ".count)) }
        }
    }

    let port: Int
    private let process: Process
    private let messages = Mutex("")

    /// What it has written to standard error.
    var log: String { messages.withLock { $0 } }

    static let path: String = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let beside = bundle.appendingPathComponent("touchstone-server").path
        return FileManager.default.isExecutableFile(atPath: beside)
            ? beside : Workbench.package.appendingPathComponent(".build/debug/touchstone-server").path
    }()

    init(_ arguments: [String] = []) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments = [Workbench.modelPath, "--port", "0", "--precision", "fp32"] + arguments
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = FileHandle.nullDevice
        self.process = process
        try process.run()
        let found = Mutex<Int?>(nil)
        let log = Mutex("")
        let handle = pipe.fileHandleForReading
        let deadline = ContinuousClock.now + .seconds(60)
        while found.withLock({ $0 }) == nil, ContinuousClock.now < deadline {
            let data = handle.availableData
            if data.isEmpty { break }
            let text = log.withLock { log in
                log += String(decoding: data, as: UTF8.self)
                return log
            }
            if let match = text.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+) serves/) {
                found.withLock { $0 = Int(match.1) }
            }
        }
        port = found.withLock { $0 } ?? 0
        let first = log.withLock { $0 }
        messages.withLock { $0 = first }
        try #require(port > 0, "the server did not start: \(first)")
        handle.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.messages.withLock { $0 += String(decoding: data, as: UTF8.self) }
        }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    var isRunning: Bool { process.isRunning }

    /// Asks it to end; returns its status.
    func end() async -> Int32 {
        process.terminate()
        for _ in 0..<3000 where process.isRunning { try? await Task.sleep(for: .milliseconds(10)) }
        return process.isRunning ? -1 : process.terminationStatus
    }

    func get(_ path: String, key: String? = nil) async throws -> Answer { try await send(path, nil, key: key) }

    func post(_ path: String, _ body: JSONValue, key: String? = nil) async throws -> Answer {
        try await send(path, Data(body.text().utf8), key: key)
    }

    func send(_ path: String, _ body: Data?, key: String? = nil, type: String = "application/json") async throws
        -> Answer
    {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { throw URLError(.badURL) }
        var request = URLRequest(url: url, timeoutInterval: 120)
        if let body {
            request.httpMethod = "POST"
            request.httpBody = body
            request.setValue(type, forHTTPHeaderField: "Content-Type")
        }
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        let session = URLSession(configuration: .ephemeral)
        defer { session.finishTasksAndInvalidate() }
        let (data, response) = try await session.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        var headers: [String: String] = [:]
        for (name, value) in http.allHeaderFields { headers["\(name)".lowercased()] = "\(value)" }
        return Answer(status: http.statusCode, body: data, headers: headers)
    }

    /// A connection that speaks whatever it is told.
    func connection() throws -> RawConnection { try RawConnection(port: port) }
}

/// A socket.
final class RawConnection {
    let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw URLError(.cannotConnectToHost) }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes {
            Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }
    func write(_ text: String) { write(Array(text.utf8)) }

    /// What comes within the time-out, at most so many bytes.
    func read(_ limit: Int = 65536) -> String {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &buffer, limit, 0)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
    }
}
