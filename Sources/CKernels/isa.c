// SPDX-License-Identifier: Apache-2.0
// Which instruction sets this processor has, and which one is used.
#include "CKernels.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[CK_ISA_COUNT] = {"portable", "avx2", "avx512", "avx512vnni"};

const char *ck_isa_name(ck_isa isa) { return isa >= 0 && isa < CK_ISA_COUNT ? names[isa] : "unknown"; }

bool ck_isa_supported(ck_isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  switch (isa) {
    case CK_ISA_PORTABLE: return true;
    case CK_ISA_AVX2: return avx2;
    case CK_ISA_AVX512: return avx512;
    case CK_ISA_AVX512VNNI: return avx512 && __builtin_cpu_supports("avx512vnni");
  }
  return false;
#else
  return isa == CK_ISA_PORTABLE;
#endif
}

static ck_isa best(void) {
  for (int isa = CK_ISA_COUNT - 1; isa > 0; isa--)
    if (ck_isa_supported((ck_isa)isa)) return (ck_isa)isa;
  return CK_ISA_PORTABLE;
}

ck_isa_choice ck_isa_choose(const char *name) {
  if (!name || !*name) return (ck_isa_choice){best(), CK_WISH_NONE};
  for (int isa = 0; isa < CK_ISA_COUNT; isa++)
    if (!strcmp(name, names[isa])) {
      if (ck_isa_supported((ck_isa)isa)) return (ck_isa_choice){(ck_isa)isa, CK_WISH_GRANTED};
      return (ck_isa_choice){best(), CK_WISH_UNSUPPORTED};
    }
  return (ck_isa_choice){best(), CK_WISH_UNKNOWN};
}

ck_isa ck_isa_detect(void) { return ck_isa_choose(getenv("IMPETUS_ISA")).isa; }
