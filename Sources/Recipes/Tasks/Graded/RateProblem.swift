/// Word problems of rates: prices, speeds, work done together, tanks, and travellers who meet. Answers are whole.
enum RateProblem: TaskFamily {
    static let name = "rate_problem"
    static let summary = "word problems of prices, speeds and work"

    private static let people = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn"]
    private static let goods = ["pencils", "apples", "tickets", "candles", "buttons", "lemons"]

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        switch random.integer(in: max(0, (level - 1) / 2 - 1)...min(4, (level + 1) / 2)) {
        case 0: price(level, &random)
        case 1: speed(level, &random)
        case 2: change(level, &random)
        case 3: meeting(level, &random)
        default: tank(level, &random)
        }
    }

    private static func price(_ level: Int, _ random: inout TaskRandom) -> PosedProblem? {
        let (few, each, many) = (
            random.integer(in: 2...(3 + level)), random.integer(in: 2...(5 * level + 3)),
            random.integer(in: 2...(5 + 3 * level))
        )
        guard few != many else { return nil }
        let what = random.element(of: goods)
        return PosedProblem(
            question: "\(few) \(what) cost \(few * each) cents. How many cents do \(many) \(what) cost?",
            answer: String(many * each))
    }

    private static func speed(_ level: Int, _ random: inout TaskRandom) -> PosedProblem? {
        let (pace, hours, more) = (
            random.integer(in: 3...(10 * level + 5)), random.integer(in: 2...(2 + level)),
            random.integer(in: 2...(3 + 2 * level))
        )
        guard hours != more else { return nil }
        return PosedProblem(
            question: "\(random.element(of: people)) rides \(pace * hours) km in \(hours) hours. "
                + "At the same speed, how many km are ridden in \(more) hours?", answer: String(pace * more))
    }

    private static func change(_ level: Int, _ random: inout TaskRandom) -> PosedProblem? {
        let (count, each, coins) = (
            random.integer(in: 2...(4 + level)), random.integer(in: 2...(4 * level + 5)), random.integer(in: 1...level)
        )
        let paid = (count * each / 100 + coins) * 100
        let (person, what) = (random.element(of: people), random.element(of: goods))
        return PosedProblem(
            question:
                "\(person) buys \(count) \(what) at \(each) cents each and pays with \(paid / 100) notes of 100 cents. "
                + "How many cents of change are due?", answer: String(paid - count * each))
    }

    private static func meeting(_ level: Int, _ random: inout TaskRandom) -> PosedProblem? {
        let (a, b, hours) = (
            random.integer(in: 3...(8 * level)), random.integer(in: 3...(8 * level)),
            random.integer(in: 2...(2 + level))
        )
        let names = random.shuffled(people)
        return PosedProblem(
            question: "\(names[0]) and \(names[1]) are \((a + b) * hours) km apart and ride towards each other, "
                + "\(names[0]) at \(a) km per hour and \(names[1]) at \(b) km per hour. After how many hours do they meet?",
            answer: String(hours))
    }

    private static func tank(_ level: Int, _ random: inout TaskRandom) -> PosedProblem? {
        // Whole hours together: 1/(x·n) + 1/(y·n) with x + y = n gives x·y.
        let (x, y) = (random.integer(in: 1...(1 + level / 2)), random.integer(in: 1...(2 + level / 2)))
        let scale = random.integer(in: 1...level)
        let sum = x + y
        return PosedProblem(
            question: "One pump fills a tank in \(x * sum * scale) hours, another in \(y * sum * scale) hours. "
                + "In how many hours do both together fill it?", answer: String(x * y * scale))
    }
}
