import OrderedJSON

extension AdapterConfiguration {
    private static let knownKeys: Set = [
        "peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora", "target_modules", "exclude_modules",
        "target_parameters", "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern",
        "modules_to_save",
        "bias", "fan_in_fan_out", "init_lora_weights", "base_model_name_or_path", "task_type", "inference_mode",
    ]

    /// Reads an `adapter_config.json`. Keys that are not known are kept.
    ///
    /// - Throws: `ModelFileError`: `malformed` for values of a wrong kind or out of range, `unsupported` for adapters that
    ///   are not LoRA.
    public init(_ file: MappedFile) throws(ModelFileError) {
        let fields = AdapterFields(object: try JSONFile.object(in: file), path: file.path)
        guard let type = try fields.text("peft_type") else { throw fields.fault("peft_type", "\"LORA\"") }
        guard type == "LORA" else {
            throw ModelFileError(.unsupported, "\(file.path): peft_type is \(quoted(type)); only \"LORA\" is supported")
        }
        self.init(r: try fields.integer("r") ?? 8, loraAlpha: try fields.number("lora_alpha") ?? 8)
        loraDropout = try fields.number("lora_dropout") ?? 0
        useRslora = try fields.flag("use_rslora") ?? false
        useDora = try fields.flag("use_dora") ?? false
        switch fields.object["target_modules"] {
        case .string(let text): targetModules = text.lowercased() == "all-linear" ? .allLinear : .expression(text)
        default: targetModules = try fields.texts("target_modules").map { .names($0) } ?? .familyDefault
        }
        switch fields.object["exclude_modules"] {
        case .string(let text): excludeModules = text.isEmpty ? .names([]) : .expression(text)
        default: excludeModules = .names(try fields.texts("exclude_modules") ?? [])
        }
        targetParameters = try fields.texts("target_parameters") ?? []
        rankPattern = try fields.rules("rank_pattern", "an integer", \.intValue)
        alphaPattern = try fields.rules("alpha_pattern", "a number", \.doubleValue)
        layersToTransform = try fields.integers("layers_to_transform")
        if layersToTransform?.isEmpty == true { layersToTransform = nil }
        layersPattern = try fields.texts("layers_pattern", orOne: true) ?? []
        modulesToSave = try fields.texts("modules_to_save") ?? []
        bias = try fields.text("bias") ?? "none"
        fanInFanOut = try fields.flag("fan_in_fan_out") ?? false
        initLoraWeights = fields.object["init_lora_weights"] ?? true
        baseModelNameOrPath = try fields.text("base_model_name_or_path")
        taskType = try fields.text("task_type")
        inferenceMode = try fields.flag("inference_mode") ?? false
        for (key, value) in fields.object where !Self.knownKeys.contains(key) { otherKeys[key] = value }
        _ = try AdapterTargeting(self, familyDefaults: [], place: file.path)
    }

    /// The `adapter_config.json`: the keys sorted, lists of names sorted; the rules of the patterns keep their order.
    public var json: JSONValue {
        var object = otherKeys
        object["peft_type"] = "LORA"
        object["r"] = .integer(r)
        object["lora_alpha"] = Self.number(loraAlpha)
        object["lora_dropout"] = .double(loraDropout)
        object["use_rslora"] = .bool(useRslora)
        object["use_dora"] = .bool(useDora)
        object["target_modules"] =
            switch targetModules {
            case .names(let names): Self.sorted(names)
            case .expression(let text): .string(text)
            case .allLinear: "all-linear"
            case .familyDefault: .null
            }
        object["exclude_modules"] =
            switch excludeModules {
            case .names(let names): names.isEmpty ? .null : Self.sorted(names)
            case .expression(let text): .string(text)
            }
        object["target_parameters"] = targetParameters.isEmpty ? .null : .array(targetParameters.map { .string($0) })
        object["rank_pattern"] = .object(JSONObject(rankPattern.map { ($0.expression, .integer($0.value)) }))
        object["alpha_pattern"] = .object(JSONObject(alphaPattern.map { ($0.expression, Self.number($0.value)) }))
        object["layers_to_transform"] = layersToTransform.map { .array($0.sorted().map { .integer($0) }) } ?? .null
        object["layers_pattern"] = layersPattern.isEmpty ? .null : .array(layersPattern.map { .string($0) })
        object["modules_to_save"] = modulesToSave.isEmpty ? .null : Self.sorted(modulesToSave)
        object["bias"] = .string(bias)
        object["fan_in_fan_out"] = .bool(fanInFanOut)
        object["init_lora_weights"] = initLoraWeights
        object["base_model_name_or_path"] = baseModelNameOrPath.map { .string($0) } ?? .null
        object["task_type"] = taskType.map { .string($0) } ?? .null
        object["inference_mode"] = .bool(inferenceMode)
        let keys = object.keys.sorted { SortedByBytes($0) < SortedByBytes($1) }
        return .object(JSONObject(keys.map { ($0, object[$0] ?? .null) }))
    }

    /// A number, without a fraction if it has none.
    private static func number(_ value: Double) -> JSONValue {
        Int(exactly: value).map { .integer($0) } ?? .double(value)
    }

    private static func sorted(_ names: [String]) -> JSONValue {
        .array(Set(names).sorted { SortedByBytes($0) < SortedByBytes($1) }.map { .string($0) })
    }
}

/// The keys of an `adapter_config.json` with checks; `null` counts as absent.
private struct AdapterFields {
    let object: JSONObject
    let path: String

    func fault(_ key: String, _ expected: String) -> ModelFileError {
        let got = object[key].map { quoted($0.text()) } ?? "absent"
        return ModelFileError(.malformed, "\(path): \(key) is \(got); expected \(expected)")
    }

    private func value<Value>(
        _ key: String, _ expected: String, _ convert: (JSONValue) -> Value?
    ) throws(ModelFileError) -> Value? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let converted = convert(value) else { throw fault(key, expected) }
        return converted
    }

    func text(_ key: String) throws(ModelFileError) -> String? { try value(key, "a text", \.stringValue) }
    func flag(_ key: String) throws(ModelFileError) -> Bool? { try value(key, "true or false", \.boolValue) }
    func integer(_ key: String) throws(ModelFileError) -> Int? { try value(key, "an integer", \.intValue) }
    func number(_ key: String) throws(ModelFileError) -> Double? { try value(key, "a number", \.doubleValue) }

    func texts(_ key: String, orOne: Bool = false) throws(ModelFileError) -> [String]? {
        try value(key, "a list of texts") { value in
            if orOne, let text = value.stringValue { return text.isEmpty ? [] : [text] }
            let texts = value.arrayValue?.compactMap(\.stringValue)
            return texts?.count == value.arrayValue?.count ? texts : nil
        }
    }

    func integers(_ key: String) throws(ModelFileError) -> [Int]? {
        try value(key, "an integer or a list of integers") { value in
            if let integer = value.intValue { return [integer] }
            let integers = value.arrayValue?.compactMap(\.intValue)
            return integers?.count == value.arrayValue?.count ? integers : nil
        }
    }

    func rules<Value>(
        _ key: String, _ kind: String, _ convert: (JSONValue) -> Value?
    ) throws(ModelFileError) -> [AdapterConfiguration.PatternRule<Value>] {
        guard let rules = try value(key, "an object", \.objectValue) else { return [] }
        var result: [AdapterConfiguration.PatternRule<Value>] = []
        for (expression, value) in rules {
            guard let converted = convert(value) else { throw fault(key, "an object with \(kind) for each expression") }
            result.append(.init(expression: expression, value: converted))
        }
        return result
    }
}
