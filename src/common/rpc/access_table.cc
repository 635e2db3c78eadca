#include "common/rpc/access_table.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace consilium::rpc {
namespace {

using pki::Role;

constexpr std::array kSites = {Role::kSite};
constexpr std::array kChange = {Role::kResearcher, Role::kOperator};
constexpr std::array kLook = {Role::kResearcher, Role::kOperator, Role::kAuditor};

constexpr std::string_view kFederation = "consilium.v1.Federation";
constexpr std::string_view kControl = "consilium.v1.Control";

constexpr AccessRow kRows[] = {
    {Rpc::kAttend, kFederation, "Attend", kSites},
    {Rpc::kFetch, kFederation, "Fetch", kSites},
    {Rpc::kSubmit, kFederation, "Submit", kSites},
    {Rpc::kSubmitJob, kControl, "SubmitJob", kChange},
    {Rpc::kListJobs, kControl, "ListJobs", kLook},
    {Rpc::kGetJob, kControl, "GetJob", kLook},
    {Rpc::kWatchJob, kControl, "WatchJob", kLook},
    {Rpc::kCancelJob, kControl, "CancelJob", kChange},
    {Rpc::kReplayJob, kControl, "ReplayJob", kChange},
    {Rpc::kListSites, kControl, "ListSites", kLook},
    {Rpc::kGetModel, kControl, "GetModel", kLook},
    {Rpc::kPutModel, kControl, "PutModel", kChange},
};

}  // namespace

std::span<const AccessRow> AccessTable() { return kRows; }

const AccessRow& RowOf(Rpc rpc) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows),
                                 [rpc](const AccessRow& each) { return each.rpc == rpc; });
  CN_CHECK(row != std::end(kRows));
  return *row;
}

bool MayCall(Role role, Rpc rpc) {
  const std::span<const Role> roles = RowOf(rpc).roles;
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

std::string RolesOf(const AccessRow& row) {
  std::string text;
  for (size_t i = 0; i < row.roles.size(); ++i) {
    if (i > 0) text += i + 1 == row.roles.size() ? " or " : ", ";
    text += pki::NameOf(row.roles[i]);
  }
  return text;
}

}  // namespace consilium::rpc
