// A state: a manifest that names a broadcast part and a private part by digest.
//
// The broadcast part (model, standardisation, feature list, label) goes to sites; the private part
// (server optimizer moments, float64) never leaves the server. Each part is one file: a bundle with
// a small sorted table of texts. The manifest's digest names the state; it holds no time and no
// job id, so the same training gives the same digest. docs/formats/state.md.
#ifndef CONSILIUM_COMMON_WIRE_STATE_FILE_H_
#define CONSILIUM_COMMON_WIRE_STATE_FILE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/tensor/bundle.h"

namespace consilium::wire {

inline constexpr size_t kMaxStateTexts = 64;
inline constexpr size_t kMaxStateTextBytes = size_t{1024} * 1024;

// One part: tensors and texts ("model", "features", "label", "standardize", ...).
struct StatePart {
  tensor::Bundle tensors;
  std::map<std::string, std::string> texts;
};

Bytes EncodeStatePart(const StatePart& part);
absl::StatusOr<StatePart> DecodeStatePart(ByteSpan bytes);  // kStateCorrupt, kFormatVersion

// What stands before the tensors of a part, for those who take them by blocks.
struct StatePartHead {
  tensor::Layout layout;
  std::map<std::string, std::string> texts;
};
inline constexpr size_t kMaxStateHeadBytes = size_t{128} * 1024 * 1024;
// A multiple of 8 bytes; the layout's payload follows.
Bytes EncodeStatePartHead(const StatePartHead& head);
struct DecodedStatePartHead {
  StatePartHead head;
  size_t bytes = 0;  // of the head
};
// `bytes` begin with the head and may go on. kStateCorrupt (also when they end too early),
// kFormatVersion.
absl::StatusOr<DecodedStatePartHead> DecodeStatePartHead(ByteSpan bytes);

struct PartRef {
  Digest digest;
  uint64_t bytes = 0;
  friend bool operator==(const PartRef&, const PartRef&) = default;
};

struct Manifest {
  PartRef broadcast;
  PartRef private_part;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

inline constexpr size_t kManifestBytes = 96;  // fixed: magic, version, two (digest, length), crc32
Bytes EncodeManifest(const Manifest& manifest);
absl::StatusOr<Manifest> DecodeManifest(ByteSpan bytes);
Digest DigestOf(const Manifest& manifest);

// A whole state in memory.
struct State {
  StatePart broadcast;
  StatePart private_part;
};

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_STATE_FILE_H_
