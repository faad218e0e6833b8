extension TemplateInterpreter {
    /// Calls a method of a string.
    func callStringMethod(
        _ name: String, _ text: String, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        try charge(bytes: text.utf8.count)
        switch name {
        case "startswith", "endswith": return try hasAffix(name, text, arguments)
        case "split", "rsplit": return try split(name, text, arguments)
        case "strip", "lstrip", "rstrip":
            let characters = try string(try arguments.bind("\(name)()", "chars")[0], "\(name)()")
            return .string(
                PythonText.strip(text, characters, left: name != "rstrip", right: name != "lstrip"))
        case "replace":
            let bound = try arguments.bind("replace()", "old", "new", "count", required: 2)
            let (old, new) = (try requiredString(bound[0], name), try requiredString(bound[1], name))
            return .string(try replace(old, by: new, in: text, limit: try integer(bound[2], -1)))
        case "find", "rfind", "index", "rindex", "count", "partition", "rpartition", "removeprefix", "removesuffix":
            let part = try requiredString(try arguments.bind("\(name)()", "sub", required: 1)[0], name)
            return try search(name, text, part)
        case "join":
            let parts = try elements(of: try arguments.bind("join()", "iterable", required: 1)[0] ?? .none)
            var texts: [String] = []
            for part in parts.values { texts.append(try requiredString(part, "join")) }
            return .string(try join(texts, text))
        case "format": return .string(try formatBraces(text, arguments))
        case "splitlines":
            _ = try arguments.bind("splitlines()")
            return try list(splitLines(text))
        case "zfill":
            let width = try integer(try arguments.bind("zfill()", "width", required: 1)[0], 0)
            return .string(try fillWithZeros(text, width))
        default:
            _ = try arguments.bind("\(name)()")
            return try applySimple(name, text)
        }
    }

    private func applySimple(_ name: String, _ text: String) throws(ChatTemplateError) -> TemplateValue {
        func all(_ test: (Unicode.Scalar.Properties) -> Bool) -> TemplateValue {
            .bool(!text.isEmpty && text.unicodeScalars.allSatisfy { test($0.properties) })
        }
        switch name {
        case "upper": return .string(text.uppercased())
        case "lower": return .string(text.lowercased())
        case "title": return .string(PythonText.title(text))
        case "capitalize": return .string(PythonText.title(text, onlyFirst: true))
        case "isdigit": return all { $0.numericType == .decimal || $0.numericType == .digit }
        case "isalpha": return .bool(!text.isEmpty && text.unicodeScalars.allSatisfy(PythonText.isLetter))
        case "isalnum":
            return .bool(
                !text.isEmpty
                    && text.unicodeScalars.allSatisfy {
                        PythonText.isLetter($0) || $0.properties.numericType != nil
                    })
        case "isspace": return .bool(!text.isEmpty && text.unicodeScalars.allSatisfy(PythonText.isSpace))
        case "isupper", "islower":
            return .bool(try applyTest(String(name.dropFirst(2)), to: .string(text), TemplateArguments()))
        default: throw ChatTemplateError(.unsupported, "the method '\(name)' of str is not supported")
        }
    }

    // MARK: - Arguments

    func string(_ value: TemplateValue?, _ owner: String) throws(ChatTemplateError) -> String? {
        switch value {
        case nil, .some(.none): return nil
        case .string(let text): return text
        case .undefined(let message): throw ChatTemplateError(.undefined, message)
        case .some(let other): throw ChatTemplateError(.type, "\(owner) needs a str, got \(other.typeName)")
        }
    }

    private func requiredString(_ value: TemplateValue?, _ owner: String) throws(ChatTemplateError) -> String {
        guard let text = try string(value, "\(owner)()") else {
            throw ChatTemplateError(.type, "\(owner)() needs a str, got NoneType")
        }
        return text
    }

    func integer(_ value: TemplateValue?, _ fallback: Int) throws(ChatTemplateError) -> Int {
        guard let value else { return fallback }
        guard let integer = value.asInteger else {
            throw ChatTemplateError(.type, "'\(value.typeName)' object cannot be interpreted as an integer")
        }
        return integer
    }

    func list(_ texts: [String]) throws(ChatTemplateError) -> TemplateValue {
        try charge(texts.count)
        return .list(TemplateElements(scalars: texts.map(TemplateValue.string)))
    }

    // MARK: - Searching

    /// The first place of a part in a text, in UTF-8 bytes, from a place on. UTF-8 is self-synchronising, so a match of
    /// bytes is a match of scalars.
    func find(_ part: String, in text: String, from start: Int = 0) throws(ChatTemplateError) -> Int? {
        let needle = Array(part.utf8)
        return try find(needle, in: Array(text.utf8), from: start)
    }

    private func find(_ needle: [UInt8], in text: [UInt8], from start: Int) throws(ChatTemplateError) -> Int? {
        guard let first = needle.first else { return start <= text.count ? start : nil }
        var index = start
        var work = 0
        while index + needle.count <= text.count {
            if text[index] == first {
                var length = 1
                while length < needle.count, text[index + length] == needle[length] { length += 1 }
                if length == needle.count { return index }
                work += length
                if work > 1 << 16 {
                    try charge(bytes: work, total: 0)
                    work = 0
                }
            }
            index += 1
        }
        try charge(bytes: text.count - start + work, total: 0)
        return nil
    }

    /// All places of a part, not overlapping.
    private func places(
        of part: [UInt8], in text: [UInt8], limit: Int = -1
    ) throws(ChatTemplateError) -> [Int] {
        var places: [Int] = []
        var start = 0
        while limit < 0 || places.count < limit, let place = try find(part, in: text, from: start) {
            try charge()
            places.append(place)
            start = place + part.count
        }
        return places
    }

    private func hasAffix(
        _ name: String, _ text: String, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let bound = try arguments.bind("\(name)()", name == "startswith" ? "prefix" : "suffix", required: 1)
        var candidates = [bound[0] ?? .none]
        if case .tuple(let elements) = candidates[0] { candidates = elements.values }
        for candidate in candidates {
            let affix = try requiredString(candidate, name)
            try charge(bytes: affix.utf8.count)
            if name == "startswith" ? text.utf8.starts(with: affix.utf8) : PythonText.hasSuffix(text, affix) {
                return .bool(true)
            }
        }
        return .bool(false)
    }

    private func split(
        _ name: String, _ text: String, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> TemplateValue {
        let bound = try arguments.bind("\(name)()", "sep", "maxsplit")
        let limit = try integer(bound[1], -1)
        guard let separator = try string(bound[0], "\(name)()") else {
            return try list(PythonText.splitSpace(text, limit: limit, fromRight: name == "rsplit"))
        }
        guard !separator.isEmpty else { throw ChatTemplateError(.type, "empty separator") }
        let (bytes, part) = (Array(text.utf8), Array(separator.utf8))
        var cuts: [Int]
        if name == "split" {
            cuts = try places(of: part, in: bytes, limit: limit)
        } else {
            let reversed = try places(of: part.reversed(), in: bytes.reversed(), limit: limit)
            cuts = reversed.map { bytes.count - $0 - part.count }.reversed()
        }
        var pieces: [String] = []
        var start = 0
        for cut in cuts {
            pieces.append(String(decoding: bytes[start..<cut], as: UTF8.self))
            start = cut + part.count
        }
        pieces.append(String(decoding: bytes[start...], as: UTF8.self))
        return try list(pieces)
    }

    /// `text.replace(old, new, limit)`; an empty `old` matches between all scalars.
    func replace(
        _ old: String, by new: String, in text: String, limit: Int = -1
    ) throws(ChatTemplateError) -> String {
        var result: [UInt8] = []
        let (bytes, part, insertion) = (Array(text.utf8), Array(old.utf8), Array(new.utf8))
        var cuts: [Int] = []
        if part.isEmpty {
            cuts = bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 } + [bytes.count]
            if limit >= 0 { cuts = Array(cuts.prefix(limit)) }
        } else {
            cuts = try places(of: part, in: bytes, limit: limit)
        }
        let (added, isTooMuch) = cuts.count.multipliedReportingOverflow(by: insertion.count)
        let (total, isOverflow) = added.addingReportingOverflow(bytes.count)
        try charge(bytes: isTooMuch || isOverflow ? Int.max : total)
        var start = 0
        for cut in cuts {
            result += bytes[start..<cut]
            result += insertion
            start = cut + part.count
        }
        result += bytes[start...]
        return String(decoding: result, as: UTF8.self)
    }

    /// `separator.join(texts)`
    func join(_ texts: [String], _ separator: String) throws(ChatTemplateError) -> String {
        var result = ""
        for (index, text) in texts.enumerated() {
            let added = text.utf8.count + (index > 0 ? separator.utf8.count : 0)
            try charge()
            try charge(bytes: added, total: result.utf8.count + added)
            if index > 0 { result += separator }
            result += text
        }
        return result
    }

    private func search(_ name: String, _ text: String, _ part: String) throws(ChatTemplateError) -> TemplateValue {
        let (bytes, needle) = (Array(text.utf8), Array(part.utf8))
        func decoded(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        if name == "removeprefix" {
            return .string(text.utf8.starts(with: needle) ? decoded(needle.count..<bytes.count) : text)
        }
        if name == "removesuffix" {
            let isSuffix = !needle.isEmpty && PythonText.hasSuffix(text, part)
            return .string(isSuffix ? decoded(0..<(bytes.count - needle.count)) : text)
        }
        if name == "count" {
            let count = needle.isEmpty ? text.unicodeScalars.count + 1 : try places(of: needle, in: bytes).count
            return .integer(count)
        }
        var place: Int?
        if name.hasPrefix("r") {
            let reversed = try find(Array(needle.reversed()), in: Array(bytes.reversed()), from: 0)
            place = reversed.map { bytes.count - $0 - needle.count }
        } else {
            place = try find(needle, in: bytes, from: 0)
        }
        if name.hasSuffix("partition") {
            guard !needle.isEmpty else { throw ChatTemplateError(.type, "empty separator") }
            var parts = name == "partition" ? [text, "", ""] : ["", "", text]
            if let place { parts = [decoded(0..<place), part, decoded((place + needle.count)..<bytes.count)] }
            return .tuple(TemplateElements(scalars: parts.map(TemplateValue.string)))
        }
        guard let place else {
            if name.hasSuffix("find") { return .integer(-1) }
            throw ChatTemplateError(.type, "substring not found")
        }
        return .integer(bytes[..<place].count { $0 & 0xC0 != 0x80 })
    }

    private func splitLines(_ text: String) -> [String] {
        let breaks: Set<UInt32> = [0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029]
        var lines: [String] = []
        var current = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if breaks.contains(scalar.value) {
                if scalar != "\n" || previous != "\r" { lines.append(String(current)) }
                current = String.UnicodeScalarView()
            } else {
                current.append(scalar)
            }
            previous = scalar
        }
        if !current.isEmpty { lines.append(String(current)) }
        return lines
    }

    private func fillWithZeros(_ text: String, _ width: Int) throws(ChatTemplateError) -> String {
        let missing = width > 0 ? width - text.unicodeScalars.count : 0
        guard missing > 0 else { return text }
        try charge(bytes: missing)
        let zeros = String(repeating: "0", count: missing)
        guard let sign = text.unicodeScalars.first, sign == "-" || sign == "+" else { return zeros + text }
        return String(sign) + zeros + String(Substring(text.unicodeScalars.dropFirst()))
    }
}
