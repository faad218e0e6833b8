/// What a sandbox was seen to give.
public struct SandboxReport: Sendable {
    /// One property that was tried.
    public struct Property: Hashable, Sendable {
        /// What is bounded or hidden, such as `network`.
        public let name: String
        /// Whether the program was kept from it.
        public let holds: Bool
        /// What was found.
        public let finding: String
    }

    /// The kind of sandbox.
    public let kind: Sandbox.Kind
    /// What bounds memory and processes: control groups of the whole sandbox, or limits of each process.
    public let hasControlGroups: Bool
    /// The properties in the order of trying.
    public let properties: [Property]
    /// Whether every property holds.
    public var holds: Bool { !properties.isEmpty && properties.allSatisfy(\.holds) }
}
