#include "server/store/column_reader.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/sum/exact_sum.h"

namespace consilium::server::store {
namespace {

constexpr uint64_t kMostBlockBytes = 128 * 1024;  // of one update: eight blocks and their sum in L2
constexpr uint64_t kLeastBlockBytes = 4096;
constexpr uint64_t kWidestElement = 8;

// A power of two, so that blocks of float32 begin at multiples of 8 bytes.
uint64_t BlockElements(size_t inputs) {
  uint64_t bytes = kMostBlockBytes;
  while (bytes > kLeastBlockBytes && bytes * inputs > kColumnBytes) bytes /= 2;
  return bytes / kWidestElement;
}

}  // namespace

ColumnReader::ColumnReader(const Storage& storage, tensor::Layout layout,
                           std::vector<ColumnInput> inputs)
    : storage_(&storage),
      layout_(std::move(layout)),
      inputs_(std::move(inputs)),
      block_elements_(BlockElements(inputs_.size())),
      blocks_(inputs_.size()),
      runs_(inputs_.size()) {}

absl::StatusOr<ColumnReader> ColumnReader::Open(const Storage& storage,
                                                const tensor::Layout& layout,
                                                std::vector<ColumnInput> inputs) {
  ColumnReader reader(storage, layout, std::move(inputs));
  const size_t open = std::min(kOpenColumns, reader.inputs_.size());
  for (size_t i = 0; i < open; ++i) {
    CN_ASSIGN_OR_RETURN(reader.files_.emplace_back(), storage.OpenRead(reader.inputs_[i].path));
  }
  return reader;
}

absl::Status ColumnReader::ReadOne(size_t input, uint64_t offset,
                                   std::span<std::byte> block) const {
  const uint64_t position = inputs_[input].header_bytes + offset;
  if (input < files_.size()) return files_[input]->ReadAt(position, block);
  CN_ASSIGN_OR_RETURN(const auto file, storage_->OpenRead(inputs_[input].path));
  return file->ReadAt(position, block);
}

absl::StatusOr<std::span<const sum::WeightedRun>> ColumnReader::Read(size_t tensor, uint64_t first,
                                                                     uint64_t count) {
  CN_CHECK(first % block_elements_ == 0 && count <= block_elements_);
  const uint64_t size = tensor::BytesPerElement(layout_.tensors()[tensor].dtype);
  const uint64_t offset = layout_.OffsetOf(tensor) + first * size;
  const uint64_t length = (count * size + 7) / 8 * 8;  // with the padding: it is checked too
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (blocks_[i].size() < length) blocks_[i].resize(length);
    const std::span<std::byte> block = std::span(blocks_[i]).first(length);
    CN_RETURN_IF_ERROR(ReadOne(i, offset, block));
    CN_RETURN_IF_ERROR(sum::ValidateBlock(layout_, offset, block));
    runs_[i] = {inputs_[i].weight, block.data()};
  }
  return std::span<const sum::WeightedRun>(runs_);
}

}  // namespace consilium::server::store
