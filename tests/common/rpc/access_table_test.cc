#include "common/rpc/access_table.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "consilium/v1/control.pb.h"
#include "consilium/v1/federation.pb.h"

namespace consilium::rpc {
namespace {

using pki::Role;

constexpr Role kRoles[] = {Role::kServer, Role::kSite, Role::kResearcher, Role::kOperator,
                           Role::kAuditor};

// Every "service/method" of the two files.
std::set<std::string> MethodsOfTheProtos() {
  std::set<std::string> names;
  for (const google::protobuf::FileDescriptor* file :
       {v1::Chunk::descriptor()->file(), v1::JobView::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        names.insert(service->full_name() + "/" + service->method(m)->name());
      }
    }
  }
  return names;
}

TEST(AccessTable, EveryRpcHasExactlyOneRow) {
  std::multiset<std::string> rows;
  for (const AccessRow& row : AccessTable()) {
    rows.insert(std::string(row.service) + "/" + std::string(row.method));
  }
  const std::set<std::string> methods = MethodsOfTheProtos();
  EXPECT_GE(methods.size(), 12u);
  EXPECT_THAT(rows, ::testing::UnorderedElementsAreArray(methods));
}

TEST(AccessTable, EveryValueOfTheEnumerationHasItsOwnRow) {
  std::set<Rpc> rpcs;
  for (const AccessRow& row : AccessTable()) {
    EXPECT_EQ(&RowOf(row.rpc), &row);
    rpcs.insert(row.rpc);
  }
  // The enumeration is dense and kPutModel is its last value.
  EXPECT_EQ(rpcs.size(), static_cast<size_t>(Rpc::kPutModel) + 1);
}

// The whole matrix, written out: a change of the table has to be made twice, on purpose.
TEST(AccessTable, IsThisMatrix) {
  const std::map<Rpc, std::string> expected = {
      // in the order server, site, researcher, operator, auditor
      {Rpc::kAttend, "-S---"},    {Rpc::kFetch, "-S---"},     {Rpc::kSubmit, "-S---"},
      {Rpc::kSubmitJob, "--RO-"}, {Rpc::kListJobs, "--ROA"},  {Rpc::kGetJob, "--ROA"},
      {Rpc::kWatchJob, "--ROA"},  {Rpc::kCancelJob, "--RO-"}, {Rpc::kReplayJob, "--RO-"},
      {Rpc::kListSites, "--ROA"}, {Rpc::kGetModel, "--ROA"},  {Rpc::kPutModel, "--RO-"},
  };
  EXPECT_EQ(expected.size(), AccessTable().size());
  for (const auto& [rpc, letters] : expected) {
    for (size_t i = 0; i < std::size(kRoles); ++i) {
      EXPECT_EQ(MayCall(kRoles[i], rpc), letters[i] != '-')
          << RowOf(rpc).method << " by a " << pki::NameOf(kRoles[i]);
    }
  }
}

TEST(AccessTable, NamesItsRolesForPeople) {
  EXPECT_EQ(RolesOf(RowOf(Rpc::kAttend)), "site");
  EXPECT_EQ(RolesOf(RowOf(Rpc::kSubmitJob)), "researcher or operator");
  EXPECT_EQ(RolesOf(RowOf(Rpc::kGetJob)), "researcher, operator or auditor");
}

}  // namespace
}  // namespace consilium::rpc
