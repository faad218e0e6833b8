import ArgumentParser
import OrderedJSON
import Rewards

/// `touchstone sandbox`.
struct SandboxCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox", abstract: "Shows how model-written programs are isolated.",
        subcommands: [SandboxCheck.self])
}

/// `touchstone sandbox check`.
struct SandboxCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Tries what the sandbox must forbid on this machine.",
        discussion: """
            Runs a program that tries to read, write, connect, signal, grow and stay, and tells for each property whether \
            the sandbox held. Exit status 1 means that something got through: code rewards and 'verify code' refuse to run \
            then. docs/sandbox.md explains the kinds.

            Example:
              touchstone sandbox check --kind landlock
            """)

    @Option(help: "The kind of sandbox: namespaces, landlock or limits; without it the best one.")
    var kind: Sandbox.Kind?

    @Flag(help: "Write one JSON object.")
    var json = false

    func run() async throws {
        let report = try await SandboxProbe.check(kind)
        if json {
            try StandardOutput.write(line: Self.object(report))
        } else {
            try StandardOutput.write(Self.text(report))
        }
        if !report.holds { throw CommandFailure(reported: .failed) }
    }

    private static func object(_ report: SandboxReport) -> JSONObject {
        let properties = report.properties.map { property -> JSONValue in
            ["name": .string(property.name), "holds": .bool(property.holds), "finding": .string(property.finding)]
        }
        return [
            "kind": .string(report.kind.rawValue), "control_groups": .bool(report.hasControlGroups),
            "holds": .bool(report.holds), "properties": .array(properties),
        ]
    }

    private static func text(_ report: SandboxReport) -> String {
        let width = report.properties.map(\.name.count).max() ?? 0
        let rows = report.properties.map { property in
            let name = property.name + String(repeating: " ", count: width - property.name.count)
            return "  \(property.holds ? "held  " : "BROKEN")  \(name)  \(property.finding)\n"
        }
        let bound = report.hasControlGroups ? "control groups of the whole sandbox" : "limits of each process"
        return "kind: \(report.kind.rawValue)\nmemory and processes: \(bound)\n" + rows.joined()
            + (report.holds
                ? "The sandbox holds.\n"
                : "The sandbox does NOT hold: model-written programs are refused on this machine.\n")
    }
}

extension Sandbox.Kind: ExpressibleByArgument {}
