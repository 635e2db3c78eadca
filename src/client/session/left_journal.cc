#include "client/session/left_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "common/base/crash_point.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"

namespace consilium::client::session {
namespace {

constexpr std::string_view kOldPrefix = "journal.";

// A file is at most this long when it is kept aside: one record more than its bound.
constexpr uint64_t kMostRead = uint64_t{64} << 20;

absl::Status ReplayNothing(const journal::Record&) { return absl::OkStatus(); }

// n of "journal.<n>"; 0 for any other name.
uint64_t NumberOf(std::string_view name) {
  if (!name.starts_with(kOldPrefix)) return 0;
  name.remove_prefix(kOldPrefix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

// Of the files kept aside, ascending.
absl::StatusOr<std::vector<uint64_t>> OldNumbers(const Storage& storage,
                                                 const std::string& folder) {
  CN_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage.List(folder));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const uint64_t number = NumberOf(name); number > 0) numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string OldPath(const std::string& folder, uint64_t number) {
  return fmt::format("{}/{}{}", folder, kOldPrefix, number);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> LeftJournalFiles(const Storage& storage,
                                                          const std::string& folder) {
  CN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, OldNumbers(storage, folder));
  std::vector<std::string> paths;
  paths.reserve(numbers.size() + 1);
  for (const uint64_t number : numbers) paths.push_back(OldPath(folder, number));
  if (Exists(storage, folder + "/journal")) paths.push_back(folder + "/journal");
  return paths;
}

LeftJournal::LeftJournal(std::string folder, Storage& storage, uint64_t most_bytes)
    : folder_(std::move(folder)), storage_(storage), most_bytes_(most_bytes) {}

absl::StatusOr<std::unique_ptr<LeftJournal>> LeftJournal::Open(const std::string& folder,
                                                               Storage& storage,
                                                               const journal::Replay& replay,
                                                               uint64_t most_bytes) {
  std::unique_ptr<LeftJournal> left(new LeftJournal(folder, storage, most_bytes));
  CN_ASSIGN_OR_RETURN(left->journal_, journal::Journal::Open(storage, left->Path(), replay));
  left->durable_ = left->journal_->size();
  return left;
}

absl::Status LeftJournal::Append(SiteRecord kind, ByteSpan payload) {
  if (journal_ == nullptr) CN_RETURN_IF_ERROR(Renew());
  absl::Status appended = journal_->AppendDurably(static_cast<uint16_t>(kind), payload);
  if (appended.ok()) {
    durable_ = journal_->size();
  } else {
    journal_.reset();
  }
  return appended;
}

absl::Status LeftJournal::Renew() {
  CN_ASSIGN_OR_RETURN(const auto old, storage_.OpenRead(Path()));
  Bytes bytes(std::min(durable_, old->size()));
  CN_RETURN_IF_ERROR(old->ReadAt(0, bytes));
  CN_RETURN_IF_ERROR(WriteDurably(storage_, Path(), bytes));
  CN_ASSIGN_OR_RETURN(journal_, journal::Journal::Open(storage_, Path(), ReplayNothing));
  durable_ = journal_->size();
  return absl::OkStatus();
}

void LeftJournal::Turn(UtcMillis now, const Carry& carry) {
  if (durable_ <= CN_CRASH_BOUND(most_bytes_, 1)) return;
  const absl::Status turned = KeepAside(now, carry);
  if (!turned.ok()) LogStatus(Level::kWarning, "the journal of what left grows on", turned);
}

// The copy first: a crash in between leaves the same records in two files, never in none.
absl::Status LeftJournal::KeepAside(UtcMillis now, const Carry& carry) {
  CN_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, OldNumbers(storage_, folder_));
  const uint64_t number = numbers.empty() ? 1 : numbers.back() + 1;
  CN_ASSIGN_OR_RETURN(const Bytes whole, ReadWhole(storage_, Path(), kMostRead));
  CN_RETURN_IF_ERROR(WriteDurably(storage_, OldPath(folder_, number), whole));
  CN_CRASH_POINT("old_journal.kept");
  const std::string fresh = Path() + ".next";
  CN_RETURN_IF_ERROR(storage_.Remove(fresh));
  CN_ASSIGN_OR_RETURN(auto next, journal::Journal::Open(storage_, fresh, ReplayNothing));
  const ContinuedRecord from{number, whole.size(), crypto::Sha256Of(whole), now};
  CN_RETURN_IF_ERROR(
      next->Append(static_cast<uint16_t>(SiteRecord::kContinued), EncodeContinued(from)).status());
  for (const auto& [kind, payload] : carry()) {
    CN_RETURN_IF_ERROR(next->Append(static_cast<uint16_t>(kind), payload).status());
  }
  CN_RETURN_IF_ERROR(next->SyncTo(next->size()));
  CN_CRASH_POINT("next_journal.synced");
  CN_RETURN_IF_ERROR(storage_.Rename(fresh, Path()));
  CN_CRASH_POINT("next_journal.renamed");
  journal_ = std::move(next);
  durable_ = journal_->size();
  if (absl::Status synced = storage_.SyncFolder(folder_); !synced.ok()) {
    journal_.reset();  // the old file may come back: no record before Renew
    return synced;
  }
  return RemoveOldest();
}

absl::Status LeftJournal::RemoveOldest() {
  CN_ASSIGN_OR_RETURN(std::vector<uint64_t> numbers, OldNumbers(storage_, folder_));
  for (size_t i = 0; i + CN_CRASH_BOUND(kMaxOldJournals, 1) < numbers.size(); ++i) {
    const std::string path = OldPath(folder_, numbers[i]);
    Log(Level::kWarning, "the oldest file of the journal of what left goes", {{"file", path}});
    CN_RETURN_IF_ERROR(storage_.Remove(path));
    CN_CRASH_POINT("oldest_journal.removed");
  }
  return absl::OkStatus();
}

}  // namespace consilium::client::session
