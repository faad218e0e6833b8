import TensorCore

/// The tokens that one forward pass computes: any mixture of prompts, single new tokens and whole sequences.
///
/// Decoding hands in one new token for each sequence, training all tokens of each; the model does not know which.
public struct TokenBatch: Sendable {
    /// Token of each row.
    public let ids: [Int32]
    /// How rows form sequences.
    public let layout: SequenceLayout
    /// Which rows use which adapter; rows outside use the base alone.
    public let adapters: [AdapterRun]
    /// Rows cut into the units whose gradients are added one after the other.
    public let units: [Range<Int>]
    /// Which inputs of adapters are dropped; `nil` but in training.
    public var dropout: RowDropout?
    /// What pulls routers towards even use; `nil` but in training.
    public var balance: ExpertBalance?
    /// Which token of which sequence each row is; empty where nobody has said.
    public private(set) var places: [RowDropout.Place] = []

    /// A batch.
    public init(ids: [Int32], layout: SequenceLayout, adapters: [AdapterRun] = [], units: [Range<Int>]? = nil) {
        precondition(ids.count == layout.count, "TokenBatch: \(ids.count) ids for a layout of \(layout.count) rows")
        self.ids = ids
        self.layout = layout
        self.adapters = adapters
        self.units = units ?? [0..<ids.count]
    }

    /// A prompt and the completions that continue it; the prompt's tokens stand in the batch once.
    public struct Group: Sendable {
        /// The prompt's tokens; at least one.
        public let prompt: [Int]
        /// The completions' tokens.
        public let completions: [[Int]]
        /// The number of the prompt or row of data within the update.
        public var unit = 0
        /// The number of the first completion within its prompt's, where a group has been cut.
        public var firstSample = 0

        /// A group.
        public init(prompt: [Int], completions: [[Int]]) {
            self.prompt = prompt
            self.completions = completions
        }
    }

    /// A batch of whole groups, each a unit, and for every completion the rows whose outputs predict its tokens.
    ///
    /// - Parameter groupSize: Query heads that share a head of keys and values.
    /// - Returns: The batch, the pages it needs, and `predictors[group][completion]`: one row a token.
    public static func packing(
        _ groups: [Group], adapter: Adapter?, groupSize: Int
    ) -> (batch: TokenBatch, pageCount: Int, predictors: [[[Int]]]) {
        var builder = BatchBuilder()
        var units: [Range<Int>] = []
        var predictors: [[[Int]]] = []
        var places: [RowDropout.Place] = []
        func place(_ count: Int, _ unit: Int, sample: Int, from position: Int) {
            places += (0..<count).map { RowDropout.Place(unit: unit, sample: sample, position: position + $0) }
        }
        for group in groups {
            let start = builder.ids.count
            let prompt = builder.append(group.prompt, firstPosition: 0, parent: nil)
            place(group.prompt.count, group.unit, sample: 0, from: 0)
            let last = builder.ids.count - 1
            predictors.append(
                group.completions.enumerated().map { index, completion in
                    // The last token predicts nothing that is asked for, so it is not computed.
                    guard completion.count > 1 else { return completion.isEmpty ? [] : [last] }
                    let row = builder.ids.count
                    builder.append(completion.dropLast(), firstPosition: group.prompt.count, parent: prompt)
                    place(
                        completion.count - 1, group.unit, sample: group.firstSample + index + 1,
                        from: group.prompt.count)
                    return [last] + (row..<row + completion.count - 1)
                })
            units.append(start..<builder.ids.count)
        }
        let runs = adapter.map { [AdapterRun(rows: 0..<builder.ids.count, adapter: $0)] } ?? []
        let layout = SequenceLayout(segments: builder.segments, groupSize: groupSize)
        var batch = TokenBatch(ids: builder.ids, layout: layout, adapters: runs, units: units)
        batch.places = places
        return (batch, builder.pageCount, predictors)
    }
}

/// Lays segments one after the other, each with pages of its own.
private struct BatchBuilder {
    var ids: [Int32] = []
    var segments: [SequenceLayout.Segment] = []
    var pageCount = 0

    /// Appends tokens and returns their segment. A segment that continues another shares its full pages.
    @discardableResult
    mutating func append(_ tokens: some Collection<Int>, firstPosition: Int, parent: Int?) -> Int {
        let size = KeyValuePages.pageSize
        let shared = parent.map { segments[$0].pages.prefix(firstPosition / size) } ?? []
        let needed = (firstPosition + tokens.count + size - 1) / size - shared.count
        let fresh = (pageCount..<pageCount + needed).map { Int32($0) }
        pageCount += needed
        segments.append(
            SequenceLayout.Segment(
                rows: ids.count..<ids.count + tokens.count, firstPosition: firstPosition, pages: shared + fresh,
                parent: parent))
        ids += tokens.map { Int32($0) }
        return segments.count - 1
    }
}
