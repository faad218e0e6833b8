import BigInt

/// A set of real numbers: intervals in ascending order that neither touch nor overlap.
struct RealSet {
    /// From one end to the other; a single point is closed at both ends.
    struct Piece {
        var lower: Expression
        var upper: Expression
        var lowerClosed: Bool
        var upperClosed: Bool

        /// A single point.
        static func point(_ value: Expression) -> Piece {
            Piece(lower: value, upper: value, lowerClosed: true, upperClosed: true)
        }
    }

    static let negativeInfinity = Expression.constant(.infinity).negated
    static let infinity = Expression.constant(.infinity)
    static let empty = RealSet(pieces: [])
    static let all = RealSet(pieces: [
        Piece(lower: negativeInfinity, upper: infinity, lowerClosed: false, upperClosed: false)
    ])

    private(set) var pieces: [Piece]

    /// Most pieces of a set.
    private static let maximumPieces = 256

    private init(pieces: [Piece]) { self.pieces = pieces }

    /// The union of pieces in any order.
    init(_ pieces: [Piece], order: EndpointOrder) throws(ComparisonFault) {
        var filled: [Piece] = []
        guard pieces.count <= Self.maximumPieces else { throw .exhausted }
        for piece in pieces {
            let sign = try order.compare(piece.lower, piece.upper)
            let isPoint = sign == 0 && piece.lowerClosed && piece.upperClosed
            if sign < 0 || isPoint { filled.append(piece) }
        }
        var sorted: [Piece] = []
        for piece in filled {  // insertion: comparisons may throw
            var place = 0
            while place < sorted.count, try Self.begins(sorted[place], notAfter: piece, order) { place += 1 }
            sorted.insert(piece, at: place)
        }
        var merged: [Piece] = []
        for piece in sorted {
            guard let last = merged.last else {
                merged.append(piece)
                continue
            }
            let gap = try order.compare(last.upper, piece.lower)
            guard gap > 0 || gap == 0 && (last.upperClosed || piece.lowerClosed) else {
                merged.append(piece)
                continue
            }
            let ends = try order.compare(last.upper, piece.upper)
            if ends < 0 {
                merged[merged.count - 1].upper = piece.upper
                merged[merged.count - 1].upperClosed = piece.upperClosed
            } else if ends == 0 {
                merged[merged.count - 1].upperClosed = last.upperClosed || piece.upperClosed
            }
        }
        self.pieces = merged
    }

    private static func begins(_ a: Piece, notAfter b: Piece, _ order: EndpointOrder) throws(ComparisonFault) -> Bool {
        let sign = try order.compare(a.lower, b.lower)
        return sign < 0 || sign == 0 && (a.lowerClosed || !b.lowerClosed)
    }

    /// What is not in the set.
    func complement(_ order: EndpointOrder) throws(ComparisonFault) -> RealSet {
        var gaps: [Piece] = []
        var (start, startClosed) = (Self.negativeInfinity, false)
        for piece in pieces {
            gaps.append(
                Piece(lower: start, upper: piece.lower, lowerClosed: startClosed, upperClosed: !piece.lowerClosed))
            (start, startClosed) = (piece.upper, !piece.upperClosed)
        }
        gaps.append(Piece(lower: start, upper: Self.infinity, lowerClosed: startClosed, upperClosed: false))
        gaps = gaps.filter {
            ScalarComparison.infiniteSign($0.lower) != 1 && ScalarComparison.infiniteSign($0.upper) != -1
        }
        return try RealSet(gaps, order: order)
    }

    func union(_ other: RealSet, _ order: EndpointOrder) throws(ComparisonFault) -> RealSet {
        try RealSet(pieces + other.pieces, order: order)
    }

    func intersection(_ other: RealSet, _ order: EndpointOrder) throws(ComparisonFault) -> RealSet {
        let outside = try complement(order).union(try other.complement(order), order)
        return try outside.complement(order)
    }

    /// Whether two sets have the same pieces.
    func equals(_ other: RealSet, _ order: EndpointOrder) throws(ComparisonFault) -> Bool {
        guard pieces.count == other.pieces.count else { return false }
        for (a, b) in zip(pieces, other.pieces) {
            guard a.upperClosed == b.upperClosed, a.lowerClosed == b.lowerClosed else { return false }
            guard try order.areEqual(a.lower, b.lower), try order.areEqual(a.upper, b.upper) else { return false }
        }
        return true
    }
}

/// The order of endpoints.
struct EndpointOrder {
    let scalars: ScalarComparison

    func areEqual(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool { try scalars.areEqual(a, b) }

    /// −1, 0, 1 for less, equal, greater. Endpoints without a value compare as equal only if they are.
    func compare(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Int {
        if let x = a.literal, let y = b.literal { return x < y ? -1 : x == y ? 0 : 1 }
        let (x, y) = (ScalarComparison.infiniteSign(a) ?? 0, ScalarComparison.infiniteSign(b) ?? 0)
        if x != 0 || y != 0 { return x < y ? -1 : x == y ? 0 : 1 }
        if a == b { return 0 }
        let (p, q) = (Estimate.value(a), Estimate.value(b))
        if p.isFinite, q.isFinite, abs(p - q) > 1e-6 * max(1, abs(p), abs(q)) { return p < q ? -1 : 1 }
        if try scalars.areEqual(a, b) { return 0 }
        guard let algebra = scalars.algebra else { throw .needsAlgebra }
        return try algebra.sign(.difference(a, b)) ?? 0
    }
}
