import Foundation
import ModelFiles
import Synchronization
import Training

/// Control-C (SIGINT) and SIGTERM. A command ends at once with status 130, unless it has asked to finish what it is at; a
/// second signal ends any.
enum Interruption {
    private static let isDeferred = Atomic<Bool>(false)
    private static let removesOutput = Atomic<Bool>(false)
    private static let wasRequested = Atomic<Bool>(false)
    /// Set by the signal too; what a training run looks at.
    static let stopSignal = StopSignal()

    /// Whether the user wants the command to end.
    static var isRequested: Bool { wasRequested.load(ordering: .relaxed) }

    /// Catches the signals. Results are written line by line, so ending at once leaves whole lines.
    static func install() {
        // Touched here, so that the handler finds them initialised.
        isDeferred.store(false, ordering: .relaxed)
        removesOutput.store(false, ordering: .relaxed)
        wasRequested.store(false, ordering: .relaxed)
        OutputRequest.prepare()
        _ = stopSignal.isSet
        // A program that was started by a thread with blocked signals has them blocked too.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&signals, number)
            signal(number) { _ in
                let isSecond = Interruption.wasRequested.exchange(true, ordering: .relaxed)
                Interruption.stopSignal.set()
                if Interruption.removesOutput.load(ordering: .relaxed) { OutputRequest.withdraw() }
                if isSecond || !Interruption.isDeferred.load(ordering: .relaxed) {
                    _exit(ExitStatus.interrupted.rawValue)
                }
            }
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Lets SIGUSR1 ask for an end too: launchers pass it on to all ranks, where they kill at the second of control-C.
    static func catchUserSignal() {
        signal(SIGUSR1) { _ in
            Interruption.wasRequested.store(true, ordering: .relaxed)
            Interruption.stopSignal.set()
        }
    }

    /// From now on the command looks at `isRequested` itself, or no longer does.
    static func setDeferred(_ value: Bool) { isDeferred.store(value, ordering: .relaxed) }

    /// From now on a signal makes writing fail, so that what has been begun is removed before the command ends.
    static func removeOutput() {
        removesOutput.store(true, ordering: .relaxed)
        setDeferred(true)
    }

    /// Forgets a request that has been heeded, as a chat does that only breaks off an answer.
    static func clear() { wasRequested.store(false, ordering: .relaxed) }
}
