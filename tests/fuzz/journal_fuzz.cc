// Any bytes as a journal: it opens or names what is wrong. What opened goes on, and opens again
// with the same records and the new one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/error.h"
#include "common/base/memory_storage.h"
#include "common/journal/journal.h"

namespace consilium::journal {
namespace {

absl::StatusOr<std::unique_ptr<Journal>> OpenInto(Storage& storage,
                                                  std::vector<std::string>& texts) {
  return Journal::Open(storage, "j", [&](const Record& record) {
    texts.emplace_back(AsText(record.payload));
    return absl::OkStatus();
  });
}

void Run(ByteSpan bytes) {
  MemoryStorage storage;
  storage.Plant("j", bytes);
  std::vector<std::string> texts, again;
  {
    const auto journal = OpenInto(storage, texts);
    if (!journal.ok()) {
      const auto code = CodeOf(journal.status());
      CN_CHECK(code == ErrorCode::kJournalCorrupt || code == ErrorCode::kFormatVersion);
      return;
    }
    CN_CHECK((*journal)->size() + (*journal)->cut_bytes() == bytes.size());
    CN_CHECK((*journal)->AppendDurably(1, AsBytes("new")).ok());
  }
  texts.emplace_back("new");
  const auto journal = OpenInto(storage, again);
  CN_CHECK(journal.ok());
  CN_CHECK((*journal)->cut_bytes() == 0);
  CN_CHECK(texts == again);
}

}  // namespace
}  // namespace consilium::journal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  consilium::journal::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
