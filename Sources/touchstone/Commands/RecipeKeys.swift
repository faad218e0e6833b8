import ArgumentParser
import Recipes

/// `touchstone recipe-keys`.
struct RecipeKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints every key of a recipe with its type, default and meaning, as a Markdown table.",
        discussion: """
            Example:
              touchstone recipe-keys > recipe-keys.md
            """)

    func run() throws {
        try StandardOutput.write(
            "# Recipe keys\n\nWritten by `touchstone recipe-keys`.\n\n" + Recipe.documentationTable + "\n")
    }
}
