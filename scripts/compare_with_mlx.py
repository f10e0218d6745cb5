#!/usr/bin/env python3
"""Compares quantized models with what mlx-lm's convert makes of the same source: every tensor, every bit.

For developers; no part of the test suite. Needs a Python environment of your own, outside the repository:

    python3 -m venv /tmp/mlx && /tmp/mlx/bin/pip install 'mlx[cpu]==0.32.4' mlx-lm==0.32.2
    /tmp/mlx/bin/python scripts/compare_with_mlx.py SOURCE_FOLDER OURS_FOLDER --bits 4 --group-size 64

SOURCE_FOLDER is the unquantized model, OURS_FOLDER the result of `impetus quantize` from it. mlx must
run on the CPU: its Metal kernel rounds ties differently. Exits 1 when anything differs.
"""
import argparse, glob, json, pathlib, shutil, sys, tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("source")
parser.add_argument("ours")
parser.add_argument("--bits", type=int, default=4)
parser.add_argument("--group-size", type=int, default=64)
parser.add_argument("--reference", help="where mlx-lm's result is kept, or is already")
arguments = parser.parse_args()

import mlx.core as mx
import numpy as np
from mlx_lm.utils import load_model, quantize_model, save_config, save_model
import mlx.nn as nn
from mlx.utils import tree_map_with_path

mx.set_default_device(mx.cpu)


def convert(source, target):
    """mlx_lm.convert without the tokenizer, which it would re-serialize and we copy."""
    model, config = load_model(pathlib.Path(source), lazy=True)
    dtype = config.get("torch_dtype") or config.get("text_config", {}).get("dtype")
    if dtype in ("float16", "bfloat16", "float32"):
        wanted, keep = getattr(mx, dtype), getattr(model, "cast_predicate", lambda _: True)
        cast = lambda k, v: v.astype(wanted) if keep(k) and mx.issubdtype(v.dtype, mx.floating) else v
        model.update(tree_map_with_path(cast, model.parameters()))
    model, config = quantize_model(model, config, arguments.group_size, arguments.bits)
    save_model(target, model)
    save_config(config, pathlib.Path(target) / "config.json")


def tensors(folder):
    result = {}
    for path in sorted(glob.glob(f"{folder}/model*.safetensors")):
        result.update(mx.load(path))
    return result


def bits(array):
    kind = {1: mx.uint8, 2: mx.uint16, 4: mx.uint32}[array.dtype.size]
    return np.array(array.view(kind))


reference = arguments.reference or tempfile.mkdtemp(prefix="mlx-")
if not pathlib.Path(reference, "config.json").exists():
    convert(arguments.source, reference)
theirs, ours = tensors(reference), tensors(arguments.ours)
faults = [f"only mlx-lm has {n}" for n in sorted(theirs.keys() - ours.keys())]
faults += [f"only ours has {n}" for n in sorted(ours.keys() - theirs.keys())]
for name in sorted(theirs.keys() & ours.keys()):
    a, b = theirs[name], ours[name]
    if a.dtype != b.dtype or a.shape != b.shape:
        faults.append(f"{name}: {a.dtype} {a.shape} and {b.dtype} {b.shape}")
    elif not np.array_equal(bits(a), bits(b)):
        faults.append(f"{name}: {int((bits(a) != bits(b)).sum())} of {a.size} elements differ")
read = lambda folder, name: json.loads(pathlib.Path(folder, name).read_text())
for key in ("quantization", "quantization_config", "eos_token_id", "model_type"):
    if read(reference, "config.json").get(key) != read(arguments.ours, "config.json").get(key):
        faults.append(f"config.json: {key} differs")
index = "model.safetensors.index.json"
if read(reference, index) != read(arguments.ours, index):
    faults.append(f"{index} differs")
print("\n".join(faults[:40]) if faults else f"{len(ours)} tensors are identical, bit for bit")
if not arguments.reference:
    shutil.rmtree(reference)
sys.exit(1 if faults else 0)
