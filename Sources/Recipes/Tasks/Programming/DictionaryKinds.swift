extension ProgrammingKind {
    /// Tasks that read or make dictionaries.
    static let dictionaryKinds: [ProgrammingKind] = [
        .init("keys_with_value", .dictionaries, level: 1) { random in
            let p = random.numberProperty()
            let isReversed = random.integer(in: 0...1) == 0
            return .init(
                "Return the keys whose values are \(p.english), in \(isReversed ? "reverse " : "")alphabetical order.",
                .counts(),
                body:
                    "return sorted((k for k, x in counts.items() if \(p.python)), reverse=\(isReversed ? "True" : "False"))"
            ) { counts in
                let keys = counts.filter { p.value($0.value) }.keys.sorted { $0.precedes($1) }
                return isReversed ? keys.reversed() : keys
            }
        },
        .init("change_values", .dictionaries, level: 2) { random in
            let (p, t) = (random.numberProperty(), random.numberTransform())
            return .init(
                "Return a dictionary with only the entries whose values are \(p.english), where the new value is made of the old: "
                    + "take \(t.english) for it.", .counts(),
                body: "return {k: \(t.python) for k, x in counts.items() if \(p.python)}"
            ) { counts in counts.filter { p.value($0.value) }.mapValues(t.value) }
        },
        .init("total_of_keys", .dictionaries, level: 1) { random in
            let (p, reduce) = (random.wordProperty(), random.numberReduction(isOrdered: false))
            return .init(
                "Take the values of the keys that \(p.english), and return \(reduce.english).", .counts(),
                body: "xs = [v for x, v in counts.items() if \(p.python)]\nreturn \(reduce.python)"
            ) { counts in reduce.value(counts.filter { p.value($0.key) }.keys.sorted().compactMap { counts[$0] }) }
        },
        .init("merge_counts", .dictionaries, level: 2) { random in
            let k = random.integer(in: 1...12)
            return .init(
                "Add up two dictionaries of numbers: the value of a key is the sum of its values in both (0 where it is missing). "
                    + "Return the dictionary without the entries whose sum is less than \(k).",
                .counts("first", 0...15), .counts("second", 0...15),
                body: "total = {k: first.get(k, 0) + second.get(k, 0) for k in first.keys() | second.keys()}\n"
                    + "return {k: v for k, v in total.items() if v >= \(k)}"
            ) { a, b in a.merging(b, uniquingKeysWith: +).filter { $0.value >= k } }
        },
        .init("count_by", .dictionaries, level: 2) { random in
            let (p, k) = (random.wordProperty(), random.integer(in: 1...2))
            return .init(
                "Return a dictionary that tells for each first letter how many of the words that \(p.english) start with it; only "
                    + "letters with at least \(k) such word\(k == 1 ? "" : "s") are in it.", .words(count: 0...9),
                body:
                    "counts = {}\nfor x in words:\n    if \(p.python):\n        counts[x[0]] = counts.get(x[0], 0) + 1\n"
                    + "return {k: v for k, v in counts.items() if v >= \(k)}"
            ) { words in
                Dictionary(grouping: words.filter(p.value)) { String($0.prefix(1)) }.mapValues(\.count).filter {
                    $0.value >= k
                }
            }
        },
        .init("group_words", .dictionaries, level: 2) { random in
            let t = random.wordTransform()
            let isLast = random.integer(in: 0...1) == 0
            return .init(
                "Group the words by their \(isLast ? "last" : "first") letter: return a dictionary from the letter to the list of its "
                    + "words, in their order, each word \(t.english).", .words(),
                body:
                    "groups = {}\nfor x in words:\n    groups.setdefault(x[\(isLast ? -1 : 0)], []).append(\(t.python))\n"
                    + "return groups"
            ) { words in
                Dictionary(grouping: words) { String(isLast ? $0.suffix(1) : $0.prefix(1)) }.mapValues {
                    $0.map(t.value)
                }
            }
        },
        .init("top_keys", .dictionaries, level: 2) { random in
            let k = random.integer(in: 1...4)
            let isLeast = random.integer(in: 0...1) == 0
            return .init(
                "Return the keys of the \(k) \(isLeast ? "least" : "greatest") values (fewer if there are fewer), the "
                    + "\(isLeast ? "least" : "greatest") first; equal values by key in alphabetical order.",
                .counts("counts", 0...6),
                body: "return sorted(counts, key=lambda key: (\(isLeast ? "" : "-")counts[key], key))[:\(k)]"
            ) { counts in
                counts.sorted { a, b in
                    a.value == b.value ? a.key.precedes(b.key) : (a.value < b.value) == isLeast
                }.prefix(k).map(\.key)
            }
        },
        .init("inverted", .dictionaries, level: 2) { random in
            let t = random.wordTransform()
            return .init(
                "Turn the dictionary around: return one from each value, as text, to the alphabetically sorted list of its keys, each "
                    + "key \(t.english) (after sorting).", .counts("counts", 0...3),
                body:
                    "result = {}\nfor x in sorted(counts):\n    result.setdefault(str(counts[x]), []).append(\(t.python))\n"
                    + "return result"
            ) { counts in
                Dictionary(grouping: counts.keys.sorted { $0.precedes($1) }) { String(counts[$0] ?? 0) }
                    .mapValues { $0.map(t.value) }
            }
        },
    ]
}
