#!/usr/bin/env bash
# Measures llama.cpp and OpenVINO GenAI beside the program, in turns, on the same models and threads, and prints ratios.
# Everything is made in a scratch folder: llama.cpp from its PyPI source package, built for this processor, OpenVINO GenAI
# in a virtual environment.
# Usage: scripts/bench-peers.sh [BINARY] [--rounds N] [--threads N] [--models smollm2,qwen,llama-1b] [--markdown FILE]
#   qwen takes 490 MB from PyPI, llama-1b 5 GB of disk. PEERS names the scratch folder; build/peers when it is not set.
set -euo pipefail
cd "$(dirname "$0")/.."

binary=.build/release/impetus
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then binary=$1; shift; fi
export IMPETUS_HOME=${IMPETUS_HOME:-$PWD/build/demo-store}
peers=${PEERS:-build/peers}
downloads=build/downloads
mkdir -p "$peers" "$downloads"
tools="llama-bench llama-batched-bench llama-quantize llama-completion"

if [ ! -x "$peers/llama.cpp/bin/llama-bench" ] || [ ! -x "$peers/llama.cpp/bin/llama-completion" ]; then
  scripts/install-packages.sh cmake ninja-build g++ python3-pip
  if ! ls "$downloads"/llama_cpp_python-*.tar.gz >/dev/null 2>&1; then
    echo "Downloading llama.cpp's source from PyPI" >&2
    python3 -m pip download --quiet --no-deps --no-binary llama-cpp-python --disable-pip-version-check \
      -d "$downloads" llama-cpp-python
  fi
  echo "Building llama.cpp for this processor (half an hour on two busy cores)" >&2
  mkdir -p "$peers/source"
  tar xzf "$(ls "$downloads"/llama_cpp_python-*.tar.gz | tail -1)" -C "$peers/source" --strip-components=1
  cmake -S "$peers/source/vendor/llama.cpp" -B "$peers/llama.cpp" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
    -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
    -DBUILD_SHARED_LIBS=OFF >"$peers/cmake.log"
  # shellcheck disable=SC2086
  nice ninja -C "$peers/llama.cpp" $tools >"$peers/ninja.log"
fi

if ! "$peers/openvino/bin/python" -c "import openvino_genai, gguf" 2>/dev/null; then
  echo "Installing OpenVINO GenAI" >&2
  scripts/install-packages.sh python3-venv
  python3 -m venv "$peers/openvino"
  "$peers/openvino/bin/pip" install --quiet --disable-pip-version-check openvino-genai gguf
fi

scripts/demo-model.sh "$binary"
exec python3 scripts/bench_peers.py --binary "$binary" --peers "$peers" --downloads "$downloads" "$@"
