/// Days of the week and days between dates, in the Gregorian calendar.
enum CalendarArithmetic: TaskFamily {
    static let name = "calendar"
    static let summary = "days of the week, and days between dates"

    private static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    static func pose(level: Int, random: inout TaskRandom) -> PosedProblem? {
        if level <= 3 {
            let (today, days) = (random.integer(in: 0...6), random.integer(in: 1...(level * level * 10)))
            return PosedProblem(
                question: "Today is \(weekdays[today]). Which day of the week will it be in \(days) days?",
                answer: weekdays[(today + days) % 7], form: .text)
        }
        let year = random.integer(in: 1990...2040)
        let first = date(days(year, 1, 1) + random.integer(in: 0...364))
        if level <= 6 {
            let length = random.integer(in: 2...(40 * (level - 3) * (level - 3)))
            let second = date(days(first.year, first.month, first.day) + length)
            return PosedProblem(
                question:
                    "How many days are there from \(text(first)) to \(text(second))? Count the last day but not the first.",
                answer: String(length))
        }
        let start = days(year - random.integer(in: 0...(level - 7)), 1, 1)
        let target = days(first.year, first.month, first.day)
        guard target > start + 31 else { return nil }
        return PosedProblem(
            question: "\(text(date(start))) is a \(weekday(start)). Which day of the week is \(text(first))?",
            answer: weekday(target), form: .text)
    }

    private static func text(_ date: (year: Int, month: Int, day: Int)) -> String {
        "\(date.day) \(months[date.month - 1]) \(date.year)"
    }

    /// Day 0, 1 January 1970, was a Thursday.
    private static func weekday(_ days: Int) -> String { weekdays[((days + 3) % 7 + 7) % 7] }

    /// Days since 1 January 1970: whole years, counted from a March so that leap days come last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let ofYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + ofYear - 719_468
    }

    /// The date of a day, found by walking from the beginning of its year.
    private static func date(_ day: Int) -> (year: Int, month: Int, day: Int) {
        var year = 1970 + day / 366
        while days(year + 1, 1, 1) <= day { year += 1 }
        var month = 1
        while month < 12, days(year, month + 1, 1) <= day { month += 1 }
        return (year, month, day - days(year, month, 1) + 1)
    }
}
