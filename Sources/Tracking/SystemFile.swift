import Foundation

/// The few system calls on an open file, with their errors as text.
enum SystemFile {
    /// What an error number means.
    static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }

    /// Calls again while a signal interrupts.
    static func retrying(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result != -1 || errno != EINTR { return result }
        }
    }
}
