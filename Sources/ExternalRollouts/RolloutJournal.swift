import Foundation
import InferenceCore
import OrderedJSON
import Tracking

/// The completions that servers have given, written down as they come: what was received is never asked for again, by
/// whatever the process was ended, and a step that is taken again is the same step.
///
/// `rollouts/step-000120.jsonl` in the run folder has a line a completion:
///
///     {"step": 120, "prompt": 3, "sample": 0, "adapter": "2f1c…", "ids": […], "logprobs": […], "finish_reason": "stop"}
///
/// A line counts only for the adapter with its digest. Lines that can't be used are left out.
final class RolloutJournal {
    /// A completion's place in the run.
    struct Place: Hashable {
        let prompt: Int
        let sample: Int
    }

    /// A line.
    struct Entry {
        let tokens: [Int]
        let logProbs: [Double]
        let finishReason: FinishReason
    }

    /// More lines than a step can have completions of are not read.
    private static let mostLines = 1 << 24

    private let folder: RunFolder
    private let source: RunFolder
    private var writer: (step: Int, lines: JSONLinesWriter)?

    /// - Parameter folder: The run's folder, which is written to.
    /// - Parameter source: Where completions were written before, if not there.
    init(_ folder: RunFolder, reading source: RunFolder? = nil) {
        (self.folder, self.source) = (folder, source ?? folder)
    }

    /// What was received for a step, counted from 1, while the adapter was the one with a digest.
    func entries(step: Int, adapter digest: String) -> [Place: Entry] {
        var entries: [Place: Entry] = [:]
        var records = RecordLines(path: source.rollouts(step: step))
        var count = 0
        while let record = records.next(), count < Self.mostLines {
            count += 1
            guard record["step"]?.intValue == step, record["adapter"]?.stringValue == digest,
                let prompt = record["prompt"]?.intValue, let sample = record["sample"]?.intValue,
                let tokens = record["ids"]?.arrayValue?.map(\.intValue), !tokens.contains(nil),
                let logProbs = record["logprobs"]?.arrayValue?.map(\.doubleValue), !logProbs.contains(nil),
                let reason = record["finish_reason"]?.stringValue.flatMap({ FinishReason(rawValue: $0) })
            else { continue }
            let place = Place(prompt: prompt, sample: sample)
            // The first is the one that was used.
            guard entries[place] == nil else { continue }
            entries[place] = Entry(
                tokens: tokens.compactMap { $0 }, logProbs: logProbs.compactMap { $0 }, finishReason: reason)
        }
        return entries
    }

    /// Writes a completion down.
    ///
    /// - Throws: `TrackingError`, or what the file system says of the folder.
    func append(_ completion: Completion, at place: Place, step: Int, adapter digest: String) throws {
        if writer?.step != step {
            try FileManager.default.createDirectory(atPath: folder.rollouts, withIntermediateDirectories: true)
            writer = (step, try JSONLinesWriter(path: folder.rollouts(step: step)))
        }
        try writer?.lines.append([
            "step": .integer(step), "prompt": .integer(place.prompt), "sample": .integer(place.sample),
            "adapter": .string(digest), "ids": .array(completion.tokens.map { .integer($0) }),
            "logprobs": .array(completion.logProbs.map { .double(Double($0)) }),
            "finish_reason": .string(completion.finishReason.rawValue),
        ])
    }
}
