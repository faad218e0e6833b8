/// How a launcher such as mpirun or srun started this process, told by the variables that it sets.
public struct Launch: Sendable, Hashable {
    /// Families of launchers, each of which goes with MPI libraries of its own.
    public enum Kind: String, Sendable {
        /// mpirun of Open MPI.
        case openMPI = "mpirun (Open MPI)"
        /// mpirun of MPICH, Intel MPI and their like.
        case mpich = "mpirun (MPICH)"
        /// srun of Slurm.
        case slurm = "srun (Slurm)"
    }

    /// Who started it.
    public let kind: Kind
    /// How many processes were started.
    public let ranks: Int

    /// Looks for a launcher.
    ///
    /// - Parameter environment: The process's variables.
    /// - Returns: `nil` for a process that was started by itself.
    public init?(environment: [String: String]) {
        func count(_ name: String) -> Int? { environment[name].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
        if let ranks = count("OMPI_COMM_WORLD_SIZE") {
            (kind, self.ranks) = (.openMPI, ranks)
        } else if let ranks = count("PMI_SIZE") {
            (kind, self.ranks) = (.mpich, ranks)
        } else if environment["SLURM_PROCID"] != nil, let ranks = count("SLURM_STEP_NUM_TASKS") {
            (kind, self.ranks) = (.slurm, ranks)
        } else {
            return nil
        }
    }

    /// Where the MPI library may be found, in the order to try.
    public func libraries(environment: [String: String]) -> [String] {
        if let path = environment[Self.libraryVariable] { return [path] }
        let (open, mpich) = (["libmpi.so.40"], ["libmpich.so.12", "libmpi.so.12"])
        return (kind == .mpich ? mpich + open : open + mpich) + ["libmpi.so"]
    }

    /// Environment variable that names the MPI library, where it is not found by itself.
    public static let libraryVariable = "TOUCHSTONE_MPI_LIBRARY"
}
