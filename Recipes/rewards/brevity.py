"""A reward as a Python function, called as TRL calls it: completions in, one number each out.

    - {type: plugin, name: brevity, command: [python3, -m, touchstone_reward, rewards/brevity.py:brevity], weight: 0.2}
"""


def brevity(completions, completion_ids, finish_reasons, log_metric, **columns):
    """1 for an empty completion, falling to 0 at 100 tokens; does not apply to one that was cut off."""
    ended = [reason == "stop" for reason in finish_reasons]
    log_metric("ended", sum(ended) / len(ended))
    return [max(0.0, 1 - len(ids) / 100) if stop else None for ids, stop in zip(completion_ids, ended)]
