import Testing

@testable import Distribution

/// What is known of launchers, and when a rank counts as lost.
@Suite("Launchers and lost ranks")
struct MPITests {
    @Test("a launcher is known by its variables; a batch script of Slurm is none")
    func launchers() {
        #expect(Launch(environment: [:]) == nil)
        #expect(Launch(environment: ["SLURM_NTASKS": "4", "SLURM_PROCID": "0"]) == nil)
        let cases: [([String: String], Launch.Kind, Int)] = [
            (["OMPI_COMM_WORLD_SIZE": "4"], .openMPI, 4), (["PMI_SIZE": "2", "PMI_RANK": "1"], .mpich, 2),
            (["SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "3"], .slurm, 3),
        ]
        for (environment, kind, ranks) in cases {
            let launch = Launch(environment: environment)
            #expect(launch?.kind == kind && launch?.ranks == ranks)
        }
        for text in ["0", "-3", "many", ""] { #expect(Launch(environment: ["OMPI_COMM_WORLD_SIZE": text]) == nil) }
        let launch = Launch(environment: ["PMI_SIZE": "2"])
        #expect(launch?.libraries(environment: [:]).first == "libmpich.so.12")
        #expect(launch?.libraries(environment: ["TOUCHSTONE_MPI_LIBRARY": "/opt/libmpi.so"]) == ["/opt/libmpi.so"])
    }

    @Test("a machine without an MPI library is told what to install")
    func noLibrary() {
        #expect {
            _ = try MPILibrary(["libno-such-mpi.so.1"])
        } throws: { error in
            let error = error as? DistributionError
            return error?.code == .noLibrary && error?.message.contains("apt-get install openmpi-bin") == true
        }
    }

    @Test("a rank is lost after its time of silence, but not while this process was itself stopped")
    func silence() {
        var watch = SilenceWatch(ranks: 3, own: 1, timeout: 10, now: 0)
        for now in stride(from: 1.0, through: 9, by: 1) {
            #expect(watch.lost(now) == nil)
            watch.heard(0, now)
        }
        #expect(watch.due(1.9) == [] && watch.due(2.1) == [0, 2])
        watch.sent(to: 2, 2.1)
        #expect(watch.due(2.2) == [0])
        // Stopped for an hour: rank 2 was heard of 9 s before that.
        #expect(watch.lost(3609) == nil)
        #expect(watch.lost(3610) == nil)
        #expect(watch.lost(3611.5) == 2)
        watch.heardLast(2)
        #expect(watch.lost(3612) == nil)
        watch.sentLast(to: 0)
        #expect(watch.due(4000) == [2])
    }
}
