#include "common/crypto/tls_settings.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/crypto/sha256.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::crypto {
namespace {

// What OpenSSL took is for a whole process, so each of these asks in one of its own.
class TlsSettings : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void Exit(bool good) { _exit(good ? 0 : 1); }

TEST_F(TlsSettings, AreNotOursWithoutInit) {
  EXPECT_EXIT(Exit(CodeOf(CheckTlsSettings()) == ErrorCode::kTlsSettings),
              ::testing::ExitedWithCode(0), "");
}

TEST_F(TlsSettings, AreOursAfterInit) {
  EXPECT_EXIT(Exit(InitTls().ok() && CheckTlsSettings().ok() && InitTls().ok()),
              ::testing::ExitedWithCode(0), "");
}

// Hashing makes OpenSSL read the machine's own configuration first.
TEST_F(TlsSettings, AreOursEvenWhenSomethingHashedBefore) {
  EXPECT_EXIT(
      {
        const bool hashed = !Sha256Of(AsBytes("early")).IsZero();
        Exit(hashed && InitTls().ok());
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(TlsSettings, DoNotComeFromTheEnvironment) {
  const testing::TempFolder folder;
  const std::string lax = folder.Write("openssl.cnf",
                                       "openssl_conf = a\n[a]\nssl_conf = b\n[b]\n"
                                       "system_default = c\n[c]\nNumTickets = 2\n");
  for (const std::string& path : {lax, folder.PathOf("missing.cnf")}) {
    EXPECT_EXIT(
        {
          setenv("OPENSSL_CONF", path.c_str(), 1);
          Exit(InitTls().ok());
        },
        ::testing::ExitedWithCode(0), "");
  }
}

}  // namespace
}  // namespace consilium::crypto
