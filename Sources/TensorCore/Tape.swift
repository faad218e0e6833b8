import CKernels
import Synchronization

private let nodeCounter = Atomic<Int>(0)

/// One recorded operation: which tensors it read and how its output's gradient becomes theirs.
public final class TapeNode: @unchecked Sendable {
    /// Rises with time, so a node comes after all that it depends on.
    let order: Int
    let inputs: [TapeNode?]
    var backward: ((Tensor) -> [Tensor?])?
    /// Makes the output again, bit for bit, from what the backward pass keeps anyway; `nil` where that would cost much.
    var remake: (() -> Tensor)?
    /// A place that a backward pass tells when it gets there.
    var milestone: Int?
    /// The gradient gathered so far; kept after the backward pass only for leaves.
    public internal(set) var gradient: Tensor?

    init(inputs: [TapeNode?], backward: ((Tensor) -> [Tensor?])?) {
        order = nodeCounter.wrappingAdd(1, ordering: .relaxed).newValue
        self.inputs = inputs
        self.backward = backward
    }

    /// Adds to the gathered gradient: in place when nobody else holds it.
    func gather(_ contribution: Tensor) {
        guard let current = gradient else {
            gradient = contribution.detached
            return
        }
        let sum = Tensor(shape: current.shape)
        parallelFor(sum.count, pieces: 1 << 16) { range in
            ck_add(
                sum.floats + range.lowerBound, current.floats + range.lowerBound,
                contribution.floats + range.lowerBound, range.count)
        }
        gradient = sum
    }
}

/// Puts an operation on the tape, if anything it depends on needs a gradient.
///
/// - Parameter y: The output, computed.
/// - Parameter inputs: The tensors that the gradient may flow to.
/// - Parameter always: Whether to record though no input is on the tape: the operation has trainable parameters.
/// - Parameter remake: Makes `y` again from what `backward` keeps, if that costs little: then later operations need not
///   keep it.
/// - Parameter backward: From the gradient of `y` to those of the inputs, in their order; `nil` where not needed.
/// - Returns: `y` untouched when nothing needs a gradient, so that inference keeps nothing alive.
public func record(
    _ y: Tensor, from inputs: Tensor..., always: Bool = false, remake: (() -> Tensor)? = nil,
    backward: @escaping (Tensor) -> [Tensor?]
) -> Tensor {
    guard always || inputs.contains(where: { $0.node != nil }) else { return y }
    var y = y
    let node = TapeNode(inputs: inputs.map(\.node), backward: backward)
    node.remake = remake
    y.node = node
    return y
}

extension Tensor {
    /// Runs the tape backwards from this tensor.
    ///
    /// Nodes run in falling order of their creation and let go of what they saved, so memory shrinks on the way.
    /// Gradients of leaves stay in `node.gradient`.
    ///
    /// - Parameter seed: The gradient of the objective with respect to this tensor, of its shape.
    /// - Parameter reached: Told each milestone when everything recorded after it has been differentiated.
    public func backward(seed: Tensor, reached: (_ milestone: Int) -> Void = { _ in }) {
        precondition(seed.shape == shape, "backward: seed is \(seed.shape), expected \(shape)")
        guard let root = node else { return }
        root.gather(seed)
        ComputeDevice.inPlace {
            for node in Self.nodes(from: root) {
                if let milestone = node.milestone { reached(milestone) }
                guard let closure = node.backward, let dy = node.gradient else { continue }
                node.backward = nil
                node.remake = nil
                node.gradient = nil
                for (input, gradient) in zip(node.inputs, closure(dy)) {
                    if let input, let gradient { input.gather(gradient) }
                }
            }
        }
    }

    /// Makes this place of the tape a milestone: what is computed from here on has its gradients, those of trained
    /// parameters too, when the backward pass gets here. A tensor that is not on the tape is none.
    public func markMilestone(_ number: Int) { node?.milestone = number }

    /// All nodes that `root` depends on, itself included, the latest first.
    private static func nodes(from root: TapeNode) -> [TapeNode] {
        var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
        var found = [root]
        var next = 0
        while next < found.count {
            for case let input? in found[next].inputs where seen.insert(ObjectIdentifier(input)).inserted {
                found.append(input)
            }
            next += 1
        }
        return found.sorted { $0.order > $1.order }
    }
}
