extension ProgrammingKind {
    /// Tasks about the characters of a text.
    static let textKinds: [ProgrammingKind] = [
        .init("count_characters", .texts, level: 1) { random in
            let p = random.characterProperty()
            return .init(
                "Return how many characters of the text are \(p.english).", .mixed,
                body: "return sum(1 for x in text if \(p.python))"
            ) { $0.count(where: p.value) }
        },
        .init("keep_characters", .texts, level: 1) { random in
            let p = random.characterProperty()
            let isReversed = random.integer(in: 0...1) == 0
            return .init(
                "Return the characters of the text that are \(p.english), in \(isReversed ? "reverse" : "their") order, as a text.",
                .mixed,
                body: "kept = [x for x in text if \(p.python)]\nreturn ''.join(kept\(isReversed ? "[::-1]" : ""))"
            ) { text in
                let kept = text.filter(p.value)
                return isReversed ? String(kept.reversed()) : kept
            }
        },
        .init("rewrite_characters", .texts, level: 1) { random in
            let (p, t) = (random.characterProperty(), random.characterTransform())
            return .init(
                "Return the text with each character that is among those that are \(p.english) \(t.english); all others stay.",
                .mixed, body: "return ''.join(\(t.python) if \(p.python) else x for x in text)"
            ) { text in text.map { p.value($0) ? t.value($0) : String($0) }.joined() }
        },
        .init("shift_letters", .texts, level: 2) { random in
            let k = random.integer(in: 2...20)
            return .init(
                "Replace each lower-case letter by the one \(k) places later in the alphabet, going on with 'a' after 'z'; all "
                    + "other characters stay. Return the text.", .mixed,
                body: "return ''.join(chr((ord(x) - 97 + \(k)) % 26 + 97) if 'a' <= x <= 'z' else x for x in text)"
            ) { text in
                String(
                    text.map { x in
                        guard x >= "a", x <= "z", let code = x.asciiValue else { return x }
                        return Character(UnicodeScalar((code - 97 + UInt8(k)) % 26 + 97))
                    })
            }
        },
        .init("run_lengths", .texts, level: 2) { random in
            let mark = random.element(of: ["", "x", "*", ":"])
            let least = random.integer(in: 1...3)
            let isLetterFirst = random.integer(in: 0...1) == 0
            let shown = isLetterFirst ? "a\(mark)4" : "4\(mark)a"
            return .init(
                "Compress the text: replace each run of at least \(least) equal letters by letter and length, such as "
                    + "'\(shown)' for 'aaaa'; \(least == 1 ? "single letters too" : "shorter runs stay as they are"). Return the "
                    + "result.", .text(of: "aaaabbc", count: 0...14),
                body: "from itertools import groupby\nresult = ''\nfor letter, run in groupby(text):\n"
                    + "    n = len(list(run))\n    result += "
                    + (isLetterFirst ? "letter + '\(mark)' + str(n)" : "str(n) + '\(mark)' + letter")
                    + " if n >= \(least) else letter * n\nreturn result"
            ) { text in
                text.runs.map { letter, n in
                    n < least
                        ? String(repeating: letter, count: n)
                        : isLetterFirst ? "\(letter)\(mark)\(n)" : "\(n)\(mark)\(letter)"
                }.joined()
            }
        },
        .init("expand_runs", .texts, level: 3) { random in
            let times = random.integer(in: 1...3)
            let text = Argument<String>(name: "text") { random in
                random.list(0...5) { "\($0.element(of: ["a", "b", "c", "x"]))\($0.integer(in: 1...9))" }.joined()
            }
            return .init(
                "The text is made of letters, each followed by one digit d. Return the text in which each letter is written "
                    + (times == 1 ? "d times" : "\(times) * d times") + ", without the digits.", text,
                body: "return ''.join(text[i] * (\(times) * int(text[i + 1])) for i in range(0, len(text), 2))"
            ) { text in
                let characters = Array(text)
                return stride(from: 0, to: characters.count, by: 2).map {
                    String(repeating: characters[$0], count: times * (characters[$0 + 1].wholeNumberValue ?? 0))
                }.joined()
            }
        },
        .init("group_characters", .texts, level: 2) { random in
            let (k, mark) = (random.integer(in: 2...4), random.element(of: ["-", " ", "_", "/"]))
            let isRight = random.integer(in: 0...1) == 0
            return .init(
                "Put '\(mark)' between groups of \(k) characters of the text, counted from the "
                    + "\(isRight ? "right" : "left"); the \(isRight ? "first" : "last") group may be shorter. Return the result.",
                .text(of: "0123456789abcxyz", count: 0...13),
                body: isRight
                    ? "first = len(text) % \(k)\ngroups = [text[:first]] if first else []\n"
                        + "groups += [text[i:i + \(k)] for i in range(first, len(text), \(k))]\nreturn '\(mark)'.join(groups)"
                    : "return '\(mark)'.join(text[i:i + \(k)] for i in range(0, len(text), \(k)))"
            ) { text in
                var groups: [String] = []
                var rest = text[...]
                while !rest.isEmpty {
                    let size = isRight && groups.isEmpty && rest.count % k != 0 ? rest.count % k : k
                    groups.append(String(rest.prefix(size)))
                    rest = rest.dropFirst(size)
                }
                return groups.joined(separator: mark)
            }
        },
        .init("is_palindrome", .texts, level: 1) { random in
            let p = random.element(of: [
                Phrase<Character, Bool>("letters", "x.isalpha()") { $0.isLetter },
                Phrase("letters and digits", "x.isalnum()") { $0.isLetter || $0.isNumber },
                Phrase("decimal digits", "x.isdigit()") { $0.isNumber },
                Phrase("vowels (a, e, i, o, u)", "(x in 'aeiou')") { "aeiou".contains($0) },
            ])
            // As likely one as not.
            let text = Argument<String>(name: "text") { random in
                let half = random.list(1...4) { $0.element(of: Array("aab1e1-")) }
                return String(random.integer(in: 0...1) == 0 ? half : half + half.reversed())
            }
            return .init(
                "Return whether the text reads the same backwards if only characters that are \(p.english) are looked at.",
                text,
                body: "xs = [x for x in text if \(p.python)]\nreturn xs == xs[::-1]"
            ) { text in
                let kept = Array(text.filter(p.value))
                return kept == kept.reversed()
            }
        },
        .init("brackets", .texts, level: 3) { random in
            let (open, close) = random.element(of: [("(", ")"), ("[", "]"), ("{", "}"), ("<", ">")])
            let isDepth = random.integer(in: 0...1) == 0
            let result = isDepth ? "the greatest depth of nesting if every" : "the number of pairs if every"
            return .init(
                "The text has the brackets \(open) and \(close) and other characters. Return \(result) bracket has its partner in "
                    + "the right order, and -1 if not.", .text(of: "\(open)\(open)\(close)\(close)a", count: 0...8),
                body:
                    "depth = best = pairs = 0\nfor x in text:\n    if x == '\(open)':\n        depth += 1\n        pairs += 1\n"
                    + "        best = max(best, depth)\n    elif x == '\(close)':\n        depth -= 1\n        if depth < 0:\n"
                    + "            return -1\nreturn \(isDepth ? "best" : "pairs") if depth == 0 else -1"
            ) { text in
                var depths = [0]
                for x in text where String(x) == open || String(x) == close {
                    depths.append((depths.last ?? 0) + (String(x) == open ? 1 : -1))
                }
                guard depths.last == 0, depths.allSatisfy({ $0 >= 0 }) else { return -1 }
                return isDepth ? depths.max() ?? 0 : depths.count / 2
            }
        },
        .init("numbers_in_text", .texts, level: 2) { random in
            let reduce = random.numberReduction()
            return .init(
                "The text has whole numbers (runs of digits) between other characters. Take these numbers, and return "
                    + "\(reduce.english).", .text(of: "0123456789ab -,", count: 0...14),
                body: "import re\nxs = [int(x) for x in re.findall('[0-9]+', text)]\nreturn \(reduce.python)"
            ) { reduce.value($0.split { !$0.isNumber }.compactMap { Int($0) }) }
        },
        .init("occurrences", .texts, level: 2) { random in
            let part = random.element(of: ["aa", "aba", "ab", "bb", "bab", "ba", "abb", "aab"])
            let isOverlapping = random.integer(in: 0...1) == 0
            return .init(
                "Return how often '\(part)' occurs in the text; occurrences "
                    + (isOverlapping
                        ? "may overlap."
                        : "are found from the left, and the next one starts after the end of the one before."),
                .text(of: "aab", count: 0...14),
                body: isOverlapping
                    ? "return sum(1 for i in range(len(text)) if text.startswith('\(part)', i))"
                    : "return text.count('\(part)')"
            ) { text in
                let (text, part) = (Array(text), Array(part))
                var (place, count) = (0, 0)
                while place + part.count <= text.count {
                    let isHere = Array(text[place..<place + part.count]) == part
                    count += isHere ? 1 : 0
                    place += isHere && !isOverlapping ? part.count : 1
                }
                return count
            }
        },
        .init("most_frequent_character", .texts, level: 2) { random in
            let p = random.characterProperty()
            return .init(
                "Of the characters of the text that are \(p.english), return the one that occurs most often; of several, the one "
                    + "that comes first in the text. Return '' if there is none.",
                .text(of: "aaabbdeiAABB1123799 -!", count: 0...14),
                body: "xs = [x for x in text if \(p.python)]\nreturn max(xs, key=xs.count) if xs else ''"
            ) { text in
                let kept = Array(text.filter(p.value))
                let most = kept.map { x in kept.count { $0 == x } }.max() ?? 0
                return kept.first { x in kept.count { $0 == x } == most }.map(String.init) ?? ""
            }
        },
        .init("between_marks", .texts, level: 2) { random in
            let (a, b) = random.element(of: [("<", ">"), ("(", ")"), ("[", "]"), ("*", "*"), ("|", "|"), (":", ";")])
            let isUpper = random.integer(in: 0...1) == 0
            return .init(
                "Return the part of the text between the first '\(a)' and the next '\(b)' after it\(isUpper ? ", in upper case" : ""), "
                    + "without the marks, or '' if they are not both there.",
                .text(of: "abcde\(a)\(b)\(b)", count: 1...12),
                body: "start = text.find('\(a)')\nend = text.find('\(b)', start + 1)\n"
                    + "return text[start + 1:end]\(isUpper ? ".upper()" : "") if start >= 0 and end >= 0 else ''"
            ) { text in
                guard let start = text.firstIndex(of: Character(a)) else { return "" }
                let rest = text[text.index(after: start)...]
                guard let end = rest.firstIndex(of: Character(b)) else { return "" }
                return isUpper ? rest[..<end].uppercased() : String(rest[..<end])
            }
        },
    ]
}

extension String {
    /// Runs of equal characters.
    fileprivate var runs: [(Character, Int)] {
        reduce(into: []) { runs, character in
            if runs.last?.0 == character { runs[runs.count - 1].1 += 1 } else { runs.append((character, 1)) }
        }
    }
}
