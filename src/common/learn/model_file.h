// A model as one file that needs nothing else: docs/formats/model.md.
//
//   safetensors  8-byte little-endian header length, JSON header with the texts as __metadata__,
//                then the tensors (float64 before float32, so each lies at a multiple of its size)
//   JSON         for people and for other languages: texts, column names, weights
// Both hold the same, bit for bit. Reading is strict (kModelSyntax says where), never throws, and
// checks that texts and tensors fit each other (kModelMismatch).
#ifndef CONSILIUM_COMMON_LEARN_MODEL_FILE_H_
#define CONSILIUM_COMMON_LEARN_MODEL_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/wire/state_file.h"

namespace consilium::learn {

inline constexpr uint64_t kMaxModelHeaderBytes = 16 << 20;
inline constexpr uint64_t kMaxModelFileBytes = uint64_t{1} << 33;
inline constexpr int kMaxModelJsonDepth = 8;

// Of a broadcast part that FirstState or NextState made.
Bytes EncodeSafetensors(const wire::StatePart& model);
// kModelSyntax when the texts are not a model's, or a tensor is not finite.
absl::StatusOr<std::string> EncodeModelJson(const wire::StatePart& model);

// Either format, told apart by the first bytes. Tensors come back in the order of the state: the
// model's, then standardize.mean and standardize.scale.
absl::StatusOr<wire::StatePart> DecodeModel(ByteSpan file);

// The model's tensors and scaling fit its texts, and all values are finite.
absl::Status CheckModel(const wire::StatePart& model);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_FILE_H_
