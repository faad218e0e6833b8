extension ProgrammingKind {
    /// Tasks that arrange or group the numbers of a list.
    static let listOrderKinds: [ProgrammingKind] = [
        .init("rotate", .lists, level: 1) { random in
            let k = random.integer(in: 1...6)
            let isLeft = random.integer(in: 0...1) == 0
            return .init(
                "Return the list rotated by \(k) places to the \(isLeft ? "left" : "right"); lists of any length, also shorter "
                    + "than \(k).", .numbers(),
                body: "if not numbers:\n    return []\nk = \(isLeft ? "" : "-")\(k) % len(numbers)\n"
                    + "return numbers[k:] + numbers[:k]"
            ) { list in
                list.indices.map { list[($0 + (isLeft ? k : -k)).modulo(list.count)] }
            }
        },
        .init("chunks", .lists, level: 1) { random in
            let k = random.integer(in: 2...5)
            let isPadded = random.integer(in: 0...1) == 0
            return .init(
                "Cut the list into lists of \(k) numbers; "
                    + (isPadded
                        ? "fill the last one with zeros if it is shorter." : "leave a shorter rest at the end out."),
                .numbers(),
                body: isPadded
                    ? "padded = numbers + [0] * (-len(numbers) % \(k))\n"
                        + "return [padded[i:i + \(k)] for i in range(0, len(padded), \(k))]"
                    : "return [numbers[i:i + \(k)] for i in range(0, len(numbers) - \(k - 1), \(k))]"
            ) { list in
                stride(from: 0, to: list.count, by: k).compactMap { start in
                    let part = Array(list[start..<min(start + k, list.count)])
                    guard part.count < k else { return part }
                    return isPadded ? part + [Int](repeating: 0, count: k - part.count) : nil
                }
            }
        },
        .init("kth_largest", .lists, level: 1) { random in
            let k = random.integer(in: 2...4)
            let isLargest = random.integer(in: 0...1) == 0
            let word = ["", "", "second", "third", "fourth"][k] + (isLargest ? " largest" : " smallest")
            return .init(
                "Return the \(word) of the different values in the list, or None if there are fewer than \(k) different values.",
                .numbers("numbers", 0...9, count: 0...7),
                body: "xs = sorted(set(numbers)\(isLargest ? ", reverse=True" : ""))\n"
                    + "return xs[\(k - 1)] if len(xs) >= \(k) else None"
            ) { list -> Int? in
                let values = isLargest ? Set(list).sorted(by: >) : Set(list).sorted()
                return values.count >= k ? values[k - 1] : nil
            }
        },
        .init("unique_values", .lists, level: 2) { random in
            let k = random.integer(in: 1...3)
            switch random.integer(in: 0...2) {
            case 0:
                return .init(
                    "Return the values that occur more than \(k) time\(k == 1 ? "" : "s") in the list, each once, in ascending "
                        + "order.", .numbers("numbers", 0...4, count: 0...12),
                    body: "return sorted(x for x in set(numbers) if numbers.count(x) > \(k))"
                ) { list in Set(list).filter { x in list.count { $0 == x } > k }.sorted() }
            case 1:
                return .init(
                    "Return the list with at most \(k) of each value: keep the first \(k == 1 ? "one" : "\(k)"), in their order.",
                    .numbers("numbers", 0...4, count: 0...12),
                    body:
                        "kept = []\nfor x in numbers:\n    if kept.count(x) < \(k):\n        kept.append(x)\nreturn kept"
                ) { list in list.indices.filter { i in list[..<i].count { $0 == list[i] } < k }.map { list[$0] } }
            default:
                return .init(
                    "Return the values that occur exactly \(k) time\(k == 1 ? "" : "s") in the list, in descending order.",
                    .numbers("numbers", 0...4, count: 0...12),
                    body: "return sorted((x for x in set(numbers) if numbers.count(x) == \(k)), reverse=True)"
                ) { list in Set(list).filter { x in list.count { $0 == x } == k }.sorted(by: >) }
            }
        },
        .init("partition", .lists, level: 1) { random in
            let p = random.numberProperty()
            let isReversed = random.integer(in: 0...1) == 0
            return .init(
                "Return the list with the numbers that are \(p.english) first and all others after them; the first part keeps "
                    + "its order, and the others come in \(isReversed ? "reverse" : "their own") order.", .numbers(),
                body: "first = [x for x in numbers if \(p.python)]\nrest = [x for x in numbers if not \(p.python)]\n"
                    + "return first + rest\(isReversed ? "[::-1]" : "")"
            ) { list in
                let rest = list.filter { !p.value($0) }
                return list.filter(p.value) + (isReversed ? rest.reversed() : rest)
            }
        },
        .init("sort_by_key", .lists, level: 2) { random in
            let t = random.numberTransform()
            let isDescending = random.integer(in: 0...1) == 0
            return .init(
                "Sort the numbers x by \(t.english.sortKey), in \(isDescending ? "descending" : "ascending") order; sort equal "
                    + "ones by x itself in ascending order. Return the list.", .numbers("numbers", -15...30),
                body: "return sorted(numbers, key=lambda x: (\(isDescending ? "-" : "")\(t.python), x))"
            ) { list in
                list.sorted { a, b in
                    let keys = (t.value(a), t.value(b))
                    return keys.0 == keys.1 ? a < b : (keys.0 < keys.1) != isDescending
                }
            }
        },
        .init("swap_blocks", .lists, level: 2) { random in
            let k = random.integer(in: 2...4)
            return .init(
                "Reverse each block of \(k) numbers within itself (the first \(k), the next \(k) and so on; a shorter block at "
                    + "the end too), and return the list.", .numbers(),
                body:
                    "result = []\nfor i in range(0, len(numbers), \(k)):\n    result += numbers[i:i + \(k)][::-1]\nreturn result"
            ) { list in
                stride(from: 0, to: list.count, by: k).flatMap { list[$0..<Swift.min($0 + k, list.count)].reversed() }
            }
        },
        .init("insert_between", .lists, level: 2) { random in
            let k = random.integer(in: 2...9)
            let isSum = random.integer(in: 0...1) == 0
            return .init(
                "Between each two neighbouring numbers insert \(isSum ? "their sum plus \(k)" : "the number \(k)"), and return "
                    + "the list.", .numbers(count: 0...6),
                body: "result = numbers[:1]\nfor a, b in zip(numbers, numbers[1:]):\n"
                    + "    result += [\(isSum ? "a + b + \(k)" : "\(k)"), b]\nreturn result"
            ) { list in
                list.prefix(1) + zip(list, list.dropFirst()).flatMap { [isSum ? $0 + $1 + k : k, $1] }
            }
        },
        .init("split_at", .lists, level: 3) { random in
            let p = random.numberProperty()
            return .init(
                "Split the list at the numbers that are \(p.english): return the list of the non-empty stretches of other numbers "
                    + "between them.", .numbers(),
                body: "parts = [[]]\nfor x in numbers:\n    if \(p.python):\n        parts.append([])\n    else:\n"
                    + "        parts[-1].append(x)\nreturn [part for part in parts if part]"
            ) { list in list.split(whereSeparator: p.value).map { Array($0) } }
        },
        .init("group_sums", .lists, level: 3) { random in
            let k = random.integer(in: 2...5)
            return .init(
                "Return a list of \(k) sums: entry r is the sum of the numbers x with x % \(k) == r.",
                .numbers("numbers", 0...60),
                body: "sums = [0] * \(k)\nfor x in numbers:\n    sums[x % \(k)] += x\nreturn sums"
            ) { list in (0..<k).map { r in list.filter { $0 % k == r }.reduce(0, +) } }
        },
        .init("common_values", .lists, level: 2) { random in
            let k = random.integer(in: 0...5)
            switch random.integer(in: 0...2) {
            case 0:
                return .init(
                    "Return, in ascending order, the different values greater than \(k) that are in both lists.",
                    .numbers("first", 0...9), .numbers("second", 0...9),
                    body: "return sorted(x for x in set(first) & set(second) if x > \(k))"
                ) { a, b in Set(a).intersection(b).filter { $0 > k }.sorted() }
            case 1:
                return .init(
                    "Return, in ascending order, the different values greater than \(k) that are in exactly one of the two lists.",
                    .numbers("first", 0...9), .numbers("second", 0...9),
                    body: "return sorted(x for x in set(first) ^ set(second) if x > \(k))"
                ) { a, b in Set(a).symmetricDifference(b).filter { $0 > k }.sorted() }
            default:
                return .init(
                    "Return the numbers of the first list that are greater than \(k) and not in the second list, in their order, "
                        + "repeated ones too.", .numbers("first", 0...9), .numbers("second", 0...9),
                    body: "return [x for x in first if x > \(k) and x not in second]"
                ) { a, b in a.filter { $0 > k && !b.contains($0) } }
            }
        },
        .init("interleave", .lists, level: 2) { random in
            let k = random.integer(in: 1...3)
            return .init(
                "Return one list that takes \(k) number\(k == 1 ? "" : "s") from the first list, then one from the second, again "
                    + "\(k) from the first, and so on; when one list has none left, the rest of the other follows.",
                .numbers("first", count: 0...7), .numbers("second", count: 0...4),
                body: "result = []\nwhile first and second:\n    result += first[:\(k)] + second[:1]\n"
                    + "    first, second = first[\(k):], second[1:]\nreturn result + first + second"
            ) { a, b in
                var (a, b, result) = (a[...], b[...], [Int]())
                while !a.isEmpty, !b.isEmpty {
                    result += a.prefix(k) + b.prefix(1)
                    (a, b) = (a.dropFirst(k), b.dropFirst())
                }
                return result + a + b
            }
        },
    ]
}

extension String {
    /// How a sort key is said.
    fileprivate var sortKey: String {
        replacing(", where x is the number,", with: "").replacing("the number", with: "x")
    }
}
