#include "server/round/inline_state.h"

#include <utility>

#include "common/wire/state_file.h"

namespace consilium::server::round {

std::shared_ptr<const wire::InlineState> InlineStateOf(const store::StateStore& states,
                                                       const Digest& state, size_t sites) {
  const auto manifest = states.GetManifest(state);
  if (!manifest.ok()) return nullptr;
  const uint64_t bytes = manifest->broadcast.bytes;
  if (bytes > wire::kMaxInlineStateBytes || bytes * sites > kMaxInlineBytesOfStep) return nullptr;
  const auto file = states.OpenForSite(manifest->broadcast.digest);
  if (!file.ok() || (*file)->size() != bytes) return nullptr;
  wire::InlineState content{wire::EncodeManifest(*manifest), Bytes(bytes)};
  if (!(*file)->ReadAt(0, content.broadcast).ok()) return nullptr;
  return std::make_shared<const wire::InlineState>(std::move(content));
}

}  // namespace consilium::server::round
