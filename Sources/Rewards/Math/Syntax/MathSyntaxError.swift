/// Why a text is not read as mathematics.
package struct MathSyntaxError: Error, Hashable, CustomStringConvertible {
    /// In a few words.
    package let description: String

    /// An error.
    init(_ description: String) { self.description = description }
}
