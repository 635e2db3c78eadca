#include "common/pki/identity.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace consilium::pki {
namespace {

using testing::HasCode;

TEST(Identity, GoesThereAndBackForEveryRole) {
  for (const Role role :
       {Role::kServer, Role::kSite, Role::kResearcher, Role::kOperator, Role::kAuditor}) {
    const Identity identity{"heart", role, "a-1.b_2"};
    ASSERT_OK_AND_ASSIGN(const Identity again, ParseIdentity(identity.ToUri()));
    EXPECT_EQ(again, identity);
    ASSERT_OK_AND_ASSIGN(const Role named, ParseRole(NameOf(role)));
    EXPECT_EQ(named, role);
  }
  EXPECT_EQ((Identity{"heart", Role::kSite, "a"}).ToUri(), "spiffe://heart/site/a");
}

TEST(Identity, NothingElseIsOne) {
  const std::string_view bad[] = {"",
                                  "spiffe://",
                                  "spiffe://heart",
                                  "spiffe://heart/site",
                                  "spiffe://heart/site/",
                                  "spiffe://heart//a",
                                  "spiffe:///site/a",
                                  "spiffe://heart/site/a/b",
                                  "spiffe://heart/site/a?x=1",
                                  "spiffe://heart/site/a#b",
                                  "spiffe://heart/site/A",
                                  "spiffe://heart/SITE/a",
                                  "spiffe://Heart/site/a",
                                  "spiffe://heart/janitor/a",
                                  "SPIFFE://heart/site/a",
                                  "https://heart/site/a",
                                  " spiffe://heart/site/a",
                                  "spiffe://heart/site/a ",
                                  "spiffe://heart/site/a%00",
                                  "spiffe://heart:8443/site/a",
                                  "spiffe://x@heart/site/a",
                                  "spiffe://heart/site/../operator/a"};
  for (const std::string_view uri : bad) {
    EXPECT_THAT(ParseIdentity(uri), HasCode(ErrorCode::kBadIdentity)) << uri;
  }
  const std::string with_zero("spiffe://heart/site/a\0b", 23);
  EXPECT_THAT(ParseIdentity(with_zero), HasCode(ErrorCode::kBadIdentity));
  EXPECT_THAT(ParseIdentity("spiffe://heart/site/" + std::string(65, 'a')),
              HasCode(ErrorCode::kBadIdentity));
}

TEST(Identity, AMessageQuotesOnlyTheHeadOfALongText) {
  const auto identity = ParseIdentity(std::string(100'000, 'x'));
  EXPECT_LT(identity.status().message().size(), 400u);
}

}  // namespace
}  // namespace consilium::pki
