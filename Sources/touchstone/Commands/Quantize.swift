import ArgumentParser
import ModelFiles
import OrderedJSON
import TextGeneration

/// `touchstone quantize`.
struct Quantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a model as a smaller .gguf file, its matrices in blocks of few bits.",
        discussion: """
            The file has tokenizer and chat template; Touchstone, llama.cpp and Ollama read it. Touchstone keeps the blocks \
            in memory as they are: the base takes about the file's size, for generating and for training an adapter.

            q8_0 takes 8.5 bits a number, q4_0 and q4_K 4.5; q4_K fits scale and minimum of 32 numbers by least squares \
            and is the better of the two. Embedding and vocabulary projection keep 8.5 bits. Rows whose width is no \
            multiple of 256 become Q5_0 (5.5 bits) in place of q4_K. Norms and biases stay in single precision.

            Example:
              touchstone quantize Qwen3-0.6B --type q8_0 --output qwen3-0.6b-q8_0.gguf
            """)

    /// The block types that can be asked for.
    enum BlockType: String, CaseIterable, ExpressibleByArgument {
        case q8x0 = "q8_0"
        case q4x0 = "q4_0"
        case q4K = "q4_K"

        /// Takes any case: q4_k, Q4_K.
        init?(argument: String) {
            guard let type = Self.allCases.first(where: { $0.rawValue.lowercased() == argument.lowercased() }) else {
                return nil
            }
            self = type
        }

        var stored: StoredType {
            switch self {
            case .q8x0: .q8x0
            case .q4x0: .q4x0
            case .q4K: .q4k
            }
        }
    }

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Option(name: .long, help: "The type of the matrices' blocks.")
    var type: BlockType

    @Option(name: .long, help: ArgumentHelp("The .gguf file to write; must not exist.", valueName: "file"))
    var output: String

    @OptionGroup var messages: MessageOptions

    func run() throws {
        try OutputPath.requireFree(output)
        Interruption.removeOutput()
        let contents = try ModelContents(try ModelLocation(model).origin())
        try contents.write(toGGUF: output, type: type.stored)
        let written = try GGUFFile(path: output)
        let bytes = written.tensors.values.reduce(0) { $0 + $1.byteCount }
        let numbers = written.tensors.values.reduce(0) { $0 + $1.count }
        try StandardOutput.write(line: [
            "output": .string(output), "type": .string(type.rawValue), "bytes": .integer(written.file.bytes.count),
            "bits_per_number": .double((Double(bytes) * 800 / Double(numbers)).rounded() / 100),
        ])
    }
}
