import Foundation
import ModelFiles
import OrderedJSON

/// The page: one file without any address in it, so that it opens offline and asks nobody for anything.
///
/// Nothing that a model wrote can become markup or script: all of it is in one JSON text whose `<`, `>` and `&` are
/// escapes, and the page shows it as text. The page's own policy allows no script or style but those here, by digest, and
/// no connections.
enum ReportPage {
    private static let script = [
        PackageResources.base_js, PackageResources.chart_js, PackageResources.overview_js,
        PackageResources.completions_js, PackageResources.compare_js, PackageResources.audit_js,
        PackageResources.timing_js, PackageResources.settings_js, PackageResources.main_js,
    ].map { String(decoding: $0, as: UTF8.self) }.joined()
    private static let style = String(decoding: PackageResources.style_css, as: UTF8.self)

    /// The page of some data.
    static func html(_ data: JSONValue) -> String {
        let policy =
            "default-src 'none'; script-src \(source(script)); style-src \(source(style)); base-uri 'none'; "
            + "form-action 'none'"
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <title>\(escaped(data["title"]?.stringValue ?? "Run"))</title>
            <style>\(style)</style>
            </head>
            <body>
            <div id="app"><noscript>This report needs JavaScript to be shown; nothing of it leaves this page.</noscript></div>
            <script id="data" type="application/json">\(embedded(data))</script>
            <script>\(script)</script>
            </body>
            </html>

            """
    }

    /// JSON that can stand in a script element whatever is in it.
    static func embedded(_ data: JSONValue) -> String {
        var result = ""
        for scalar in data.text().unicodeScalars {
            switch scalar.value {
            case 0x3C, 0x3E, 0x26, 0x7F..<0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// How a policy names a script or style by its content.
    private static func source(_ text: String) -> String {
        let digits = Array(text.utf8).withUnsafeBytes(ContentDigest.of)
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { place in
            UInt8(digits.dropFirst(place).prefix(2), radix: 16)
        }
        return "'sha256-\(Data(bytes).base64EncodedString())'"
    }
}
