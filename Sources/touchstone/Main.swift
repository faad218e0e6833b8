import ArgumentParser
import Foundation
import TensorCore

/// The program's beginning and end: reads the arguments, runs the command, and turns every error into one line on
/// standard error and an exit status.
@main
enum Main {
    static func main() async {
        Interruption.install()
        signal(SIGPIPE, SIG_IGN)
        OutOfMemory.handle { message in
            Messages.standard.error(message)
            _exit(ExitStatus.failed.rawValue)
        }
        exit(await run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// Runs the command that arguments ask for.
    static func run(_ arguments: [String]) async -> ExitStatus {
        do {
            var command = try Touchstone.parseAsRoot(arguments)
            try RankOptions.check(command)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .done
        } catch {
            return report(error)
        }
    }

    /// Writes an error, or the help that was asked for, and says how the program ends.
    private static func report(_ error: any Error) -> ExitStatus {
        switch error {
        case is OutputClosed: return .done
        case let failure as CommandFailure:
            for line in failure.lines { Messages.standard.error(line) }
            return failure.status
        default: break
        }
        if Touchstone.exitCode(for: error) == .success {
            do { try StandardOutput.write(Touchstone.fullMessage(for: error) + "\n") } catch { return report(error) }
            return .done
        }
        if Touchstone.exitCode(for: error) == .validationFailure {
            let message = Touchstone.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
            Messages.standard.error("\(message) (see 'touchstone --help')")
            return .wrongUsage
        }
        for line in CommandFailure(error).lines { Messages.standard.error(line) }
        return CommandFailure(error).status
    }
}

/// The root command.
struct Touchstone: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "touchstone",
        abstract: "Fine-tunes Qwen language models by reinforcement learning with verifiable rewards, on CPUs.",
        discussion: """
            MODEL is a Hugging Face folder (config.json, *.safetensors, tokenizer.json, …) or a .gguf file; ADAPTER is a \
            PEFT folder. Commands that work on lines read JSON Lines from --input or standard input. Results go to \
            standard output, everything else to standard error. A line that can't be used is named in a message and \
            skipped; the exit status is then 1.

            Exit status: 0 done, 1 the work failed, 2 the command or a recipe is wrong, 130 interrupted.
            """,
        subcommands: [
            Train.self, Generate.self, Chat.self, Serve.self, Score.self, Tokenize.self, Render.self, Verify.self,
            SandboxCommand.self, VerifyResume.self, Replay.self, Reward.self, Eval.self, Merge.self, Export.self,
            Quantize.self, Pull.self, Inspect.self, PlanCommand.self, Plot.self, Report.self, RunsCommand.self,
            Bench.self,
            RecipeKeys.self, MathWorker.self,
        ])
}
