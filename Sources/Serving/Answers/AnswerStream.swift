import OrderedJSON

/// An answer piece by piece, as JSON texts; to be walked through once.
public struct AnswerStream: AsyncSequence, Sendable {
    private let answering: Answering
    private let first: Answering.Event

    init(answering: Answering, first: Answering.Event) {
        self.answering = answering
        self.first = first
    }

    /// The pieces.
    public func makeAsyncIterator() -> Iterator { Iterator(answering: answering, first: first) }
}

extension AnswerStream {
    /// Makes the pieces.
    public struct Iterator: AsyncIteratorProtocol {
        private let answering: Answering
        private var first: Answering.Event?
        private var iterator: AsyncStream<Answering.Event>.Iterator
        private var texts: [AnswerText]
        /// Tokens whose text is held back.
        private var held: [AnswerPiece]
        private var calls: [Int]
        private var offsets: [Int]
        private var opened: Set<Int> = []
        private var prompts: EchoedPrompts
        private var ready: [String] = []
        private var left: Int
        private var tokens = 0
        private var hasFailed = false

        fileprivate init(answering: Answering, first: Answering.Event) {
            self.answering = answering
            self.first = first
            iterator = answering.events.makeAsyncIterator()
            left = answering.jobs * answering.samples
            texts = Array(repeating: answering.text, count: left)
            held = Array(repeating: AnswerPiece(), count: left)
            prompts = EchoedPrompts(answering.echo, jobs: answering.jobs)
            calls = Array(repeating: 0, count: left)
            offsets = calls
        }

        /// The next piece, a JSON text.
        public mutating func next() async -> String? {
            while ready.isEmpty {
                guard left > 0, !hasFailed else { return nil }
                let event: Answering.Event?
                if let first {
                    event = first
                    self.first = nil
                } else {
                    event = await iterator.next()
                }
                guard let event else { return nil }
                take(event)
            }
            return ready.removeFirst()
        }

        private mutating func take(_ event: Answering.Event) {
            switch event.event {
            case .failure(let error):
                hasFailed = true
                ready.append(error.json.text())
            case .prompt(let piece): prompts.add(piece, to: event.job)
            case .token(let token):
                let index = event.job * answering.samples + token.sample
                if opened.insert(index).inserted {
                    if let opening = answering.form.opening(index) { put(opening) }
                    held[index] = prompts.piece(of: event.job, before: AnswerPiece())
                }
                if answering.echo?.isAll != true { held[index].append(texts[index].append(token)) }
                if held[index].hasText { putHeld(index, finish: nil) }
            case .completion(let completion):
                let index = event.job * answering.samples + completion.sample
                held[index].append(texts[index].finish())
                putHeld(index, finish: answering.finish(completion, texts[index]))
                if answering.echo?.isAll != true { tokens += completion.tokens.count }
                left -= 1
                if left == 0, answering.streamsUsage { putUsage() }
            }
        }

        private mutating func putHeld(_ index: Int, finish: String?) {
            put(
                answering.form.piece(
                    index, held[index], callsBefore: calls[index], finish: finish, offset: &offsets[index]))
            calls[index] += held[index].calls.count
            held[index] = AnswerPiece()
        }

        private mutating func put(_ choice: JSONValue) {
            let object = answering.form.format.object(answering.form.objectName(isPiece: true), choices: [choice])
            ready.append(JSONValue.object(object).text())
        }

        private mutating func putUsage() {
            var object = answering.form.format.object(answering.form.objectName(isPiece: true), choices: [])
            object["usage"] = AnswerFormat.usage(prompt: answering.promptTokens, completion: tokens)
            ready.append(JSONValue.object(object).text())
        }
    }
}
