import Foundation
import OrderedJSON
import Testing
import Tracking

@testable import Reporting

@Suite("Report")
struct ReportPageTests {
    /// Texts that a model may write.
    static let hostile = [
        "</script><script>alert(1)</script>", "<!--<script>", "]]>", "\u{2028}\u{2029}\u{0}\u{1F}\u{7F}\u{85}\u{FEFF}",
        "\u{202E}desrever\u{202C}", "&lt;img src=x onerror=alert(1)&gt;", "\\u003c/script\\u003e", "\"'`${}\\",
        "https://example.com/x.png", String(repeating: "👩‍👩‍👧‍👦", count: 9000), "\u{FFFD}\u{FFFE}\u{10FFFF}", "",
    ]

    private func run(
        _ completions: [String], steps: Int = 1, extra: (Int) -> JSONObject = { _ in [:] }
    ) throws -> TemporaryRun {
        let run = try TemporaryRun()
        for step in 1...steps {
            var metrics: JSONObject = ["reward": 0.5]
            for (key, value) in extra(step) { metrics[key] = value }
            try run.write(
                step, metrics,
                completions.enumerated().map { index, text in
                    TemporaryRun.completion(step, text, prompt: "prompt \(index) \(text)", reward: Double(index))
                })
        }
        return run
    }

    @Test("nothing of a hostile text stands in the page but as an escaped part of its data", arguments: hostile)
    func hostileTexts(text: String) throws {
        let run = try run([text])
        try "name: \(JSONValue.string(text).text())\n".write(
            toFile: run.folder.recipe, atomically: true, encoding: .utf8)
        try run.evaluate(1, text)
        let page = try ReportWriter.html(of: run.folder)
        let plain = try self.page(self.run(["plain"]))
        // Markup is the same whatever the model wrote.
        for mark in ["<script", "</script", "<!--", "<img", "<"] {
            #expect(count(mark, in: page) == count(mark, in: plain), "\(mark)")
        }
        let data = try TemporaryRun.data(of: page)
        for scalar in data.unicodeScalars {
            let isBad =
                scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
                || [0x3C, 0x3E, 0x26, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF].contains(scalar.value)
            #expect(!isBad, "U+\(String(scalar.value, radix: 16))")
        }
        let shown = try #require(try JSONValue(parsing: data)["completions"]?.arrayValue)
        #expect(shown.count == 2)
        #expect(shown.allSatisfy { ($0["c"]?.stringValue?.unicodeScalars.count ?? .max) < 6200 })
        // What turns the writing's direction is named, not obeyed.
        #expect(!shown.contains { $0["c"]?.stringValue?.unicodeScalars.contains("\u{202E}") ?? false })
    }

    /// The page of a run that is kept until it is made.
    private func page(_ run: TemporaryRun) throws -> String {
        try withExtendedLifetime(run) { try ReportWriter.html(of: run.folder) }
    }

    private func count(_ part: String, in text: String) -> Int { text.components(separatedBy: part).count }

    @Test("the page asks nobody for anything: no address in it, and a policy that allows no connection")
    func offline() throws {
        let page = try self.page(run(["a"]))
        let own = page.replacing("http://www.w3.org/2000/svg", with: "")
        for mark in ["http:", "https:", "src=", "href=", "@import", "url(", "innerHTML", "eval("] {
            #expect(!own.contains(mark), "\(mark)")
        }
        #expect(page.contains("default-src 'none'; script-src 'sha256-"))
        #expect(!page.contains("unsafe-inline"))
    }

    @Test("a long completion keeps its beginning and its end, with a note of what is left out")
    func long() throws {
        let text = "begin" + String(repeating: "x", count: 50_000) + "end"
        let data = try JSONValue(parsing: TemporaryRun.data(of: page(run([text]))))
        let shown = try #require(data["completions"]?[0]?["c"]?.stringValue)
        #expect(shown.hasPrefix("begin") && shown.hasSuffix("end"))
        #expect(shown.contains("[… 44008 characters left out; completions.jsonl has them …]"))
    }

    @Test("a long run stays small: some completions and steps are left out, the last step never")
    func bounded() throws {
        let run = try run((0..<8).map { "text \($0) " + String(repeating: "y", count: 3000) }, steps: 500)
        let page = try ReportWriter.html(of: run.folder)
        #expect(page.utf8.count < 14 << 20)
        let data = try JSONValue(parsing: TemporaryRun.data(of: page))
        let completions = try #require(data["completions"]?.arrayValue)
        #expect(completions.count + (data["omitted"]?.intValue ?? 0) == 4000)
        #expect(completions.contains { $0["s"] == 500 } && completions.contains { $0["s"] == 1 })
        let top = try #require(data["audit"]?["top"]?.arrayValue)
        // Each text once, the newest of equals.
        #expect(top.map { $0["w"] } == [7, 6, 5, 4, 3, 2, 1, 0] && top.allSatisfy { $0["s"] == 500 })
    }

    @Test("curves are the metrics, with gaps where they are not finite or missing")
    func curves() throws {
        let run = try run(["a"], steps: 3) { $0 == 2 ? ["kl": .double(.nan), "loss": 1e-7] : ["kl": .integer($0)] }
        let metrics = try JSONValue(parsing: TemporaryRun.data(of: ReportWriter.html(of: run.folder)))["metrics"]
        #expect(metrics?["steps"] == [1, 2, 3])
        #expect(metrics?["series"]?["kl"] == [1, .null, 3])
        #expect(metrics?["series"]?["loss"] == [.null, 1e-7, .null])
    }

    @Test("records that are damaged or of other shapes are left out, and counted")
    func damaged() throws {
        let run = try run(["a"])
        let lines = ["{", "[]", "{\"step\":\"x\"}", "{\"step\":1,\"completion\":5,\"rewards\":[]}", "{\"step\":1}"]
        try run.append(lines, to: run.folder.completions)
        try run.append(
            lines + ["{\"step\":-4}", "{\"step\":9223372036854775807,\"reward\":1}"], to: run.folder.metrics)
        let huge = "{\"step\":9223372036854775807,\"group\":9223372036854775807,\"sample\":-9223372036854775808,"
        try run.append([huge + "\"tokens\":9223372036854775807,\"completion\":\"x\"}"], to: run.folder.evaluations)
        try run.append(["{\"sessions\":[3,{\"machine\":7}]}"], to: run.folder.environment)
        let data = try JSONValue(parsing: TemporaryRun.data(of: ReportWriter.html(of: run.folder)))
        #expect(data["completions"]?.arrayValue?.count == 2)
        #expect((data["skipped"]?.intValue ?? 0) >= 2)
        #expect(data["sessions"]?.arrayValue?.count == 1)
    }

    @Test("a run that writes its report as it goes gives the report that its folder gives")
    func live() throws {
        let run = try TemporaryRun()
        let writer = ReportWriter()
        writer.begin(run.folder)
        try writer.milestone()
        #expect(!FileManager.default.fileExists(atPath: run.folder.report))
        for step in 1...40 {
            let completions = (0..<6).map { sample in
                TemporaryRun.completion(step, "text \(step * sample)", prompt: "p\(sample)", reward: Double(sample % 3))
            }
            try run.write(step, ["reward": .integer(step)], completions)
            writer.add(RecordedStep(step: step, metrics: ["reward": .integer(step)], completions: completions))
        }
        try writer.milestone()
        let page = try String(contentsOfFile: run.folder.report, encoding: .utf8)
        let pages = [page, try ReportWriter.html(of: run.folder)]
        let data = try pages.map { page in
            var data = try #require(try JSONValue(parsing: TemporaryRun.data(of: page)).objectValue)
            data["written"] = nil
            return data
        }
        #expect(data[0] == data[1])
    }

    @Test("a folder without steps is a clear error")
    func empty() throws {
        let run = try TemporaryRun()
        let error = #expect(throws: TrackingError.self) { try ReportWriter.html(of: run.folder) }
        #expect(
            error?.message.hasSuffix("metrics.jsonl holds no steps; give the folder of a run that has begun") == true)
    }
}
