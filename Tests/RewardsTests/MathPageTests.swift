import Foundation
import Testing

@testable import Rewards

@Suite("The math checker's page")
struct MathPageTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/math-checker.md")

    /// The rows of the page's tables: gold answer, completion or answer, verdict.
    private static func rows() throws -> [(gold: String, text: String, verdict: String)] {
        try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard line.hasPrefix("| `") else { return nil }
            let parts = line.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 5 else { return nil }
            return (parts[1], parts[3], parts[4].filter { $0.isLetter || $0 == "_" })
        }
    }

    @Test("every example of the page is true")
    func examples() async throws {
        let rows = try Self.rows()
        #expect(rows.count >= 50)
        for row in rows {
            let isCompletion = row.text.contains("boxed") || row.text.contains(" is ") || row.text.contains("costs")
            let text = isCompletion ? row.text : "\\boxed{\(row.text)}"
            let verdict = await MathChecking.verifier.verify(gold: row.gold, prediction: text)
            #expect(verdict.verdict.rawValue == row.verdict, "\(row.gold), \(row.text): \(verdict)")
        }
    }
}
