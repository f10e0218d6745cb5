#!/usr/bin/env bash
# Tests every kernel against the portable one where no Swift is needed: for arm64 on emulated processors with and
# without dot products and int8 matrix products, built by Debian's cross gcc and by clang, and on this machine.
# All of them must print one checksum for what no processor may change.
# Usage: scripts/test-neon.sh [--sanitize]    (--sanitize: only this machine, with address and undefined sanitizers)
set -euo pipefail
cd "$(dirname "$0")/.."

out=build/kernels
sources=(Sources/CKernels/*.c Tests/CKernelsCross/*.c)
flags=(-std=gnu2x -fno-math-errno -Wall -Wextra -Werror -ISources/CKernels/include -ISources/CKernels)
# Portable kernels fuse where the others do, so that all bits can be compared.
native=(-O2)
if [ "$(uname -m)" = x86_64 ]; then native+=(-mavx2 -mfma); fi

# compile FOLDER COMPILER FLAG...: objects of all sources, as many at once as there are processors.
compile() {
  local folder=$out/$1
  shift
  rm -rf "$folder" && mkdir -p "$folder"
  printf '%s\n' "${sources[@]}" |
    xargs -P "$(nproc)" -I{} sh -c 'object=$1/$(echo "$2" | tr / -).o; shift 2; "$@" -o "$object"' \
      compile "$folder" {} "$@" "${flags[@]}" -c {}
}

# run WHAT COMMAND...: the program's output, and its checksum beside the one before.
checksum=
run() {
  local what=$1 text
  shift
  text=$("$@")
  echo "$what: $text" | tr '\n' ' ' && echo
  if [ -n "$checksum" ] && [ "$checksum" != "${text##* }" ]; then
    echo "The checksum of $what is not that of the others" >&2
    exit 1
  fi
  checksum=${text##* }
}

if [ "${1:-}" = --sanitize ]; then
  compile sanitized clang "${native[@]}" -g -fsanitize=address,undefined -fno-sanitize-recover=all
  clang -fsanitize=address,undefined "$out"/sanitized/*.o -lm -lpthread -o "$out/sanitized/kernels"
  run "this machine, sanitized" "$out/sanitized/kernels"
  exit
fi

scripts/install-packages.sh gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
compile gcc aarch64-linux-gnu-gcc -O2
compile clang clang --target=aarch64-linux-gnu --sysroot=/usr/aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include -O3
for compiler in gcc clang; do
  aarch64-linux-gnu-gcc -static "$out/$compiler"/*.o -lm -lpthread -o "$out/$compiler/kernels"
done
all="portable neon neon-dotprod neon-i8mm"
run "arm64 by gcc" qemu-aarch64 -cpu max "$out/gcc/kernels" $all
run "arm64 by clang" qemu-aarch64 -cpu max "$out/clang/kernels" $all
run "arm64 without i8mm" qemu-aarch64 -cpu neoverse-n1 "$out/clang/kernels" portable neon neon-dotprod
run "arm64 without dotprod" qemu-aarch64 -cpu cortex-a72 "$out/clang/kernels" portable neon

compile native clang "${native[@]}"
clang "$out"/native/*.o -lm -lpthread -o "$out/native/kernels"
run "this machine" "$out/native/kernels"
