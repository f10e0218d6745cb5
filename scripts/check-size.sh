#!/usr/bin/env bash
# Fails when the packaged binary outgrows its ceiling: one careless import can cost 34 MB.
# Usage: scripts/check-size.sh BINARY
set -euo pipefail
limit=$((40 * 1024 * 1024))
size=$(stat -c %s "$1")
echo "$1: $((size / 1024 / 1024)) MiB (ceiling $((limit / 1024 / 1024)) MiB)"
[ "$size" -le "$limit" ]
