#include "server/store/generation.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/base/crc32.h"
#include "common/base/status_macros.h"
#include "common/wire/format.h"

namespace consilium::server::store {
namespace {

using std::string_view_literals::operator""sv;

constexpr wire::Format kFormat = {"CNFOLDED"sv, 1, "a generation", ErrorCode::kStateCorrupt};
constexpr size_t kPreludeBytes = 16;  // magic, version, length of the header
constexpr size_t kCrcBytes = 4;
constexpr size_t kMaxNameBytes = 64;
constexpr uint64_t kMaxHeaderBytes = 32 * 1024 * 1024;

FoldedUpdate GetUpdate(ByteReader& reader) {
  FoldedUpdate update;
  update.site = SiteId(std::string(reader.GetText(kMaxNameBytes)));
  update.digest = wire::GetDigest(reader);
  update.weight = reader.Get<uint32_t>();
  update.bytes = reader.Get<uint64_t>();
  const ByteSpan note = AsBytes(reader.GetText(kMaxNoteBytes));
  update.note.assign(note.begin(), note.end());
  return update;
}

absl::StatusOr<GenerationHeader> Parse(ByteSpan bytes) {
  const ByteSpan covered = bytes.first(bytes.size() - kCrcBytes);
  ByteReader crc(bytes.last(kCrcBytes));
  if (crc.Get<uint32_t>() != Crc32Of(covered)) {
    return wire::Malformed(kFormat, "the checksum of its header is wrong");
  }
  ByteReader reader(covered.subspan(kPreludeBytes));
  GenerationHeader header;
  header.number = reader.Get<uint64_t>();
  header.step = StepNumber(reader.Get<uint64_t>());
  header.base_state = wire::GetDigest(reader);
  header.job = JobId(std::string(reader.GetText(kMaxNameBytes)));
  const auto count = reader.Get<uint32_t>();
  if (count > kMaxFolded) return wire::Malformed(kFormat, "it names too many updates");
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    header.updates.push_back(GetUpdate(reader));
  }
  const auto by_site = [](const FoldedUpdate& a, const FoldedUpdate& b) { return a.site < b.site; };
  if (!reader.ok() || reader.left() > 7 || !wire::IsZero(reader.GetBytes(reader.left())) ||
      !std::ranges::is_sorted(header.updates, by_site)) {
    return wire::Malformed(kFormat, "its header is malformed");
  }
  return header;
}

}  // namespace

Bytes EncodeGenerationHeader(const GenerationHeader& header) {
  CN_CHECK(header.updates.size() <= kMaxFolded);
  Bytes body;
  ByteWriter writer(body);
  writer.Put(header.number);
  writer.Put(header.step.value());
  wire::PutDigest(writer, header.base_state);
  writer.PutText(header.job.value());
  writer.Put(static_cast<uint32_t>(header.updates.size()));
  for (const FoldedUpdate& update : header.updates) {
    CN_CHECK(update.note.size() <= kMaxNoteBytes);
    writer.PutText(update.site.value());
    wire::PutDigest(writer, update.digest);
    writer.Put(update.weight);
    writer.Put(update.bytes);
    writer.PutText(AsText(update.note));
  }
  const size_t length = wire::RoundUp8(kPreludeBytes + body.size() + kCrcBytes);
  body.resize(length - kPreludeBytes - kCrcBytes);
  Bytes out;
  ByteWriter whole(out);
  wire::PutPrelude(whole, kFormat);
  whole.Put(static_cast<uint32_t>(length));
  whole.PutBytes(body);
  whole.Put(Crc32Of(out));
  return out;
}

absl::StatusOr<Generation> ReadGeneration(std::shared_ptr<const FileReader> file,
                                          const tensor::Layout& layout) {
  if (file->size() < kPreludeBytes) return wire::Malformed(kFormat, "it is too short");
  Bytes bytes(kPreludeBytes);
  CN_RETURN_IF_ERROR(file->ReadAt(0, bytes));
  ByteReader prelude(bytes);
  CN_RETURN_IF_ERROR(wire::CheckPrelude(prelude, kFormat));
  const auto length = prelude.Get<uint32_t>();
  if (length % 8 != 0 || length < kPreludeBytes + kCrcBytes || length > kMaxHeaderBytes ||
      length > file->size()) {
    return wire::Malformed(kFormat, "the length of its header is wrong");
  }
  bytes.resize(length);
  CN_RETURN_IF_ERROR(file->ReadAt(0, bytes));
  CN_ASSIGN_OR_RETURN(GenerationHeader header, Parse(bytes));
  CN_ASSIGN_OR_RETURN(StoredSum sum, StoredSum::Open(std::move(file), length, layout));
  if (sum.head().totals.contributions != header.updates.size()) {
    return wire::Malformed(kFormat, "its sum counts another number of updates than it names");
  }
  return Generation{std::move(header), std::move(sum)};
}

}  // namespace consilium::server::store
