// SPDX-License-Identifier: Apache-2.0
// What clang, which Swift builds with, and gcc, which the kernels for arm64 are tested with too, spell differently.
#pragma once

#define CK_PRAGMA(...) _Pragma(#__VA_ARGS__)

// From here to the end of the file no product and sum become one operation unless the source says so: the same
// numbers must come out whatever the compiler makes of a loop.
#if defined(__clang__)
#define CK_NO_CONTRACTION CK_PRAGMA(clang fp contract(off))
#else
#define CK_NO_CONTRACTION CK_PRAGMA(GCC optimize("fp-contract=off"))
#endif

// A loop of a constant number of turns, at most 4, becomes straight code.
#if defined(__clang__)
#define CK_UNROLL CK_PRAGMA(clang loop unroll(full))
#else
#define CK_UNROLL CK_PRAGMA(GCC unroll 4)
#endif

// Functions between these may use an extension of arm64: its features as clang lists them, and gcc's architecture.
#if defined(__clang__)
#define CK_ARM_BEGIN(FEATURES, ARCHITECTURE) \
  CK_PRAGMA(clang attribute push(__attribute__((target(FEATURES))), apply_to = function))
#define CK_ARM_END CK_PRAGMA(clang attribute pop)
#else
#define CK_ARM_BEGIN(FEATURES, ARCHITECTURE) CK_PRAGMA(GCC push_options) CK_PRAGMA(GCC target(ARCHITECTURE))
#define CK_ARM_END CK_PRAGMA(GCC pop_options)
#endif
