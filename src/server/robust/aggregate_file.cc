#include "server/robust/aggregate_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/sum/sum_file.h"

namespace consilium::server::robust {
namespace {

constexpr std::string_view kMagic = "CNROBUST";
constexpr uint32_t kVersion = 1;

absl::Status CorruptAggregate(std::string_view what) {
  return Error(ErrorCode::kStateCorrupt, fmt::format("an aggregate is damaged: {}", what));
}

absl::Status CheckPrelude(ByteReader& in, job::RobustKind rule) {
  const ByteSpan magic = in.GetBytes(kMagic.size());
  if (AsText(magic) != kMagic) return CorruptAggregate("it begins with other bytes");
  if (const auto version = in.Get<uint32_t>(); version != kVersion) {
    return Error(ErrorCode::kFormatVersion,
                 fmt::format("the aggregate has version {}, want {}", version, kVersion));
  }
  if (in.Get<uint32_t>() == static_cast<uint32_t>(rule)) return absl::OkStatus();
  return Error(ErrorCode::kUpdateLayout,
               fmt::format("the aggregate is not of rule {}", job::RowOf(rule).name));
}

}  // namespace

Bytes EncodeAggregateHead(const tensor::Layout& report, const AggregateHead& head) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.PutBytes(AsBytes(kMagic));
  out.Put(kVersion);
  out.Put(static_cast<uint32_t>(head.rule));
  out.Put(head.totals.contributions);
  out.Put(static_cast<uint32_t>(report.size()));
  out.Put(head.totals.weight);
  for (const tensor::TensorSpec& tensor : report.tensors()) out.Put(tensor::ElementsOf(tensor));
  return bytes;
}

absl::StatusOr<sum::SumReport> DecodeAggregate(const tensor::Layout& report, job::RobustKind rule,
                                               ByteSpan bytes) {
  if (bytes.size() < sum::kSumTailBytes) return CorruptAggregate("it is too short");
  const ByteSpan body = bytes.first(bytes.size() - sum::kSumTailBytes);
  CN_RETURN_IF_ERROR(sum::CheckSumTail(bytes.last(sum::kSumTailBytes), Crc32Of(body)));
  ByteReader in(body);
  CN_RETURN_IF_ERROR(CheckPrelude(in, rule));
  sum::SumReport read;
  read.contributions = in.Get<uint32_t>();
  const bool as_many = in.Get<uint32_t>() == report.size();
  read.total_weight = in.Get<uint64_t>();
  const bool same = as_many && std::ranges::all_of(report.tensors(), [&](const auto& tensor) {
                      return in.Get<uint64_t>() == tensor::ElementsOf(tensor);
                    });
  if (!same || in.left() != report.payload_bytes()) {
    return Error(ErrorCode::kUpdateLayout, "the aggregate is of another layout");
  }
  read.values = tensor::Bundle(report);
  const ByteSpan values = in.GetBytes(report.payload_bytes());
  std::ranges::copy(values, read.values.payload().begin());
  return read;
}

}  // namespace consilium::server::robust
