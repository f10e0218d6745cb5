#!/usr/bin/env python3
"""Pulling and verifying beside `hf download`, in turns, from a hub on loopback (Benchmarks/hub.c).

    scripts/bench_pull.py IMPETUS HF HUB [--rounds 5] [--folder FOLDER] [--part large,small,capped,verify]

IMPETUS, HF and HUB are the three programs. Three tasks: a file of 512 MiB, 500 files of 4 to 36 KB, and the large file with
50 MB/s for each connection. Every run begins with an empty store or folder; files are in the page cache. A run's CPU seconds are
those of the process and its children, its memory the largest resident set. `verify` is measured beside the SHA-256 of
`openssl speed` times the cores. Medians.
"""
import argparse
import hashlib
import json
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import socket
import statistics
import subprocess
import time

COMMIT = "c0ffee42" * 5
LARGE = 512 << 20


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def make_repository(folder, contents):
    """contents: (path, bytes, is large)."""
    folder.mkdir(parents=True)
    rows, siblings, index = [], [], []
    for path, data, large in contents:
        place = folder / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        sha = hashlib.sha256(data).hexdigest()
        oid = git_blob(data)
        row = {"type": "file", "path": path, "size": len(data), "oid": oid}
        if large:
            row["lfs"] = {"oid": sha, "size": len(data), "pointerSize": 134}
        rows.append(row)
        siblings.append({"rfilename": path})
        index.append(f"{path}\t{len(data)}\t{sha if large else oid}\t{int(large)}\t{place}")
    (folder / "tree.json").write_text(json.dumps(rows))
    (folder / "revision.json").write_text(json.dumps(
        {"id": "org/model", "modelId": "org/model", "sha": COMMIT, "private": False, "siblings": siblings, "tags": []}))
    (folder / "index").write_text("\n".join(index) + "\n")


def large_contents():
    generator = random.Random(1)
    header = b'{"noise":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (LARGE - 128, LARGE - 128)
    head = (120).to_bytes(8, "little") + header.ljust(120)
    body = b"".join(generator.randbytes(1 << 20) for _ in range(LARGE >> 20))
    return [("model.safetensors", head + body[len(head):], True)]


def small_contents():
    generator = random.Random(2)
    return [(f"data/{n:03}.json", generator.randbytes(generator.randrange(4_000, 36_000)), False) for n in range(500)]


def free_port():
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        with socket.socket() as other:
            try:
                other.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


class Hub:
    def __init__(self, program, folder, rate=0):
        self.port = free_port()
        self.process = subprocess.Popen([program, str(folder), str(self.port)] + ([str(rate)] if rate else []))
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"


def measure(command, environment):
    """Seconds on the clock, CPU seconds, and the largest resident set in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors.decode()}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def pulls(name, arguments, folder, rate, byte_count):
    runs = {"impetus": [], "hf": []}
    with Hub(arguments.hub, folder, rate) as hub:
        for _ in range(arguments.rounds):
            for who in runs:
                target = arguments.folder / "target"
                shutil.rmtree(target, ignore_errors=True)
                os.sync()
                environment = dict(os.environ, HF_ENDPOINT=hub.endpoint, HOME=str(target), HF_HUB_DISABLE_XET="1")
                environment.pop("HF_TOKEN", None)
                if who == "impetus":
                    command = [arguments.impetus, "pull", "org/model", "--all", "--store", str(target), "--progress", "none"]
                else:
                    command = [arguments.hf, "download", "org/model", "--cache-dir", str(target), "--quiet"]
                runs[who].append(measure(command, environment))
    shutil.rmtree(arguments.folder / "target", ignore_errors=True)
    medians = {who: [statistics.median(column) for column in zip(*rows)] for who, rows in runs.items()}
    for who, (seconds, cpu, memory) in medians.items():
        print(f"| {name} | {who} | {seconds:.2f} s | {byte_count / seconds / 1e6:.0f} MB/s | {cpu:.2f} s | {memory:.0f} MiB |")
    print(f"| {name} | ratio | {medians['hf'][0] / medians['impetus'][0]:.2f} | | {medians['hf'][1] / medians['impetus'][1]:.2f} | |", flush=True)


def openssl_rate():
    text = subprocess.run(["openssl", "speed", "-seconds", "2", "-bytes", str(1 << 20), "-evp", "sha256"],
                          capture_output=True, text=True, check=True).stdout
    return float(re.search(r"^sha256\s+([\d.]+)k", text, re.M | re.I).group(1)) * 1e3


def verify(arguments, folder):
    target = arguments.folder / "target"
    shutil.rmtree(target, ignore_errors=True)
    environment = dict(os.environ, HOME=str(target))
    with Hub(arguments.hub, folder) as hub:
        subprocess.run([arguments.impetus, "pull", "org/model", "--all", "--store", str(target), "--progress", "none"],
                       env=dict(environment, HF_ENDPOINT=hub.endpoint), check=True, capture_output=True)
    cores = len(os.sched_getaffinity(0))
    rates, ceilings = [], []
    for _ in range(arguments.rounds):
        seconds, _, _ = measure([arguments.impetus, "verify", "--store", str(target), "--progress", "none"], environment)
        rates.append(LARGE / seconds)
        ceilings.append(openssl_rate() * cores)
    shutil.rmtree(target, ignore_errors=True)
    rate, ceiling = statistics.median(rates), statistics.median(ceilings)
    print(f"| verify 512 MiB | impetus | {LARGE / rate:.2f} s | {rate / 1e6:.0f} MB/s | | |")
    print(f"| verify 512 MiB | openssl speed × {cores} | | {ceiling / 1e6:.0f} MB/s | | {rate / ceiling:.0%} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("impetus")
    parser.add_argument("hf")
    parser.add_argument("hub")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/bench-pull"))
    parser.add_argument("--part", default="large,small,capped,verify")
    arguments = parser.parse_args()
    arguments.folder = arguments.folder.resolve()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, contents in (("large", large_contents), ("small", small_contents)):
        if not (arguments.folder / name / "index").exists():
            shutil.rmtree(arguments.folder / name, ignore_errors=True)
            # In a process of its own: Linux counts what this one once held as memory of every program it starts.
            maker = multiprocessing.get_context("fork").Process(
                target=lambda: make_repository(arguments.folder / name, contents()))
            maker.start()
            maker.join()
            if maker.exitcode:
                raise SystemExit("the repositories could not be made")
    small_bytes = sum(row["size"] for row in json.loads((arguments.folder / "small/tree.json").read_text()))
    parts = arguments.part.split(",")
    print("| task | program | time | rate | CPU | memory |\n|---|---|---|---|---|---|")
    if "large" in parts:
        pulls("512 MiB", arguments, arguments.folder / "large", 0, LARGE)
    if "small" in parts:
        pulls("500 files", arguments, arguments.folder / "small", 0, small_bytes)
    if "capped" in parts:
        pulls("512 MiB, 50 MB/s a connection", arguments, arguments.folder / "large", 50_000_000, LARGE)
    if "verify" in parts:
        verify(arguments, arguments.folder / "large")


main()
