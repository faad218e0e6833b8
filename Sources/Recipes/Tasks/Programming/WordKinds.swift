extension ProgrammingKind {
    /// Tasks about lists of words, and about sentences.
    static let wordKinds: [ProgrammingKind] = [
        .init("rewrite_words", .words, level: 2) { random in
            let (p, t, glue) = (
                random.wordProperty(), random.wordTransform(), random.element(of: ["-", " ", ", ", "+", "/"])
            )
            return .init(
                "Take the words that \(p.english), each \(t.english), and return them joined by '\(glue)'.", .words(),
                body: "return '\(glue)'.join(\(t.python) for x in words if \(p.python))"
            ) { $0.filter(p.value).map(t.value).joined(separator: glue) }
        },
        .init("rewrite_sentence", .words, level: 2) { random in
            let (p, t) = (random.wordProperty(), random.wordTransform())
            return .init(
                "The text has words with one space between any two. Return it with each word that is among those that "
                    + "\(p.english) \(t.english); the others stay.", .sentence(),
                body: "return ' '.join(\(t.python) if \(p.python) else x for x in text.split())"
            ) { text in
                text.split(separator: " ").map(String.init).map { p.value($0) ? t.value($0) : $0 }.joined(
                    separator: " ")
            }
        },
        .init("count_words", .words, level: 1) { random in
            let p = random.wordProperty()
            return .init(
                "Return how many of the words \(p.english).", .words(),
                body: "return sum(1 for x in words if \(p.python))"
            ) { $0.count(where: p.value) }
        },
        .init("sorted_words", .words, level: 2) { random in
            let t = random.wordTransform()
            let isShortFirst = random.integer(in: 0...1) == 0
            return .init(
                "Return the different words sorted by length, the \(isShortFirst ? "shortest" : "longest") first and equally long "
                    + "ones alphabetically; each word \(t.english).", .words(),
                body:
                    "return [\(t.python) for x in sorted(set(words), key=lambda w: (\(isShortFirst ? "" : "-")len(w), w))]"
            ) { words in
                Set(words).sorted { a, b in
                    a.count == b.count ? a.precedes(b) : (a.count < b.count) == isShortFirst
                }.map(t.value)
            }
        },
        .init("longest_word", .words, level: 1) { random in
            let p = random.wordProperty()
            let (isLongest, isFirst) = (random.integer(in: 0...1) == 0, random.integer(in: 0...1) == 0)
            return .init(
                "Of the words that \(p.english), return the \(isLongest ? "longest" : "shortest"); of several, the "
                    + "\(isFirst ? "first" : "last"). Return '' if there is none.", .words(),
                body: "xs = [x for x in words if \(p.python)]\(isFirst ? "" : "[::-1]")\n"
                    + "return \(isLongest ? "max" : "min")(xs, key=len, default='')"
            ) { words in
                let kept = words.filter(p.value)
                let size = isLongest ? kept.map(\.count).max() : kept.map(\.count).min()
                return (isFirst ? kept.first { $0.count == size } : kept.last { $0.count == size }) ?? ""
            }
        },
        .init("initials", .words, level: 1) { random in
            let (p, mark) = (random.wordProperty(), random.element(of: ["", ".", "-"]))
            return .init(
                "Return the first letters of the words that \(p.english), in upper case"
                    + (mark.isEmpty ? ", as one text." : ", each followed by '\(mark)', as one text."), .words(),
                body: "return ''.join(x[0].upper() + '\(mark)' for x in words if \(p.python))"
            ) { $0.filter(p.value).map { $0.prefix(1).uppercased() + mark }.joined() }
        },
        .init("join_with_last", .words, level: 1) { random in
            let (word, mark) = (
                random.element(of: ["and", "or", "then", "plus"]), random.element(of: [", ", "; ", " / "])
            )
            return .init(
                "Join the words to one text with '\(mark)' between them, but with ' \(word) ' before the last one. One word alone "
                    + "stays; without words the text is ''.", .words(count: 0...5),
                body: "if len(words) < 2:\n    return ''.join(words)\n"
                    + "return '\(mark)'.join(words[:-1]) + ' \(word) ' + words[-1]"
            ) { words in
                guard words.count > 1, let last = words.last else { return words.joined() }
                return words.dropLast().joined(separator: mark) + " \(word) " + last
            }
        },
        .init("every_kth_word", .words, level: 2) { random in
            let (k, t) = (random.integer(in: 2...4), random.wordTransform())
            return .init(
                "The text has words with one space between any two. Return it with every \(k == 2 ? "second" : k == 3 ? "third" : "fourth") "
                    + "word (the \(k == 2 ? "2nd, 4th" : k == 3 ? "3rd, 6th" : "4th, 8th") and so on) \(t.english); the others stay.",
                .sentence(0...9),
                body: "return ' '.join(\(t.python) if i % \(k) == \(k - 1) else x for i, x in enumerate(text.split()))"
            ) { text in
                text.split(separator: " ").enumerated().map {
                    $0.offset % k == k - 1 ? t.value(String($0.element)) : String($0.element)
                }.joined(separator: " ")
            }
        },
        .init("camel_case", .words, level: 2) { random in
            let mark = random.element(of: ["_", "-", ".", "/"])
            let text = Argument<String>(name: "text") { random in
                random.list(0...4) { $0.word() }.joined(separator: mark)
            }
            let isLowerFirst = random.integer(in: 0...1) == 0
            return .init(
                "The text has lower-case words with '\(mark)' between them. Return them as one word without the marks, each with a "
                    + "capital first letter\(isLowerFirst ? " except the first word" : "").", text,
                body: "words = [x.capitalize() for x in text.split('\(mark)')]\n"
                    + (isLowerFirst ? "words[0] = words[0].lower()\n" : "") + "return ''.join(words)"
            ) { text in
                text.split(separator: Character(mark)).enumerated().map { place, word in
                    place == 0 && isLowerFirst ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
                }.joined()
            }
        },
        .init("letter_total", .words, level: 2) { random in
            let (start, p) = (random.integer(in: 0...3), random.wordProperty())
            return .init(
                "The worth of a word is the sum of its letters' worth: 'a' is worth \(start), 'b' \(start + 1), 'c' \(start + 2) and "
                    + "so on. Return the list of the worths of the words that \(p.english).", .words(count: 0...5),
                body: "return [sum(ord(c) - 97 + \(start) for c in x) for x in words if \(p.python)]"
            ) { words in
                words.filter(p.value).map { $0.utf8.reduce(0) { $0 + Int($1) - 97 + start } }
            }
        },
    ]
}

extension String {
    /// Whether it comes first in the order of Python's texts.
    func precedes(_ other: String) -> Bool { unicodeScalars.lexicographicallyPrecedes(other.unicodeScalars) }
}
