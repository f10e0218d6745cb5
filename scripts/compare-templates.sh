#!/usr/bin/env bash
# Renders every chat template that llama.cpp's source package (from PyPI) holds with jinja2 and with the program.
# Usage: scripts/compare-templates.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

binary=${1:-.build/release/impetus}
downloads=build/downloads
mkdir -p "$downloads" build/templates

if [ ! -x build/text/bin/python ]; then python3 -m venv build/text; fi
build/text/bin/python -c 'import jinja2' 2>/dev/null ||
  build/text/bin/pip install --quiet --disable-pip-version-check jinja2==3.1.6
if ! ls "$downloads"/llama_cpp_python-*.tar.gz >/dev/null 2>&1; then
  echo "Downloading llama.cpp's source from PyPI" >&2
  python3 -m pip download --quiet --no-deps --no-binary llama-cpp-python --disable-pip-version-check -d "$downloads" llama-cpp-python
fi
tar xzf "$(ls "$downloads"/llama_cpp_python-*.tar.gz | tail -1)" -C build/templates --strip-components=5 --wildcards \
  '*/vendor/llama.cpp/models/templates/*.jinja'
exec build/text/bin/python scripts/compare-templates.py "$binary" build/templates
