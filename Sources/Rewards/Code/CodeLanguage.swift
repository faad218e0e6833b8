import Foundation
import OrderedJSON
import WorkerProcesses

/// How programs of a language are run. Python can be tested by its functions as well; every other language by its
/// standard input and output.
public struct CodeLanguage: Hashable, Sendable {
    /// The name, such as `python`.
    public var name: String
    /// The words after a fence that mean this language, in lower case.
    public var tags: Set<String>
    /// The source file's name.
    public var fileName: String
    /// A command that reads the source (`{file}`) and writes the finished program to standard output; `nil` if the
    /// source itself is run.
    public var compile: [String]?
    /// The command that runs the source, or the finished program (`{file}`).
    public var run: [String]
    /// The files and folders of the machine that compiler and program need; everything else doesn't exist for them.
    public var readable: [String]
    /// The memory that compiling may take, in MiB.
    public var compileMemory: Int
    /// The seconds that compiling may take.
    public var compileSeconds: Double

    /// A language of its parts.
    public init(
        name: String, tags: Set<String>, fileName: String, compile: [String]? = nil, run: [String], readable: [String],
        compileMemory: Int = 2048, compileSeconds: Double = 60
    ) {
        self.name = name
        self.tags = tags
        self.fileName = fileName
        self.compile = compile
        self.run = run
        self.readable = readable
        self.compileMemory = compileMemory
        self.compileSeconds = compileSeconds
    }

    /// C, with the system's compiler.
    public static let c = CodeLanguage(
        name: "c", tags: ["c"], fileName: "main.c",
        compile: ["/bin/sh", "-c", "cc -O2 -std=c17 -o /tmp/program \"$0\" -lm >&2 && cat /tmp/program", "{file}"],
        run: ["{file}"], readable: system)

    /// Swift, with the toolchain whose `swiftc` is the first on the PATH.
    public static let swift = CodeLanguage(
        name: "swift", tags: ["swift"], fileName: "main.swift",
        compile: [
            "/bin/sh", "-c",
            "PATH=\(swiftToolchain.map { $0 + "/usr/bin:" } ?? "")$PATH "
                + "swiftc -O -static-stdlib -module-cache-path /tmp/cache -o /tmp/program \"$0\" >&2 && cat /tmp/program",
            "{file}",
        ],
        run: ["{file}"], readable: system + [swiftToolchain].compactMap { $0 })

    /// The folder of the Swift toolchain, above its `usr`; `nil` if it is a part of the system, or there is none.
    private static let swiftToolchain: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let program = folders.lazy.compactMap { SystemFile.realPath("\($0)/swiftc") }.first
        guard let bin = program?.range(of: "/usr/bin/", options: .backwards), let program else { return nil }
        let folder = String(program[..<bin.lowerBound])
        // What stands in the shell's line must mean nothing to it.
        let isPlain = folder.utf8.allSatisfy { UInt8(ascii: "/") == $0 || $0.isWordByte }
        return folder.isEmpty || !isPlain ? nil : folder
    }()

    /// The system's programs and libraries.
    private static let system = ["/usr", "/bin", "/lib", "/lib64", "/etc/alternatives"].filter {
        SystemFile.realPath($0) != nil
    }

    /// Whether words after a fence mean this language: ` ```python title=x `.
    func isMeant(by tag: some StringProtocol) -> Bool {
        let word = tag.prefix { !$0.isWhitespace && $0 != "{" && $0 != "," && $0 != ":" }
        return tags.contains(word.lowercased())
    }
}

extension CodeLanguage {
    /// Python with its standard library, as `/usr/bin/python3` has it.
    ///
    /// - Throws: `RewardsError` (`sandboxUnavailable`) if there is no such Python.
    static func python() async throws -> CodeLanguage {
        let interpreter = WorkerCommand(
            "/usr/bin/python3", ["-I", "-S", "-c", pythonSurvey], environment: .exactly([:]))
        let result: RunResult
        do {
            // It takes 20 ms; the rest is for a machine out of breath.
            result = try await interpreter.run(limits: RunLimits(wallTime: .seconds(120)))
        } catch let error as WorkerError {
            throw RewardsError(
                .sandboxUnavailable,
                "sandbox: Python programs need /usr/bin/python3 (Debian, Ubuntu: apt-get install python3): \(error)",
                cause: error)
        }
        guard result.end.isSuccess, let answer = try? JSONValue(parsing: result.output),
            let paths = answer.arrayValue?.compactMap(\.stringValue), let program = paths.first
        else {
            let message = String(decoding: result.errorOutput.suffix(200), as: UTF8.self)
            throw RewardsError(
                .sandboxUnavailable,
                "sandbox: /usr/bin/python3 can't tell where its files are (\(result.outcome), \(result.end)): "
                    + message.filter { !$0.isNewline })
        }
        return CodeLanguage(
            name: "python", tags: ["python", "py", "python3", "py3", "python2", "ipython", "pycon"],
            fileName: "solution.py",
            run: [program, "-I", "-S", "-X", "utf8", "-c", PythonSources.program, "{file}"], readable: paths)
    }

    /// Prints the interpreter's own files: itself, its library, and the shared libraries that these load, under every
    /// name by which they may be looked for.
    private static let pythonSurvey = """
        import os, re, sys, json, sysconfig
        for name in "zlib bz2 lzma ctypes hashlib ssl sqlite3 uuid decimal asyncio".split():
            try: __import__(name)
            except ImportError: pass
        try: sys.modules["ctypes"].CDLL("libgcc_s.so.1")
        except (OSError, KeyError): pass
        program, library = os.path.realpath(sys.executable), os.path.realpath(sysconfig.get_path("stdlib"))
        loaded = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line and "/" in line}
        loaded = {path for path in loaded if not path.startswith(library)}
        names = set()
        for folder in {os.path.dirname(path) for path in loaded}:
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if ".so" in name and os.path.realpath(path) in loaded: names.add(path)
        real = {path for path in names if not os.path.islink(path)}
        linked = {os.path.realpath(path) for path in names - real if re.search(r"[.]so[.][0-9.]+$", path)}
        names -= {path for path in real if path in linked}
        loader = re.search(rb"/lib[^\\0]*/ld-[^\\0]*", open(program, "rb").read(1 << 16))
        if loader: names.add(loader.group().decode())
        print(json.dumps([program, library] + sorted(n for n in names if re.search(r"[.]so[.][0-9.]+$|/ld-", n))))
        """
}

extension UInt8 {
    /// Whether it is a letter, digit, `.`, `_`, `-` or `+`.
    fileprivate var isWordByte: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }
}
