import Foundation
import GRDB
import Tracking

/// Which runs of an index are wanted, and in what order.
public struct RunQuery: Sendable {
    /// A condition such as `best>0.6`, `model~qwen`, `optimizer.learning_rate=0.001`, `kl<0.1`.
    struct Condition: Sendable, Equatable {
        var key: String
        var comparison: String
        var value: String

        /// Reads a condition.
        ///
        /// - Throws: `TrackingError` (`invalidOption`).
        init(_ text: String) throws(TrackingError) {
            for comparison in ["!=", ">=", "<=", "=", ">", "<", "~"] {
                guard let range = text.firstRange(of: comparison), range.lowerBound > text.startIndex else { continue }
                // `a>=b` has `=` too: the first sign in the text counts.
                let before = text[..<range.lowerBound]
                guard !before.contains(where: { "!<>=~".contains($0) }) else { continue }
                key = before.trimmingCharacters(in: .whitespaces)
                value = text[range.upperBound...].trimmingCharacters(in: .whitespaces)
                self.comparison = comparison
                return
            }
            throw TrackingError(
                .invalidOption,
                "filter \"\(text)\": expected KEY, one of = != < <= > >= ~ (contains), and a value, such as best>0.6")
        }
    }

    /// The columns of a run itself.
    static let columns = [
        "name", "kind", "model", "state", "started", "path", "step", "steps", "reward", "accuracy", "best", "best_step",
        "seconds",
    ]

    private let conditions: [Condition]
    private let order: String
    private let isReversed: Bool

    /// A query.
    ///
    /// - Parameter filters: Conditions that all must hold, on columns, last values of metrics, or settings.
    /// - Parameter order: A column, or a metric's last value. Texts rise; numbers and `started` fall: the best come first.
    /// - Parameter isReversed: Turns the order around.
    /// - Throws: `TrackingError` (`invalidOption`).
    public init(filters: [String] = [], order: String = "started", isReversed: Bool = false) throws(TrackingError) {
        var conditions: [Condition] = []
        for filter in filters { conditions.append(try Condition(filter)) }
        self.conditions = conditions
        self.order = order
        self.isReversed = isReversed
    }

    /// The runs, read from the index.
    ///
    /// - Throws: `TrackingError` (`invalidOption`) for a key that no run has.
    public func runs(in index: RunIndex) throws -> [RunSummary] {
        try index.database.read { db in
            let (key, values) = try orderKey(db)
            // The order's value stands before the conditions in the statement.
            var (clauses, arguments) = ([String](), StatementArguments(values))
            for condition in conditions {
                let (clause, own) = try Self.clause(condition, db)
                clauses.append(clause)
                arguments += own
            }
            let text = ["name", "kind", "model", "state", "path"].contains(order)
            let direction = text == isReversed ? "DESC" : "ASC"
            let filter = clauses.isEmpty ? "" : " WHERE " + clauses.joined(separator: " AND ")
            // Runs without a value come last either way.
            let sql =
                "SELECT run.*, \(key) AS sorted FROM run\(filter) "
                + "ORDER BY sorted IS NULL, sorted \(direction), run.path"
            return try Row.fetchAll(db, sql: sql, arguments: arguments).map(RunSummary.init(row:))
        }
    }

    private func orderKey(_ db: Database) throws -> (sql: String, values: [String]) {
        if Self.columns.contains(order) { return ("run.\(order)", []) }
        guard try Self.exists("metric", "name", order, db) else { throw Self.unknown(order, "--sort") }
        return ("(SELECT last FROM metric WHERE metric.path = run.path AND metric.name = ?)", [order])
    }

    private static func clause(_ condition: Condition, _ db: Database) throws -> (String, StatementArguments) {
        let number = Double(condition.value)
        func comparison(_ column: String, isNumber: Bool) -> String {
            switch condition.comparison {
            case "~": "instr(lower(\(column)), lower(?)) > 0"
            case "=": isNumber ? "\(column) = ?" : "CAST(\(column) AS TEXT) = ?"
            case "!=": isNumber ? "\(column) <> ?" : "CAST(\(column) AS TEXT) <> ?"
            case let sign: "\(column) \(sign) ?"
            }
        }
        let text = condition.value.databaseValue
        let value = condition.comparison == "~" ? text : number?.databaseValue ?? text
        if columns.contains(condition.key) {
            let texts = ["name", "kind", "model", "state", "started", "path"]
            if texts.contains(condition.key) {
                return (comparison("run.\(condition.key)", isNumber: false), [condition.value])
            }
            return (comparison("run.\(condition.key)", isNumber: number != nil), [value])
        }
        if try exists("metric", "name", condition.key, db) {
            return (
                "EXISTS (SELECT 1 FROM metric WHERE metric.path = run.path AND metric.name = ? AND "
                    + comparison("metric.last", isNumber: number != nil) + ")", [condition.key, value]
            )
        }
        guard try exists("setting", "key", condition.key, db) else { throw unknown(condition.key, "--filter") }
        let column = number == nil || condition.comparison == "~" ? "setting.value" : "CAST(setting.value AS REAL)"
        return (
            "EXISTS (SELECT 1 FROM setting WHERE setting.path = run.path AND setting.key = ? AND "
                + comparison(column, isNumber: number != nil) + ")", [condition.key, value]
        )
    }

    private static func exists(_ table: String, _ column: String, _ value: String, _ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE \(column) = ?)", arguments: [value])
            ?? false
    }

    private static func unknown(_ key: String, _ option: String) -> TrackingError {
        TrackingError(
            .invalidOption,
            "\(option): no run has a value named \(key); expected one of \(columns.joined(separator: ", ")), a metric of "
                + "metrics.jsonl, or a key of the recipe such as optimizer.learning_rate")
    }
}
