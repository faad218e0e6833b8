import Foundation
import OrderedJSON

/// Reads the rows of a JSON Lines file, streaming, and says what is wrong with each bad line.
struct JSONLinesFile {
    /// After this many bad lines the rest is not looked at.
    static let maximumFaults = 20

    private let name: String
    private let reader: RowReader
    private let limit: Int
    private(set) var rows: [DataRow] = []
    private var faults: [RecipeError.Fault] = []
    private var splitter: LineSplitter

    init(
        _ file: Recipe.JSONLines, _ recipe: Recipe, isEvaluated: Bool = false,
        maximumLineBytes: Int = LineSplitter.maximumBytes
    ) throws(RecipeError) {
        name = file.path
        limit = file.limit ?? .max
        reader = try RowReader(file, recipe, isEvaluated: isEvaluated)
        splitter = LineSplitter(maximumBytes: maximumLineBytes)
    }

    /// Every row of a file.
    ///
    /// - Parameter isEvaluated: It is of `data.evaluation`.
    static func rows(
        _ file: Recipe.JSONLines, _ recipe: Recipe, isEvaluated: Bool = false
    ) throws(RecipeError) -> [DataRow] {
        var reader = try JSONLinesFile(file, recipe, isEvaluated: isEvaluated)
        guard let handle = FileHandle(forReadingAtPath: file.path) else {
            throw RecipeError(.unreadable, "\(file.path): can't be opened; expected a JSON Lines file")
        }
        defer { try? handle.close() }
        while !reader.isDone {
            let chunk: Data
            do { chunk = try handle.read(upToCount: 1 << 20) ?? Data() } catch {
                throw RecipeError(
                    .unreadable, "\(file.path): can't be read: \(error.localizedDescription)", cause: error)
            }
            if chunk.isEmpty { break }
            try reader.feed(Array(chunk)[...])
        }
        return try reader.finish()
    }

    /// Whether no more bytes are wanted.
    var isDone: Bool { rows.count >= limit || faults.count >= Self.maximumFaults }

    /// Takes the next bytes of the file.
    mutating func feed(_ bytes: ArraySlice<UInt8>) throws(RecipeError) {
        var splitter = splitter
        try splitter.feed(bytes) { line throws(RecipeError) in take(line) }
        self.splitter = splitter
    }

    /// The rows, once all bytes were taken.
    mutating func finish() throws(RecipeError) -> [DataRow] {
        var splitter = splitter
        try splitter.finish { line throws(RecipeError) in take(line) }
        guard faults.isEmpty else { throw RecipeError(.data, faults: faults) }
        guard !rows.isEmpty else { throw RecipeError(.data, "\(name): empty; expected one JSON object a line") }
        return rows
    }

    private mutating func take(_ line: LineSplitter.Line) {
        if isDone { return }
        if line.isTooLong {
            fault(line.number, 0, "the line is longer than \(LineSplitter.maximumBytes) bytes; is this JSON Lines?")
            return
        }
        if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { return }
        do throws(RowReader.Fault) { rows.append(try reader.row(line.bytes, index: rows.count)) } catch {
            fault(line.number, error.offset, error.message)
        }
    }

    private mutating func fault(_ line: Int, _ offset: Int, _ message: String) {
        faults.append(.init(source: name, place: .line(line, column: offset + 1), path: "", message: message))
    }
}
