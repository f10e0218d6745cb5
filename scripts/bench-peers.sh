#!/usr/bin/env bash
# Measures llama.cpp beside the program, in turns, on the same models and threads, and prints the ratios.
# Everything is made below build/: llama.cpp from its PyPI source package, built for this processor.
# Usage: scripts/bench-peers.sh [BINARY] [--rounds N] [--qwen] [--threads N]
#   --qwen also takes Qwen2.5-Coder-0.5B-Instruct (490 MB from PyPI)
set -euo pipefail
cd "$(dirname "$0")/.."

binary=.build/release/impetus
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then binary=$1; shift; fi
export IMPETUS_HOME=${IMPETUS_HOME:-$PWD/build/demo-store}
peers=build/peers
downloads=build/downloads
mkdir -p "$peers" "$downloads"

if [ ! -x "$peers/llama.cpp/bin/llama-bench" ]; then
  scripts/install-packages.sh cmake ninja-build g++ python3-pip
  if ! ls "$downloads"/llama_cpp_python-*.tar.gz >/dev/null 2>&1; then
    echo "Downloading llama.cpp's source from PyPI" >&2
    python3 -m pip download --quiet --no-deps --no-binary llama-cpp-python --disable-pip-version-check \
      -d "$downloads" llama-cpp-python
  fi
  echo "Building llama.cpp for this processor (several minutes)" >&2
  mkdir -p "$peers/source"
  tar xzf "$(ls "$downloads"/llama_cpp_python-*.tar.gz | tail -1)" -C "$peers/source" --strip-components=1
  cmake -S "$peers/source/vendor/llama.cpp" -B "$peers/llama.cpp" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
    -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF \
    -DBUILD_SHARED_LIBS=OFF >"$peers/cmake.log"
  ninja -C "$peers/llama.cpp" llama-bench llama-batched-bench llama-quantize >"$peers/ninja.log"
fi

scripts/demo-model.sh "$binary"
exec python3 scripts/bench_peers.py --binary "$binary" --llama "$peers/llama.cpp/bin" --downloads "$downloads" \
  --work "$peers" "$@"
