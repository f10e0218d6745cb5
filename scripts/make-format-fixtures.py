#!/usr/bin/env python3
"""Makes Fixtures/checkpoints and Fixtures/quantization: what the reference implementations answer.

    python3 -m venv /tmp/ref && /tmp/ref/bin/pip install 'mlx[cpu]==0.32.4' gguf==0.19.0 safetensors
    /tmp/ref/bin/python scripts/make-format-fixtures.py

gguf-types.gguf         one tensor of each GGUF type, [3, 512], blocks of random bytes with sane scales
gguf-types.safetensors  the same tensors dequantized by the gguf package, float32
affine.safetensors      inputs `CASE.input` and mlx's affine quantization `CASE.BITS.GROUP.{weight,scales,biases}`
A second run gives the same bytes.
"""
import pathlib
import gguf, numpy as np
import mlx.core as mx
from safetensors.numpy import save_file

root = pathlib.Path(__file__).parent.parent / "Fixtures"
random = np.random.default_rng(20261123)
mx.set_default_device(mx.cpu)
T = gguf.GGMLQuantizationType
ROWS, COLUMNS = 3, 512

# Where each block keeps its half-precision scales.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82], T.Q3_K: [108],
    T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.IQ4_NL: [0], T.IQ4_XS: [0], T.MXFP4: [],
}


def blocks(kind):
    size, count = gguf.GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (ROWS * COLUMNS // size, count), dtype=np.uint8)
    for place in HALVES[kind]:
        halves = random.normal(0, 0.05, len(data)).astype(np.float16)
        halves[0], halves[-1] = np.float16(6e-8), np.float16(-1.5)  # the least half there is, and a negative one
        data[:, place:place + 2] = halves.view(np.uint8).reshape(-1, 2)
    if kind == T.MXFP4:
        data[:, 0] = random.integers(100, 140, len(data))
        data[0, 0], data[1, 0] = 0, 1
    return data.reshape(ROWS, -1)


writer = gguf.GGUFWriter(root / "checkpoints/gguf-types.gguf", "none")
writer.add_string("general.name", "every type")
writer.add_array("test.strings", ["a", "", "é"])
writer.add_array("test.numbers", [1, -2, 3])
writer.add_array("test.floats", [0.5, 1e-5])
writer.add_float32("test.epsilon", 1e-5)
writer.add_uint64("test.large", 2**63 + 1)
writer.add_bool("test.flag", True)
expected = {}
for kind in HALVES:
    data = blocks(kind)
    writer.add_tensor(kind.name, data, raw_dtype=kind)
    expected[kind.name] = gguf.quants.dequantize(data, kind).astype(np.float32)
plain = random.normal(0, 1, (ROWS, COLUMNS)).astype(np.float32)
plain[0, :4] = [0.0, -0.0, 65504.0, 6e-8]
writer.add_tensor("F32", plain)
writer.add_tensor("F16", plain.astype(np.float16))
writer.add_tensor("BF16", np.ascontiguousarray((plain.view(np.uint32) >> 16).astype(np.uint16)).view(np.uint8), raw_dtype=T.BF16)
writer.add_tensor("F64", plain.astype(np.float64))
for name, dtype in {"I8": np.int8, "I16": np.int16, "I32": np.int32, "I64": np.int64}.items():
    writer.add_tensor(name, random.integers(-128, 128, (ROWS, COLUMNS)).astype(dtype))
expected |= {"F32": plain, "F16": plain.astype(np.float16).astype(np.float32), "F64": plain}
expected["BF16"] = (plain.view(np.uint32) & 0xFFFF0000).view(np.float32)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
reader = {t.name: t for t in gguf.GGUFReader(root / "checkpoints/gguf-types.gguf").tensors}
for name in ("I8", "I16", "I32", "I64"):
    expected[name] = reader[name].data.reshape(ROWS, COLUMNS).astype(np.float32)
save_file(expected, root / "checkpoints/gguf-types.safetensors")

# ---- affine ----
WIDTH = 256
ordinary = random.normal(0, 0.02, (4, WIDTH)).astype(np.float32)
edges = np.zeros((8, WIDTH), np.float32)
edges[1] = 0.37                                   # constant
edges[2] = -0.37
edges[3, ::2], edges[3, 1::2] = 1.0, -1.0         # a tie between the two ends
edges[4] = np.linspace(0.5, 1.5, WIDTH)           # one sign
edges[5] = -np.linspace(0.5, 1.5, WIDTH)
edges[6] = random.normal(0, 1e-9, WIDTH)          # below the least scale
edges[7] = random.normal(0, 1, WIDTH); edges[7, 5] = 3e4; edges[7, 200] = -3e4  # outliers
halves = (random.integers(-15, 16, (4, WIDTH)) / 2).astype(np.float32)          # exact ties of rint
tensors = {}
for name, values in {"ordinary": ordinary, "edges": edges, "halves": halves}.items():
    for dtype in (mx.float32, mx.float16, mx.bfloat16):
        case = f"{name}-{str(dtype).split('.')[-1]}"
        source = mx.array(values).astype(dtype)
        tensors[f"{case}.input"] = source
        for bits in (2, 3, 4, 5, 6, 8):
            for group in (32, 64, 128):
                for part, array in zip(("weight", "scales", "biases"), mx.quantize(source, group, bits)):
                    tensors[f"{case}.{bits}.{group}.{part}"] = array
mx.eval(tensors)
mx.save_safetensors(str(root / "quantization/affine.safetensors"), tensors)
