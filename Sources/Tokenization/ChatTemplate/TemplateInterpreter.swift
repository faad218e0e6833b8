/// Runs the statements of a template. One interpreter renders once.
final class TemplateInterpreter {
    /// Names set in a block, and the block around it.
    final class Scope {
        var variables: [String: TemplateValue]
        let parent: Scope?

        init(parent: Scope?, variables: [String: TemplateValue] = [:]) {
            self.parent = parent
            self.variables = variables
        }
    }

    /// How a list of statements ended.
    enum Flow { case normal, breakLoop, continueLoop }

    let limits: ChatTemplate.Limits
    /// Seconds since 1970 for `strftime_now`; nil reads the clock.
    let now: Int?
    private(set) var steps = 0
    private var depth = 0
    var line = 1
    /// The whole text at the front, then what blocks inside one another collect.
    private var outputs = [""]
    /// Where `{% generation %}` blocks wrote, in UTF-8 bytes of the text.
    private(set) var generationRanges: [Range<Int>] = []
    var namespaces: [[(name: String, value: TemplateValue)]] = []
    var macros: [(syntax: MacroSyntax, scope: Scope)] = []
    var changedValues: [Int: [TemplateValue]] = [:]
    var loopRuns = 0

    init(limits: ChatTemplate.Limits, now: Int?) {
        self.limits = limits
        self.now = now
    }

    /// Runs a template and returns its text.
    func run(_ body: [TemplateStatement], variables: [String: TemplateValue]) throws(ChatTemplateError) -> String {
        do throws(ChatTemplateError) {
            _ = try execute(body, in: Scope(parent: nil, variables: variables))
        } catch { throw error.located(at: line) }
        return outputs[0]
    }

    // MARK: - Limits

    /// Counts work: a step for each node, element or 32 bytes touched.
    func charge(_ amount: Int = 1) throws(ChatTemplateError) {
        steps += min(max(amount, 0), Int.max >> 2)
        guard steps <= limits.steps else {
            throw ChatTemplateError(.limit, "the template took more than \(limits.steps) steps")
        }
    }

    /// Counts the work of making a text, and refuses one that is too long.
    ///
    /// - Parameter total: The length of the whole text, when only `bytes` of it are new.
    func charge(bytes: Int, total: Int? = nil) throws(ChatTemplateError) {
        guard total ?? bytes <= limits.outputBytes else {
            throw ChatTemplateError(.limit, "a text is longer than \(limits.outputBytes) bytes")
        }
        try charge(bytes >> 5)
    }

    /// Goes one level deeper for the time of `body`.
    func nested<T>(_ body: () throws(ChatTemplateError) -> T) throws(ChatTemplateError) -> T {
        guard depth < limits.depth else {
            throw ChatTemplateError(.limit, "calls and blocks are nested deeper than \(limits.depth) levels")
        }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    // MARK: - Output

    private func write(_ text: String) throws(ChatTemplateError) {
        let size = outputs[outputs.count - 1].utf8.count + text.utf8.count
        guard size <= limits.outputBytes else {
            throw ChatTemplateError(.limit, "the output is longer than \(limits.outputBytes) bytes")
        }
        try charge(bytes: text.utf8.count)
        outputs[outputs.count - 1] += text
    }

    /// The text that statements write.
    func capture(_ body: [TemplateStatement], in scope: Scope) throws(ChatTemplateError) -> String {
        outputs.append("")
        do throws(ChatTemplateError) { _ = try execute(body, in: scope) } catch {
            outputs.removeLast()
            throw error
        }
        return outputs.removeLast()
    }

    // MARK: - Statements

    func execute(_ body: [TemplateStatement], in scope: Scope) throws(ChatTemplateError) -> Flow {
        for statement in body {
            let flow = try execute(statement, in: scope)
            guard case .normal = flow else { return flow }
        }
        return .normal
    }

    private func execute(_ statement: TemplateStatement, in scope: Scope) throws(ChatTemplateError) -> Flow {
        line = statement.line
        try charge()
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let values):
            for value in values { try write(try text(of: try evaluate(value, in: scope))) }
        case .set(let target, let value): try assign(try evaluate(value, in: scope), to: target, in: scope)
        case .macro(let macro):
            macros.append((macro, scope))
            scope.variables[macro.name] = .macro(macros.count - 1)
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        default:
            return try nested { () throws(ChatTemplateError) in try executeBlock(statement, in: scope) }
        }
        return .normal
    }

    private func executeBlock(_ statement: TemplateStatement, in scope: Scope) throws(ChatTemplateError) -> Flow {
        switch statement.kind {
        case .condition(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, in: scope).isTrue {
                return try execute(branch.body, in: scope)
            }
            return try execute(otherwise, in: scope)
        case .loop(let loop): return try run(loop, in: scope)
        case .setBlock(let target, let filters, let body):
            let text = try capture(body, in: Scope(parent: scope))
            try assign(try apply(filters, to: text, in: scope), to: target, in: scope)
        case .filterBlock(let filters, let body):
            let text = try capture(body, in: Scope(parent: scope))
            try write(try self.text(of: try apply(filters, to: text, in: scope)))
        case .callBlock(let body, let callee, let call):
            macros.append((body, scope))
            var arguments = try evaluate(call, in: scope)
            arguments.named.append(("caller", .macro(macros.count - 1)))
            try write(try text(of: try self.call(try evaluate(callee, in: scope), arguments)))
        case .with(let assignments, let body):
            let inner = Scope(parent: scope)
            var values: [TemplateValue] = []
            for assignment in assignments { values.append(try evaluate(assignment.value, in: scope)) }
            for (assignment, value) in zip(assignments, values) { try assign(value, to: assignment.target, in: inner) }
            return try execute(body, in: inner)
        case .generation(let body):
            let start = outputs[0].utf8.count
            let flow = try execute(body, in: Scope(parent: scope))
            if outputs.count == 1 { generationRanges.append(start..<outputs[0].utf8.count) }
            return flow
        default: break
        }
        return .normal
    }

    private func apply(
        _ filters: [FilterSyntax], to text: String, in scope: Scope
    ) throws(ChatTemplateError) -> TemplateValue {
        var value = TemplateValue.string(text)
        for filter in filters {
            line = filter.line
            value = try applyFilter(filter.name, to: value, try evaluate(filter.arguments, in: scope))
        }
        return value
    }

    private func run(_ loop: LoopSyntax, in scope: Scope) throws(ChatTemplateError) -> Flow {
        var items = try elements(of: try evaluate(loop.iterable, in: scope))
        if let filter = loop.filter {
            var kept: [TemplateValue] = []
            for item in items.values {
                let inner = Scope(parent: scope)
                try assign(item, to: loop.target, in: inner)
                if try evaluate(filter, in: inner).isTrue { kept.append(item) }
            }
            items = try TemplateElements(kept)
        }
        guard !items.values.isEmpty else { return try execute(loop.otherwise, in: Scope(parent: scope)) }
        loopRuns += 1
        let run = loopRuns
        defer { changedValues[run] = nil }
        for (index, item) in items.values.enumerated() {
            try charge()
            let state = TemplateLoop(items: items, index: index, run: run)
            let inner = Scope(parent: scope, variables: ["loop": .loop(state)])
            try assign(item, to: loop.target, in: inner)
            if case .breakLoop = try execute(loop.body, in: inner) { break }
        }
        return .normal
    }

    private func assign(
        _ value: TemplateValue, to target: TemplateTarget, in scope: Scope
    ) throws(ChatTemplateError) {
        switch target {
        case .name(let name): scope.variables[name] = value
        case .attribute(let owner, let name):
            guard case .namespace(let number) = lookUp(owner, in: scope) else {
                throw ChatTemplateError(.type, "cannot assign attribute '\(name)' on '\(owner)': it is no namespace")
            }
            setAttribute(name, of: number, to: value)
        case .tuple(let targets):
            let values = try elements(of: value).values
            guard values.count == targets.count else {
                throw ChatTemplateError(.type, "can't unpack \(values.count) values into \(targets.count) names")
            }
            for (target, value) in zip(targets, values) { try assign(value, to: target, in: scope) }
        }
    }

    private func setAttribute(_ name: String, of namespace: Int, to value: TemplateValue) {
        if let place = namespaces[namespace].firstIndex(where: { $0.name == name }) {
            namespaces[namespace][place].value = value
        } else {
            namespaces[namespace].append((name, value))
        }
    }

    // MARK: - Names and macros

    /// The value of a name: of the nearest block that sets it, else a global function.
    func lookUp(_ name: String, in scope: Scope) -> TemplateValue {
        var current: Scope? = scope
        while let here = current {
            if let value = here.variables[name] { return value }
            current = here.parent
        }
        if TemplateFunctions.names.contains(name) { return .function(name) }
        return .undefined("'\(name)' is undefined")
    }

    /// Calls a macro; the result is the text that its body writes.
    func callMacro(_ number: Int, _ arguments: TemplateArguments) throws(ChatTemplateError) -> TemplateValue {
        let (macro, parent) = macros[number]
        let scope = Scope(parent: parent)
        var named = arguments.named
        func taken(_ name: String) -> TemplateValue? {
            guard let place = named.firstIndex(where: { $0.name == name }) else { return nil }
            return named.remove(at: place).value
        }
        let caller = taken("caller")
        if macro.specialNames.contains("caller") {
            scope.variables["caller"] = caller ?? .undefined("no caller defined")
        } else if caller != nil {
            throw ChatTemplateError(.type, "macro '\(macro.name)' was invoked with a call block, but has no caller")
        }
        for (index, parameter) in macro.parameters.enumerated() {
            if index < arguments.positional.count {
                scope.variables[parameter.name] = arguments.positional[index]
            } else if let value = taken(parameter.name) {
                scope.variables[parameter.name] = value
            } else if let fallback = parameter.fallback {
                scope.variables[parameter.name] = try evaluate(fallback, in: scope)
            } else {
                scope.variables[parameter.name] = .undefined("parameter '\(parameter.name)' was not provided")
            }
        }
        let rest = Array(arguments.positional.dropFirst(macro.parameters.count))
        if macro.specialNames.contains("kwargs") {
            scope.variables["kwargs"] = .dictionary(try TemplateDictionary(named.map { (.string($0.name), $0.value) }))
        } else if let extra = named.first {
            throw ChatTemplateError(.type, "macro '\(macro.name)' takes no keyword argument '\(extra.name)'")
        }
        if macro.specialNames.contains("varargs") {
            scope.variables["varargs"] = .tuple(try TemplateElements(rest))
        } else if !rest.isEmpty {
            throw ChatTemplateError(
                .type, "macro '\(macro.name)' takes not more than \(macro.parameters.count) argument(s)")
        }
        return try nested { () throws(ChatTemplateError) in .string(try capture(macro.body, in: scope)) }
    }
}
