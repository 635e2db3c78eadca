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
      first.Draw(tensor, values);
    }
    CN_RETURN_IF_ERROR(writer.Append(PartKind::kBroadcast, bytes));
  }
  return absl::OkStatus();
}

absl::Status WritePrivatePart(const aggregation::FirstState& first, store::StateWriter& writer) {
  const wire::StatePartHead& head = first.private_head();
  CN_RETURN_IF_ERROR(writer.Append(PartKind::kPrivate, wire::EncodeStatePartHead(head)));
  std::vector<double> block;
  for (const tensor::TensorSpec& tensor : head.layout.tensors()) {
    const uint64_t slots = tensor.shape.back(), elements = tensor.shape.front();
    for (uint64_t done = 0; done < elements; done += kBlockElements) {
      block.resize(std::min(kBlockElements, elements - done) * slots);
      first.FillPrivate(block);
      CN_RETURN_IF_ERROR(writer.Append(PartKind::kPrivate, std::as_bytes(std::span(block))));
    }
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
  CN_RETURN_IF_ERROR(WritePrivatePart(first, writer));
  return writer.Finish();
}

NextState::NextState(Digest base, store::StateStore& states, aggregation::ServerHalf half,
                     Readers readers, store::StateWriter writer)
    : base_(base),
      states_(&states),
      half_(std::move(half)),
      reader_(std::move(readers.broadcast)),
      private_(std::move(readers.private_part)),
      writer_(std::move(writer)) {}

absl::StatusOr<NextState> NextState::Begin(const job::JobSpec& spec, wire::Workload workload,
                                           const Digest& base, store::StateStore& states) {
  CN_ASSIGN_OR_RETURN(auto reader,
                      store::StatePartReader::Open(states, base, PartKind::kBroadcast));
  CN_ASSIGN_OR_RETURN(auto own, store::StatePartReader::Open(states, base, PartKind::kPrivate));
  CN_ASSIGN_OR_RETURN(auto half, aggregation::ServerHalf::Create(spec, workload, reader.head()));
  CN_RETURN_IF_ERROR(half.CheckPrivatePart(own.head().layout));
  CN_ASSIGN_OR_RETURN(store::StateWriter writer, store::StateWriter::Create(states));
  if (half.MakesState()) {
    CN_RETURN_IF_ERROR(writer.Append(PartKind::kBroadcast, wire::EncodeStatePartHead(half.next())));
    CN_RETURN_IF_ERROR(writer.Append(PartKind::kPrivate, wire::EncodeStatePartHead(own.head())));
  }
  return NextState(base, states, std::move(half), {std::move(reader), std::move(own)},
                   std::move(writer));
}

absl::Status NextState::Step(size_t tensor, uint64_t first, std::span<const double> report) {
  if (tensor < half_.scalars()) {
    half_.TakeScalar(tensor, report[0]);
    return absl::OkStatus();
  }
  tensor -= half_.scalars();
  const std::span<std::byte> bytes = BlockOf(block_, report.size());
  CN_RETURN_IF_ERROR(reader_.Read(bytes));
  own_.resize(tensor < half_.model_tensors() ? report.size() * half_.slots() : 0);
  const std::span<std::byte> own = std::as_writable_bytes(std::span(own_));
  if (!own.empty()) CN_RETURN_IF_ERROR(private_.Read(own));
  CN_RETURN_IF_ERROR(
      half_.Step(tensor, first, report, std::span(block_).first(report.size()), own_));
  if (!own.empty()) CN_RETURN_IF_ERROR(writer_.Append(PartKind::kPrivate, own));
  return writer_.Append(PartKind::kBroadcast, bytes);
}

absl::Status NextState::CopyStepped() {
  const tensor::Layout& layout = half_.next().layout;
  const size_t stepped = half_.stepped_tensors();
  uint64_t left = stepped < layout.size() ? layout.OffsetOf(stepped) : layout.payload_bytes();
  while (left > 0) {
    const uint64_t some = std::min<uint64_t>(left, kBlockElements * sizeof(float));
    const std::span<std::byte> bytes = BlockOf(block_, some / sizeof(float));
    CN_RETURN_IF_ERROR(reader_.Read(bytes));
    CN_RETURN_IF_ERROR(writer_.Append(PartKind::kBroadcast, bytes));
    left -= some;
  }
  return absl::OkStatus();
}

absl::StatusOr<store::StateStore::Hold> NextState::Finish(const tensor::Bundle& statistics) {
  if (!half_.MakesState()) return states_->HoldKept(base_);
  if (!half_.MovesModel()) CN_RETURN_IF_ERROR(CopyStepped());
  tensor::Bundle tail(reader_.head().layout.From(half_.stepped_tensors()));
  CN_RETURN_IF_ERROR(reader_.Read(tail.payload()));
  CN_RETURN_IF_ERROR(reader_.Finish());
  CN_ASSIGN_OR_RETURN(const tensor::Bundle next, half_.NextTail(tail, statistics));
  CN_RETURN_IF_ERROR(writer_.Append(PartKind::kBroadcast, next.payload()));
  // What no step has read goes on as it is: all of it, where the model stays.
  CN_RETURN_IF_ERROR(private_.ReadRest(
      [this](ByteSpan rest) { return writer_.Append(PartKind::kPrivate, rest); }));
  CN_RETURN_IF_ERROR(private_.Finish());
  return writer_.Finish();
}

}  // namespace consilium::server::round
