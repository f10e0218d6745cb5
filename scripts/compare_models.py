#!/usr/bin/env python3
"""Compares the program with mlx-lm on real models: perplexity of the same text, both in float32 on the same weights.

    python3 -m venv /tmp/mlx && /tmp/mlx/bin/pip install 'mlx[cpu]==0.32.4' mlx-lm==0.32.2 tokenizers
    /tmp/mlx/bin/python scripts/compare_models.py .build/release/impetus MODEL ... [--text FILE] [--tokens 4096]

MODEL is a name in the store or a folder. The text, by default Python's own reference (pydoc), is cut into windows of 512 tokens; every
token but the first of each is scored, or all behind the token with which the model's texts begin. Exits 1 when a perplexity is off by
more than --tolerance percent, or when both cut the text into other tokens.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import mlx.core as mx
import mlx.nn as nn
import tokenizers
from mlx.utils import tree_map
from mlx_lm.utils import load_model

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("binary")
PARSER.add_argument("models", nargs="+")
PARSER.add_argument("--text", type=pathlib.Path)
PARSER.add_argument("--tokens", type=int, default=4096)
PARSER.add_argument("--context", type=int, default=512)
PARSER.add_argument("--tolerance", type=float, default=0.1, help="percent")


def reference_text():
    import pydoc_data.topics
    return "\n".join(pydoc_data.topics.topics[key] for key in sorted(pydoc_data.topics.topics))


def theirs(folder, ids, beginning, context):
    model, _ = load_model(pathlib.Path(folder), lazy=False)
    wide = tree_map(lambda x: x.astype(mx.float32) if mx.issubdtype(x.dtype, mx.floating) else x, model.parameters())
    model.update(wide)
    losses = []
    step = context - len(beginning)
    for start in range(0, len(ids), step):
        window = beginning + ids[start:start + step]
        if len(window) < 2:
            break
        tokens = mx.array([window])
        logits = model(tokens[:, :-1])[0].astype(mx.float32)
        loss = nn.losses.cross_entropy(logits, tokens[0, 1:], reduction="none")[max(0, len(beginning) - 1):]
        losses += loss.tolist()
    return math.exp(sum(losses) / len(losses)), len(losses)


def main():
    options = PARSER.parse_args()
    mx.set_default_device(mx.cpu)
    text = options.text.read_text() if options.text else reference_text()
    faults = 0
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        for name in options.models:
            folder = name if pathlib.Path(name, "config.json").exists() else subprocess.run(
                [options.binary, "path", name], capture_output=True, check=True, text=True).stdout.strip()
            tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
            tokenizer.encode_special_tokens = True
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            own_ids = json.loads(subprocess.run([options.binary, "tokenize", name, "--bare", "--json"], input=text.encode(),
                                                capture_output=True, check=True).stdout)["ids"]
            bare, whole = tokenizer.encode("a", add_special_tokens=False).ids, tokenizer.encode("a").ids
            beginning = whole[:len(whole) - len(bare)] if whole[-len(bare):] == bare else []
            own = json.loads(subprocess.run(
                [options.binary, "perplexity", name, file.name, "--precise", "--json", "--context", str(options.context),
                 "--max-tokens", str(options.tokens), "--progress", "none"], capture_output=True, check=True).stdout)
            value, scored = theirs(folder, ids[:options.tokens], beginning, options.context)
            difference = (own["perplexity"] / value - 1) * 100
            wrong = ids != own_ids or scored != own["scored"] or not abs(difference) <= options.tolerance
            faults += wrong
            print(f"{name}: {len(ids)} tokens {'the same' if ids == own_ids else 'DIFFERENT'}; perplexity of {own['scored']}: "
                  f"impetus {own['perplexity']:.6f}, mlx-lm {value:.6f}, {difference:+.5f} %{'  WRONG' if wrong else ''}", flush=True)
    sys.exit(faults > 0)


main()
