import Foundation
import OrderedJSON

/// Reads the objects of a JSON Lines file one by one, whoever wrote it.
///
/// A line that is no JSON object, or too long, is left out and counted; so is a last line without its end, which may still
/// be being written. A file that is not there has no lines.
public struct RecordLines {
    /// Longest line that is read, in bytes.
    public static let maximumBytes = 64 << 20

    /// Lines that could not be used so far.
    public private(set) var skipped = 0
    private let file: FileHandle?
    private var buffer = Data()
    private var position = 0

    /// Opens a file.
    public init(path: String) {
        // A named pipe would block, and a folder has no lines.
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let isFile = attributes?[.type] as? FileAttributeType == .typeRegular
        file = isFile ? FileHandle(forReadingAtPath: path) : nil
    }

    /// The next object; `nil` at the end.
    public mutating func next() -> JSONObject? {
        while let line = nextLine() {
            if line.isEmpty { continue }
            if let object = (try? JSONValue(parsing: line))?.objectValue { return object }
            skipped += 1
        }
        return nil
    }

    private mutating func nextLine() -> [UInt8]? {
        var line: [UInt8] = []
        var isTooLong = false
        while true {
            let rest = buffer[(buffer.startIndex + position)...]
            let end = rest.firstIndex(of: 0x0A)
            let piece = rest[..<(end ?? rest.endIndex)]
            if line.count + piece.count > Self.maximumBytes { isTooLong = true }
            if isTooLong { line = [] } else { line += piece }
            if let end {
                position = end + 1 - buffer.startIndex
                if !isTooLong { return line }
                skipped += 1
                (line, isTooLong) = ([], false)
                continue
            }
            guard let next = try? file?.read(upToCount: 1 << 18), !next.isEmpty else {
                (buffer, position) = (Data(), 0)
                return nil
            }
            (buffer, position) = (next, 0)
        }
    }
}

/// Reads a run's steps in their order from metrics.jsonl and completions.jsonl, with the memory of one step.
public struct RunRecords {
    private var metrics: RecordLines
    private var completions: RecordLines
    private var waiting: JSONObject?

    /// The records in a run's folder, as far as they are there.
    public init(_ folder: RunFolder) {
        metrics = RecordLines(path: folder.metrics)
        completions = RecordLines(path: folder.completions)
    }

    /// Lines that could not be used so far.
    public var skipped: Int { metrics.skipped + completions.skipped }

    /// The next step; `nil` at the end.
    public mutating func next() -> RecordedStep? {
        while let record = metrics.next() {
            guard let step = record["step"]?.intValue, RecordedStep.possibleSteps.contains(step) else { continue }
            var own: [JSONObject] = []
            waiting = waiting ?? completions.next()
            while let completion = waiting {
                let place = completion["step"]?.intValue ?? -1
                if place > step { break }
                if place == step { own.append(completion) }
                waiting = completions.next()
            }
            return RecordedStep(step: step, metrics: record, completions: own)
        }
        return nil
    }
}
