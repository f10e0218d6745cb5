#!/usr/bin/env python3
"""Makes Fixtures/formats: small checkpoints in the formats of other quantizers, and the values they stand for.

    python3 scripts/make-foreign-fixtures.py        (needs numpy)

Each folder has config.json, model.safetensors as the format's programs write it, and expected.safetensors with
`MODULE.weight` in float32, computed here from the formats' definitions: what is packed is first known as integers.
A second run gives the same bytes.
"""
import json
import pathlib
import struct

import numpy as np

root = pathlib.Path(__file__).parent.parent / "Fixtures/formats"
random = np.random.default_rng(20261124)
NAMES = {"<f4": "F32", "<f2": "F16", "<i4": "I32", "<i8": "I64", "|i1": "I8"}


def bf16(values):
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def widen(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def save(path, tensors):
    header, data = {}, b""
    for name, value in sorted(tensors.items()):
        kind, array = value if isinstance(value, tuple) else (NAMES[value.dtype.str], value)
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write(name, config, tensors, expected):
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    tensors["norm.weight"] = np.ones(8, np.float16)
    (folder / "config.json").write_text(json.dumps(
        {"model_type": "llama", "torch_dtype": config.pop("torch_dtype"), "quantization_config": config}, indent=2) + "\n")
    save(folder / "model.safetensors", tensors)
    save(folder / "expected.safetensors", {f"{key}.weight": value.astype(np.float32) for key, value in expected.items()})


def stream(codes, bits):
    """Packs along the last axis: element i has bits i*bits... of a little-endian stream of words."""
    flat = codes.reshape(-1, codes.shape[-1]).astype(np.uint64)
    out = []
    for row in flat:
        total = 0
        for place, code in enumerate(row):
            total |= int(code) << (place * bits)
        words = (len(row) * bits + 31) // 32
        out.append(np.frombuffer(total.to_bytes(words * 4, "little"), np.int32))
    return np.stack(out).reshape(*codes.shape[:-1], -1)


def codes_of(out, inputs, bits, group, symmetric, dtype):
    groups = -(-inputs // group)
    scales = random.uniform(0.001, 0.05, (out, groups)).astype(np.float32)
    scales = widen(bf16(scales)) if dtype == "bf16" else scales.astype(np.float16).astype(np.float32)
    codes = random.integers(0, 2**bits, (out, inputs))
    zeros = np.full((out, groups), 2 ** (bits - 1)) if symmetric else random.integers(1, 2**bits, (out, groups))
    return codes, zeros, scales


def values(codes, zeros, scales, order):
    return (codes - zeros[:, order]).astype(np.float64) * scales[:, order]


# ---- GPTQ ----
def gptq(tensors, expected, name, out, inputs, bits, group, symmetric, stored=1, act=False):
    codes, zeros, scales = codes_of(out, inputs, bits, group, symmetric, "f16")
    order = np.arange(inputs) // group
    if act:
        order = random.permutation(order)
    tensors[f"{name}.qweight"] = np.ascontiguousarray(stream(codes, bits).T)
    tensors[f"{name}.qzeros"] = stream((zeros - stored).T, bits)
    tensors[f"{name}.scales"] = np.ascontiguousarray(scales.T).astype(np.float16)
    tensors[f"{name}.g_idx"] = order.astype(np.int32)
    expected[name] = values(codes, zeros, scales, order)


tensors, expected = {}, {}
gptq(tensors, expected, "m.symmetric", 64, 256, 4, 128, True)
gptq(tensors, expected, "m.asymmetric", 32, 256, 4, 128, False)
gptq(tensors, expected, "m.reordered", 32, 256, 4, 128, False, act=True)
gptq(tensors, expected, "m.eight", 16, 256, 8, 128, True)
gptq(tensors, expected, "m.three", 32, 256, 3, 128, False)
gptq(tensors, expected, "m.two", 32, 256, 2, 128, False)
gptq(tensors, expected, "m.ragged", 16, 160, 4, 128, False)
gptq(tensors, expected, "m.row", 16, 96, 4, 96, False)
tensors["m.symmetric.bias"] = random.normal(0, 1, 64).astype(np.float16)
write("gptq", {"torch_dtype": "float16", "quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": True,
               "sym": False, "checkpoint_format": "gptq"}, tensors, expected)

tensors, expected = {}, {}
gptq(tensors, expected, "m.a", 32, 128, 4, 32, False, stored=0)
gptq(tensors, expected, "m.b", 32, 128, 8, 32, False, stored=0)
write("gptq-v2", {"torch_dtype": "float16", "quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False,
                  "sym": False, "checkpoint_format": "gptq_v2"}, tensors, expected)

# Says gptq, stores zero points as gptq_v2 does.
tensors, expected = {}, {}
gptq(tensors, expected, "m.a", 32, 128, 4, 64, True, stored=0)
write("gptq-mislabelled", {"torch_dtype": "float16", "quant_method": "gptq", "bits": 4, "group_size": 64,
                           "desc_act": False, "sym": True}, tensors, expected)

# ---- AWQ: the nibble of column 8k + j is at place [0, 4, 1, 5, 2, 6, 3, 7][j] ----
PLACE = [0, 4, 1, 5, 2, 6, 3, 7]


def awq_words(codes):
    grouped = codes.reshape(codes.shape[0], -1, 8)
    placed = np.zeros_like(grouped)
    placed[:, :, PLACE] = grouped
    return stream(placed.reshape(codes.shape), 4)


tensors, expected = {}, {}
for name, out, inputs, group in [("m.a", 64, 256, 128), ("m.b", 40, 256, 128)]:
    codes, zeros, scales = codes_of(out, inputs, 4, group, False, "f16")
    tensors[f"{name}.qweight"] = awq_words(np.ascontiguousarray(codes.T))
    tensors[f"{name}.qzeros"] = awq_words(np.ascontiguousarray(zeros.T))
    tensors[f"{name}.scales"] = np.ascontiguousarray(scales.T).astype(np.float16)
    expected[name] = values(codes, zeros, scales, np.arange(inputs) // group)
write("awq", {"torch_dtype": "float16", "quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm",
              "zero_point": True}, tensors, expected)

# ---- compressed-tensors ----
tensors, expected = {}, {}


def compressed(name, out, inputs, bits, group, symmetric, act=False):
    codes, zeros, scales = codes_of(out, inputs, bits, group, symmetric, "bf16")
    order = np.arange(inputs) // group
    if act:
        order = random.permutation(order)
        tensors[f"{name}.weight_g_idx"] = order.astype(np.int32)
    tensors[f"{name}.weight_packed"] = stream(codes, bits)
    tensors[f"{name}.weight_scale"] = ("BF16", bf16(scales))
    tensors[f"{name}.weight_shape"] = np.array([out, inputs], np.int64)
    if not symmetric:
        tensors[f"{name}.weight_zero_point"] = np.ascontiguousarray(stream(zeros.T, bits).T)
    expected[name] = values(codes, zeros, scales, order)


compressed("m.symmetric", 32, 256, 4, 128, True)
compressed("m.asymmetric", 32, 256, 4, 128, False)
compressed("m.reordered", 32, 256, 4, 128, True, act=True)
compressed("m.channel", 32, 256, 8, 256, True)
codes, zeros, scales = codes_of(16, 96, 8, 96, True, "bf16")
tensors["m.bytes.weight"] = (codes - 128).astype(np.int8)
tensors["m.bytes.weight_scale"] = ("BF16", bf16(scales))
tensors["m.bytes.input_scale"] = np.ones(1, np.float32)
expected["m.bytes"] = values(codes, zeros, scales, np.zeros(96, int))
weights = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 128}
write("compressed-tensors", {"torch_dtype": "bfloat16", "quant_method": "compressed-tensors", "format": "pack-quantized",
                             "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
                             "ignore": ["lm_head"]}, tensors, expected)


# ---- 8-bit floats ----
def e4m3(bits):
    exponent, fraction = (bits >> 3 & 15).astype(int), (bits & 7).astype(float)
    size = np.where(exponent == 0, fraction / 8 * 2.0**-6, (1 + fraction / 8) * 2.0 ** (exponent - 7.0))
    return np.where(bits & 128, -size, size)


def bytes8(out, inputs):
    bits = random.integers(0, 256, (out, inputs)).astype(np.uint8)
    bits[bits & 127 == 127] = 0
    return bits


tensors, expected = {}, {}
for name, out, inputs in [("m.a", 256, 128), ("m.b", 136, 200)]:
    bits = bytes8(out, inputs)
    scales = random.uniform(1e-4, 1e-2, (-(-out // 128), -(-inputs // 128))).astype(np.float32)
    tensors[f"{name}.weight"] = ("F8_E4M3", bits)
    tensors[f"{name}.weight_scale_inv"] = scales
    spread = scales.repeat(128, 0)[:out].repeat(128, 1)[:, :inputs]
    expected[name] = e4m3(bits) * spread
write("fp8-block", {"torch_dtype": "bfloat16", "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                    "weight_block_size": [128, 128]}, tensors, expected)

tensors, expected = {}, {}
bits = bytes8(48, 64)
scales = random.uniform(1e-4, 1e-2, (48, 1)).astype(np.float32)
tensors["m.rows.weight"], tensors["m.rows.weight_scale"] = ("F8_E4M3", bits), ("BF16", bf16(scales))
expected["m.rows"] = e4m3(bits) * widen(bf16(scales))
bits = bytes8(48, 64)
tensors["m.whole.weight"], tensors["m.whole.weight_scale"] = ("F8_E4M3", bits), np.array([0.003], np.float32)
tensors["m.whole.input_scale"] = np.array([1.5], np.float32)
expected["m.whole"] = e4m3(bits) * np.float32(0.003)
write("fp8-rows", {"torch_dtype": "bfloat16", "quant_method": "compressed-tensors", "format": "float-quantized",
                   "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float"}}}},
      tensors, expected)
