"""Times vLLM on the CPU: prompts of 64 tokens, exactly 128 new ones each. One JSON object a batch size.

    vllm_decode.py MODEL [BATCH...]
"""
import json
import os
import sys
import time

os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "4")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")

from vllm import LLM, SamplingParams  # noqa: E402


def main():
    model, batches = sys.argv[1], [int(b) for b in sys.argv[2:]] or [1, 8, 32, 64]
    llm = LLM(model=model, dtype="bfloat16", enforce_eager=True, max_model_len=512, max_num_seqs=64,
              enable_prefix_caching=False)
    sampling = SamplingParams(temperature=1.0, max_tokens=128, min_tokens=128, ignore_eos=True)

    def run(batch, offset):
        prompts = [{"prompt_token_ids": [1000 + (7 * i + 13 * (s + offset)) % 5000 for i in range(64)]} for s in range(batch)]
        start = time.perf_counter()
        outputs = llm.generate(prompts, sampling, use_tqdm=False)
        seconds = time.perf_counter() - start
        tokens = sum(len(o.outputs[0].token_ids) for o in outputs)
        assert tokens == 128 * batch, tokens
        return tokens / seconds

    run(1, 999)
    for batch in batches:
        runs = sorted(run(batch, 64 * r) for r in range(int(os.environ.get("RUNS", "3"))))
        print(json.dumps({"bench": "vllm", "batch": batch, "tok_s": runs[len(runs) // 2], "runs": runs}), flush=True)


if __name__ == "__main__":
    main()
