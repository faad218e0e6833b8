/// How much of some shared work a rank should have begun at a time.
public enum Portion {
    /// Pieces that a rank should have begun.
    ///
    /// What is not begun can still be taken by a rank that has finished early, so half a share is; but as much of the share
    /// as keeps the rank's threads busy, since few sequences at a time cost more each. A program by itself begins all.
    ///
    /// - Parameter pieces: Unfinished pieces as far as they are known, the rank's own included.
    /// - Parameter enough: Pieces at a time that are computed efficiently.
    public static func begun(of pieces: Int, ranks: Int, enough: Int) -> Int {
        guard ranks > 1 else { return pieces }
        let share = (pieces + ranks - 1) / ranks
        return min(share, max((share + 1) / 2, enough))
    }
}
