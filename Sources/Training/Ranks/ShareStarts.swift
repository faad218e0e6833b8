import Distribution

/// Where the shares of two, three and four ranks begin in an update, told in its tokens.
///
/// Pieces begin there, so that ranks have equal work also where pieces are few. It depends on the update alone: one rank cuts at
/// the same places.
enum ShareStarts {
    /// Shares of all tokens, those of fewer ranks first.
    private static let fractions = [1.0 / 2, 1.0 / 3, 2.0 / 3, 1.0 / 4, 3.0 / 4]
    /// Fewest tokens between two of the places: below, the matrix products of a piece lose more than ranks win.
    static let distance = 256
    /// Of all tokens that share which may be computed twice so that groups can be cut.
    static let room = 1.0 / 32

    /// The places that are worth it, as shares of all tokens.
    ///
    /// - Parameter tokens: Tokens of the update.
    static func worthwhile(tokens: Int) -> [Double] {
        var taken = [0.0, 1.0]
        for fraction in fractions
        where taken.allSatisfy({ abs($0 - fraction) * Double(tokens) >= Double(distance) }) { taken.append(fraction) }
        return Array(taken.dropFirst(2))
    }
}

extension [PolicyGroup] {
    /// The groups with some of them cut between samples, so that shares of ranks can begin near where they should.
    ///
    /// The parts of a group each compute its prompt. So a group is cut only where that takes less than the longest share becomes
    /// shorter, and all cuts together cost a few in a hundred of the tokens at most.
    func cutForShares() -> [PolicyGroup] {
        var groups = self
        let tokens = groups.reduce(0) { $0 + $1.unit.tokenCount }
        var room = Int(ShareStarts.room * Double(tokens))
        for fraction in ShareStarts.worthwhile(tokens: tokens) {
            let row = CostRow(groups.map { Double($0.unit.tokenCount) })
            let place = fraction * row.total
            let nearest = row.boundary(nearest: place, in: 0...groups.count)
            let index = row.before(nearest) > place ? nearest - 1 : nearest
            guard groups.indices.contains(index), groups[index].samples.count > 1, groups[index].prompt.count <= room
            else { continue }
            let (group, prompt) = (groups[index], Double(groups[index].prompt.count))
            // Samples before the cut, and how far it is then from where it should be.
            let cuts = (1..<group.samples.count).map { count in
                let left = PolicyGroup(prompt: group.prompt, samples: Array<PolicySample>(group.samples[..<count]))
                let missing = fraction * (row.total + prompt) - row.before(index) - Double(left.unit.tokenCount)
                return (count: count, missing: abs(missing))
            }
            guard let best = cuts.min(by: { ($0.missing, $0.count) < ($1.missing, $1.count) }),
                abs(place - row.before(nearest)) - best.missing > prompt
            else { continue }
            groups[index].samples = Array<PolicySample>(group.samples[..<best.count])
            groups.insert(
                PolicyGroup(prompt: group.prompt, samples: Array<PolicySample>(group.samples[best.count...])),
                at: index + 1)
            room -= group.prompt.count
        }
        return groups
    }
}
