#include "common/tensor/layout.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::tensor {
namespace {

constexpr size_t kMaxNameBytes = 128;
constexpr int kLeastBoundLog2 = -64;
constexpr int kMostBoundLog2Float32 = 64;
constexpr int kMostBoundLog2Float64 = 200;
constexpr uint64_t kAlignment = 8;

uint64_t RoundUp(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

absl::Status CheckName(size_t index, const std::string& name) {
  if (name.empty() || name.size() > kMaxNameBytes) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("the name of tensor {} has {} bytes, want 1 to {}", index, name.size(),
                             kMaxNameBytes));
  }
  if (!IsPrintable(name)) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("the name of tensor {} is not printable ASCII", index));
  }
  return absl::OkStatus();
}

absl::Status CheckEnums(const TensorSpec& spec) {
  if (spec.dtype != DType::kFloat32 && spec.dtype != DType::kFloat64) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("tensor `{}`: dtype is {}, want 1 (float32) or 2 (float64)", spec.name,
                             static_cast<int>(spec.dtype)));
  }
  if (spec.weighting != Weighting::kSamples && spec.weighting != Weighting::kOne) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("tensor `{}`: weighting is {}, want 1 (samples) or 2 (one)", spec.name,
                             static_cast<int>(spec.weighting)));
  }
  if (spec.tag != Tag::kUpdate && spec.tag != Tag::kSum && spec.tag != Tag::kCount) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("tensor `{}`: tag is {}, want 1 (update), 2 (sum) or 3 (count)",
                             spec.name, static_cast<int>(spec.tag)));
  }
  if (spec.dtype == DType::kFloat64 && spec.weighting != Weighting::kOne) {
    return Error(
        ErrorCode::kUpdateLayout,
        fmt::format("tensor `{}`: float64 weighted by samples, want weighting one", spec.name));
  }
  return absl::OkStatus();
}

absl::Status CheckBound(const TensorSpec& spec) {
  const int most = spec.dtype == DType::kFloat32 ? kMostBoundLog2Float32 : kMostBoundLog2Float64;
  if (spec.bound_log2 < kLeastBoundLog2 || spec.bound_log2 > most) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("tensor `{}`: bound_log2 is {}, want {} to {}", spec.name,
                             spec.bound_log2, kLeastBoundLog2, most));
  }
  return absl::OkStatus();
}

// The tensor's bytes, or which rule its shape breaks. Never overflows: the product is checked
// against the payload's limit after each dimension.
absl::StatusOr<uint64_t> BytesOf(const TensorSpec& spec) {
  if (spec.shape.empty() || spec.shape.size() > kMaxRank) {
    return Error(ErrorCode::kUpdateLayout, fmt::format("tensor `{}`: rank is {}, want 1 to {}",
                                                       spec.name, spec.shape.size(), kMaxRank));
  }
  uint64_t bytes = BytesPerElement(spec.dtype);
  for (const uint32_t extent : spec.shape) {
    if (extent == 0) {
      return Error(ErrorCode::kUpdateLayout,
                   fmt::format("tensor `{}`: an extent is 0, want at least 1", spec.name));
    }
    if (bytes > kMaxPayloadBytes / extent) {
      return Error(ErrorCode::kUpdateLayout,
                   fmt::format("tensor `{}`: more than {} bytes", spec.name, kMaxPayloadBytes));
    }
    bytes *= extent;
  }
  return bytes;
}

absl::StatusOr<uint64_t> CheckTensor(size_t index, const TensorSpec& spec) {
  CN_RETURN_IF_ERROR(CheckName(index, spec.name));
  CN_RETURN_IF_ERROR(CheckEnums(spec));
  CN_RETURN_IF_ERROR(CheckBound(spec));
  return BytesOf(spec);
}

}  // namespace

uint64_t ElementsOf(const TensorSpec& spec) {
  uint64_t elements = 1;
  for (const uint32_t extent : spec.shape) elements *= extent;
  return elements;
}

size_t BytesPerElement(DType dtype) { return dtype == DType::kFloat32 ? 4 : 8; }

struct Layout::Table {
  std::vector<TensorSpec> tensors;
  std::vector<uint64_t> offsets;
  std::unordered_map<std::string_view, size_t> by_name;  // keys point into `tensors`
  uint64_t payload_bytes = 0;
};

Layout::Layout() {
  static const auto* const empty =
      new std::shared_ptr<const Table>(std::make_shared<const Table>());
  table_ = *empty;
}

Layout::Layout(std::shared_ptr<const Table> table) : table_(std::move(table)) {}

absl::StatusOr<Layout> Layout::Create(std::vector<TensorSpec> tensors) {
  if (tensors.size() > kMaxTensors) {
    return Error(ErrorCode::kUpdateLayout,
                 fmt::format("{} tensors, want at most {}", tensors.size(), kMaxTensors));
  }
  auto table = std::make_shared<Table>();
  table->tensors = std::move(tensors);
  table->offsets.reserve(table->tensors.size());
  for (size_t i = 0; i < table->tensors.size(); ++i) {
    const TensorSpec& spec = table->tensors[i];
    CN_ASSIGN_OR_RETURN(const uint64_t bytes, CheckTensor(i, spec));
    if (!table->by_name.emplace(spec.name, i).second) {
      return Error(ErrorCode::kUpdateLayout,
                   fmt::format("two tensors are named `{}`, want each name once", spec.name));
    }
    table->offsets.push_back(table->payload_bytes);
    table->payload_bytes += RoundUp(bytes);
    if (table->payload_bytes > kMaxPayloadBytes) {
      return Error(ErrorCode::kUpdateLayout,
                   fmt::format("tensors up to `{}` take {} bytes, want at most {}", spec.name,
                               table->payload_bytes, kMaxPayloadBytes));
    }
  }
  return Layout(std::move(table));
}

const std::vector<TensorSpec>& Layout::tensors() const { return table_->tensors; }

uint64_t Layout::payload_bytes() const { return table_->payload_bytes; }

uint64_t Layout::OffsetOf(size_t tensor) const {
  CN_CHECK(tensor < table_->offsets.size());
  return table_->offsets[tensor];
}

std::optional<size_t> Layout::Find(std::string_view name) const {
  const auto found = table_->by_name.find(name);
  if (found == table_->by_name.end()) return std::nullopt;
  return found->second;
}

Layout Layout::From(size_t first) const {
  CN_CHECK(first <= size());
  std::vector<TensorSpec> rest(tensors().begin() + static_cast<ptrdiff_t>(first), tensors().end());
  return *Create(std::move(rest));  // every rule holds for the whole, so for the rest
}

bool operator==(const Layout& a, const Layout& b) {
  return a.table_ == b.table_ || a.tensors() == b.tensors();
}

}  // namespace consilium::tensor
