"""Writes what the two tasks here ask: the first questions of a GSM8K file, and the same with four answers to choose from.

    python Benchmarks/lm_eval/make_data.py gsm8k-test.jsonl Benchmarks/lm_eval/data --count 32
"""

import argparse
import json
import os
import random

parser = argparse.ArgumentParser()
parser.add_argument("source")
parser.add_argument("folder")
parser.add_argument("--count", type=int, default=32)
options = parser.parse_args()
os.makedirs(options.folder, exist_ok=True)
generator = random.Random(7)
with open(options.source) as source, open(options.folder + "/questions.jsonl", "w") as questions, \
        open(options.folder + "/choices.jsonl", "w") as choices:
    for line, _ in zip(source, range(options.count)):
        row = json.loads(line)
        answer = row["answer"].split("####")[1].strip().replace(",", "")
        questions.write(json.dumps({"question": row["question"], "answer": answer}) + "\n")
        number = int(answer)
        others = generator.sample([n for n in (number + 1, number - 3, number * 2, number + 10, number // 2) if n != number], 3)
        texts = [answer, *map(str, others)]
        generator.shuffle(texts)
        choices.write(json.dumps({"question": row["question"], "choices": texts, "gold": texts.index(answer)}) + "\n")
