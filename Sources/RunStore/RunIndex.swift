import Foundation
import GRDB
import Tracking

/// The runs below a folder, kept in an SQLite file so that listing a thousand of them reads only what has changed.
///
/// The folders are the truth. The file can be deleted at any time; one that is damaged, of another version or not
/// writable is made again, in memory if it must be.
public final class RunIndex {
    /// Changes whenever the tables do.
    private static let version = 1
    private static let (maximumDepth, maximumRuns) = (4, 20_000)

    /// The folder.
    public let root: String
    let database: DatabaseQueue

    /// Opens the index of a folder, and brings it up to date.
    ///
    /// - Parameter isKept: Whether it is kept as `ROOT/.runs.sqlite`; else it lives in memory.
    /// - Throws: `TrackingError` (`unreadable`) if the folder is not there.
    public init(root: String, isKept: Bool = true) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: root, isDirectory: &isFolder), isFolder.boolValue else {
            throw TrackingError(.unreadable, "\(root): no such folder; --root names the one that holds the runs")
        }
        self.root = root
        let path = Self.path(root)
        if isKept {
            for attempt in 0..<2 {
                if let database = try? Self.opened(path), (try? Self.refresh(database, root)) != nil {
                    self.database = database
                    return
                }
                // Damaged, or of another version: nothing in it is needed.
                guard attempt == 0 else { break }
                for suffix in ["", "-journal", "-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: path + suffix)
                }
            }
        }
        database = try DatabaseQueue()
        try database.write(Self.createTables)
        try refresh()
    }

    /// The index's file.
    public static func path(_ root: String) -> String { "\(root)/.runs.sqlite" }

    private static func opened(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.write { db in
            let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            if found == version { return }
            guard found == 0 else { throw TrackingError(.invalidOption, "\(path): an index of another version") }
            try createTables(db)
        }
        return database
    }

    private static func createTables(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE run (
                    path TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, name TEXT, kind TEXT, model TEXT, started TEXT,
                    step INTEGER, steps INTEGER, state TEXT, reward REAL, accuracy REAL, best REAL, best_step INTEGER,
                    seconds REAL);
                CREATE TABLE setting (path TEXT, key TEXT, value TEXT, PRIMARY KEY (path, key)) WITHOUT ROWID;
                CREATE TABLE metric (
                    path TEXT, name TEXT, last REAL, low REAL, high REAL, PRIMARY KEY (path, name)) WITHOUT ROWID;
                PRAGMA user_version = \(version);
                """)
    }

    /// Reads the runs that are new or have changed, and forgets those that are gone.
    ///
    /// - Returns: How many were read.
    @discardableResult
    public func refresh() throws -> Int { try Self.refresh(database, root) }

    private static func refresh(_ database: DatabaseQueue, _ root: String) throws -> Int {
        let paths = runs(below: root)
        return try database.write { db in
            let rows = try Row.fetchAll(db, sql: "SELECT path, fingerprint FROM run")
            var known: [String: String] = [:]
            for row in rows { known[row["path"]] = row["fingerprint"] }
            for path in known.keys where !paths.contains(path) { try Self.forget(path, db) }
            var count = 0
            for path in paths {
                let fingerprint = Self.fingerprint(path)
                if known[path] == fingerprint { continue }
                // A folder that has gone meanwhile.
                guard let summary = try? RunSummary(RunFolder(existing: path)) else { continue }
                try Self.forget(path, db)
                try Self.insert(summary, fingerprint, db)
                count += 1
            }
            return count
        }
    }

    private static func forget(_ path: String, _ db: Database) throws {
        for table in ["run", "setting", "metric"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE path = ?", arguments: [path])
        }
    }

    private static func insert(_ run: RunSummary, _ fingerprint: String, _ db: Database) throws {
        try db.execute(
            sql: "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                run.path, fingerprint, run.name, run.kind, run.model, run.started, run.step, run.steps,
                run.state.rawValue, run.reward, run.accuracy, run.best, run.bestStep, run.seconds,
            ])
        for (key, value) in run.settings {
            try db.execute(sql: "INSERT INTO setting VALUES (?, ?, ?)", arguments: [run.path, key, value])
        }
        for (name, range) in run.metrics {
            try db.execute(
                sql: "INSERT INTO metric VALUES (?, ?, ?, ?, ?)",
                arguments: [run.path, name, range.last, range.low, range.high])
        }
    }

    /// The runs' folders, in order; links are not followed.
    static func runs(below root: String) -> Set<String> {
        var found: Set<String> = []
        func search(_ folder: String, _ depth: Int) {
            if found.count >= maximumRuns { return }
            if RunSummary.isRun(folder) {
                found.insert(folder)
                return
            }
            guard depth < maximumDepth else { return }
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where !name.hasPrefix(".")
            {
                let path = "\(folder)/\(name)"
                let type = (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType
                if type == .typeDirectory { search(path, depth + 1) }
            }
        }
        search(root, 0)
        return found
    }

    /// What changes when a run's line may: its files' lengths and times, and whether it is being written.
    private static func fingerprint(_ path: String) -> String {
        let files = ["metrics.jsonl", "recipe.yaml", "environment.json"].map { name in
            var information = stat()
            guard stat("\(path)/\(name)", &information) == 0 else { return "-" }
            return "\(information.st_size):\(information.st_mtim.tv_sec):\(information.st_mtim.tv_nsec)"
        }
        let isHeld = (try? RunFolder(existing: path)).map(RunClaim.isHeld) ?? false
        return (files + [isHeld ? "running" : "still"]).joined(separator: " ")
    }
}
