// SPDX-License-Identifier: Apache-2.0
// Every kernel of every instruction set against the portable one, bit for bit, on a processor that has no Swift: a
// check writes what it computes with one set into `results`, and those of all sets are compared.
#pragma once
#include "kernels.h"

typedef struct results {
  uint8_t *bytes;
  size_t count, capacity;
} results;

typedef void (*check_run)(ck_isa isa, const void *shape, results *out);

void keep(results *out, const void *p, size_t bytes);

// Runs a check with the portable set and with each other one this processor has.
void compare(check_run run, const void *shape, const char *format, ...) __attribute__((format(printf, 3, 4)));
// Says what is wrong and counts it.
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Numbers of this kind must be the same on all processors: they go into the checksum the program prints.
void add_to_checksum(const void *p, size_t bytes);

// Numbers that look random and are the same in every run.
typedef struct noise { uint64_t state; } noise;
noise noise_of(int seed);
uint64_t noise_bits(noise *n);
float noise_float(noise *n);  // from -1 to 1

// Zeroed, 64-byte aligned; freed by `release` with all others.
void *memory(size_t bytes);
float *floats(noise *n, size_t count, float size);
void release(void);

// An affine or plain matrix with random codes.
ck_weight random_affine(noise *n, int32_t rows, int32_t inputs, int32_t bits, int32_t group, ck_dtype dtype);
// One of small floats in groups.
ck_weight random_small(noise *n, int32_t rows, int32_t inputs, ck_format format);
ck_weight random_plain(noise *n, int32_t rows, int32_t inputs, ck_dtype dtype);
ck_packed packed_of(const ck_weight *weight);
// `values` as they are stored in this type.
void *stored(const float *values, size_t count, ck_dtype dtype);

void check_vectors(void);
void check_pool(void);
void check_products(void);
void check_attention(void);
void check_layers(void);
void check_recurrent(void);
void check_quantization(void);
