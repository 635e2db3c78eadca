// A federation for one test: an authority in a folder that is removed at the end, and certificates
// of it, the proper and the improper.
#ifndef CONSILIUM_TESTS_COMMON_PKI_TEST_FEDERATION_H_
#define CONSILIUM_TESTS_COMMON_PKI_TEST_FEDERATION_H_

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/pki/authority.h"
#include "tests/support/temp_folder.h"

namespace consilium::testing {

// The machine's clock, moved.
class ShiftedClock final : public Clock {
 public:
  explicit ShiftedClock(Duration by) : by_(by) {}
  Instant Now() const override { return system_.Now() + by_; }
  UtcMillis UtcNow() const override {
    return system_.UtcNow() + std::chrono::duration_cast<std::chrono::milliseconds>(by_).count();
  }

 private:
  const SystemClock system_;
  const Duration by_;
};

// What a certificate says that pki would not issue.
struct OddLeaf {
  std::vector<std::string> uris;
  bool for_server = false;
  Duration shift{0};  // of the clock it is issued under; it is valid for a day from then
};

class TestFederation {
 public:
  explicit TestFederation(const std::string& name = "heart");

  pki::Authority& authority() { return *authority_; }
  const TempFolder& folder() const { return folder_; }
  const Clock& clock() const { return clock_; }
  // Issued once per role and id. Servers are named localhost, 127.0.0.1 and ::1.
  pki::TlsFiles Issue(pki::Role role, const std::string& id);
  // With any URIs, either usage and any time; the same three files.
  pki::TlsFiles IssueOdd(const OddLeaf& leaf);

 private:
  const SystemClock clock_;
  TempFolder folder_;
  std::unique_ptr<pki::Authority> authority_;
  int odd_count_ = 0;
};

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_COMMON_PKI_TEST_FEDERATION_H_
