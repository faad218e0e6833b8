extension ProgrammingKind {
    /// Tasks that go over a list of numbers.
    static let listKinds: [ProgrammingKind] = [
        .init("select_and_reduce", .lists, level: 1) { random in
            let (p, reduce) = (random.numberProperty(), random.numberReduction())
            return .init(
                "Of the numbers that are \(p.english), return \(reduce.english).", .numbers(),
                body: "xs = [x for x in numbers if \(p.python)]\nreturn \(reduce.python)"
            ) { reduce.value($0.filter(p.value)) }
        },
        .init("transform_selected", .lists, level: 2) { random in
            let (p, t, reduce) = (random.numberProperty(), random.numberTransform(), random.numberReduction())
            return .init(
                "For each number of the list that is among the numbers that are \(p.english), take \(t.english) and leave the "
                    + "other numbers out. Of these results return \(reduce.english).", .numbers(),
                body: "xs = [\(t.python) for x in numbers if \(p.python)]\nreturn \(reduce.python)"
            ) { reduce.value($0.filter(p.value).map(t.value)) }
        },
        .init("replace_some", .lists, level: 2) { random in
            let (p, t) = (random.numberProperty(), random.numberTransform())
            return .init(
                "Return the list in which each number that is among the numbers that are \(p.english) is replaced: take "
                    + "\(t.english) instead. The others stay as they are.", .numbers(),
                body: "return [\(t.python) if \(p.python) else x for x in numbers]"
            ) { $0.map { p.value($0) ? t.value($0) : $0 } }
        },
        .init("count_both", .lists, level: 1) { random in
            let (p, q) = (random.numberProperty(), random.numberProperty())
            let isAnd = random.integer(in: 0...1) == 0
            return .init(
                "Return how many numbers of the list are \(p.english) \(isAnd ? "and" : "or") are \(q.english).",
                .numbers(),
                body: "return sum(1 for x in numbers if \(p.python) \(isAnd ? "and" : "or") \(q.python))"
            ) { $0.count { isAnd ? p.value($0) && q.value($0) : p.value($0) || q.value($0) } }
        },
        .init("first_index", .lists, level: 1) { random in
            let p = random.numberProperty()
            let isLast = random.integer(in: 0...1) == 0
            return .init(
                "Return the index of the \(isLast ? "last" : "first") number that is among the numbers that are \(p.english), "
                    + "or -1 if there is none.", .numbers(),
                body: "found = [i for i, x in enumerate(numbers) if \(p.python)]\n"
                    + "return found[\(isLast ? -1 : 0)] if found else -1"
            ) { (isLast ? $0.lastIndex(where: p.value) : $0.firstIndex(where: p.value)) ?? -1 }
        },
        .init("all_or_any", .lists, level: 1) { random in
            let p = random.numberProperty()
            let isAll = random.integer(in: 0...1) == 0
            return .init(
                isAll
                    ? "Return whether all numbers of the list are \(p.english) (True for an empty list)."
                    : "Return whether some number of the list is among the numbers that are \(p.english).",
                .numbers(count: 0...3), body: "return \(isAll ? "all" : "any")(\(p.python) for x in numbers)"
            ) { isAll ? $0.allSatisfy(p.value) : $0.contains(where: p.value) }
        },
        .init("at_positions", .lists, level: 2) { random in
            let (step, start) = (random.integer(in: 2...4), random.integer(in: 0...2))
            let reduce = random.numberReduction()
            return .init(
                "Take the numbers at the indices \(start), \(start + step), \(start + 2 * step) and so on, every "
                    + "\(step) places from index \(start). Return \(reduce.english).", .numbers(),
                body: "xs = numbers[\(start)::\(step)]\nreturn \(reduce.python)"
            ) { list in reduce.value(stride(from: start, to: list.count, by: step).map { list[$0] }) }
        },
        .init("running", .lists, level: 1) { random in
            let start = random.integer(in: -5...10)
            switch random.integer(in: 0...2) {
            case 0:
                return .init(
                    "Return the list of running sums that starts from \(start): the first entry is \(start) plus the first "
                        + "number, and each further entry adds the next number.", .numbers(),
                    body:
                        "total, sums = \(start), []\nfor x in numbers:\n    total += x\n    sums.append(total)\nreturn sums"
                ) { list in list.indices.map { start + list[...$0].reduce(0, +) } }
            case 1:
                return .init(
                    "Return a list with, at each place, the largest of \(start) and all numbers up to and including that "
                        + "place.", .numbers(),
                    body: "return [max([\(start)] + numbers[:i + 1]) for i in range(len(numbers))]"
                ) { list in list.indices.map { max(start, list[...$0].max() ?? start) } }
            default:
                return .init(
                    "Return a list with, at each place, the smallest of \(start) and all numbers up to and including that "
                        + "place.", .numbers(),
                    body: "return [min([\(start)] + numbers[:i + 1]) for i in range(len(numbers))]"
                ) { list in list.indices.map { min(start, list[...$0].min() ?? start) } }
            }
        },
        .init("neighbours", .lists, level: 2) { random in
            let k = random.integer(in: 2...6)
            switch random.integer(in: 0...3) {
            case 0:
                return .init(
                    "Return how many times a number is greater than the one before it by more than \(k).", .numbers(),
                    body: "return sum(1 for a, b in zip(numbers, numbers[1:]) if b - a > \(k))"
                ) { list in zip(list, list.dropFirst()).count { $1 - $0 > k } }
            case 1:
                return .init(
                    "For each two neighbouring numbers a, b (in this order) compute \(k) * a - b. Return the list of results.",
                    .numbers(), body: "return [\(k) * a - b for a, b in zip(numbers, numbers[1:])]"
                ) { list in zip(list, list.dropFirst()).map { k * $0 - $1 } }
            case 2:
                return .init(
                    "Return how many pairs of neighbouring numbers have a sum that is a multiple of \(k).", .numbers(),
                    body: "return sum(1 for a, b in zip(numbers, numbers[1:]) if (a + b) % \(k) == 0)"
                ) { list in zip(list, list.dropFirst()).count { ($0 + $1).isMultiple(of: k) } }
            default:
                return .init(
                    "Return the numbers that differ from the number right before them by at least \(k), in their order. The "
                        + "first number is never among them.", .numbers(),
                    body: "return [b for a, b in zip(numbers, numbers[1:]) if abs(b - a) >= \(k)]"
                ) { list in zip(list, list.dropFirst()).filter { abs($1 - $0) >= k }.map(\.1) }
            }
        },
        .init("longest_run", .lists, level: 3) { random in
            let p = random.numberProperty()
            return .init(
                "Return the length of the longest stretch of neighbouring numbers that are all \(p.english).",
                .numbers(),
                body: "best = run = 0\nfor x in numbers:\n    run = run + 1 if \(p.python) else 0\n"
                    + "    best = max(best, run)\nreturn best"
            ) { list in list.split(whereSeparator: { !p.value($0) }).map(\.count).max() ?? 0 }
        },
        .init("window_sums", .lists, level: 2) { random in
            let k = random.integer(in: 2...4)
            let largest = random.integer(in: 0...1) == 0
            let all = "[sum(numbers[i:i + \(k)]) for i in range(len(numbers) - \(k - 1))]"
            return largest
                ? .init(
                    "Return the largest sum of \(k) neighbouring numbers, or 0 if there are fewer than \(k) numbers.",
                    .numbers(), body: "return max(\(all), default=0)"
                ) { list in list.windows(of: k).map { $0.reduce(0, +) }.max() ?? 0 }
                : .init(
                    "Return the list of the sums of each \(k) neighbouring numbers (overlapping, from the left).",
                    .numbers(),
                    body: "return \(all)"
                ) { list in list.windows(of: k).map { $0.reduce(0, +) } }
        },
        .init("weighted_sum", .lists, level: 2) { random in
            let (start, step) = (random.integer(in: 0...3), random.integer(in: 1...4))
            return .init(
                "Multiply the first number by \(start), the second by \(start + step), the third by \(start + 2 * step) and so "
                    + "on (each factor is \(step) more than the one before). Return the sum of the products.",
                .numbers(),
                body: "return sum((\(start) + \(step) * i) * x for i, x in enumerate(numbers))"
            ) { list in list.enumerated().map { (start + step * $0.offset) * $0.element }.reduce(0, +) }
        },
        .init("clamped", .lists, level: 1) { random in
            let (low, high) = (random.integer(in: -10...5), random.integer(in: 8...30))
            return .init(
                "Return the list with each number below \(low) replaced by \(low) and each number above \(high) replaced by "
                    + "\(high).", .numbers(), body: "return [min(max(x, \(low)), \(high)) for x in numbers]"
            ) { $0.map { min(max($0, low), high) } }
        },
        .init("pairs_with_sum", .lists, level: 2) { random in
            let k = random.integer(in: 0...20)
            return .init(
                "Return how many pairs of places i < j there are with numbers[i] + numbers[j] == \(k).",
                .numbers("numbers", -4...14, count: 0...9),
                body: "return sum(1 for i in range(len(numbers)) for j in range(i) if numbers[i] + numbers[j] == \(k))"
            ) { list in list.indices.map { i in list[..<i].count { $0 + list[i] == k } }.reduce(0, +) }
        },
        .init("combine_lists", .lists, level: 2) { random in
            let (p, q) = (random.integer(in: 1...4), random.integer(in: 1...4))
            let isSum = random.integer(in: 0...1) == 0
            let form = isSum ? "\(p) * x + \(q) * y" : "\(p) * x - \(q) * y"
            return .init(
                "The first list has the numbers x, the second the numbers y. Return the list of \(form) for the numbers at the "
                    + "same index; where one list is shorter, take 0 for its missing numbers.",
                .numbers("first", count: 0...6), .numbers("second", count: 0...6),
                body: "size = max(len(first), len(second))\na = first + [0] * (size - len(first))\n"
                    + "b = second + [0] * (size - len(second))\nreturn [\(form) for x, y in zip(a, b)]"
            ) { a, b in
                (0..<max(a.count, b.count)).map { i in
                    let (x, y) = (i < a.count ? a[i] : 0, i < b.count ? b[i] : 0)
                    return p * x + (isSum ? q : -q) * y
                }
            }
        },
    ]
}

extension Array {
    /// Each stretch of some neighbouring elements.
    func windows(of count: Int) -> [ArraySlice<Element>] {
        count > self.count ? [] : (0...(self.count - count)).map { self[$0..<$0 + count] }
    }
}
