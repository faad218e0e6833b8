extension ProgrammingKind {
    /// Small algorithms.
    static let algorithmKinds: [ProgrammingKind] = [
        .init("merge_intervals", .algorithms, level: 3) { random in
            let gap = random.integer(in: 0...3)
            let intervals = Argument<[[Int]]>(name: "intervals") { random in
                random.list(0...6) { random in
                    let low = random.integer(in: 0...25)
                    return [low, low + random.integer(in: 0...6)]
                }
            }
            return .init(
                "Each interval is a list [low, high]. Join all intervals that overlap"
                    + (gap == 0
                        ? " or touch (the next low is at most the high before it)" : " or lie at most \(gap) apart")
                    + ", and return the list of the resulting intervals in ascending order.", intervals,
                body:
                    "result = []\nfor low, high in sorted(intervals):\n    if result and low <= result[-1][1] + \(gap):\n"
                    + "        result[-1][1] = max(result[-1][1], high)\n    else:\n        result.append([low, high])\n"
                    + "return result"
            ) { intervals in
                intervals.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }.reduce(into: [[Int]]()) { result, next in
                    if let last = result.last, next[0] <= last[1] + gap {
                        result[result.count - 1][1] = max(last[1], next[1])
                    } else {
                        result.append(next)
                    }
                }
            }
        },
        .init("count_ways", .algorithms, level: 3) { random in
            let steps = random.element(of: [
                [1, 2], [1, 3], [2, 3], [1, 2, 3], [1, 4], [2, 5], [1, 2, 5], [3, 4], [1, 3, 4],
            ])
            let isOrdered = random.integer(in: 0...1) == 0
            let list = steps.map(String.init).joined(separator: ", ")
            return .init(
                "Return in how many ways n is a sum of numbers from \(list), each used any number of times; "
                    + (isOrdered ? "sums in another order count as different." : "the order does not matter.")
                    + " There is one way for 0.", .number("n", 0...16),
                body: "ways = [1] + [0] * n\n"
                    + (isOrdered
                        ? "for i in range(1, n + 1):\n    ways[i] = sum(ways[i - s] for s in [\(list)] if s <= i)\n"
                        : "for s in [\(list)]:\n    for i in range(s, n + 1):\n        ways[i] += ways[i - s]\n")
                    + "return ways[n]"
            ) { n in ways(n, steps[...], isOrdered: isOrdered) }
        },
        .init("best_sum", .algorithms, level: 3) { random in
            let least = random.integer(in: 1...3)
            return .init(
                "Return the greatest sum of a stretch of at least \(least) neighbouring number\(least == 1 ? "" : "s") of the list, or "
                    + "0 if the list has fewer.", .numbers("numbers", -12...12),
                body: "n = len(numbers)\n"
                    + "return max((sum(numbers[i:j]) for i in range(n) for j in range(i + \(least), n + 1)), default=0)"
            ) { list in
                (least...max(least, list.count)).flatMap { size in list.windows(of: size).map { $0.reduce(0, +) } }
                    .max() ?? 0
            }
        },
        .init("stack_machine", .algorithms, level: 3) { random in
            let extra = random.element(of: [
                Phrase<[Int], Int>("'max' takes the two topmost numbers off and puts the greater one on", "max(a, b)") {
                    max($0[0], $0[1])
                },
                Phrase("'min' takes the two topmost numbers off and puts the smaller one on", "min(a, b)") {
                    min($0[0], $0[1])
                },
                Phrase("'mul' takes the two topmost numbers off and puts their product on", "a * b") { $0[0] * $0[1] },
                Phrase("'sub' takes b and then a off and puts a - b on", "a - b") { $0[0] - $0[1] },
            ])
            let word = String(extra.english.dropFirst().prefix(3))
            let program = Argument<[String]>(name: "program") { random in
                random.list(1...7) { random in
                    random.integer(in: 0...2) == 0
                        ? random.element(of: ["add", word]) : String(random.integer(in: 0...9))
                }
            }
            return .init(
                "The program is a list of commands for a stack that is empty at first: a number as text is put on it; 'add' takes the "
                    + "two topmost numbers off and puts their sum on; \(extra.english). With fewer than two numbers on the stack, "
                    + "'add' and '\(word)' do nothing. Return the stack from the bottom.", program,
                body:
                    "stack = []\nfor x in program:\n    if x not in ('add', '\(word)'):\n        stack.append(int(x))\n"
                    + "    elif len(stack) >= 2:\n        b, a = stack.pop(), stack.pop()\n"
                    + "        stack.append(a + b if x == 'add' else \(extra.python))\nreturn stack"
            ) { program in
                program.reduce(into: [Int]()) { stack, command in
                    if let number = Int(command) {
                        stack.append(number)
                    } else if stack.count >= 2 {
                        let pair = Array(stack.suffix(2))
                        stack.removeLast(2)
                        stack.append(command == "add" ? pair[0] + pair[1] : extra.value(pair))
                    }
                }
            }
        },
        .init("walk", .algorithms, level: 3) { random in
            let step = random.integer(in: 1...4)
            let goal = random.integer(in: 1...3)
            return .init(
                "A walker starts at x = 0, y = 0. Each letter of the moves is a step of length \(step): 'N' adds to y, 'S' takes from "
                    + "y, 'E' adds to x, 'W' takes from x. Return the list [x, y, k], where k counts the steps after which "
                    + "abs(x) + abs(y) was greater than \(goal * step).", .text("moves", of: "NNSEEW", count: 0...9),
                body: "x = y = k = 0\nfor m in moves:\n    x += \(step) * ((m == 'E') - (m == 'W'))\n"
                    + "    y += \(step) * ((m == 'N') - (m == 'S'))\n    k += abs(x) + abs(y) > \(goal * step)\n"
                    + "return [x, y, k]"
            ) { moves in
                moves.reduce(into: [0, 0, 0]) { place, move in
                    place["EW".contains(move) ? 0 : 1] += "EN".contains(move) ? step : -step
                    place[2] += abs(place[0]) + abs(place[1]) > goal * step ? 1 : 0
                }
            }
        },
        .init("spread", .algorithms, level: 3) { random in
            let (rounds, kept) = (random.integer(in: 1...3), random.integer(in: 2...3))
            return .init(
                "The text is a row of cells, '#' alive and '.' dead. In each round all cells change at once: a dead cell becomes alive "
                    + "if exactly one of its two neighbours is alive, and a living cell "
                    + (kept == 2 ? "dies if both its neighbours are alive" : "dies if none of its neighbours is alive")
                    + ". Beyond the ends all is dead. Return the row after \(rounds) round\(rounds == 1 ? "" : "s").",
                .text(of: "#.", count: 1...9),
                body: "for _ in range(\(rounds)):\n    padded = '.' + text + '.'\n    row = ''\n"
                    + "    for a, x, b in zip(padded, text, padded[2:]):\n        n = (a + b).count('#')\n"
                    + "        row += '#' if (n == 1 if x == '.' else n \(kept == 2 ? "< 2" : "> 0")) else '.'\n"
                    + "    text = row\nreturn text"
            ) { text in
                var cells = text.map { $0 == "#" }
                for _ in 0..<rounds {
                    cells = cells.indices.map { i in
                        let near = [i - 1, i + 1].count { cells.indices.contains($0) && cells[$0] }
                        return cells[i] ? (kept == 2 ? near < 2 : near > 0) : near == 1
                    }
                }
                return String(cells.map { $0 ? "#" : "." as Character })
            }
        },
        .init("edit_distance", .algorithms, level: 3) { random in
            let cost = random.integer(in: 1...3)
            return .init(
                "Return the least cost of turning the first text into the second, where inserting or deleting a character costs 1 and "
                    + "replacing one by another costs \(cost).",
                .text("first", of: "abcd", count: 0...6), .text("second", of: "abcd", count: 0...6),
                body:
                    "row = list(range(len(second) + 1))\nfor i, a in enumerate(first):\n    last, row = row, [i + 1]\n"
                    + "    for j, b in enumerate(second):\n        change = last[j] + (0 if a == b else \(cost))\n"
                    + "        row.append(min(change, last[j + 1] + 1, row[j] + 1))\nreturn row[-1]"
            ) { a, b in distance(Array(a)[...], Array(b)[...], cost) }
        },
        .init("simulate_queue", .algorithms, level: 3) { random in
            let (size, isNewest) = (random.integer(in: 2...4), random.integer(in: 0...1) == 0)
            return .init(
                "A store has room for \(size) words and is empty at first. The words come one after the other: one that is in the "
                    + "store already becomes the newest there; any other is put in as the newest, and if the store was full, the "
                    + "\(isNewest ? "one that was the newest so far" : "oldest") leaves it before. Return the store's words, oldest "
                    + "first.",
                Argument<[String]>(name: "words") { random in
                    random.list(0...9) { $0.element(of: ["a", "b", "c", "d", "e", "f"]) }
                },
                body: "store = []\nfor x in words:\n    if x in store:\n        store.remove(x)\n"
                    + "    elif len(store) == \(size):\n        store.pop(\(isNewest ? -1 : 0))\n    store.append(x)\nreturn store"
            ) { words in
                words.reduce(into: [String]()) { store, word in
                    let place = store.firstIndex(of: word) ?? (store.count < size ? nil : isNewest ? size - 1 : 0)
                    if let place { store.remove(at: place) }
                    store.append(word)
                }
            }
        },
        .init("greedy_packing", .algorithms, level: 3) { random in
            let room = random.integer(in: 12...20)
            let isBestFirst = random.integer(in: 0...1) == 0
            return .init(
                "Put weights into boxes that hold at most \(room) each. Go through the weights in "
                    + "\(isBestFirst ? "descending" : "their own") order; each one goes into the first box with enough room left, or "
                    + "into a new box. Return the list of the total weights of the boxes.",
                .numbers("weights", 1...12, count: 0...8),
                body: "boxes = []\nfor x in \(isBestFirst ? "sorted(weights, reverse=True)" : "weights"):\n"
                    + "    for i, total in enumerate(boxes):\n        if total + x <= \(room):\n            boxes[i] += x\n"
                    + "            break\n    else:\n        boxes.append(x)\nreturn boxes"
            ) { weights in
                (isBestFirst ? weights.sorted(by: >) : weights).reduce(into: [Int]()) { boxes, weight in
                    if let box = boxes.firstIndex(where: { $0 + weight <= room }) {
                        boxes[box] += weight
                    } else {
                        boxes.append(weight)
                    }
                }
            }
        },
    ]

    /// How many sums of some numbers there are, tried out.
    private static func ways(_ n: Int, _ steps: ArraySlice<Int>, isOrdered: Bool) -> Int {
        if n == 0 { return 1 }
        if n < 0 { return 0 }
        return steps.indices.reduce(0) { total, place in
            total + ways(n - steps[place], isOrdered ? steps : steps[place...], isOrdered: isOrdered)
        }
    }

    /// The cost of turning one text into another, tried out.
    private static func distance(_ a: ArraySlice<Character>, _ b: ArraySlice<Character>, _ cost: Int) -> Int {
        guard let first = a.first, let second = b.first else { return a.count + b.count }
        if first == second { return distance(a.dropFirst(), b.dropFirst(), cost) }
        return min(
            cost + distance(a.dropFirst(), b.dropFirst(), cost), 1 + distance(a.dropFirst(), b, cost),
            1 + distance(a, b.dropFirst(), cost))
    }
}
