import ArgumentParser
import Foundation
import ModelHub
import OrderedJSON

/// `touchstone pull`.
struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetches a model or adapter from the Hugging Face hub or a mirror of it.",
        discussion: """
            Fetches weights (safetensors, or the one GGUF file), configuration, tokenizer and templates; never pickles. \
            Every file is compared with the size and checksum that the hub lists, and the folder gets its name when all \
            are there. After an interruption the same command goes on where it was.

            HF_ENDPOINT names another hub, HF_TOKEN is shown to it for private and gated repositories, HF_HUB_OFFLINE=1 \
            forbids fetching. No other command uses the network, unless a recipe names a reward server.

            Example:
              touchstone pull Qwen/Qwen3-0.6B
              touchstone pull Qwen/Qwen2.5-0.5B-Instruct-GGUF --include '*q4_k_m.gguf' --output models
            """)

    @Argument(help: ArgumentHelp("The repository.", valueName: "owner/name"))
    var repository: String

    @Option(name: .long, help: ArgumentHelp("A branch, tag or commit.", valueName: "revision"))
    var revision = "main"

    @Option(
        name: .long, help: ArgumentHelp("The folder to make; the repository's name unless given.", valueName: "folder"))
    var output: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Fetch only files of this name or shell pattern; may be repeated.", valueName: "pattern"))
    var include: [String] = []

    @OptionGroup var messages: MessageOptions

    func run() async throws {
        let messages = messages.messages
        let repository = try HubRepository(repository, revision: revision)
        let endpoint = try HubEndpoint(environment: ProcessInfo.processInfo.environment)
        let folder = output ?? String(repository.name.split(separator: "/").last ?? "model")
        try OutputPath.requireFree(folder)
        let download = HubDownload(repository, endpoint: endpoint)
        let listing = try await download.listing()
        let files = try listing.selected(include)
        let total = files.reduce(0) { $0 + ($1.size ?? 0) }
        messages.info("\(repository.name) at \(listing.commit.prefix(12)): \(files.count) files, \(total >> 20) MiB")
        try await download.fetch(files, commit: listing.commit, to: folder) { file, count in
            if count == file.size { messages.info("\(file.path): \(count) bytes") }
        }
        try StandardOutput.write(line: [
            "output": .string(folder), "repository": .string(repository.name), "commit": .string(listing.commit),
            "files": .integer(files.count), "bytes": .integer(total),
        ])
    }
}
