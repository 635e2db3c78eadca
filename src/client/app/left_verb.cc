#include "client/app/left_verb.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "client/session/left_journal.h"
#include "client/session/what_left.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/journal/journal.h"
#include "common/wire/messages.h"

namespace consilium::client::app {
namespace {

using session::LeftRecord;
using session::SettledRecord;
using session::SiteRecord;

struct Left {
  LeftRecord record;
  bool received = false;  // the server's receipt is here
  std::string outcome;    // empty: not heard yet
};

class LeftList {
 public:
  absl::Status Take(const journal::Record& record) {
    if (record.kind == static_cast<uint16_t>(SiteRecord::kLeft)) {
      CN_ASSIGN_OR_RETURN(LeftRecord left, session::DecodeLeft(record.payload));
      // A file begins with what is held: it left once.
      const auto known = newest_.find({left.job, left.step});
      if (known != newest_.end() && Same(list_[known->second].record, left)) {
        return absl::OkStatus();
      }
      newest_[{left.job, left.step}] = list_.size();
      list_.emplace_back().record = std::move(left);
      return absl::OkStatus();
    }
    if (record.kind == static_cast<uint16_t>(SiteRecord::kContinued)) return absl::OkStatus();
    CN_ASSIGN_OR_RETURN(const SettledRecord settled, session::DecodeSettled(record.payload));
    const auto found = newest_.find({settled.job, settled.step});
    if (found == newest_.end()) return absl::OkStatus();
    Left& left = list_[found->second];
    if (record.kind == static_cast<uint16_t>(SiteRecord::kReceipt)) left.received = true;
    if (record.kind == static_cast<uint16_t>(SiteRecord::kOutcome)) {
      left.outcome = wire::NameOf(settled.outcome);
    }
    if (record.kind == static_cast<uint16_t>(SiteRecord::kForgotten)) left.outcome = "job ended";
    return absl::OkStatus();
  }

  const std::vector<Left>& list() const { return list_; }

 private:
  static bool Same(const LeftRecord& a, const LeftRecord& b) {
    return a.digest == b.digest && a.time == b.time;
  }

  std::vector<Left> list_;
  std::map<std::pair<JobId, StepNumber>, size_t> newest_;
};

std::string Became(const Left& left) {
  if (!left.outcome.empty()) return left.outcome;
  return left.received ? "received" : "not confirmed";
}

nlohmann::json ToJson(const Left& left) {
  nlohmann::json tensors = nlohmann::json::array();
  for (const session::LeftTensor& tensor : left.record.tensors) tensors.push_back(tensor.name);
  return {{"time", FormatUtc(left.record.time)},
          {"job", left.record.job.value()},
          {"researcher", left.record.researcher},
          {"step", left.record.step.value()},
          {"workload", wire::NameOf(left.record.workload)},
          {"bytes", left.record.bytes},
          {"digest", HexOf(left.record.digest)},
          {"outcome", Became(left)},
          {"tensors", tensors}};
}

std::string TableOf(const std::vector<Left>& list) {
  std::string out =
      fmt::format("{:<20}  {:<16}  {:>5}  {:<9}  {:>9}  {:<13}  {:<16}  {}\n", "TIME", "JOB",
                  "STEP", "WORKLOAD", "BYTES", "OUTCOME", "DIGEST", "RESEARCHER");
  uint64_t bytes = 0;
  for (const Left& left : list) {
    const LeftRecord& record = left.record;
    bytes += record.bytes;
    out += fmt::format("{:<20}  {:<16}  {:>5}  {:<9}  {:>9}  {:<13}  {:<16}  {}\n",
                       FormatUtc(record.time).substr(0, 19), record.job.value(),
                       record.step.value(), wire::NameOf(record.workload), record.bytes,
                       Became(left), HexOf(record.digest).substr(0, 16), record.researcher);
  }
  return out + fmt::format("{} updates, {} bytes\n", list.size(), bytes);
}

}  // namespace

absl::StatusOr<std::string> ListWhatLeft(const Storage& storage, const std::string& folder,
                                         bool json) {
  LeftList left;
  // The daemon may keep a file aside meanwhile: then once more.
  for (std::vector<std::string> before; true;) {
    CN_ASSIGN_OR_RETURN(auto files, session::LeftJournalFiles(storage, folder));
    if (files == before) break;
    before = std::move(files);
    left = LeftList();
    for (const std::string& file : before) {
      CN_RETURN_IF_ERROR(journal::ReadJournal(
          storage, file, [&](const journal::Record& record) { return left.Take(record); }));
    }
  }
  if (!json) return TableOf(left.list());
  nlohmann::json list = nlohmann::json::array();
  for (const Left& one : left.list()) list.push_back(ToJson(one));
  return nlohmann::json({{"consilium", 1}, {"kind", "left"}, {"data", list}}).dump() + "\n";
}

}  // namespace consilium::client::app
