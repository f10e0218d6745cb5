#!/usr/bin/env python3
"""Speed of text beside the `tokenizers` library, on one thread: loading, encoding a megabyte each of prose, code and Chinese.

    python3 -m venv /tmp/tok && /tmp/tok/bin/pip install tokenizers
    /tmp/tok/bin/python scripts/bench_text.py .build/release/impetus FOLDER [--template FILE]

FOLDER holds a tokenizer.json (the figures are for Qwen2.5's). Prose is Python's own reference (pydoc) and the licences Debian
ships, code is Python's library, Chinese is made of the vocabulary's Chinese tokens by Zipf's law, always the same; a file given
as --prose, --code or --chinese takes their place. Fastest of five rounds; both must give the same tokens.
"""
import argparse
import glob
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402

SIZE = 1 << 20


def cut(text):
    raw = text.encode()
    raw = (raw * (SIZE // len(raw) + 1))[:SIZE]
    return raw.decode(errors="ignore")


def prose():
    import pydoc_data.topics
    texts = [pydoc_data.topics.topics[key] for key in sorted(pydoc_data.topics.topics)]
    for path in sorted(glob.glob("/usr/share/common-licenses/*")):
        texts.append(pathlib.Path(path).read_text(errors="ignore"))
    return "\n".join(texts)


def code():
    folder = pathlib.Path(os.__file__).parent
    return "\n".join(path.read_text(errors="ignore") for path in sorted(folder.glob("*.py")))


def chinese(tokenizer):
    def is_chinese(word):
        return word and all("\u4e00" <= c <= "\u9fff" for c in word)
    words = [word for number in range(tokenizer.get_vocab_size()) if is_chinese(word := tokenizer.decode([number]))]
    chance = random.Random(7)
    chance.shuffle(words)
    weights = [1 / (rank + 5) for rank in range(len(words))]
    text, size = [], 0
    while size < SIZE:
        sentence = "".join(chance.choices(words, weights, k=chance.randint(4, 18))) + chance.choice("，，，。。？！；\n")
        text.append(sentence)
        size += len(sentence.encode())
    return "".join(text)


def best(body, rounds=5):
    least = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        result = body()
        least = min(least, time.perf_counter() - begin)
    return least * 1000, result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--template")
    for name in ("prose", "code", "chinese"):
        parser.add_argument(f"--{name}")
    options = parser.parse_args()
    path = f"{options.folder}/tokenizer.json"
    load, tokenizer = best(lambda: tokenizers.Tokenizer.from_file(path))
    texts = {"prose": prose, "code": code, "chinese": lambda: chinese(tokenizer)}
    with tempfile.TemporaryDirectory() as scratch:
        files = []
        for name, make in texts.items():
            own = getattr(options, name)
            texts[name] = cut(pathlib.Path(own).read_text() if own else make())
            files.append(f"{scratch}/{name}")
            pathlib.Path(files[-1]).write_bytes(texts[name].encode())
        command = [options.program, "debug", "text-speed", "--tokenizer", options.folder, *files]
        if options.template:
            command += ["--template", options.template]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        ours = [json.loads(line) for line in run.stdout.splitlines()]
    print(f"{'':12}{'impetus':>14}{'tokenizers ' + tokenizers.__version__:>22}{'ratio':>8}")
    print(f"{'load':12}{ours[0]['milliseconds']:>11.1f} ms{load:>19.1f} ms{load / ours[0]['milliseconds']:>8.2f}")
    for (name, text), row in zip(texts.items(), ours[1:4]):
        def encode():
            # What it remembers of the words of the last round is left behind with it.
            fresh = tokenizers.Tokenizer.from_file(path)
            begin = time.perf_counter()
            ids = fresh.encode(text, add_special_tokens=False).ids
            return (time.perf_counter() - begin) * 1000, ids
        results = [encode() for _ in range(5)]
        theirs, count = min(result[0] for result in results), len(results[0][1])
        size = len(text.encode()) / 1000
        same = "" if count == row["tokens"] else f"   DIFFERENT: {row['tokens']} and {count} tokens"
        speed = row["megabytes_per_second"]
        print(f"{name:12}{speed:>9.1f} MB/s{size / theirs:>17.1f} MB/s{speed * theirs / size:>8.2f}{same}")
    for row in ours[4:]:
        print(f"{row['what']}: {row['milliseconds']:.2f} ms")


main()
