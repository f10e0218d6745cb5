#!/usr/bin/env python3
"""Compares the logits of a model folder with a reference's, in float32: fed at once, in pieces and token by token.

    scripts/check_parity.py .build/release/impetus FOLDER REFERENCE.py [--write]
    scripts/check_parity.py .build/release/impetus FOLDER transformers [--write]

REFERENCE.py has a function `logits(config, tensor, tokens)`, which returns an array [tokens, vocabulary]: `config` is
config.json, `tensor(name, *shape)` a tensor of the folder in float64. A folder without weights gets model.safetensors, random
numbers for all that was asked for. `transformers` takes that library's implementation and weights of its making. --write
leaves reference.json in the folder, for ParityTests. Needs numpy; docs/add-a-model.md has an example.
"""
import argparse
import json
import math
import pathlib
import runpy
import subprocess
import sys

import numpy as np

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("binary")
PARSER.add_argument("folder", type=pathlib.Path)
PARSER.add_argument("reference")
PARSER.add_argument("--lengths", default="7,100", help="tokens of the texts that are compared")
PARSER.add_argument("--greedy", type=int, default=16, help="tokens that each is continued by")
PARSER.add_argument("--tolerance", type=float, default=2e-4)
PARSER.add_argument("--write", action="store_true", help="leave reference.json in the folder")
KINDS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}


class Tensors:
    """The weights of a folder; where it has none, random ones that are kept for it."""

    def __init__(self, folder):
        self.path, self.known = folder / "model.safetensors", {}
        self.is_new, self.random = not self.path.exists(), np.random.default_rng(1)
        if self.is_new:
            return
        raw = self.path.read_bytes()
        size = int.from_bytes(raw[:8], "little")
        for name, entry in json.loads(raw[8:8 + size]).items():
            if name != "__metadata__":
                array = np.frombuffer(raw, KINDS[entry["dtype"]], math.prod(entry["shape"]), 8 + size + entry["data_offsets"][0])
                if entry["dtype"] == "BF16":
                    array = (array.astype(np.uint32) << 16).view(np.float32)
                self.known[name] = array.reshape(entry["shape"]).astype(np.float64)

    def __call__(self, name, *shape):
        if self.is_new and name not in self.known:
            numbers = self.random.standard_normal(shape)
            # Norms are near one; products keep their inputs' size, roughly.
            is_norm = len(shape) == 1 and name.endswith(".weight")
            numbers = 1 + numbers / 8 if is_norm else numbers / (math.sqrt(shape[1]) if len(shape) > 1 else 4)
            self.known[name] = numbers.astype(np.float32).astype(np.float64)
        found = self.known[name]
        if found.shape != shape:
            sys.exit(f"{name} has the shape {found.shape}, the reference takes {shape}")
        return found

    def keep(self):
        """Writes what was made up."""
        if not self.is_new:
            return
        header, end = {}, 0
        for name, array in self.known.items():
            header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [end, end := end + 4 * array.size]}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        data = b"".join(array.astype(np.float32).tobytes() for array in self.known.values())
        self.path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def from_file(path, folder, config):
    logits, tensors = runpy.run_path(path)["logits"], Tensors(folder)
    logits(config, tensors, [0])
    tensors.keep()
    return lambda tokens: logits(config, tensors, tokens)


def from_transformers(folder):
    import torch
    import transformers
    torch.manual_seed(1)
    if not any(folder.glob("*.safetensors")):
        config = transformers.AutoConfig.from_pretrained(folder)
        # Wide enough that logits differ, unlike those of a model before its training.
        text = config.get_text_config()
        text.initializer_range = 1 / math.sqrt(text.hidden_size)
        made = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for name, parameter in made.named_parameters():
                if parameter.ndim == 1:
                    parameter += torch.randn_like(parameter) / 8
        made.save_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

    def logits(tokens):
        with torch.no_grad():
            return model(torch.tensor([tokens]), use_cache=False).logits[0].double().numpy()

    return logits


def expected(logits, tokens, greedy):
    """What the reference says of a text, in the form of reference.json."""
    found = logits(tokens)
    top = found.max(-1)
    text = list(tokens)
    while len(text) < len(tokens) + greedy:
        text.append(int(logits(text)[-1].argmax()))
    return {"input_ids": list(tokens), "last_logits": found[-1].tolist(), "max_logit": top.tolist(),
            "logsumexp": (top + np.log(np.exp(found - top[:, None]).sum(-1))).tolist(), "greedy": text[len(tokens):]}


def main():
    options = PARSER.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    if options.reference == "transformers":
        logits = from_transformers(options.folder)
    else:
        logits = from_file(options.reference, options.folder, config)
    random = np.random.default_rng(2)
    size = (config.get("text_config") or config)["vocab_size"]
    texts = [random.integers(0, size, int(length)).tolist() for length in options.lengths.split(",")]
    wanted = [expected(logits, tokens, options.greedy) for tokens in texts]
    questions = "".join(json.dumps({"tokens": tokens, "greedy": options.greedy}) + "\n" for tokens in texts)
    is_right = True
    for chunk in (0, 7, 1):
        command = [options.binary, "debug", "forward", "--model", options.folder, "--precise", "--chunk", str(chunk)]
        answers = subprocess.run(command, input=questions, capture_output=True, text=True)
        if answers.returncode:
            sys.exit(answers.stderr.strip())
        for want, line in zip(wanted, answers.stdout.splitlines(), strict=True):
            got = json.loads(line)
            worst = {key: float(np.abs(np.subtract(got[key], want[key])).max()) for key in ("last_logits", "max_logit", "logsumexp")}
            is_same = got["greedy"] == want["greedy"]
            is_right &= is_same and max(worst.values()) <= options.tolerance
            pieces = f"in pieces of {chunk}" if chunk else "at once"
            print(f"{len(want['input_ids'])} tokens {pieces}: " + ", ".join(f"{key} off by {off:.1e}" for key, off in worst.items())
                  + f"; {'the same' if is_same else 'ANOTHER'} continuation")
    if options.write:
        sequences = {name: want for name, want in zip(("short", "long", *map(str, range(len(wanted)))), wanted)}
        content = {"sequences": sequences, "tolerance": {"last_logits_max_abs_fp32": options.tolerance}}
        (options.folder / "reference.json").write_text(json.dumps(content) + "\n")
    sys.exit(0 if is_right else "the model is not what the reference computes")


main()
