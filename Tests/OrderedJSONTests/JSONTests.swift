import OrderedJSON
import Testing

@Suite("JSON")
struct JSONTests {
    @Test("key order, escapes and integers survive a round trip")
    func roundTrip() throws {
        let text = #"{"z":1,"a":[true,false,null,-7,9223372036854775807],"text":"é\n\"\\\u0001😀","n":{}}"#
        let value = try JSONValue(parsing: text)
        #expect(value.objectValue?.keys == ["z", "a", "text", "n"])
        #expect(value["a"]?[4]?.intValue == Int.max)
        #expect(value.text() == text)
        #expect(try JSONValue(parsing: value.text(.pretty(2))) == value)
    }

    @Test(
        "doubles are spelled as Python spells them",
        arguments: [
            (1e-7, "1e-07"), (1e16, "1e+16"), (-0.0, "-0.0"), (3.0, "3.0"), (0.1, "0.1"), (123456.75, "123456.75"),
            (1e15, "1000000000000000.0"), (0.0001, "0.0001"), (0.00001, "1e-05"), (1.5e-10, "1.5e-10"),
            (1.7976931348623157e308, "1.7976931348623157e+308"), (5e-324, "5e-324"), (-2.5, "-2.5"),
        ] as [(Double, String)])
    func pythonSpelling(value: Double, expected: String) {
        #expect(JSONValue.double(value).text() == expected)
    }

    @Test(
        "what is not JSON is refused with its place",
        arguments: [
            ("", 0), ("{", 1), ("[1,]", 3), (#"{"a" 1}"#, 5), ("\"\u{01}\"", 1), ("01", 1), ("1.", 2), ("tru", 0),
            ("[1] x", 4), (#""\x""#, 3), (#"{a:1}"#, 1),
        ] as [(String, Int)])
    func refusals(text: String, offset: Int) {
        #expect(performing: { try JSONValue(parsing: text) }, throws: { ($0 as? JSONError)?.offset == offset })
    }

    @Test("deep nesting is an error, not a crash")
    func depth() {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
    }

    @Test("surrogate pairs join, lone surrogates become the replacement character")
    func surrogates() throws {
        #expect(try JSONValue(parsing: #""\ud83d\ude00""#) == "😀")
        #expect(try JSONValue(parsing: #""\ud83dx""#) == "\u{FFFD}x")
    }

    @Test("mutated texts give a value or an error, never a crash")
    func fuzz() {
        let seed = Array(#"{"a":[1,2.5e-3,"x\u00e9\n",true,null],"b":{"c":-0.0}}"#.utf8)
        var state: UInt64 = 1
        func next() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        for _ in 0..<100_000 {
            var bytes = seed
            for _ in 0...(next() % 4) {
                switch next() % 3 {
                case 0: bytes[next() % bytes.count] = UInt8(next() % 256)
                case 1: bytes.insert(UInt8(next() % 256), at: next() % bytes.count)
                default: if bytes.count > 1 { bytes.remove(at: next() % bytes.count) }
                }
            }
            _ = try? JSONValue(parsing: bytes)
        }
    }
}
