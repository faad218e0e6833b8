import Foundation

/// Where the reference data lies: beside the package, in `../shared/fixtures`.
enum ReferenceData {
    static let models: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return folder.appendingPathComponent("shared/fixtures/models").path
    }()
    static var isPresent: Bool { FileManager.default.fileExists(atPath: models) }
    static let absence = "reference data ../shared/fixtures/models is missing"

    /// The folders below a folder, sorted by name.
    static func folders(in path: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().map { path + "/" + $0 }.filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && isFolder.boolValue
        }
    }

    /// All PEFT folders of all reference models.
    static var adapterFolders: [String] { folders(in: models).flatMap { folders(in: $0 + "/adapters") } }
}
