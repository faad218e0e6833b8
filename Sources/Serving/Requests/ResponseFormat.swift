import OrderedJSON
import TextGeneration

extension RequestFields {
    /// What form the answer is to have: `response_format` as OpenAI has it, or vLLM's `guided_json`; `nil` is free text.
    func responseForm() throws(ServingError) -> AnswerConstraints.Form? {
        if let guided = self["guided_json"] {
            let schema = guided.stringValue.map { try? JSONValue(parsing: $0, maximumDepth: 64) } ?? guided
            guard let schema else { throw fault("guided_json", "a JSON Schema") }
            return .schema(schema)
        }
        guard let format = try object("response_format") else { return nil }
        switch format["type"] {
        case "text": return nil
        case "json_object": return .object
        case "json_schema":
            guard let schema = format["json_schema"]?["schema"] else {
                throw ServingError(
                    .invalidRequest, "'response_format.json_schema.schema' is missing, expected a JSON Schema",
                    parameter: "response_format")
            }
            return .schema(schema)
        default:
            throw ServingError(
                .invalidRequest,
                "'response_format' is of type \(format["type"].map(Self.shown) ?? "nothing"), expected \"text\", "
                    + "\"json_object\" or \"json_schema\"",
                parameter: "response_format")
        }
    }

    /// Refuses fields that would leave a constrained answer incomplete.
    func refuseBesideForm() throws(ServingError) {
        let why = "it would end the JSON before its end; leave it out where 'response_format' is given"
        try refuse([
            ("stop", [[], ""], why), ("stop_token_ids", [[]], why), ("ignore_eos", [false], why),
            ("continue_final_message", [false], "JSON can't be begun by the client"),
        ])
        if self["tools"]?.arrayValue?.isEmpty == false, self["tool_choice"] != "none" {
            throw ServingError(
                .invalidRequest,
                "'tools' and 'response_format' exclude each other: a call would not fit the format; "
                    + "set 'tool_choice' to \"none\"", parameter: "tools")
        }
    }
}
