#!/usr/bin/env python3
"""Measures OpenVINO GenAI on a GGUF file and prints one line of JSON: samples of prefill and decode in tokens a second.

Usage: bench_openvino.py FILE THREADS PROMPT DECODE ROUNDS  (run by the Python of a folder where openvino-genai is installed)
Prompts are made of token numbers and differ from round to round; its cache of prefixes is off.
"""
import json
import sys

import numpy
import openvino
import openvino_genai

path = sys.argv[1]
threads, prompt, decode, rounds = map(int, sys.argv[2:6])
scheduler = openvino_genai.SchedulerConfig()
scheduler.enable_prefix_caching = False
scheduler.cache_size = 1
pipe = openvino_genai.LLMPipeline(path, "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=threads)
config = openvino_genai.GenerationConfig()
config.ignore_eos = True
config.do_sample = False


def metrics(length, seed, count):
    """Metrics of an answer of `count` tokens to a prompt of `length`."""
    tokens = numpy.array([[(i * 7919 + seed * 104729 + 11) % 40000 for i in range(length)]], dtype=numpy.int64)
    config.max_new_tokens = config.min_new_tokens = count
    inputs = openvino_genai.TokenizedInputs(openvino.Tensor(tokens), openvino.Tensor(numpy.ones_like(tokens)))
    return pipe.generate(inputs, config).perf_metrics


samples = {"prefill": [], "decode": []}
for turn in range(rounds + 1):
    first = metrics(prompt, turn, 2).get_ttft().mean
    each = metrics(8, turn, decode + 1).get_tpot().mean
    # The first round compiles and warms up.
    if turn > 0:
        samples["prefill"].append(prompt * 1000 / first)
        samples["decode"].append(1000 / each)
print(json.dumps(samples))
