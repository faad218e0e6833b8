import Foundation
import ModelFiles
import OrderedJSON
import Tracking

/// The held-out completions of a run, `evaluations.jsonl`.
enum EvaluationRecords {
    /// Takes off the records of evaluations whose metrics don't count: they will be made again.
    ///
    /// - Throws: `ModelFileError` (`unwritable`); the file is then as it was.
    static func dropUncounted(_ folder: RunFolder) throws(ModelFileError) {
        guard FileManager.default.fileExists(atPath: folder.evaluations) else { return }
        var metrics = RecordLines(path: folder.metrics)
        var last = -1
        while let record = metrics.next() { last = record["step"]?.intValue ?? last }
        var records = RecordLines(path: folder.evaluations)
        var (kept, dropped) = ([JSONObject](), 0)
        while let record = records.next() {
            if record["step"]?.intValue ?? .max <= last { kept.append(record) } else { dropped += 1 }
        }
        // A torn last line alone is cut when the file is opened to append.
        guard dropped > 0 else { return }
        try AtomicFile.write(kept.map { MetricsRecord.line($0) + "\n" }.joined(), to: folder.evaluations)
    }
}
