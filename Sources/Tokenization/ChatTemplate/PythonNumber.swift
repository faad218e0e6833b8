import Foundation

/// What Python's numbers do beyond Swift's operators.
enum PythonNumber {
    /// `base ** exponent` of floats.
    static func power(_ base: Double, _ exponent: Double) throws(ChatTemplateError) -> Double {
        let result = pow(base, exponent)
        if result.isNaN, !base.isNaN, !exponent.isNaN {
            throw ChatTemplateError(.unsupported, "the result of '**' is a complex number")
        }
        if result.isInfinite, base.isFinite, exponent.isFinite {
            throw ChatTemplateError(
                .type, base == 0 ? "0.0 cannot be raised to a negative power" : "the result of '**' is too large")
        }
        return result
    }

    /// `float(text)`
    static func double(_ text: String) -> Double? {
        let trimmed = PythonText.strip(text).replacing("_", with: "")
        guard !trimmed.utf8.contains(where: { $0 == UInt8(ascii: "x") || $0 == UInt8(ascii: "X") }) else { return nil }
        return Double(trimmed)
    }

    /// `int(text, base)`
    static func integer(_ text: String, base: Int) -> Int? {
        var digits = PythonText.strip(text).replacing("_", with: "").lowercased()
        let sign = digits.hasPrefix("-") ? "-" : ""
        if digits.hasPrefix("-") || digits.hasPrefix("+") { digits.removeFirst() }
        let prefixes = [2: "0b", 8: "0o", 16: "0x"]
        if let prefix = prefixes[base], digits.hasPrefix(prefix) { digits.removeFirst(2) }
        guard (2...36).contains(base), digits.first != "-", digits.first != "+" else { return nil }
        return Int(sign + digits, radix: base)
    }

    /// `int(number)`
    static func integer(_ number: Double) throws(ChatTemplateError) -> Int {
        guard let integer = Int(exactly: number.rounded(.towardZero)) else {
            throw ChatTemplateError(.limit, "the number \(number) does not fit a 64-bit integer")
        }
        return integer
    }

    /// A number with a fixed count of decimals, as `%.2f` writes it.
    static func fixed(_ number: Double, decimals: Int) -> String {
        String(format: "%.\(max(0, min(decimals, 50)))f", number)
    }

    /// The date by a `strftime` format, in the machine's time zone.
    static func date(_ seconds: Int?, format: String) throws(ChatTemplateError) -> String {
        guard format.utf8.count <= 512, !format.utf8.contains(0) else {
            throw ChatTemplateError(.limit, "the date format is longer than 512 bytes or holds a zero byte")
        }
        guard !format.isEmpty else { return "" }
        var moment = seconds.map { time_t($0) } ?? time(nil)
        var parts = tm()
        guard localtime_r(&moment, &parts) != nil else { throw ChatTemplateError(.type, "the date is out of range") }
        var buffer = [CChar](repeating: 0, count: 4096)
        // The space keeps apart an empty result and one that does not fit.
        let length = strftime(&buffer, buffer.count, format + " ", &parts)
        guard length > 0 else { throw ChatTemplateError(.limit, "the date is longer than \(buffer.count) bytes") }
        return String(decoding: buffer[..<(length - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
