// The updates of a step side by side, for aggregates that no sum can give.
#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "server/store/update_slot.h"
#include "server/store/update_store.h"

namespace consilium::server::store {

absl::StatusOr<StepColumns> UpdateStore::ColumnsOf(FoldState state) const {
  if (!state.folded.empty()) {
    return Error(ErrorCode::kInternal,
                 fmt::format("job {} step {}: updates are folded, and wanted side by side",
                             state.entry->step.job.value(), state.entry->step.step.value()));
  }
  std::ranges::sort(state.files, {},
                    [](const AcceptedFile& file) -> const SiteId& { return file.update.key.site; });
  std::vector<SiteId> sites;
  std::vector<ColumnInput> inputs;
  for (const AcceptedFile& file : state.files) {
    sites.push_back(file.update.key.site);
    inputs.push_back({file.path, file.offset + file.header_bytes, file.update.weight});
  }
  CN_ASSIGN_OR_RETURN(ColumnReader reader,
                      ColumnReader::Open(storage_, state.entry->step.layout, std::move(inputs)));
  return StepColumns{std::move(sites), std::move(reader)};
}

absl::StatusOr<StepColumns> UpdateStore::OpenColumns(const JobId& job, StepNumber step,
                                                     const std::vector<SiteId>& sites) const {
  CN_ASSIGN_OR_RETURN(FoldState state, StateForFold(job, step, sites));
  return ColumnsOf(std::move(state));
}

absl::StatusOr<StepColumns> UpdateStore::OpenKeptColumns(
    const OpenStep& step, const std::vector<AcceptedUpdate>& updates) const {
  CN_ASSIGN_OR_RETURN(FoldState state, KeptState(step, updates));
  return ColumnsOf(std::move(state));
}

}  // namespace consilium::server::store
