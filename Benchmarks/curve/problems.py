"""Writes the problems of the comparison of learning curves: train.jsonl and test.jsonl, no problem in both.

    python problems.py FOLDER
"""

import json
import random
import sys

TEMPLATE = "Compute {}. Write each step as one short equation, then the result as \\boxed{{result}}."


def problems(count, seed, taken):
    """`count` problems (a ± b) × c as rows of a prompt and an answer, none of them in `taken`, which grows."""
    draw = random.Random(seed)
    rows = []
    while len(rows) < count:
        a, b, c, sign = draw.randint(10, 99), draw.randint(10, 99), draw.randint(2, 9), draw.choice("+-")
        expression = f"({a} {sign} {b}) × {c}"
        if expression in taken:
            continue
        taken.add(expression)
        value = (a + b if sign == "+" else a - b) * c
        rows.append({"prompt": TEMPLATE.format(expression), "answer": str(value)})
    return rows


def main():
    folder, taken = sys.argv[1], set()
    for name, count, seed in (("test", 256, 99), ("train", 512, 1)):
        with open(f"{folder}/{name}.jsonl", "w") as file:
            for row in problems(count, seed, taken):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
