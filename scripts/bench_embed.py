#!/usr/bin/env python3
"""Embeddings beside onnxruntime and sentence-transformers: the same texts through all-MiniLM-L6-v2, in turns, and all of them
against a reference in float64.

    python3 -m venv /tmp/embed && /tmp/embed/bin/pip install onnxruntime onnx numpy tokenizers
    /tmp/embed/bin/python scripts/bench_embed.py .build/release/impetus FOLDER [--texts FILE] [--threads 2] [--torch PYTHON]

FOLDER is the model's (safetensors). onnxruntime gets the model as its own optimizer leaves it: attention, skipped layer norms and gelu
each one operator. Its texts are tokenized by the tokenizers library, sorted by length and padded to the longest of a batch, as
sentence-transformers does: of 32, its standard, and of whichever of the sizes given turns out fastest here. PYTHON is that of an
environment with sentence-transformers and torch, which run the folder as it is, with batches chosen alike. All times begin with
texts and end with vectors; the models are loaded before.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
import tokenizers
from onnx import TensorProto, helper, numpy_helper

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("binary")
PARSER.add_argument("folder", type=pathlib.Path)
PARSER.add_argument("--texts", type=pathlib.Path, help="a text a line; else 200 sentences of Python's own reference")
PARSER.add_argument("--threads", type=int, default=2)
PARSER.add_argument("--rounds", type=int, default=5)
PARSER.add_argument("--batches", default="1,2,4,8,16,32,64", help="sizes tried to find the peers' fastest")
PARSER.add_argument("--torch", metavar="PYTHON", help="an environment's Python that has sentence-transformers")
PARSER.add_argument("--json", action="store_true")


STANDARD = 32  # sentence-transformers' batch


def sentences(count=200):
    import pydoc_data.topics
    import re
    text = " ".join(pydoc_data.topics.topics[key] for key in sorted(pydoc_data.topics.topics))
    found = [" ".join(part.split()) for part in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)]
    found = [part for part in found if 3 <= len(part.split()) <= 120 and part.isascii()]
    return found[:: max(1, len(found) // count)][:count]


def weights(folder):
    raw = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    kinds = {"F32": np.float32, "F16": np.float16}
    return {name.removeprefix("bert."): np.frombuffer(raw, kinds[entry["dtype"]], math.prod(entry["shape"]),
                                                     8 + size + entry["data_offsets"][0]).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__" and entry["dtype"] in kinds}


def onnx_model(tensors, config):
    """BERT in onnxruntime's fused operators."""
    nodes, values = [], {}
    epsilon = config["layer_norm_eps"]

    def constant(name, array):
        values[name] = numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)
        return name

    def node(kind, inputs, outputs, domain="", **attributes):
        nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def linear(path, x, out):
        product = node("MatMul", [x, constant(path + ".w", tensors[path + ".weight"].T)], [out + ".product"])
        return product, constant(path + ".b", tensors[path + ".bias"])

    def skip_norm(path, x, skip, bias, out):
        return node("SkipLayerNormalization", [x, skip, constant(path + ".g", tensors[path + ".weight"]),
                                               constant(path + ".c", tensors[path + ".bias"]), bias], [out],
                    domain="com.microsoft", epsilon=epsilon)

    words = node("Gather", [constant("words", tensors["embeddings.word_embeddings.weight"]), "ids"], ["words.rows"])
    places = node("Gather", [constant("places", tensors["embeddings.position_embeddings.weight"]), "positions"], ["place.rows"])
    kind = constant("kind", tensors["embeddings.token_type_embeddings.weight"][0])
    node("Add", [words, places], ["sum"])
    node("Add", ["sum", kind], ["sum.all"])
    x = node("LayerNormalization", ["sum.all", constant("e.g", tensors["embeddings.LayerNorm.weight"]),
                                    constant("e.b", tensors["embeddings.LayerNorm.bias"])], ["x0"], epsilon=epsilon)
    for layer in range(config["num_hidden_layers"]):
        path, own = f"encoder.layer.{layer}", f"l{layer}"
        parts = [f"{path}.attention.self.{name}" for name in ("query", "key", "value")]
        qkv = constant(own + ".qkv", np.concatenate([tensors[p + ".weight"].T for p in parts], 1))
        bias = constant(own + ".qkv.b", np.concatenate([tensors[p + ".bias"] for p in parts]))
        attended = node("Attention", [x, qkv, bias, "mask"], [own + ".attended"], domain="com.microsoft",
                        num_heads=config["num_attention_heads"])
        product, bias = linear(f"{path}.attention.output.dense", attended, own + ".o")
        x = skip_norm(f"{path}.attention.output.LayerNorm", product, x, bias, own + ".a")
        product, bias = linear(f"{path}.intermediate.dense", x, own + ".up")
        active = node("BiasGelu", [product, bias], [own + ".gelu"], domain="com.microsoft")
        product, bias = linear(f"{path}.output.dense", active, own + ".down")
        x = skip_norm(f"{path}.output.LayerNorm", product, x, bias, own + ".x")
    ints = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["b", "s"]),
            helper.make_tensor_value_info("positions", TensorProto.INT64, ["b", "s"]),
            helper.make_tensor_value_info("mask", TensorProto.INT32, ["b", "s"])]
    out = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["b", "s", config["hidden_size"]])
    graph = helper.make_graph(nodes, "bert", ints, [out], list(values.values()))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
                             ir_version=9)


def reference(tensors, config, ids):
    """The pooled, normalised vector of one text in float64."""
    wide = {}

    def t(name):
        if name not in wide:
            wide[name] = tensors[name].astype(np.float64)
        return wide[name]

    def norm(path, x):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config["layer_norm_eps"]) * t(path + ".weight") + t(path + ".bias")

    erf = np.vectorize(math.erf)
    heads, size = config["num_attention_heads"], config["hidden_size"]

    def encode(ids):
        x = t("embeddings.word_embeddings.weight")[ids] + t("embeddings.position_embeddings.weight")[:len(ids)]
        x = norm("embeddings.LayerNorm", x + t("embeddings.token_type_embeddings.weight")[0])
        for layer in range(config["num_hidden_layers"]):
            path = f"encoder.layer.{layer}"
            q, k, v = ((x @ t(f"{path}.attention.self.{n}.weight").T + t(f"{path}.attention.self.{n}.bias"))
                       .reshape(len(ids), heads, size // heads).swapaxes(0, 1) for n in ("query", "key", "value"))
            scores = q @ k.swapaxes(1, 2) / math.sqrt(size // heads)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            a = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(ids), size)
            dense = f"{path}.attention.output.dense"
            x = norm(f"{path}.attention.output.LayerNorm", x + a @ t(dense + ".weight").T + t(dense + ".bias"))
            h = x @ t(f"{path}.intermediate.dense.weight").T + t(f"{path}.intermediate.dense.bias")
            h = 0.5 * h * (1 + erf(h / math.sqrt(2)))
            x = norm(f"{path}.output.LayerNorm", x + h @ t(f"{path}.output.dense.weight").T + t(f"{path}.output.dense.bias"))
        pooled = x.mean(0)
        return pooled / np.linalg.norm(pooled)

    return np.array([encode(one) for one in ids])


class Torch:
    """sentence-transformers in a process of its own."""

    def __init__(self, python, folder, texts, threads):
        script = pathlib.Path(__file__).with_name("embed_torch.py")
        self.process = subprocess.Popen([python, script, folder, texts, str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.versions = json.loads(self.process.stdout.readline())

    def rate(self, batch):
        print(batch, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def vectors(self):
        return np.array([json.loads(line) for line in self.process.communicate()[0].splitlines()])


def sampler(rate, sizes):
    """Texts a second of a peer, by the batch sizes worth measuring: the standard, and its fastest here."""
    tried = {size: max(rate(size), rate(size)) for size in sizes}
    return {size: [] for size in (max(tried, key=tried.get), STANDARD)}


def main():
    options = PARSER.parse_args()
    config = json.loads((options.folder / "config.json").read_text())
    settings = options.folder / "sentence_bert_config.json"
    longest = json.loads(settings.read_text())["max_seq_length"] if settings.exists() else config["max_position_embeddings"]
    texts = options.texts.read_text().splitlines() if options.texts else sentences()
    tokenizer = tokenizers.Tokenizer.from_file(str(options.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    tensors = weights(options.folder)
    setup = onnxruntime.SessionOptions()
    setup.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(onnx_model(tensors, config).SerializeToString(), setup,
                                           providers=["CPUExecutionProvider"])

    def theirs(batch):
        encoded = [one.ids for one in tokenizer.encode_batch(texts)]
        order = sorted(range(len(texts)), key=lambda index: -len(encoded[index]))
        vectors = np.empty((len(texts), config["hidden_size"]), np.float32)
        for start in range(0, len(order), batch):
            chosen = order[start:start + batch]
            width = len(encoded[chosen[0]])
            ids, mask = np.zeros((len(chosen), width), np.int64), np.zeros((len(chosen), width), np.int32)
            for row, index in enumerate(chosen):
                ids[row, :len(encoded[index])] = encoded[index]
                mask[row, :len(encoded[index])] = 1
            positions = np.broadcast_to(np.arange(width), ids.shape)
            states = session.run(None, {"ids": ids, "positions": np.ascontiguousarray(positions), "mask": mask})[0]
            pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            vectors[chosen] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors

    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "texts.txt"
        path.write_text("\n".join(texts) + "\n")
        command = [options.binary, "bench", str(options.folder), "--texts", str(path), "--threads", str(options.threads),
                   "--repetitions", "3", "--json"]

        def rate(batch):
            begin = time.perf_counter()
            theirs(batch)
            return len(texts) / (time.perf_counter() - begin)

        vectors = {"onnxruntime": theirs(STANDARD)}
        rates, versions = {"onnxruntime": rate}, {"onnxruntime": onnxruntime.__version__}
        if options.torch:
            torch = Torch(options.torch, options.folder, path, options.threads)
            rates["sentence-transformers"] = torch.rate
            versions |= torch.versions
        sizes = sorted({int(size) for size in options.batches.split(",")} | {STANDARD})
        samples = {name: sampler(rate, sizes) for name, rate in rates.items()}
        own = []
        for _ in range(options.rounds):
            for name, found in samples.items():
                for size in found:
                    found[size].append(rates[name](size))
            own.append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["results"][0])
        if options.torch:
            vectors["sentence-transformers"] = torch.vectors()
        lines = subprocess.run([options.binary, "embed", str(options.folder), "--threads", str(options.threads)],
                               input=path.read_bytes(), capture_output=True, check=True).stdout.splitlines()
    exact = reference(tensors, config, [one.ids for one in tokenizer.encode_batch(texts)])
    mine = np.array([json.loads(line) for line in lines])

    def least_cosine(x, y):
        x, y = x.astype(np.float64), y.astype(np.float64)
        return float(((x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)).min())

    speed = statistics.median(one["texts_per_second"] for one in own)
    peers = [{"program": name, "batch": size, "texts_per_second": round(statistics.median(found), 1),
              "ratio": round(speed / statistics.median(found), 2), "least_cosine": least_cosine(vectors[name], exact),
              "least_cosine_to_impetus": least_cosine(vectors[name], mine)}
             for name, sizes in samples.items() for size, found in sizes.items()]
    result = {"texts": len(texts), "tokens": own[0]["tokens"], "threads": options.threads, "rounds": options.rounds,
              "impetus": round(speed, 1), "least_cosine": least_cosine(mine, exact), "peers": peers, "versions": versions}
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['texts']} texts, {result['tokens']} tokens, {result['threads']} threads, medians of {options.rounds} turns; "
          + ", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"{'':36}{'texts/s':>9} {'ratio':>6}  least cosine to float64, to impetus")
    print(f"{'impetus':36}{speed:9.1f} {'':6}  {result['least_cosine']:.8f}")
    for peer in peers:
        name = f"{peer['program']}, batches of {peer['batch']}"
        print(f"{name:36}{peer['texts_per_second']:9.1f} {peer['ratio']:6.2f}  {peer['least_cosine']:.8f}  "
              f"{peer['least_cosine_to_impetus']:.8f}")


main()
