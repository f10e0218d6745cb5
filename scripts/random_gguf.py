#!/usr/bin/env python3
"""Writes a GGUF file of Llama 3.2 1B's shape with random float16 weights, for measuring programs that read only files.

Usage: random_gguf.py OUTPUT  (needs the packages gguf and numpy)
The vocabulary is made up: bytes, and names for the rest.
"""
import sys

import gguf
import numpy

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD, WIDE, VOCABULARY = 2048, 16, 32, 8, 64, 8192, 128256


def alphabet():
    """GPT-2's letters for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, shift = [], 0
    for byte in range(256):
        if byte in plain:
            letters.append(chr(byte))
        else:
            letters.append(chr(256 + shift))
            shift += 1
    return letters


writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("random llama-1b")
writer.add_context_length(131072)
writer.add_embedding_length(HIDDEN)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(WIDE)
writer.add_head_count(HEADS)
writer.add_head_count_kv(KV_HEADS)
writer.add_key_length(HEAD)
writer.add_value_length(HEAD)
writer.add_rope_dimension_count(HEAD)
writer.add_rope_freq_base(500000.0)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(VOCABULARY)
writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
letters = alphabet()
tokens = letters + ["ab"] + [f"<word{number}>" for number in range(VOCABULARY - 258)] + ["<|end|>"]
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("gpt-2")
writer.add_token_list(tokens)
writer.add_token_types([gguf.TokenType.NORMAL] * (VOCABULARY - 1) + [gguf.TokenType.CONTROL])
writer.add_token_merges(["a b"])
writer.add_bos_token_id(VOCABULARY - 1)
writer.add_eos_token_id(VOCABULARY - 1)
writer.add_add_bos_token(False)

random = numpy.random.default_rng(1)


def matrix(name, rows, columns):
    writer.add_tensor(name, (random.standard_normal((rows, columns), dtype=numpy.float32) * 0.02).astype(numpy.float16))


def norm(name):
    writer.add_tensor(name, numpy.ones(HIDDEN, dtype=numpy.float32))


matrix("token_embd.weight", VOCABULARY, HIDDEN)
for layer in range(LAYERS):
    norm(f"blk.{layer}.attn_norm.weight")
    matrix(f"blk.{layer}.attn_q.weight", HEADS * HEAD, HIDDEN)
    matrix(f"blk.{layer}.attn_k.weight", KV_HEADS * HEAD, HIDDEN)
    matrix(f"blk.{layer}.attn_v.weight", KV_HEADS * HEAD, HIDDEN)
    matrix(f"blk.{layer}.attn_output.weight", HIDDEN, HEADS * HEAD)
    norm(f"blk.{layer}.ffn_norm.weight")
    matrix(f"blk.{layer}.ffn_gate.weight", WIDE, HIDDEN)
    matrix(f"blk.{layer}.ffn_up.weight", WIDE, HIDDEN)
    matrix(f"blk.{layer}.ffn_down.weight", HIDDEN, WIDE)
norm("output_norm.weight")
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
