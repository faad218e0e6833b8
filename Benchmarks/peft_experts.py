"""Adapters of experts between PEFT and touchstone, on a random tiny mixture, in single precision.

    python Benchmarks/peft_experts.py .build/release/touchstone

PEFT's adapters (all-linear, which PEFT turns into fused parameters, and target_parameters named) are read by touchstone, as
they are, fused anew and one by one; what touchstone wrote is read by PEFT. Prints the largest difference of
log-probabilities; needs torch, transformers 5 and PEFT 0.17 or later.
"""

import json
import os
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

tool = os.path.abspath(sys.argv[1])
torch.manual_seed(3)
ids = torch.randint(0, 300, (2, 24))
config = Qwen3MoeConfig(
    vocab_size=300, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=32,
    mlp_only_layers=[1], norm_topk_prob=True, tie_word_embeddings=False, max_position_embeddings=128)


def base(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def peft_scores(model):
    with torch.no_grad():
        scores = torch.log_softmax(model(ids).logits.float(), -1)
    return scores[:, :-1].gather(2, ids[:, 1:, None])[..., 0]


def our_scores(folder, adapter):
    lines = "".join(json.dumps({"ids": row.tolist()}) + "\n" for row in ids)
    out = subprocess.run(
        [tool, "score", folder, "--adapter", adapter, "--precision", "fp32", "--quiet"], input=lines, text=True,
        capture_output=True, check=True).stdout
    return torch.tensor([json.loads(line)["logprobs"][1:] for line in out.splitlines()])


def export(adapter, layout, output):
    subprocess.run(
        [tool, "export", adapter, "--experts", layout, "--output", output], check=True, stdout=subprocess.DEVNULL)
    return output


def gap(a, b):
    return (a - b).abs().max().item()


with tempfile.TemporaryDirectory() as work:
    model_folder = work + "/model"
    model = Qwen3MoeForCausalLM(config)
    for parameter in model.parameters():  # Of a size that routers and logits differ.
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=1.1 / parameter.shape[-1] ** 0.5)
    model.save_pretrained(model_folder)
    plain = peft_scores(base(model_folder))
    print(f"{'adapter':<22}{'effect':>9}{'read':>10}{'fused':>10}{'PEFT fused':>12}{'PEFT single':>12}")
    for name, options in {
        "all-linear": dict(target_modules="all-linear"),
        "all-linear, rsLoRA": dict(target_modules="all-linear", use_rslora=True),
        "target_parameters": dict(
            target_modules=["q_proj", "v_proj"],
            target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]),
        "down_proj alone": dict(target_modules=["o_proj"], target_parameters=["mlp.experts.down_proj"]),
        "ranks and alphas": dict(
            target_modules=["k_proj"], target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"],
            rank_pattern={r"experts\.down_proj": 3, "layers.2.self_attn.k_proj": 5},
            alpha_pattern={r"experts\.gate_up_proj": 11}),
    }.items():
        adapted = get_peft_model(base(model_folder), LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM", **options))
        for key, parameter in adapted.named_parameters():
            if "lora_" in key:
                torch.nn.init.normal_(parameter, std=0.3 / parameter.shape[-1] ** 0.5)
        adapted.eval()
        theirs = peft_scores(adapted)
        folder = f"{work}/{name.replace(' ', '-')}"
        adapted.save_pretrained(folder)
        fused = export(folder, "fused", folder + "-fused")
        single = export(folder, "separate", folder + "-single")
        row = [gap(theirs, our_scores(model_folder, folder)), gap(theirs, our_scores(model_folder, fused))]
        for other in (fused, single):
            try:
                row.append(gap(theirs, peft_scores(PeftModel.from_pretrained(base(model_folder), other).eval())))
            except Exception as error:  # What PEFT can't load is part of the answer.
                row.append(float("nan"))
                print(f"{other}: {str(error).splitlines()[0][:150]}", file=sys.stderr)
        print(f"{name:<22}{gap(theirs, plain):>9.3f}{row[0]:>10.1e}{row[1]:>10.1e}{row[2]:>12.1e}{row[3]:>12.1e}")
