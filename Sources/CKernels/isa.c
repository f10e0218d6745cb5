// SPDX-License-Identifier: Apache-2.0
// Which instruction sets this processor has, and which one is used.
#include "CKernels.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

static const char *const names[CK_ISA_COUNT] = {"portable", "avx2", "avxvnni", "avx512", "avx512vnni",
                                                "neon", "neon-dotprod", "neon-i8mm"};

const char *ck_isa_name(ck_isa isa) { return (int)isa >= 0 && (int)isa < CK_ISA_COUNT ? names[isa] : "unknown"; }

#if defined(__x86_64__)

// Leaf 7, subleaf 1, bit 4 of eax; whether the system saves the registers is what AVX2's check asks.
static bool has_avxvnni(void) {
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

bool ck_isa_supported(ck_isa isa) {
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  switch (isa) {
    case CK_ISA_PORTABLE: return true;
    case CK_ISA_AVX2: return avx2;
    case CK_ISA_AVXVNNI: return avx2 && has_avxvnni();
    case CK_ISA_AVX512: return avx512;
    case CK_ISA_AVX512VNNI: return avx512 && __builtin_cpu_supports("avx512vnni");
    default: return false;
  }
}

#elif defined(__aarch64__)

#if defined(__APPLE__)
static bool has(const char *name) {
  int value = 0;
  size_t size = sizeof value;
  return !sysctlbyname(name, &value, &size, NULL, 0) && value;
}
static bool has_dotprod(void) { return has("hw.optional.arm.FEAT_DotProd"); }
static bool has_i8mm(void) { return has("hw.optional.arm.FEAT_I8MM"); }
#elif defined(__linux__)
// Bits of the kernel's asm/hwcap.h, which older headers lack.
static bool has_dotprod(void) { return getauxval(AT_HWCAP) >> 20 & 1; }
static bool has_i8mm(void) { return getauxval(AT_HWCAP2) >> 13 & 1; }
#else
static bool has_dotprod(void) { return false; }
static bool has_i8mm(void) { return false; }
#endif

bool ck_isa_supported(ck_isa isa) {
  switch (isa) {
    case CK_ISA_PORTABLE: return true;
    case CK_ISA_NEON: return true;
    case CK_ISA_NEON_DOTPROD: return has_dotprod();
    case CK_ISA_NEON_I8MM: return has_dotprod() && has_i8mm();
    default: return false;
  }
}

#else

bool ck_isa_supported(ck_isa isa) { return isa == CK_ISA_PORTABLE; }

#endif

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
