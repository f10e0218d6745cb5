#!/usr/bin/env python3
"""A row for each number format and each special kernel: decode and prefill of models of random weights, beside this machine's limits.

    scripts/bench_modes.py .build/release/impetus [--only NAME,...] [--threads N] [--json]

The formats are those of a model of Qwen2.5-0.5B's shape; the kernels' shapes are in Benchmarks/shapes: some layers each of Qwen3-30B-A3B
(moe), DeepSeek-V2-Lite (mla), Qwen3-Next with a quarter of its experts (delta) and gpt-oss-20b (sinks), with a vocabulary of 32768.
"""
import argparse
import json
import subprocess

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("binary")
PARSER.add_argument("--only", help="names of rows, with commas")
PARSER.add_argument("--threads", type=int, default=2)
PARSER.add_argument("--json", action="store_true")

SHAPE = "qwen2.5-0.5b"
ROWS = [
    *((f"affine {bits} bit", SHAPE, ["--bits", str(bits)]) for bits in (2, 3, 4, 5, 6, 8)),
    *((mode, SHAPE, ["--mode", mode]) for mode in ("mxfp4", "nvfp4", "mxfp8")),
    ("bf16", SHAPE, ["--bits", "16"]),
    ("moe", "Benchmarks/shapes/moe.json", ["--bits", "4"]),
    ("mla", "Benchmarks/shapes/mla.json", ["--bits", "4"]),
    ("mla behind 4096", "Benchmarks/shapes/mla.json", ["--bits", "4", "--depth", "4096"]),
    ("delta", "Benchmarks/shapes/delta.json", ["--bits", "4"]),
    ("sinks mxfp4", "Benchmarks/shapes/sinks.json", ["--mode", "mxfp4"]),
]


def main():
    options = PARSER.parse_args()
    chosen = options.only.split(",") if options.only else [name for name, _, _ in ROWS]
    if not options.json:
        print("| what | decode tok/s | GB/s | of the read limit | prefill tok/s | GOP/s | of the int8 limit |")
        print("|---|---|---|---|---|---|---|", flush=True)
    for name, shape, arguments in ROWS:
        if name not in chosen:
            continue
        command = [options.binary, "bench", "--random", shape, *arguments, "--prompt", "512", "--decode", "32",
                   "--threads", str(options.threads), "--repetitions", "5", "--json"]
        found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        if options.json:
            print(json.dumps({"name": name, **found}), flush=True)
            continue
        results, machine = {one["test"]: one for one in found["results"]}, found["machine"]
        decode, prefill = results["decode"], results["prefill"]
        read, gops = decode["gb_per_s"], prefill["gop_per_s"]
        print(f"| {name} | {decode['tokens_per_second']:.1f} | {read:.1f} | {100 * read / machine['read_gb_per_s']:.0f} % "
              f"| {prefill['tokens_per_second']:.0f} | {gops:.0f} | {100 * gops / machine['int8_gop_per_s']:.0f} % |", flush=True)


main()
