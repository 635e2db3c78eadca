#include "client/data/npz.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/crc32.h"
#include "common/base/error.h"
#include "common/base/inflate.h"
#include "common/base/status_macros.h"
#include "common/config/nearest.h"

namespace consilium::client::data {
namespace {

constexpr uint32_t kLocalHead = 0x04034b50;
constexpr uint32_t kEntryHead = 0x02014b50;
constexpr uint32_t kEndHead = 0x06054b50;
constexpr size_t kEndBytes = 22;
constexpr size_t kMaxComment = 65535;
constexpr uint32_t kInZip64 = 0xffffffff;
constexpr uint16_t kZip64Extra = 1;

struct Entry {
  std::string name;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t packed = 0;
  uint64_t size = 0;
  uint64_t at = 0;
};

absl::Status BadZip(const std::string& name) {
  return Error(ErrorCode::kDataSyntax, fmt::format("`{}` is a damaged NPZ, or cut off", name),
               "copy the file again; `unzip -t FILE` checks it");
}

// Where the record at the end of the file is; its size when there is none.
size_t FindEnd(ByteSpan file) {
  if (file.size() < kEndBytes) return file.size();
  const size_t last = file.size() - kEndBytes;
  const size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (size_t at = last + 1; at-- > first;) {
    if (ByteReader(file.subspan(at)).Get<uint32_t>() == kEndHead) return at;
  }
  return file.size();
}

// Sizes beyond 32 bits stand in an extra field, in the order of those that do not fit.
void ReadZip64(ByteSpan extra, Entry& entry) {
  ByteReader reader(extra);
  while (reader.ok() && reader.left() >= 4) {
    const auto kind = reader.Get<uint16_t>();
    const auto length = reader.Get<uint16_t>();
    ByteReader field(reader.GetBytes(length));
    if (kind != kZip64Extra) continue;
    for (uint64_t* value : {&entry.size, &entry.packed, &entry.at}) {
      if (*value == kInZip64) *value = field.Get<uint64_t>();
    }
  }
}

absl::StatusOr<std::vector<Entry>> EntriesOf(ByteSpan file, const std::string& name) {
  const size_t end = FindEnd(file);
  if (end == file.size()) return BadZip(name);
  ByteReader tail(file.subspan(end + 10));
  const auto count = tail.Get<uint16_t>();
  tail.Get<uint32_t>();  // bytes of the directory
  const auto begin = tail.Get<uint32_t>();
  if (count > kMaxZipMembers || begin > file.size()) return BadZip(name);
  ByteReader reader(file.subspan(begin));
  std::vector<Entry> entries;
  for (size_t i = 0; i < count; ++i) {
    Entry entry;
    if (reader.Get<uint32_t>() != kEntryHead) return BadZip(name);
    reader.GetBytes(6);  // versions and flags
    entry.method = reader.Get<uint16_t>();
    reader.GetBytes(4);  // time and date
    entry.crc = reader.Get<uint32_t>();
    entry.packed = reader.Get<uint32_t>();
    entry.size = reader.Get<uint32_t>();
    const auto name_bytes = reader.Get<uint16_t>();
    const auto extra_bytes = reader.Get<uint16_t>();
    const auto comment_bytes = reader.Get<uint16_t>();
    reader.GetBytes(8);  // disk and attributes
    entry.at = reader.Get<uint32_t>();
    entry.name = std::string(AsText(reader.GetBytes(name_bytes)));
    ReadZip64(reader.GetBytes(extra_bytes), entry);
    reader.GetBytes(comment_bytes);
    if (!reader.ok()) return BadZip(name);
    if (entry.name.ends_with(".npy")) entry.name.resize(entry.name.size() - 4);
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<Bytes> Unpack(ByteSpan file, const Entry& entry, const std::string& name) {
  if (entry.at > file.size()) return BadZip(name);
  ByteReader reader(file.subspan(entry.at));
  if (reader.Get<uint32_t>() != kLocalHead) return BadZip(name);
  reader.GetBytes(22);
  const auto name_bytes = reader.Get<uint16_t>();
  const auto extra_bytes = reader.Get<uint16_t>();
  reader.GetBytes(size_t{name_bytes} + extra_bytes);
  const ByteSpan packed = reader.GetBytes(entry.packed);
  if (!reader.ok()) return BadZip(name);
  Bytes bytes;
  if (entry.method == 0 && entry.packed == entry.size) {
    bytes.assign(packed.begin(), packed.end());
  } else if (entry.method == 8) {
    CN_ASSIGN_OR_RETURN(bytes, InflateRaw(packed, entry.size, name));
  } else {
    return BadZip(name);
  }
  if (Crc32Of(bytes) != entry.crc) return BadZip(name);
  return bytes;
}

}  // namespace

bool IsZip(ByteSpan bytes) {
  const std::string_view text = AsText(bytes.first(std::min<size_t>(bytes.size(), 4)));
  return text == "PK\x03\x04" || text == "PK\x05\x06";
}

absl::StatusOr<Bytes> ZipMember(ByteSpan file, const std::string& member, const std::string& name) {
  CN_ASSIGN_OR_RETURN(const std::vector<Entry> entries, EntriesOf(file, name));
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries) names.push_back(entry.name);
  if (member.empty() && entries.size() == 1) return Unpack(file, entries[0], name);
  const std::string wanted =
      member.ends_with(".npy") ? member.substr(0, member.size() - 4) : member;
  const auto found = std::ranges::find(entries, wanted, &Entry::name);
  if (found != entries.end()) return Unpack(file, *found, name);
  return Error(
      ErrorCode::kDataMissingColumn,
      member.empty() ? fmt::format("`{}` holds {} arrays, want to know which", name, entries.size())
                     : fmt::format("`{}` holds no array `{}`", name, member),
      fmt::format(
          "it holds {}; write the path as FILE.npz#NAME",
          fmt::join(names.begin(),
                    names.begin() + std::min<ptrdiff_t>(8, static_cast<ptrdiff_t>(names.size())),
                    ", ")));
}

}  // namespace consilium::client::data
