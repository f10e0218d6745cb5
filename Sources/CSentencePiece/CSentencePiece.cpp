// SPDX-License-Identifier: Apache-2.0
// See CSentencePiece.h. Every function catches whatever the library throws.

#include "CSentencePiece.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct impetus_sp {
  sentencepiece::SentencePieceProcessor processor;
};

static void say(char *message, size_t capacity, const char *text) {
  if (capacity == 0) return;
  std::strncpy(message, text, capacity - 1);
  message[capacity - 1] = 0;
}

extern "C" impetus_sp *impetus_sp_open(const uint8_t *bytes, size_t count, char *message, size_t capacity) try {
  auto model = std::make_unique<impetus_sp>();
  const auto status = model->processor.LoadFromSerializedProto(
    std::string_view(reinterpret_cast<const char *>(bytes), count));
  if (!status.ok()) {
    say(message, capacity, status.error_message());
    return nullptr;
  }
  if (model->processor.GetPieceSize() <= 0) {
    say(message, capacity, "it holds no pieces");
    return nullptr;
  }
  return model.release();
} catch (const std::exception &error) {
  say(message, capacity, error.what());
  return nullptr;
} catch (...) {
  say(message, capacity, "the library failed");
  return nullptr;
}

extern "C" void impetus_sp_close(impetus_sp *model) { delete model; }

extern "C" int32_t impetus_sp_count(const impetus_sp *model) { return model->processor.GetPieceSize(); }

extern "C" const char *impetus_sp_piece(const impetus_sp *model, int32_t id, size_t *length) try {
  if (id < 0 || id >= model->processor.GetPieceSize()) return nullptr;
  const std::string &piece = model->processor.IdToPiece(id);
  *length = piece.size();
  return piece.data();
} catch (...) {
  return nullptr;
}

extern "C" int32_t impetus_sp_kind(const impetus_sp *model, int32_t id) try {
  const auto &processor = model->processor;
  return processor.IsControl(id) || processor.IsUnknown(id) ? IMPETUS_SP_CONTROL : IMPETUS_SP_NORMAL;
} catch (...) {
  return IMPETUS_SP_NORMAL;
}

extern "C" int32_t impetus_sp_special(const impetus_sp *model, int32_t role) try {
  switch (role) {
    case IMPETUS_SP_UNKNOWN: return model->processor.unk_id();
    case IMPETUS_SP_BEGINNING: return model->processor.bos_id();
    case IMPETUS_SP_END: return model->processor.eos_id();
    default: return -1;
  }
} catch (...) {
  return -1;
}

extern "C" ptrdiff_t impetus_sp_encode(
  const impetus_sp *model, const uint8_t *text, size_t count, int32_t *ids, size_t capacity) try {
  std::vector<int> found;
  const auto status = model->processor.Encode(std::string_view(reinterpret_cast<const char *>(text), count), &found);
  if (!status.ok()) return -1;
  std::copy_n(found.begin(), std::min(found.size(), capacity), ids);
  return static_cast<ptrdiff_t>(found.size());
} catch (...) {
  return -1;
}
