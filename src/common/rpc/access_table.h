// Who may call what: one row per RPC, one column per role, default deny.
//
// The table is data, so a test can walk the services' descriptors and fail when an RPC has no row.
// A row opens the door only: whether this researcher may cancel that job is the handler's check.
#ifndef CONSILIUM_COMMON_RPC_ACCESS_TABLE_H_
#define CONSILIUM_COMMON_RPC_ACCESS_TABLE_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/pki/identity.h"

namespace consilium::rpc {

enum class Rpc {
  // Federation
  kAttend,
  kFetch,
  kSubmit,
  // Control
  kSubmitJob,
  kListJobs,
  kGetJob,
  kWatchJob,
  kCancelJob,
  kReplayJob,
  kListSites,
  kGetModel,
  kPutModel,
};

struct AccessRow {
  Rpc rpc;
  std::string_view service;  // "consilium.v1.Control"
  std::string_view method;   // "SubmitJob"
  std::span<const pki::Role> roles;
};

std::span<const AccessRow> AccessTable();
// REQUIRES: `rpc` has a row (a test walks the enumeration).
const AccessRow& RowOf(Rpc rpc);
bool MayCall(pki::Role role, Rpc rpc);
// "researcher or operator": the roles of a row, for people.
std::string RolesOf(const AccessRow& row);

}  // namespace consilium::rpc

#endif  // CONSILIUM_COMMON_RPC_ACCESS_TABLE_H_
