import Foundation
import Hummingbird
import HummingbirdCore
import InferenceCore
import Serving
import Synchronization
import TensorCore
import TextGeneration

/// Loads what is to be served, and serves it until a signal ends it.
struct ServerRun {
    private let options: ServerOptions
    private let service: ModelService
    private let rules: AccessRules
    private let folders: AllowedFolders
    private let watcher: AdapterWatcher?

    /// Loads the model and the adapters.
    ///
    /// - Throws: What names the file at fault.
    init(_ options: ServerOptions) async throws {
        self.options = options
        ComputeDevice.threadCount = options.threads
        rules = AccessRules(
            keys: try options.apiKeyFile.map { try KeyRing(file: $0) },
            administrationKeys: try options.adminKeyFile.map { try KeyRing(file: $0) }, isLocal: options.isLocal)
        folders = try AllowedFolders(options.allowAdaptersFrom + [options.adaptersDir].compactMap { $0 })
        let served = try Self.model(options)
        let shelf = AdapterShelf(model: served.model, baseNames: Set(served.names))
        for (name, folder) in try options.namedAdapters {
            let version = try await shelf.load(name, from: Self.absolute(folder), in: AllowedFolders([folder]))
            Log.write("serves '\(name)', digest \(version.digest.prefix(16))")
        }
        let scheduler = Scheduler(
            model: served.model,
            limits: ServingLimits(
                maxBatch: options.maxBatch, maxQueue: options.maxQueue, maxContext: options.maxContext,
                cacheBytes: options.cacheMemory << 20), breaks: shelf.breaks)
        service = ModelService(
            served, shelf: shelf, scheduler: scheduler,
            options: .init(
                defaultMaxTokens: options.defaultMaxTokens,
                timeout: options.requestTimeout > 0 ? options.requestTimeout : nil))
        let folders = folders
        watcher = options.adaptersDir.map { AdapterWatcher(Self.absolute($0), shelf: shelf, folders: folders) }
    }

    private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }

    private static func model(_ options: ServerOptions) throws -> ServedModel {
        let opened = try OpenedModel(options.model, precision: options.precision.elementType)
        guard let tokenizer = opened.tokenizer else {
            throw ServingError(.notFound, "\(options.model) has no tokenizer.json; a server needs it")
        }
        var templates: ChatTemplates?
        do { templates = try ChatTemplates(opened.location, replacement: options.chatTemplate) } catch {
            if options.chatTemplate != nil { throw error }
            Log.write("\(error); chat completions are refused")
        }
        let place = URL(fileURLWithPath: options.model)
        // A folder's name may have points: Qwen2.5-0.5B.
        let own = (place.pathExtension == "gguf" ? place.deletingPathExtension() : place).lastPathComponent
        return ServedModel(
            names: options.servedModelName.isEmpty ? [own] : options.servedModelName, model: opened.model,
            tokenizer: tokenizer, templates: templates, endTokens: opened.endTokens,
            defaults: options.samplingDefaults == .model ? try opened.samplingDefaults() : SamplingParameters())
    }

    /// Serves.
    func run() async throws {
        // What is there already is served from the first request on.
        for event in await watcher?.look() ?? [] { Self.tell(event) }
        let watching = Task { [watcher] in
            await watcher?.watch(every: .milliseconds(500)) { Self.tell($0) }
        }
        defer { watching.cancel() }
        let ending = EndSignal(scheduler: service.scheduler, grace: .seconds(options.grace))
        ending.install()
        let places = Places(service: service, rules: rules, folders: folders, options: options)
        var app = Application(
            router: places.router(),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: .init(
                address: .hostname(options.host, port: options.port), serverName: nil, reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(options.maxConnections)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? options.port
                let host = options.host.contains(":") ? "[\(options.host)]" : options.host
                Log.write("http://\(host):\(port) serves '\(service.served.name)'")
            })
        app.logger.logLevel = .error
        try await app.runService()
        await service.scheduler.shutDown(grace: .seconds(options.grace))
    }

    private static func tell(_ event: AdapterWatcher.Event) {
        switch event {
        case .loaded(let version):
            Log.write("serves '\(version.name)', version \(version.version), digest \(version.digest.prefix(16))")
        case .unloaded(let name): Log.write("'\(name)' has gone, and is served no more")
        case .refused(let name, let error): Log.write("'\(name)' is not served: \(error.message)")
        }
    }
}

/// Lets what runs end when a signal asks the server to.
final class EndSignal: Sendable {
    private let scheduler: Scheduler
    private let grace: Duration
    /// Whether it was asked before. (Whether jobs are taken does not tell: the HTTP server hears the signal too, and may have
    /// been the first to end.)
    private let wasAsked = Mutex(false)
    /// Seconds for connections that don't take their answers, once everything has been computed.
    private static let connectionGrace = 3.0

    init(scheduler: Scheduler, grace: Duration) {
        self.scheduler = scheduler
        self.grace = grace
    }

    /// Begins to listen to SIGINT and SIGTERM.
    func install() {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                let isFirst = wasAsked.withLock { wasAsked in
                    defer { wasAsked = true }
                    return !wasAsked
                }
                guard isFirst else { exit(130) }
                Log.write("ends when what runs has ended; again to end at once")
                Task {
                    await scheduler.shutDown(grace: grace)
                    try await Task.sleep(for: .seconds(Self.connectionGrace))
                    exit(0)
                }
            }
            source.activate()
            // It lives as long as the process.
            _ = Unmanaged.passRetained(source as AnyObject)
        }
    }
}
