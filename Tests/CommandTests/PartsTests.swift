import FileTesting
import Foundation
import OrderedJSON
import Testing

@testable import touchstone

struct PartsTests {
    private func lines(_ text: [UInt8], maximum: Int = 1 << 20) throws -> [LineReader.Line] {
        let folder = try TemporaryFolder()
        let path = folder.path("lines")
        try Data(text).write(to: URL(fileURLWithPath: path))
        var reader = try LineReader(path: path, maximumBytes: maximum)
        var lines: [LineReader.Line] = []
        while let line = try reader.next() { lines.append(line) }
        return lines
    }

    @Test("lines are cut at LF and CR LF, the last needs no end, a byte order mark is dropped")
    func lineEnds() throws {
        let got = try lines([0xEF, 0xBB, 0xBF] + Array("a\r\n\nb\rc\nd".utf8))
        #expect(got.map { String(decoding: $0.bytes, as: UTF8.self) } == ["a", "", "b\rc", "d"])
        #expect(got.map(\.number) == [1, 2, 3, 4])
        #expect(try lines([]).isEmpty)
        #expect(try lines([0x0A]).count == 1)
    }

    @Test("lines longer than a read are whole, and those longer than the limit are named and skipped")
    func longLines() throws {
        let long = [UInt8](repeating: 0x61, count: 200_000)
        let got = try lines(long + [0x0A] + Array("b\n".utf8) + long)
        #expect(got.map(\.bytes.count) == [200_000, 1, 200_000])
        let limited = try lines(long + [0x0A] + Array("b\n".utf8) + long, maximum: 1000)
        #expect(limited.map(\.isTooLong) == [true, false, true])
        #expect(limited.map(\.bytes.count) == [0, 1, 0])
    }

    @Test("a float is written as the shortest decimal that reads back as the same bits")
    func floats() throws {
        var bits: UInt32 = 1
        for _ in 0..<20_000 {
            bits = bits &* 1_664_525 &+ 1_013_904_223
            let value = Float(bitPattern: bits)
            guard value.isFinite else { continue }
            let text = JSONValue.float(value).text()
            let read = try JSONValue(parsing: text).doubleValue
            #expect(Float(read ?? .nan).bitPattern == value.bitPattern, "\(text)")
            #expect(Float(text) == value)
        }
        #expect(JSONValue.float(-0.1).text() == "-0.1")
    }

    @Test("the levels of messages include those before them")
    func levels() {
        #expect(Messages.Level.allCases == [.error, .warning, .info, .debug])
        #expect(Messages.Level.error < .warning && Messages.Level.info < .debug)
    }
}
