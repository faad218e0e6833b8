/// A server that scores completions, such as a reward model's: it gets the message of a plugin and answers as one.
public struct HTTPReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    private let server: RewardServer
    private let numbers = MessageNumbers()

    /// A reward of a server.
    public init(name: String = "http", server: RewardServer) {
        self.name = name
        self.server = server
    }

    /// The server's outcomes for the batch, which is sent as one message.
    public func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        let exchange = ScoreExchange(id: numbers.next(), batch)
        return try exchange.read(try await server.post(exchange.message))
    }
}
