import Foundation
import ModelFiles
import Tracking

/// Keeps a run's `report.html`: written whenever the model is evaluated or saved, and at the end.
public final class ReportWriter: RunObserver {
    /// For messages.
    public let name = "report.html"
    private var folder: RunFolder?
    private var content = ReportContent()
    private var isCurrent = false

    /// A writer for a run to come.
    public init() {}

    /// Takes in the records that are there.
    public func begin(_ folder: RunFolder) {
        self.folder = folder
        content = ReportContent(folder)
    }

    /// Takes in a step.
    public func add(_ step: RecordedStep) {
        content.add(step)
        isCurrent = false
    }

    /// Writes the report, if anything has changed.
    ///
    /// - Throws: `ModelFileError` (`unwritable`).
    public func milestone() throws {
        guard let folder, !isCurrent, !content.isEmpty else { return }
        try AtomicFile.write(ReportPage.html(content.json(folder)), to: folder.report)
        isCurrent = true
    }

    /// Makes the report of any run from what lies in its folder.
    ///
    /// - Returns: The page as a text of HTML.
    /// - Throws: `TrackingError` (`unreadable`) if the folder holds no records.
    public static func html(of folder: RunFolder) throws(TrackingError) -> String {
        let content = ReportContent(folder)
        guard !content.isEmpty else {
            throw TrackingError(
                .unreadable, "\(folder.path): metrics.jsonl holds no steps; give the folder of a run that has begun")
        }
        return ReportPage.html(content.json(folder))
    }
}
