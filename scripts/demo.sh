#!/usr/bin/env bash
# The tour of `make demo`: get a real model, check it, quantize it to 4 bits, ask it something.
# Usage: scripts/demo.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-.build/release/impetus}
export IMPETUS_HOME=${IMPETUS_HOME:-$PWD/build/demo-store}
model=HuggingFaceTB/SmolLM2-135M-Instruct

say() { printf '\n\033[1m$ %s\033[0m\n' "$*" >&2; "$@"; }

scripts/demo-model.sh "$binary"
if ! "$binary" path "$model:q4" >/dev/null 2>&1; then
  say "$binary" quantize "$model" --bits 4 --group-size 64 --name "$model:q4"
fi
say "$binary" verify "$model:q4"
say "$binary" list
say "$binary" run "$model:q4" "What is gravity?" --temperature 0 --max-tokens 120 --stats
