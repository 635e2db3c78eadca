#include "common/journal/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "common/journal/record.h"

namespace consilium::journal {
namespace {

absl::Status Corrupt(const std::string& path, uint64_t offset, std::string_view what) {
  return Error(ErrorCode::kJournalCorrupt,
               fmt::format("{} is damaged at byte {}: {}", path, offset, what));
}

absl::Status CheckHeader(const FileReader& file, const std::string& path) {
  if (file.size() < kHeaderBytes) return Corrupt(path, file.size(), "it ends inside its header");
  const Bytes want = EncodeHeader();
  Bytes header(kHeaderBytes);
  CN_RETURN_IF_ERROR(file.ReadAt(0, header));
  constexpr size_t kMagicBytes = 8;
  if (!std::equal(header.begin(), header.begin() + kMagicBytes, want.begin())) {
    return Corrupt(path, 0, "it does not start as a journal does");
  }
  ByteReader reader(ByteSpan(header).subspan(kMagicBytes));
  const auto version = reader.Get<uint32_t>();
  if (version > kFormatVersion) {
    return Error(ErrorCode::kFormatVersion, fmt::format("{} has journal format {}, want at most {}",
                                                        path, version, kFormatVersion));
  }
  if (header != want) return Corrupt(path, kMagicBytes, "its header has an impossible value");
  return absl::OkStatus();
}

// The whole record at `offset` into `record`; false when there is none that verifies.
absl::StatusOr<bool> ReadRecord(const FileReader& file, uint64_t offset, Bytes& record) {
  if (file.size() - offset < kHeadBytes) return false;
  record.resize(kHeadBytes);
  CN_RETURN_IF_ERROR(file.ReadAt(offset, record));
  const uint32_t payload_bytes = DecodeHead(record).payload_bytes;
  if (payload_bytes > kMaxRecordBytes) return false;
  if (payload_bytes > file.size() - offset - kHeadBytes) return false;
  record.resize(kHeadBytes + payload_bytes);
  CN_RETURN_IF_ERROR(file.ReadAt(offset + kHeadBytes, std::span(record).subspan(kHeadBytes)));
  return HasRightCrc(record);
}

// Whether the bad place at `bad` was once durable, by the word of a whole record behind it.
absl::StatusOr<bool> WasDurable(const FileReader& file, uint64_t bad) {
  constexpr uint64_t kWindowBytes = 1 << 20;
  Bytes window, record;
  for (uint64_t start = bad + 1; start + kHeadBytes <= file.size(); start += kWindowBytes) {
    window.resize(std::min(kWindowBytes + kHeadBytes - 1, file.size() - start));
    CN_RETURN_IF_ERROR(file.ReadAt(start, window));
    for (size_t at = 0; at + kHeadBytes <= window.size(); ++at) {
      const uint64_t durable = DecodeHead(ByteSpan(window).subspan(at, kHeadBytes)).durable;
      if (durable <= bad || durable > start + at) continue;
      CN_ASSIGN_OR_RETURN(const bool whole, ReadRecord(file, start + at, record));
      if (whole) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<ScanResult> Scan(const FileReader& file, const std::string& path,
                                const Replay& replay) {
  CN_RETURN_IF_ERROR(CheckHeader(file, path));
  ScanResult result{.end = kHeaderBytes, .last = {}};
  Bytes record;
  while (result.end < file.size()) {
    CN_ASSIGN_OR_RETURN(const bool whole, ReadRecord(file, result.end, record));
    if (!whole) {
      CN_ASSIGN_OR_RETURN(const bool was_durable, WasDurable(file, result.end));
      if (was_durable) return Corrupt(path, result.end, "a record does not have its checksum");
      return result;
    }
    const RecordHead head = DecodeHead(record);
    if (head.previous != result.last) {
      return Corrupt(path, result.end, "a record does not follow the one before it");
    }
    CN_RETURN_IF_ERROR(replay({.position = result.end,
                               .kind = head.kind,
                               .version = head.version,
                               .payload = ByteSpan(record).subspan(kHeadBytes)}));
    result.end += record.size();
    result.last = crypto::Sha256Of(record);
  }
  return result;
}

}  // namespace consilium::journal
