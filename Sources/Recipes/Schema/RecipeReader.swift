import Foundation

/// Collects every fault of a recipe while its sections are read.
struct RecipeReader {
    /// The file's name for faults.
    let source: String
    /// The folder that relative paths start from, absolute.
    let folder: String
    /// The whole recipe, overrides applied.
    let root: Located
    private(set) var faults: [RecipeError.Fault] = []
    /// Past this many faults no more are kept: a file of a million wrong keys is wrong enough.
    private let maximumFaults = 100

    init(source: String, folder: String, root: Located) {
        self.source = source
        self.folder = folder
        self.root = root
    }

    /// Whether further faults are not kept.
    var isFull: Bool { faults.count >= maximumFaults }

    /// Notes a fault at a key path, or at a given place.
    mutating func fault(_ path: [String], _ message: String, at place: RecipeError.Place? = nil) {
        guard !isFull else { return }
        faults.append(
            .init(
                source: source, place: place ?? root.place(of: path), path: path.joined(separator: "."),
                message: message))
    }

    /// Notes a value of the wrong type or out of range.
    mutating func unexpected(_ value: Located, _ path: [String], _ expected: String) {
        fault(path, "expected \(expected), got \(value.summary)", at: value.place)
    }

    /// Whether the recipe or an override gives a value (other than null) at a path.
    func isGiven(_ path: String...) -> Bool {
        guard let value = root.value(at: path) else { return false }
        return !value.isNull
    }

    /// Whether no fault was noted at a path or below it.
    func isSound(_ path: String...) -> Bool {
        let name = path.joined(separator: ".")
        return !faults.contains { $0.path == name || $0.path.hasPrefix(name + ".") }
    }

    /// A path of the recipe as an absolute one.
    func absolute(_ path: String) -> String {
        let joined = path.hasPrefix("/") ? path : folder + "/" + path
        return URL(fileURLWithPath: joined).standardizedFileURL.path
    }
}
