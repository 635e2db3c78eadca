// A model as one .npz file, for NumPy: np.load("model.npz")["w"].
//
// A zip archive whose members are stored as they are: NAME.npy for every tensor (NEP 1, format
// version 1.0, little-endian, C order), named as in the safetensors file, and metadata.json, the
// model's texts as one JSON object. The same model gives the same bytes: no time is in the file.
// Pure; thread-safe.
#ifndef CONSILIUM_COMMON_LEARN_MODEL_NPZ_H_
#define CONSILIUM_COMMON_LEARN_MODEL_NPZ_H_

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/wire/state_file.h"

namespace consilium::learn {

// kFileTooLarge above 4 GiB, what a zip archive of this form can hold.
absl::StatusOr<Bytes> EncodeNpz(const wire::StatePart& model);

}  // namespace consilium::learn

#endif  // CONSILIUM_COMMON_LEARN_MODEL_NPZ_H_
