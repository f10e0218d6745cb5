#!/usr/bin/env python3
"""sentence-transformers on torch, for bench_embed.py: one process in an environment of its own, asked line by line.

    embed_torch.py FOLDER TEXTS THREADS

Prints a line of JSON with the versions, then answers each line of stdin, a batch size, with the texts per second of one
`encode` with it; at the end of stdin it prints the vectors of the standard batch size, a line of JSON each.
"""
import json
import os
import pathlib
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
folder, texts, threads = sys.argv[1], pathlib.Path(sys.argv[2]).read_text().splitlines(), int(sys.argv[3])

import sentence_transformers
import torch
import transformers

transformers.logging.disable_progress_bar()
torch.set_num_threads(threads)
model = sentence_transformers.SentenceTransformer(folder, device="cpu")
versions = {module.__name__: module.__version__ for module in (sentence_transformers, torch, transformers)}
print(json.dumps(versions), flush=True)
for line in sys.stdin:
    begin = time.perf_counter()
    model.encode(texts, batch_size=int(line), show_progress_bar=False)
    print(len(texts) / (time.perf_counter() - begin), flush=True)
for vector in model.encode(texts, show_progress_bar=False):
    print(json.dumps([float(number) for number in vector]))
