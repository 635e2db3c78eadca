#include "client/rpc/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace consilium::client::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, DoublesUpToTheCapAndStaysThere) {
  Backoff backoff({.base = milliseconds(500), .cap = seconds(30)}, Random(uint64_t{1}));
  Duration whole = milliseconds(500);
  for (int i = 0; i < 40; ++i) {
    const Duration delay = backoff.Next();
    EXPECT_GE(delay, whole / 2) << i;
    EXPECT_LE(delay, whole) << i;
    whole = std::min<Duration>(whole * 2, seconds(30));
  }
}

TEST(Backoff, ResetBeginsAgain) {
  Backoff backoff({}, Random(uint64_t{2}));
  for (int i = 0; i < 20; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), milliseconds(500));
}

TEST(Backoff, TwoSitesDoNotWaitInStep) {
  std::set<Duration> delays;
  for (uint64_t site = 0; site < 100; ++site) delays.insert(Backoff({}, Random(site)).Next());
  EXPECT_GT(delays.size(), 95u);
}

}  // namespace
}  // namespace consilium::client::rpc
