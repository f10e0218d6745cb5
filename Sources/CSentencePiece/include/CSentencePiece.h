// SPDX-License-Identifier: Apache-2.0
// libsentencepiece behind plain C: a model is an opaque pointer, and no exception crosses.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct impetus_sp impetus_sp;

/// What a piece is.
enum { IMPETUS_SP_NORMAL = 0, IMPETUS_SP_CONTROL = 1 };

/// Pieces with a role.
enum { IMPETUS_SP_UNKNOWN = 0, IMPETUS_SP_BEGINNING = 1, IMPETUS_SP_END = 2 };

/// Reads a serialized model; null and a message when it is none.
impetus_sp *impetus_sp_open(const uint8_t *bytes, size_t count, char *message, size_t capacity);
void impetus_sp_close(impetus_sp *model);

/// Number of pieces.
int32_t impetus_sp_count(const impetus_sp *model);
/// The text of a piece, not ended by zero; null when there is no such piece. Lives as long as the model.
const char *impetus_sp_piece(const impetus_sp *model, int32_t id, size_t *length);
/// What a piece is.
int32_t impetus_sp_kind(const impetus_sp *model, int32_t id);
/// The piece with a role, -1 for none.
int32_t impetus_sp_special(const impetus_sp *model, int32_t role);

/// Writes the pieces of a text and returns how many there are, which may be more than fit; -1 on failure.
ptrdiff_t impetus_sp_encode(
  const impetus_sp *model, const uint8_t *text, size_t count, int32_t *ids, size_t capacity);

#ifdef __cplusplus
}
#endif
