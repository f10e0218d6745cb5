// SPDX-License-Identifier: Apache-2.0
// Usage: kernels [SET...]. Runs all checks; with SETs, also fails unless this processor has exactly these.
// Prints the sets on the first line, a checksum that must not depend on the processor on the second.
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int failures, comparisons;
static uint64_t checksum = 0xCBF29CE484222325u;

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (failures++ < 20) {
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
  }
  va_end(arguments);
}

void add_to_checksum(const void *p, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) checksum = (checksum ^ ((const uint8_t *)p)[i]) * 0x100000001B3u;
}

void keep(results *out, const void *p, size_t bytes) {
  if (out->count + bytes > out->capacity) {
    out->capacity = 2 * (out->count + bytes);
    out->bytes = realloc(out->bytes, out->capacity);
    if (!out->bytes) abort();
  }
  memcpy(out->bytes + out->count, p, bytes);
  out->count += bytes;
}

void compare(check_run run, const void *shape, const char *format, ...) {
  char what[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  static results expected, found;
  expected.count = 0;
  run(CK_ISA_PORTABLE, shape, &expected);
  for (int isa = 1; isa < CK_ISA_COUNT; isa++) {
    if (!ck_isa_supported((ck_isa)isa)) continue;
    found.count = 0;
    run((ck_isa)isa, shape, &found);
    comparisons++;
    size_t at = 0;
    while (at < expected.count && at < found.count && expected.bytes[at] == found.bytes[at]) at++;
    if (at < expected.count || found.count != expected.count)
      fail("%s: %s differs from portable at byte %zu of %zu", what, ck_isa_name((ck_isa)isa), at, expected.count);
  }
  release();
}

static void check_sets(int count, char **wanted) {
  int found = 0;
  for (int isa = 0; isa < CK_ISA_COUNT; isa++)
    if (ck_isa_supported((ck_isa)isa)) {
      if (count && (found >= count || strcmp(wanted[found], ck_isa_name((ck_isa)isa))))
        fail("the set %s was found here and not expected", ck_isa_name((ck_isa)isa));
      found++;
      printf("%s ", ck_isa_name((ck_isa)isa));
    }
  if (count > found) fail("%d sets were expected, %d found", count, found);
  printf("\n");
  ck_isa best = ck_isa_choose(NULL).isa;
  for (int isa = 0; isa < CK_ISA_COUNT; isa++) {
    ck_isa_choice choice = ck_isa_choose(ck_isa_name((ck_isa)isa));
    bool supported = ck_isa_supported((ck_isa)isa);
    if (choice.isa != (supported ? (ck_isa)isa : best) || choice.wish != (supported ? CK_WISH_GRANTED : CK_WISH_UNSUPPORTED))
      fail("a wish for %s is not answered", ck_isa_name((ck_isa)isa));
  }
  if (ck_isa_choose("sse9").wish != CK_WISH_UNKNOWN) fail("an unknown set is not refused");
}

int main(int count, char **arguments) {
  check_sets(count - 1, arguments + 1);
  check_vectors();
  check_pool();
  check_products();
  check_attention();
  check_layers();
  check_recurrent();
  check_quantization();
  printf("checksum %016llx\n", (unsigned long long)checksum);
  fprintf(stderr, "%d comparisons, %d failures\n", comparisons, failures);
  return failures ? 1 : 0;
}
