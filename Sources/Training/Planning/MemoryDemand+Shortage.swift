import Tracking

extension MemoryDemand {
    /// Says why a run does not fit into memory and what to lower; `nil` where it does.
    ///
    /// - Parameter size: Spells a number of bytes.
    public func shortage(_ available: AvailableMemory, size: (Int) -> String) -> String? {
        let plan = plan
        guard plan.peakBytes > available.bytes else { return nil }
        let isUpdate = plan.update.bytes >= plan.rollout.bytes
        let phase = isUpdate ? plan.update : plan.rollout
        let largest = (plan.held + phase).max { $0.bytes < $1.bytes }
        let parts = (plan.held + phase).filter { $0.bytes >= plan.peakBytes / 20 }
            .map { "\($0.name) \(size($0.bytes))" }
        return "the run may take \(size(plan.peakBytes)) of memory, but \(available.bound.rawValue) leaves "
            + "\(size(available.bytes)): \(parts.joined(separator: ", ")); \(Self.advice(largest?.name ?? ""))"
    }

    /// What makes a part smaller.
    private static func advice(_ part: String) -> String {
        switch part {
        case "weights", "process and tokenizer": "take a smaller model, or model.precision bf16"
        case "trained numbers, their gradient", "optimizer", "installed adapters":
            "train an adapter instead of the whole model, or lower adapter.rank"
        case "factors that stay": "lower adapter.rank, or begin with adapter.initialization zero"
        case "whole weights, packed": "take fewer adapter.modules_to_save"
        case "keys and values": "lower rollout.max_batch or rollout.max_new_tokens"
        case "logits", "one block": "lower rollout.max_batch"
        case "kept activations": "lower batch.activation_memory"
        default: "lower batch.tokens"
        }
    }
}
