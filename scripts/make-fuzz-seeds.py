#!/usr/bin/env python3
"""Makes the seeds of Fixtures/fuzz: small valid files that the fuzzer mutates. Only the standard library is needed.

tokenizer-json/  the tokenizers of Fixtures/tokenizers, cut down to a few tokens
safetensors/     checkpoints as several programs write them
gguf/            two-layer models with a vocabulary
manifest/, lock-file/, archive/   what comes into the store from elsewhere
A second run gives the same bytes. Inputs that once crashed or hung lie beside them, named by what they broke.
"""
import gzip
import hashlib
import io
import json
import pathlib
import struct
import tarfile
import zipfile

fixtures = pathlib.Path(__file__).parent.parent / "Fixtures"
root = fixtures / "fuzz"


def put(name, data):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# ---- tokenizer.json: the first tokens, and merges among them ----
for folder in sorted((fixtures / "tokenizers").iterdir()):
    path = folder / "tokenizer.json"
    if not path.exists():
        continue
    data = json.loads(path.read_text())
    model = data["model"]
    if isinstance(model["vocab"], dict):
        kept = sorted(model["vocab"].items(), key=lambda item: item[1])
        single = [item for item in kept if len(item[0]) <= 1][:24]
        pairs = [item for item in kept if len(item[0]) == 2 and all(c in dict(single) for c in item[0])][:12]
        named = [item for item in kept if item[0] in (model.get("unk_token"), "[UNK]", "<unk>")]
        vocab = dict(single + pairs + named)
        model["vocab"] = {token: place for place, token in enumerate(vocab)}
        if "merges" in model:
            merges = [m if isinstance(m, list) else m.split(" ") for m in model["merges"]]
            merges = [m for m in merges if all(p in vocab for p in m) and "".join(m) in vocab][:12]
            model["merges"] = merges
    else:
        model["vocab"] = model["vocab"][:24]
    data["added_tokens"] = data.get("added_tokens", [])[:4]

    def shorten(value):
        # A character map of hundreds of kilobytes would take all mutations.
        if isinstance(value, dict):
            return {key: shorten(item) for key, item in value.items()}
        if isinstance(value, list):
            return [shorten(item) for item in value]
        return value[:64] if isinstance(value, str) and len(value) > 2000 else value
    put(f"tokenizer-json/{folder.name}.json", json.dumps(shorten(data), ensure_ascii=False).encode())


# ---- safetensors ----
def safetensors(tensors, metadata=None, pad=0):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode() + b" " * pad
    return struct.pack("<Q", len(text)) + text + data


ramp = bytes(range(256))
put("safetensors/plain.safetensors", safetensors(
    {"a.weight": ("F32", [4, 8], ramp[:128]), "b": ("BF16", [3], ramp[:6]), "empty": ("F16", [0, 4], b""),
     "scalar": ("F64", [], ramp[:8])}, {"format": "pt"}, pad=5))
put("safetensors/types.safetensors", safetensors(
    {name: (name, [8], ramp[:bits]) for name, bits in
     {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16,
      "I32": 32, "U32": 32, "I64": 64, "U64": 64, "C64": 64, "F4": 4}.items()}))
put("safetensors/gptq.safetensors", safetensors(
    {"m.qweight": ("I32", [4, 8], ramp[:128]), "m.qzeros": ("I32", [1, 1], ramp[:4]),
     "m.scales": ("F16", [1, 8], ramp[:16]), "m.g_idx": ("I32", [32], bytes(128))}))
put("safetensors/awq.safetensors", safetensors(
    {"m.qweight": ("I32", [32, 1], ramp[:128]), "m.qzeros": ("I32", [1, 1], ramp[:4]),
     "m.scales": ("F16", [1, 8], ramp[:16])}))
put("safetensors/compressed.safetensors", safetensors(
    {"m.weight_packed": ("I32", [8, 4], ramp[:128]), "m.weight_scale": ("BF16", [8, 1], ramp[:16]),
     "m.weight_shape": ("I64", [2], struct.pack("<qq", 8, 32)), "m.weight_zero_point": ("I32", [1, 1], ramp[:4])}))
put("safetensors/float8.safetensors", safetensors(
    {"m.weight": ("F8_E4M3", [4, 8], ramp[:32]), "m.weight_scale_inv": ("F32", [1, 1], struct.pack("<f", 0.5)),
     "n.weight": ("I8", [4, 8], ramp[:32]), "n.weight_scale": ("F32", [4, 1], ramp[:16])}))


# ---- GGUF ----
def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key, value):
    if isinstance(value, bool):
        return text(key) + struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", 6, value)
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    kind, form = {str: (8, None), float: (6, "<f"), int: (5, "<i")}[type(value[0])]
    body = b"".join(text(v) if form is None else struct.pack(form, v) for v in value)
    return text(key) + struct.pack("<IIQ", 9, kind, len(value)) + body


# Elements and bytes of a block, by type.
SIZES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
         11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 23: (256, 136), 24: (1, 1),
         25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2), 39: (32, 17)}


def gguf(metadata, tensors):
    table, data = b"", b""
    for name, sizes, kind in tensors:
        count = 1
        for size in sizes:
            count *= size
        block, size = SIZES[kind]
        data += b"\0" * (-len(data) % 32)
        table += text(name) + struct.pack("<I", len(sizes)) + struct.pack(f"<{len(sizes)}Q", *sizes)
        table += struct.pack("<IQ", kind, len(data))
        data += (ramp * (count // block * size // 256 + 1))[:count // block * size]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(entry(key, value) for key, value in metadata.items()) + table
    return head + b"\0" * (-len(head) % 32) + data


def model(arch, vocabulary, kind, hidden=32, layers=1):
    metadata = {
        "general.architecture": arch, "general.name": "seed", f"{arch}.block_count": layers,
        f"{arch}.embedding_length": hidden, f"{arch}.feed_forward_length": 32, f"{arch}.attention.head_count": 2,
        f"{arch}.attention.head_count_kv": 1, f"{arch}.context_length": 64, f"{arch}.rope.freq_base": 10000.0,
        f"{arch}.attention.layer_norm_rms_epsilon": 1e-5, f"{arch}.rope.dimension_count": hidden // 2, **vocabulary}
    count = len(vocabulary["tokenizer.ggml.tokens"])
    tensors = [("token_embd.weight", [hidden, count], kind), ("output_norm.weight", [hidden], 0)]
    for layer in range(layers):
        for name, sizes in {"attn_q": [hidden, hidden], "attn_k": [hidden, hidden // 2], "attn_v": [hidden, hidden // 2],
                            "attn_output": [hidden, hidden], "ffn_gate": [hidden, 32], "ffn_up": [hidden, 32],
                            "ffn_down": [32, hidden]}.items():
            tensors.append((f"blk.{layer}.{name}.weight", sizes, kind if sizes[0] % SIZES[kind][0] == 0 else 1))
        if arch == "qwen2":
            for name, size in {"attn_q": hidden, "attn_k": hidden // 2, "attn_v": hidden // 2}.items():
                tensors.append((f"blk.{layer}.{name}.bias", [size], 0))
        for name in ("attn_norm", "ffn_norm"):
            tensors.append((f"blk.{layer}.{name}.weight", [hidden], 0))
    return gguf(metadata, tensors)


bpe = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2",
       "tokenizer.ggml.tokens": list("abcdef") + ["ab", "abc", "Ġ", "<|end|>", "[PAD1]"],
       "tokenizer.ggml.token_type": [1] * 9 + [3, 5], "tokenizer.ggml.merges": ["a b", "ab c"],
       "tokenizer.ggml.eos_token_id": 9, "tokenizer.ggml.add_bos_token": False,
       "tokenizer.chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}
spm_tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(4)] + ["▁", "a", "b", "▁a", "ab"]
spm = {"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": spm_tokens,
       "tokenizer.ggml.scores": [0.0] * 7 + [-1.0, -2.0, -3.0, -4.0, -5.0],
       "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 4 + [1] * 5, "tokenizer.ggml.bos_token_id": 1,
       "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.add_bos_token": True}
put("gguf/llama-q8.gguf", model("llama", spm, 8))
put("gguf/qwen2-q4.gguf", model("qwen2", bpe, 2))
put("gguf/types.gguf", gguf(
    {"general.architecture": "none", "general.alignment": 32, "a": ["x", "y"], "b": [1, 2], "c": [0.5], "d": True},
    [(f"t{kind}", [256, 2], kind) for kind in SIZES]))


# ---- the store: manifests, lock files, archives ----
def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


RAW = "application/vnd.cncf.model.{}.v1.raw"
texts = {"LICENSE": "doc", "config.json": "weight.config", "sub/model.safetensors": "weight", "run.py": "code"}
layers = [{"mediaType": RAW.format(kind), "digest": f"sha256:{sha256(path)}", "size": len(path),
           "annotations": {"org.cncf.model.filepath": path}} for path, kind in texts.items()]
manifest = {
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "artifactType": "application/vnd.cncf.model.manifest.v1+json",
    "config": {"mediaType": "application/vnd.cncf.model.config.v1+json", "digest": f"sha256:{sha256('c')}", "size": 1},
    "layers": layers,
    "annotations": {"org.opencontainers.image.title": "org/model:main", "org.opencontainers.image.licenses": "mit AND x"},
}
put("manifest/model.json", json.dumps(manifest, separators=(",", ":")).encode())
put("manifest/empty.json", json.dumps(manifest | {"layers": [], "annotations": {}}).encode())


def locked(name, **more):
    files = [{"path": path, "size": len(path), "sha256": sha256(path)} for path in sorted(texts)]
    lines = "".join(f"{file['sha256']}  {file['path']}\n" for file in files)
    return {"name": name, **more, "files": files, "digest": f"sha256:{sha256(lines)}"}


source = {"endpoint": "https://huggingface.co", "repository": "org/model", "commit": "0123abcd" * 5}
recipe = {"method": "affine, round to nearest", "quantization": {"group_size": 64, "bits": 4, "mode": "affine"}}
put("lock-file/two.json", json.dumps({"version": 1, "models": [
    locked("org/model:main", source=source, licenses=["mit"]),
    locked("org/model:q4", source=source, base="org/model:main", recipe=recipe,
           inputs=[{"path": "config.json", "sha256": sha256("config.json")}])]}, indent=2).encode())
put("lock-file/own.json", json.dumps({"version": 1, "models": [locked("mine:main")]}).encode())

for name, form in {"ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}.items():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as tar:
        for path in list(texts) + (["d" * 90 + "/" + "f" * 90] if name != "ustar" else []):
            entry = tarfile.TarInfo(path)
            entry.size = len(path)
            tar.addfile(entry, io.BytesIO(path.encode()))
    # The padding of a tar file says nothing.
    put(f"archive/{name}.tar", data.getvalue()[:8192])
    if name == "ustar":
        put("archive/ustar.tar.gz", gzip.compress(data.getvalue(), mtime=0))
data = io.BytesIO()
with zipfile.ZipFile(data, "w") as archive:
    for path in texts:
        archive.writestr(zipfile.ZipInfo(path), path, zipfile.ZIP_DEFLATED)
put("archive/plain.zip", data.getvalue())
