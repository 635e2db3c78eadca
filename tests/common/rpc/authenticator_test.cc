#include "common/rpc/authenticator.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/status_matchers.h"

namespace consilium::rpc {
namespace {

using testing::HasCode;

absl::StatusOr<Authenticated> Decide(const std::vector<std::string>& uris, Rpc rpc) {
  return Authenticator("heart").Decide(uris, rpc);
}

TEST(Authenticator, GivesTheIdentityOfTheOneUri) {
  ASSERT_OK_AND_ASSIGN(const Authenticated caller, Decide({"spiffe://heart/site/a"}, Rpc::kAttend));
  EXPECT_EQ(caller.identity(), (pki::Identity{"heart", pki::Role::kSite, "a"}));
}

TEST(Authenticator, EveryRoleAndRpcIsDecidedByTheTable) {
  for (const AccessRow& row : AccessTable()) {
    for (const pki::Role role : {pki::Role::kServer, pki::Role::kSite, pki::Role::kResearcher,
                                 pki::Role::kOperator, pki::Role::kAuditor}) {
      const auto caller = Decide({pki::Identity{"heart", role, "x"}.ToUri()}, row.rpc);
      if (MayCall(role, row.rpc)) {
        EXPECT_THAT(caller, testing::IsOk());
      } else {
        EXPECT_THAT(caller, HasCode(ErrorCode::kNotAllowed));
      }
    }
  }
}

TEST(Authenticator, OtherThanOneUriIsNobody) {
  EXPECT_THAT(Decide({}, Rpc::kAttend), HasCode(ErrorCode::kNotAuthenticated));
  EXPECT_THAT(Decide({"spiffe://heart/site/a", "spiffe://heart/site/a"}, Rpc::kAttend),
              HasCode(ErrorCode::kNotAuthenticated));
}

TEST(Authenticator, AForeignUriIsNobody) {
  for (const char* uri : {"spiffe://lung/site/a", "spiffe://heart.evil/site/a", "https://heart",
                          "spiffe://heart/janitor/a", ""}) {
    EXPECT_THAT(Decide({uri}, Rpc::kAttend), HasCode(ErrorCode::kNotAuthenticated)) << uri;
  }
}

TEST(Authenticated, IsMadeByNobodyElse) {
  EXPECT_FALSE((std::is_constructible_v<Authenticated, pki::Identity>));
  EXPECT_FALSE(std::is_default_constructible_v<Authenticated>);
}

}  // namespace
}  // namespace consilium::rpc
