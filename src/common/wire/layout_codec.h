// Layouts as bytes: docs/formats/layout.md. Two layouts are the same iff their digests are.
#ifndef CONSILIUM_COMMON_WIRE_LAYOUT_CODEC_H_
#define CONSILIUM_COMMON_WIRE_LAYOUT_CODEC_H_

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/tensor/layout.h"

namespace consilium::wire {

Bytes EncodeLayout(const tensor::Layout& layout);
// kUpdateLayout when malformed (every rule of tensor::Layout::Create holds afterwards).
absl::StatusOr<tensor::Layout> DecodeLayout(ByteSpan bytes);
Digest DigestOf(const tensor::Layout& layout);

}  // namespace consilium::wire

#endif  // CONSILIUM_COMMON_WIRE_LAYOUT_CODEC_H_
