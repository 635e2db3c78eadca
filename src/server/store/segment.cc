#include "server/store/segment.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/journal/record.h"
#include "common/wire/format.h"

namespace consilium::server::store {
namespace {

constexpr uint16_t kSmallUpdate = 1;  // the kind of a record
constexpr size_t kMaxSiteBytes = 64;

absl::Status Beyond(uint64_t offset, uint64_t bytes, uint64_t size) {
  return Error(ErrorCode::kStorageIo,
               fmt::format("an update ends at byte {}, want {}", size, offset + bytes));
}

}  // namespace

Segment::Segment(std::string path, std::unique_ptr<journal::Journal> journal)
    : path_(std::move(path)), journal_(std::move(journal)) {}

absl::StatusOr<std::unique_ptr<Segment>> Segment::Create(Storage& storage, std::string path) {
  CN_ASSIGN_OR_RETURN(auto journal,
                      journal::Journal::Open(
                          storage, path, [](const journal::Record&) { return absl::OkStatus(); }));
  return std::unique_ptr<Segment>(new Segment(std::move(path), std::move(journal)));
}

absl::StatusOr<SegmentPlace> Segment::Add(const SiteId& site, const Digest& digest, ByteSpan file) {
  Bytes payload;
  ByteWriter writer(payload);
  writer.PutText(site.value());
  wire::PutDigest(writer, digest);
  writer.PutBytes(file);
  CN_ASSIGN_OR_RETURN(const uint64_t end, journal_->Append(kSmallUpdate, payload));
  return SegmentPlace{path_, end - file.size(), end};
}

absl::Status Segment::KeepTo(uint64_t end, bool sync) {
  return sync ? journal_->SyncTo(end) : journal_->WriteTo(end);
}

absl::Status ReadSegment(const Storage& storage, const std::string& path, SegmentIndex& index) {
  absl::Status read =
      journal::ReadJournal(storage, path, [&](const journal::Record& record) -> absl::Status {
        ByteReader in(record.payload);
        const SiteId site(std::string(in.GetText(kMaxSiteBytes)));
        const Digest digest = wire::GetDigest(in);
        if (!in.ok() || record.kind != kSmallUpdate) return absl::OkStatus();
        const uint64_t offset =
            record.position + journal::kHeadBytes + record.payload.size() - in.left();
        index[{site, digest}] = SegmentPlace{
            path, offset, record.position + journal::kHeadBytes + record.payload.size()};
        return absl::OkStatus();
      });
  if (CodeOf(read) == ErrorCode::kStorageIo) return read;  // the disk may answer later
  if (!read.ok()) LogStatus(Level::kWarning, "a segment of updates is damaged", read);
  return absl::OkStatus();
}

absl::Status FileSlice::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  if (offset > bytes_ || out.size() > bytes_ - offset) return Beyond(offset, out.size(), bytes_);
  return file_->ReadAt(offset_ + offset, out);
}

absl::Status MemoryReader::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
    return Beyond(offset, out.size(), bytes_.size());
  }
  std::ranges::copy(bytes_.subspan(offset, out.size()), out.begin());
  return absl::OkStatus();
}

}  // namespace consilium::server::store
