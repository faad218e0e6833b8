"""The other half of the comparison of learning curves: the settings of curve.yaml in TRL's GRPOTrainer.

    python peer.py MODEL PROBLEMS TOUCHSTONE SEED OUTPUT

The rewards are those of `touchstone verify math`, so that both learn from the same verdicts. Adapters of steps 4, 8 and 12 are
written to OUTPUT as PEFT has them, with seconds.json: the seconds of each step.
"""

import json
import os
import subprocess
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

MODEL, PROBLEMS, TOUCHSTONE, SEED, OUTPUT = sys.argv[1:6]
torch.set_num_threads(int(os.environ.get("THREADS", "2")))


def verdicts(completions, answer, **_):
    """1 for a right answer, 0 for any other."""
    lines = "".join(
        json.dumps({"id": index, "gold": gold, "prediction": completion[0]["content"]}) + "\n"
        for index, (completion, gold) in enumerate(zip(completions, answer)))
    run = subprocess.run(
        [TOUCHSTONE, "verify", "math", "--quiet"], input=lines, text=True, capture_output=True, check=True)
    rewards = [float(json.loads(line)["score"]) for line in run.stdout.splitlines()]
    assert len(rewards) == len(completions), run.stdout
    return rewards


class Clock(TrainerCallback):
    """The seconds of each step."""

    seconds = []

    def on_step_begin(self, *_, **__):
        self.start = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.perf_counter() - self.start)
        print(f"step {len(self.seconds)}: {self.seconds[-1]:.1f} s", flush=True)


def main():
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    tokenizer.padding_side = "left"
    with open(f"{PROBLEMS}/train.jsonl") as file:
        rows = [json.loads(line) for line in file]
    data = Dataset.from_list(
        [{"prompt": [{"role": "user", "content": row["prompt"]}], "answer": row["answer"]} for row in rows])
    settings = GRPOConfig(
        output_dir=OUTPUT, use_cpu=True, bf16=True, seed=int(SEED), max_steps=12,
        per_device_train_batch_size=8, gradient_accumulation_steps=4, num_generations=8, max_completion_length=80,
        loss_type="grpo", beta=0.0, epsilon=0.2, scale_rewards="group", num_iterations=1, temperature=1.0, top_p=1.0, top_k=0,
        learning_rate=2e-4, lr_scheduler_type="constant_with_warmup", warmup_steps=3, weight_decay=0.0,
        adam_beta1=0.9, adam_beta2=0.999, adam_epsilon=1e-8, max_grad_norm=1.0, gradient_checkpointing=True,
        logging_steps=1, report_to="none", save_strategy="steps", save_steps=4, save_only_model=True)
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.bfloat16), reward_funcs=verdicts, args=settings,
        train_dataset=data, processing_class=tokenizer, callbacks=[Clock()],
        peft_config=LoraConfig(
            r=16, lora_alpha=32, lora_dropout=0.0, task_type="CAUSAL_LM",
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    trainer.train()
    with open(f"{OUTPUT}/seconds.json", "w") as file:
        json.dump({"seconds": Clock.seconds, "rewards": [row.get("reward") for row in trainer.state.log_history]}, file)


if __name__ == "__main__":
    main()
