#include "server/round/next_state.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "server/aggregation/first_state.h"

namespace consilium::server::round {
namespace {

using store::PartKind;

constexpr uint64_t kBlockElements = 32768;  // even, as every block but a tensor's last one is

// Floats for `elements` and the padding behind them: zero.
std::span<std::byte> BlockOf(std::vector<float>& block, uint64_t elements) {
  block.assign((elements + 1) / 2 * 2, 0.0F);
  return std::as_writable_bytes(std::span(block));
}

// The state that init = "sha256:.." names; nullopt for another start, and when it is not here.
absl::StatusOr<std::optional<store::StatePartReader>> PutState(const job::JobSpec& spec,
                                                               const store::StateStore& states) {
  if (spec.model.start != job::StartKind::kState) return std::nullopt;
  auto reader = store::StatePartReader::Open(states, spec.model.start_state, PartKind::kBroadcast);
  if (CodeOf(reader.status()) == ErrorCode::kStateNotFound) return std::nullopt;
  CN_RETURN_IF_ERROR(reader.status());
  return *std::move(reader);
}

absl::Status WriteFirstTensor(aggregation::FirstState& first, size_t tensor,
                              const std::optional<store::StatePartReader>& put,
                              store::StateWriter& writer) {
  const uint64_t elements = tensor::ElementsOf(first.head().layout.tensors()[tensor]);
  const std::optional<uint64_t> offset = first.OffsetInPut(tensor);
  std::vector<float> block;
  for (uint64_t done = 0; done < elements; done += kBlockElements) {
    const uint64_t count = std::min(kBlockElements, elements - done);
    const std::span<std::byte> bytes = BlockOf(block, count);
    const std::span<float> values = std::span(block).first(count);
    if (offset) {
      CN_RETURN_IF_ERROR(
          put->ReadPayload(*offset + done * sizeof(float), bytes.first(count * sizeof(float))));
      CN_RETURN_IF_ERROR(first.CheckPut(tensor, values));
    } else {
      first.Draw(values);
    }
    CN_RETURN_IF_ERROR(writer.Append(PartKind::kBroadcast, bytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFirstState(const job::JobSpec& spec, const store::StateStore& states) {
  CN_ASSIGN_OR_RETURN(const auto put, PutState(spec, states));
  return aggregation::FirstState::Create(spec, put ? &put->head() : nullptr).status();
}

absl::StatusOr<store::StateStore::Hold> PutFirstState(const job::JobSpec& spec,
                                                      store::StateStore& states) {
  CN_ASSIGN_OR_RETURN(auto put, PutState(spec, states));
  CN_ASSIGN_OR_RETURN(auto first,
                      aggregation::FirstState::Create(spec, put ? &put->head() : nullptr));
  if (put) CN_RETURN_IF_ERROR(put->Finish());
  CN_ASSIGN_OR_RETURN(store::StateWriter writer, store::StateWriter::Create(states));
  CN_RETURN_IF_ERROR(writer.Append(PartKind::kBroadcast, wire::EncodeStatePartHead(first.head())));
  for (size_t t = 0; t < first.head().layout.size(); ++t) {
    CN_RETURN_IF_ERROR(WriteFirstTensor(first, t, put, writer));
  }
  CN_RETURN_IF_ERROR(writer.Append(PartKind::kPrivate,
                                   wire::EncodeStatePart(aggregation::FirstState::PrivatePart())));
  return writer.Finish();
}

NextState::NextState(Digest base, store::StateStore& states, aggregation::ServerHalf half,
                     store::StatePartReader reader, store::StateWriter writer)
    : base_(base),
      states_(&states),
      half_(std::move(half)),
      reader_(std::move(reader)),
      writer_(std::move(writer)) {}

absl::StatusOr<NextState> NextState::Begin(const job::JobSpec& spec, wire::Workload workload,
                                           const Digest& base, store::StateStore& states) {
  CN_ASSIGN_OR_RETURN(auto reader,
                      store::StatePartReader::Open(states, base, PartKind::kBroadcast));
  CN_ASSIGN_OR_RETURN(auto half, aggregation::ServerHalf::Create(spec, workload, reader.head()));
  CN_ASSIGN_OR_RETURN(store::StateWriter writer, store::StateWriter::Create(states));
  if (half.MakesState()) {
    CN_RETURN_IF_ERROR(writer.Append(PartKind::kBroadcast, wire::EncodeStatePartHead(half.next())));
  }
  return NextState(base, states, std::move(half), std::move(reader), std::move(writer));
}

absl::Status NextState::Step(size_t tensor, uint64_t first, std::span<const double> deltas) {
  const std::span<std::byte> bytes = BlockOf(block_, deltas.size());
  CN_RETURN_IF_ERROR(reader_.Read(bytes));
  CN_RETURN_IF_ERROR(half_.Step(tensor, first, deltas, std::span(block_).first(deltas.size())));
  return writer_.Append(PartKind::kBroadcast, bytes);
}

absl::Status NextState::CopyModel() {
  const tensor::Layout& layout = half_.next().layout;
  uint64_t left =
      model_tensors() < layout.size() ? layout.OffsetOf(model_tensors()) : layout.payload_bytes();
  while (left > 0) {
    const uint64_t some = std::min<uint64_t>(left, kBlockElements * sizeof(float));
    const std::span<std::byte> bytes = BlockOf(block_, some / sizeof(float));
    CN_RETURN_IF_ERROR(reader_.Read(bytes));
    CN_RETURN_IF_ERROR(writer_.Append(PartKind::kBroadcast, bytes));
    left -= some;
  }
  return absl::OkStatus();
}

absl::Status NextState::CopyPrivatePart() {
  CN_ASSIGN_OR_RETURN(auto from, store::StatePartReader::Open(*states_, base_, PartKind::kPrivate));
  CN_RETURN_IF_ERROR(writer_.Append(PartKind::kPrivate, wire::EncodeStatePartHead(from.head())));
  CN_RETURN_IF_ERROR(
      from.ReadRest([this](ByteSpan bytes) { return writer_.Append(PartKind::kPrivate, bytes); }));
  return from.Finish();
}

absl::StatusOr<store::StateStore::Hold> NextState::Finish(const tensor::Bundle& statistics) {
  if (!half_.MakesState()) return states_->HoldKept(base_);
  if (!MovesModel()) CN_RETURN_IF_ERROR(CopyModel());
  tensor::Bundle tail(reader_.head().layout.From(model_tensors()));
  CN_RETURN_IF_ERROR(reader_.Read(tail.payload()));
  CN_RETURN_IF_ERROR(reader_.Finish());
  CN_ASSIGN_OR_RETURN(const tensor::Bundle next, half_.NextTail(tail, statistics));
  CN_RETURN_IF_ERROR(writer_.Append(PartKind::kBroadcast, next.payload()));
  CN_RETURN_IF_ERROR(CopyPrivatePart());
  return writer_.Finish();
}

}  // namespace consilium::server::round
