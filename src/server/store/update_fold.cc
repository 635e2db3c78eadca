#include "server/store/update_fold.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "common/base/status_macros.h"
#include "server/store/update_check.h"

namespace consilium::server::store {
namespace {

// Adds up to kFoldFiles updates. `buffer` has room for a block of each.
absl::Status FoldBatch(const Storage& storage, const tensor::Layout& layout,
                       std::span<const FoldInput> inputs, std::span<Bytes> buffer,
                       sum::ExactSum& sum) {
  std::vector<std::unique_ptr<FileReader>> files;
  for (const FoldInput& input : inputs) {
    CN_ASSIGN_OR_RETURN(files.emplace_back(), storage.OpenRead(input.path));
  }
  std::vector<sum::ExactSum::WeightedBlock> blocks(inputs.size());
  for (uint64_t offset = 0; offset < layout.payload_bytes(); offset += kBlockBytes) {
    const size_t length = std::min<uint64_t>(kBlockBytes, layout.payload_bytes() - offset);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::span<std::byte> part = std::span(buffer[i]).first(length);
      CN_RETURN_IF_ERROR(files[i]->ReadAt(inputs[i].header_bytes + offset, part));
      CN_RETURN_IF_ERROR(sum::ValidateBlock(layout, offset, part));
      blocks[i] = {inputs[i].weight, part};
    }
    sum.AccumulateBlock(offset, blocks);
  }
  for (const FoldInput& input : inputs) CN_RETURN_IF_ERROR(sum.CountContribution(input.weight));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<sum::ExactSum> FoldFiles(const Storage& storage, const tensor::Layout& layout,
                                        std::span<const FoldInput> inputs,
                                        const sum::SumOptions& options) {
  CN_ASSIGN_OR_RETURN(sum::ExactSum sum, sum::ExactSum::Create(layout, options));
  std::vector<Bytes> buffer(std::min(kFoldFiles, inputs.size()));
  for (Bytes& block : buffer) block.resize(std::min<uint64_t>(kBlockBytes, layout.payload_bytes()));
  for (size_t done = 0; done < inputs.size(); done += kFoldFiles) {
    const auto batch = inputs.subspan(done, std::min(kFoldFiles, inputs.size() - done));
    CN_RETURN_IF_ERROR(FoldBatch(storage, layout, batch, buffer, sum));
  }
  return sum;
}

}  // namespace consilium::server::store
