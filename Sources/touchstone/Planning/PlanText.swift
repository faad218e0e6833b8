import OrderedJSON
import Training

extension MemoryPlan {
    /// The parts and the peak, in bytes.
    var json: JSONObject {
        func object(_ parts: [Part]) -> JSONValue {
            .object(JSONObject(parts.map { ($0.name, .integer($0.bytes)) }))
        }
        return [
            "held_bytes": object(held), "rollout_bytes": object(rollout), "update_bytes": object(update),
            "peak_bytes": .integer(peakBytes),
        ]
    }
}

/// A plan for people: what ends in `bytes` is told in MiB or GiB.
enum PlanText {
    /// A line a value, what lies inside indented.
    static func text(_ report: JSONObject, indent: Int = 0) -> String {
        var text = ""
        for (key, value) in report {
            let margin = String(repeating: " ", count: indent)
            let name = key.replacing("_bytes", with: "").replacing("_", with: " ")
            switch value {
            case .object(let inner):
                guard !inner.isEmpty else { continue }
                let isSum = key.hasSuffix("_bytes")
                let sum = isSum ? " " + size(inner.reduce(0) { $0 + ($1.value.intValue ?? 0) }) : ""
                text +=
                    "\(margin)\(name):\(sum)\n"
                    + (isSum ? parts(inner, indent + 2) : self.text(inner, indent: indent + 2))
            case .integer(let bytes) where key.hasSuffix("_bytes"): text += "\(margin)\(name): \(size(bytes))\n"
            case .string(let string): text += "\(margin)\(name): \(string)\n"
            default: text += "\(margin)\(name): \(value.text())\n"
            }
        }
        return text
    }

    private static func parts(_ parts: JSONObject, _ indent: Int) -> String {
        parts.reduce("") {
            $0 + String(repeating: " ", count: indent) + "\($1.key): \(size($1.value.intValue ?? 0))\n"
        }
    }

    /// `12 KiB`, `345 MiB`, `6.7 GiB`.
    static func size(_ bytes: Int) -> String {
        if bytes < 1 << 20 { return "\((bytes + 1023) >> 10) KiB" }
        if bytes < 1 << 30 { return "\((bytes + (1 << 19)) >> 20) MiB" }
        let tenths = (Double(bytes) / Double(1 << 30) * 10).rounded()
        return "\(Int(tenths) / 10).\(Int(tenths) % 10) GiB"
    }
}
