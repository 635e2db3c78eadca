#include "common/rpc/credentials.h"

#include <gmock/gmock.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/rpc/process.h"
#include "tests/common/pki/test_federation.h"
#include "tests/support/status_matchers.h"

namespace consilium::rpc {
namespace {

using pki::Role;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;

class Credentials : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_THAT(InitProcess({}), IsOk()); }
  TlsOptions Options(Role role, const std::string& federation = "heart") {
    TlsOptions options;
    options.files = federation_.Issue(role, "x");
    options.federation = federation;
    return options;
  }
  testing::TestFederation federation_;
};

TEST_F(Credentials, FitTheirSide) {
  const TlsOptions server = Options(Role::kServer);
  const TlsOptions site = Options(Role::kSite);
  EXPECT_THAT(MakeServerCredentials(server, federation_.clock()), IsOk());
  EXPECT_THAT(MakeClientCredentials(site, federation_.clock()), IsOk());
  EXPECT_THAT(MakeServerCredentials(site, federation_.clock()), HasCode(ErrorCode::kWrongRole));
  EXPECT_THAT(MakeClientCredentials(server, federation_.clock()), HasCode(ErrorCode::kWrongRole));
}

TEST_F(Credentials, OfAnotherFederationAreRefused) {
  TlsOptions options = Options(Role::kSite, "lung");
  const auto credentials = MakeClientCredentials(options, federation_.clock());
  ASSERT_THAT(credentials, HasCode(ErrorCode::kBadCertificate));
  EXPECT_THAT(FormatError(credentials.status()),
              HasSubstr("is of the federation heart, want lung"));
  options.federation.clear();  // then the certificate's own counts
  EXPECT_THAT(MakeClientCredentials(options, federation_.clock()), IsOk());
}

// A suite of its own: no SetUpTestSuite has called InitProcess in the process that this asks.
TEST(CredentialsWithoutInit, AreNotMade) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  testing::TestFederation federation;
  TlsOptions options;
  options.files = federation.Issue(Role::kSite, "x");
  EXPECT_EXIT(
      {
        const auto credentials = MakeClientCredentials(options, federation.clock());
        _exit(CodeOf(credentials.status()) == ErrorCode::kTlsSettings ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace consilium::rpc
