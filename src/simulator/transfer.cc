#include "simulator/transfer.h"

#include <algorithm>
#include <span>

#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::simulator {
namespace {

// As a small update travels in the standing stream.
absl::StatusOr<wire::Receipt> SubmitWhole(Passage& passage, const Caller& caller,
                                          const wire::UploadHeader& header,
                                          const FileReader& update) {
  Bytes file(update.size());
  CN_RETURN_IF_ERROR(update.ReadAt(0, file));
  CN_RETURN_IF_ERROR(passage.Carry());
  CN_RETURN_IF_ERROR(passage.server()->federation().CheckEpoch(caller.site, caller.epoch));
  const server::store::WholeUpdate whole{header.key, header.digest, file};
  auto receipt = passage.server()->updates().AcceptWhole(std::span(&whole, 1)).front();
  // A process that died in the midst of it tells nobody.
  if (passage.server() == nullptr) {
    return Error(ErrorCode::kConnectionLost, "the connection was lost");
  }
  if (receipt.ok()) passage.server()->OnUpdateAccepted(header.key);
  return receipt;
}

absl::StatusOr<wire::Receipt> Upload(Passage& passage, const wire::UploadHeader& header,
                                     const FileReader& update,
                                     const std::function<void(uint64_t)>& on_written) {
  CN_ASSIGN_OR_RETURN(const auto position, passage.server()->updates().Begin(header));
  if (position.receipt) return *position.receipt;
  uint64_t written = position.written;
  passage.OnUpload(header, UploadStage::kBegun, written);
  Bytes piece(passage.PieceOf(update.size()));
  while (written < update.size()) {
    const auto part =
        std::span(piece).first(std::min<uint64_t>(piece.size(), update.size() - written));
    CN_RETURN_IF_ERROR(update.ReadAt(written, part));
    CN_RETURN_IF_ERROR(passage.Carry());
    CN_ASSIGN_OR_RETURN(
        written, passage.server()->updates().Append(header.key, header.digest, written, part));
    passage.OnUpload(header, UploadStage::kWritten, written);
    on_written(written);
  }
  CN_RETURN_IF_ERROR(passage.Carry());
  auto receipt = passage.server()->updates().Finish(header.key, header.digest);
  if (!receipt.ok()) passage.OnUpload(header, UploadStage::kRefused, written);
  CN_RETURN_IF_ERROR(receipt.status());
  if (passage.server() == nullptr) {
    return Error(ErrorCode::kConnectionLost, "the connection was lost");
  }
  passage.server()->OnUpdateAccepted(header.key);
  return receipt;
}

}  // namespace

absl::Status FetchState(Passage& passage, const Caller& caller, const Digest& digest,
                        uint64_t offset, const std::function<absl::Status(ByteSpan)>& sink) {
  CN_RETURN_IF_ERROR(passage.Carry());
  CN_RETURN_IF_ERROR(passage.server()->federation().CheckEpoch(caller.site, caller.epoch));
  CN_ASSIGN_OR_RETURN(const auto file, passage.server()->states().OpenForSite(digest));
  Bytes piece(passage.PieceOf(file->size()));
  while (offset < file->size()) {
    const auto part =
        std::span(piece).first(std::min<uint64_t>(piece.size(), file->size() - offset));
    CN_RETURN_IF_ERROR(file->ReadAt(offset, part));
    CN_RETURN_IF_ERROR(passage.Carry());
    CN_RETURN_IF_ERROR(sink(part));
    offset += part.size();
  }
  return absl::OkStatus();
}

absl::StatusOr<wire::Receipt> SubmitUpdate(Passage& passage, const Caller& caller,
                                           const wire::UploadHeader& header,
                                           const FileReader& update,
                                           const std::function<void(uint64_t)>& on_written) {
  CN_RETURN_IF_ERROR(passage.Carry());
  CN_RETURN_IF_ERROR(passage.server()->federation().CheckEpoch(caller.site, caller.epoch));
  if (passage.GoesWhole(update.size())) {
    const auto whole = SubmitWhole(passage, caller, header, update);
    // As the real one: whatever was not taken is uploaded.
    if (whole.ok() || CodeOf(whole.status()) == ErrorCode::kConnectionLost) return whole;
  }
  return Upload(passage, header, update, on_written);
}

}  // namespace consilium::simulator
