import Foundation

/// The few functions of an MPI library that ranks need, found when the program runs: one program works with any library of
/// the two families, and without one.
///
/// Handles are pointers in Open MPI and 32-bit integers in MPICH and its like; both travel in a whole register, so that one
/// set of signatures serves both. The values of constants are fixed parts of each family's binary interface.
struct MPILibrary: @unchecked Sendable {
    typealias Handle = UInt
    private typealias Initialize =
        @convention(c) (OpaquePointer?, OpaquePointer?, Int32, UnsafeMutablePointer<Int32>) -> Int32
    private typealias Query = @convention(c) (Handle, UnsafeMutablePointer<Int32>) -> Int32
    private typealias Gather =
        @convention(c) (
            UnsafeRawPointer, Int32, Handle, UnsafeMutableRawPointer, Int32, Handle, Handle
        ) -> Int32
    private typealias Send =
        @convention(c) (
            UnsafeRawPointer?, Int32, Handle, Int32, Int32, Handle, UnsafeMutablePointer<Handle>
        ) -> Int32
    private typealias Receive =
        @convention(c) (
            UnsafeMutableRawPointer?, Int32, Handle, Int32, Int32, Handle, UnsafeMutablePointer<Handle>
        ) -> Int32
    private typealias Test =
        @convention(c) (
            UnsafeMutablePointer<Handle>, UnsafeMutablePointer<Int32>, UnsafeMutableRawPointer?
        ) -> Int32
    private typealias Abort = @convention(c) (Handle, Int32) -> Int32
    private typealias Finalize = @convention(c) () -> Int32
    private typealias Version = @convention(c) (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32

    /// What it calls itself, such as `Open MPI v4.1.4`.
    let version: String
    private let world: Handle
    private let byte: Handle
    private let ignoredStatus: UnsafeMutableRawPointer?
    private let functions: Functions

    private struct Functions {
        let initialize: Initialize
        let rank, size: Query
        let gather: Gather
        let send: Send
        let receive: Receive
        let test: Test
        let abort: Abort
        let finalize: Finalize
    }

    /// Opens the first library that is there.
    ///
    /// - Throws: `DistributionError` (`noLibrary`) with what to install.
    init(_ names: [String]) throws(DistributionError) {
        var reasons: [String] = []
        for name in names {
            // Open MPI's own plug-ins look for its symbols among the global ones.
            guard let handle = dlopen(name, RTLD_NOW | RTLD_GLOBAL) else {
                reasons.append(dlerror().map { String(cString: $0) } ?? name)
                continue
            }
            try self.init(handle, name: name)
            return
        }
        throw DistributionError(
            .noLibrary,
            "no MPI library was found (\(reasons.first ?? "none was named")); install one (Debian, Ubuntu: "
                + "apt-get install openmpi-bin), or name its file in \(Launch.libraryVariable)")
    }

    private init(_ handle: UnsafeMutableRawPointer, name: String) throws(DistributionError) {
        func address(_ symbol: String) throws(DistributionError) -> UnsafeMutableRawPointer {
            guard let address = dlsym(handle, symbol) else {
                throw DistributionError(.noLibrary, "\(name): has no \(symbol), so it is no MPI library")
            }
            return address
        }
        functions = Functions(
            initialize: unsafeBitCast(try address("MPI_Init_thread"), to: Initialize.self),
            rank: unsafeBitCast(try address("MPI_Comm_rank"), to: Query.self),
            size: unsafeBitCast(try address("MPI_Comm_size"), to: Query.self),
            gather: unsafeBitCast(try address("MPI_Allgather"), to: Gather.self),
            send: unsafeBitCast(try address("MPI_Isend"), to: Send.self),
            receive: unsafeBitCast(try address("MPI_Irecv"), to: Receive.self),
            test: unsafeBitCast(try address("MPI_Test"), to: Test.self),
            abort: unsafeBitCast(try address("MPI_Abort"), to: Abort.self),
            finalize: unsafeBitCast(try address("MPI_Finalize"), to: Finalize.self))
        version = Self.version(unsafeBitCast(try address("MPI_Get_library_version"), to: Version.self))
        if let world = dlsym(handle, "ompi_mpi_comm_world"), let byte = dlsym(handle, "ompi_mpi_byte") {
            (self.world, self.byte, ignoredStatus) = (UInt(bitPattern: world), UInt(bitPattern: byte), nil)
        } else if ["MPICH", "Intel", "MVAPICH", "Cray"].contains(where: version.contains) {
            (world, byte, ignoredStatus) = (0x4400_0000, 0x4c00_010d, UnsafeMutableRawPointer(bitPattern: 1))
        } else {
            throw DistributionError(
                .noLibrary,
                "\(name): is \(version.isEmpty ? "of an unknown kind" : version), expected Open MPI, MPICH, MVAPICH or "
                    + "Intel MPI; name another file in \(Launch.libraryVariable)")
        }
    }

    private static func version(_ function: Version) -> String {
        // MPICH asks for 8192 bytes.
        var text = [CChar](repeating: 0, count: 1 << 14)
        var length: Int32 = 0
        guard function(&text, &length) == 0 else { return "" }
        let line =
            String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(whereSeparator: \.isNewline).first ?? ""
        return String(line.split(separator: ",").first ?? "").replacing("\t", with: " ")
    }
}

extension MPILibrary {
    /// Begins; only the thread that did so may call anything else.
    func start() throws(DistributionError) -> (rank: Int, count: Int) {
        // MPI_THREAD_FUNNELED
        var (provided, rank, count) = (Int32(0), Int32(0), Int32(0))
        try check(functions.initialize(nil, nil, 1, &provided), "MPI_Init_thread")
        try check(functions.rank(world, &rank), "MPI_Comm_rank")
        try check(functions.size(world, &count), "MPI_Comm_size")
        return (Int(rank), Int(count))
    }

    /// Tells all ranks a block of bytes of a fixed size.
    func gather(_ own: [UInt8], ranks: Int) throws(DistributionError) -> [[UInt8]] {
        var all = [UInt8](repeating: 0, count: own.count * ranks)
        let size = Int32(own.count)
        try check(functions.gather(own, size, byte, &all, size, byte, world), "MPI_Allgather")
        return (0..<ranks).map { Array(all[$0 * own.count..<($0 + 1) * own.count]) }
    }

    /// Begins to send; the bytes must stay until the request is done.
    func send(_ bytes: UnsafeRawBufferPointer, to rank: Int, tag: Int32, _ request: UnsafeMutablePointer<Handle>)
        throws(DistributionError)
    {
        request.pointee = 0
        try check(
            functions.send(bytes.baseAddress, Int32(bytes.count), byte, Int32(rank), tag, world, request), "MPI_Isend")
    }

    /// Begins to receive exactly so many bytes.
    func receive(
        _ bytes: UnsafeMutableRawBufferPointer, from rank: Int, tag: Int32, _ request: UnsafeMutablePointer<Handle>
    )
        throws(DistributionError)
    {
        request.pointee = 0
        try check(
            functions.receive(bytes.baseAddress, Int32(bytes.count), byte, Int32(rank), tag, world, request),
            "MPI_Irecv")
    }

    /// Whether a request is done.
    func isDone(_ request: UnsafeMutablePointer<Handle>) throws(DistributionError) -> Bool {
        var flag: Int32 = 0
        try check(functions.test(request, &flag, ignoredStatus), "MPI_Test")
        return flag != 0
    }

    /// Ends all ranks at once.
    func abort() { _ = functions.abort(world, 1) }

    /// Ends, when all ranks do.
    func finish() { _ = functions.finalize() }

    private func check(_ status: Int32, _ call: String) throws(DistributionError) {
        guard status == 0 else {
            throw DistributionError(.failed, "\(call) of \(version) failed with status \(status)")
        }
    }
}
