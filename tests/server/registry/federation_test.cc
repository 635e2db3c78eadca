#include "server/registry/federation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/base/error.h"
#include "common/base/retry_after.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::registry {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const SiteId kSite("hospital-a");

class FakePort final : public SitePort {
 public:
  void Send(const wire::ServerMessage& message) override { sent.push_back(message); }
  void Close(const absl::Status& why) override { closed = why; }
  std::vector<wire::ServerMessage> sent;
  std::optional<absl::Status> closed;
};

class FakeListener final : public SiteListener {
 public:
  void OnAttend(const SiteId& site, const wire::Hello&, Arrival arrival) override {
    heard.push_back("attend " + site.value());
    arrivals.push_back(arrival);
  }
  void OnLeave(const SiteId& site) override { heard.push_back("leave " + site.value()); }
  void OnMessage(const SiteId& site, const wire::SiteMessage&) override {
    heard.push_back("message " + site.value());
  }
  std::vector<std::string> heard;
  std::vector<Arrival> arrivals;
};

class FakeEpochLog final : public EpochLog {
 public:
  absl::Status RecordEpoch(const SiteId&, Epoch epoch, const wire::Hello&) override {
    if (during) during();
    if (!result.ok()) return result;
    recorded.push_back(epoch.value());
    return absl::OkStatus();
  }
  std::vector<uint64_t> recorded;
  absl::Status result;
  std::function<void()> during;
};

wire::Hello HelloOf(const std::string& store_id) {
  wire::Hello hello;
  hello.version = "0.1.0";
  hello.datasets = {"heart"};
  hello.capabilities = {"kernel=eigen"};
  hello.store_id = store_id;
  return hello;
}

class FederationTest : public ::testing::Test {
 protected:
  FakeListener listener_;
  FakeEpochLog log_;
  ManualClock clock_;
  Federation federation_{{"clinics", "0.1.0"}, listener_, log_, clock_};
};

TEST_F(FederationTest, WelcomeCarriesADurableEpoch) {
  ASSERT_OK_AND_ASSIGN(const wire::Welcome welcome,
                       federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()));
  EXPECT_EQ(welcome.epoch, Epoch(1));
  EXPECT_EQ(welcome.federation, "clinics");
  EXPECT_THAT(log_.recorded, ElementsAre(1));
  EXPECT_THAT(listener_.heard, ElementsAre("attend hospital-a"));
  EXPECT_THAT(federation_.CheckEpoch(kSite, Epoch(1)), IsOk());
}

TEST_F(FederationTest, EpochsGoOnAfterARestart) {
  federation_.Restore(kSite, Epoch(41), "s1", 0);
  EXPECT_THAT(federation_.CheckEpoch(kSite, Epoch(41)), HasCode(ErrorCode::kFenced));
  ASSERT_OK_AND_ASSIGN(const wire::Welcome welcome,
                       federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()));
  EXPECT_EQ(welcome.epoch, Epoch(42));
}

TEST_F(FederationTest, ANewProcessIsToldFromAReconnectAlsoOverARestartOfTheServer) {
  federation_.Restore(kSite, Epoch(3), "s1", 7);
  const auto attend = [&](uint64_t process) {
    wire::Hello hello = HelloOf("s1");
    hello.process = process;
    ASSERT_THAT(federation_.Attend(kSite, hello, std::make_shared<FakePort>()), IsOk());
  };
  attend(7);
  attend(7);
  attend(8);
  attend(0);  // an older client does not say
  EXPECT_THAT(listener_.arrivals, ElementsAre(Arrival::kWithServer, Arrival::kReconnected,
                                              Arrival::kRestarted, Arrival::kReconnected));
  ASSERT_THAT(federation_.Attend(SiteId("new"), HelloOf("s9"), std::make_shared<FakePort>()),
              IsOk());
  EXPECT_EQ(listener_.arrivals.back(), Arrival::kFirst);
}

TEST_F(FederationTest, NewerAttendFencesTheOlder) {
  const auto older = std::make_shared<FakePort>();
  const auto newer = std::make_shared<FakePort>();
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), older), IsOk());
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), newer), IsOk());
  ASSERT_TRUE(older->closed.has_value());
  EXPECT_THAT(*older->closed, HasCode(ErrorCode::kFenced));
  EXPECT_THAT(federation_.OnMessage(kSite, Epoch(1), wire::TaskAccepted{}),
              HasCode(ErrorCode::kFenced));
  EXPECT_TRUE(federation_.SendTo(kSite, wire::JobEnded{}));
  EXPECT_THAT(older->sent, IsEmpty());
  EXPECT_EQ(newer->sent.size(), 1u);
}

TEST_F(FederationTest, WhatASiteIsCapableOfIsItsNewestWord) {
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()), IsOk());
  EXPECT_THAT(federation_.Sites()[0].capabilities, ElementsAre("kernel=eigen"));
  wire::Hello hello = HelloOf("s1");
  hello.capabilities = {"kernel=other"};
  ASSERT_THAT(federation_.Attend(kSite, hello, std::make_shared<FakePort>()), IsOk());
  EXPECT_THAT(federation_.Sites()[0].capabilities, ElementsAre("kernel=other"));
}

TEST_F(FederationTest, LeaveOfAFencedStreamChangesNothing) {
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()), IsOk());
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()), IsOk());
  federation_.Leave(kSite, Epoch(1));
  EXPECT_TRUE(federation_.Sites()[0].connected);
  federation_.Leave(kSite, Epoch(2));
  federation_.Leave(kSite, Epoch(2));
  EXPECT_FALSE(federation_.Sites()[0].connected);
  EXPECT_FALSE(federation_.SendTo(kSite, wire::JobEnded{}));
  EXPECT_THAT(listener_.heard,
              ElementsAre("attend hospital-a", "attend hospital-a", "leave hospital-a"));
}

TEST_F(FederationTest, EpochThatIsNotDurableFencesNobody) {
  const auto live = std::make_shared<FakePort>();
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), live), IsOk());
  log_.result = Error(ErrorCode::kStorageFull, "journal: no space");
  EXPECT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()),
              HasCode(ErrorCode::kStorageFull));
  EXPECT_FALSE(live->closed.has_value());
  EXPECT_THAT(federation_.OnMessage(kSite, Epoch(1), wire::TaskAccepted{}), IsOk());
}

TEST_F(FederationTest, AttendThatIsOvertakenWhileRecordedIsFenced) {
  const auto newest = std::make_shared<FakePort>();
  log_.during = [&] {
    log_.during = nullptr;
    ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), newest), IsOk());
  };
  EXPECT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()),
              HasCode(ErrorCode::kFenced));
  EXPECT_FALSE(newest->closed.has_value());
  EXPECT_EQ(federation_.Sites()[0].epoch, Epoch(2));
}

TEST_F(FederationTest, LostDiskIsNoticed) {
  federation_.Restore(kSite, Epoch(1), "s1", 0);
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()), IsOk());
  EXPECT_FALSE(federation_.Sites()[0].store_changed);
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s2"), std::make_shared<FakePort>()), IsOk());
  EXPECT_TRUE(federation_.Sites()[0].store_changed);
}

TEST_F(FederationTest, OtherProtocolVersionIsRefusedByCode) {
  wire::Hello hello = HelloOf("s1");
  hello.protocol = 2;
  EXPECT_THAT(federation_.Attend(kSite, hello, std::make_shared<FakePort>()),
              HasCode(ErrorCode::kVersion));
  EXPECT_THAT(log_.recorded, IsEmpty());
}

TEST_F(FederationTest, ListsOfAHelloAreBounded) {
  wire::Hello hello = HelloOf("s1");
  hello.held.resize(wire::kMaxHeldUpdates + 1);
  EXPECT_THAT(federation_.Attend(kSite, hello, std::make_shared<FakePort>()),
              HasCode(ErrorCode::kProtocol));
  hello = HelloOf("s1");
  hello.capabilities.resize(wire::kMaxCapabilities + 1);
  EXPECT_THAT(federation_.Attend(kSite, hello, std::make_shared<FakePort>()),
              HasCode(ErrorCode::kProtocol));
  hello = HelloOf("s1");
  hello.datasets.resize(wire::kMaxDatasets + 1);
  EXPECT_THAT(federation_.Attend(kSite, hello, std::make_shared<FakePort>()),
              HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(federation_.Attend(kSite, HelloOf(""), std::make_shared<FakePort>()),
              HasCode(ErrorCode::kProtocol));
}

TEST_F(FederationTest, SitesAreBounded) {
  for (size_t i = 0; i < kMaxSites; ++i) {
    federation_.Restore(SiteId("s" + std::to_string(i)), Epoch(1), "x", 0);
  }
  EXPECT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()),
              HasCode(ErrorCode::kOverloaded));
  EXPECT_THAT(federation_.Attend(SiteId("s7"), HelloOf("x"), std::make_shared<FakePort>()), IsOk());
}

TEST_F(FederationTest, CloseAllEndsEveryStreamAndRefusesNewOnes) {
  const auto port = std::make_shared<FakePort>();
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("s1"), port), IsOk());
  federation_.CloseAll(Error(ErrorCode::kOverloaded, "the server drains"));
  ASSERT_TRUE(port->closed.has_value());
  EXPECT_THAT(*port->closed, HasCode(ErrorCode::kOverloaded));
  EXPECT_EQ(RetryAfterOf(*port->closed), Duration(std::chrono::seconds(1)));
  EXPECT_THAT(federation_.Attend(kSite, HelloOf("s1"), std::make_shared<FakePort>()),
              HasCode(ErrorCode::kOverloaded));
}

TEST_F(FederationTest, TwoClientsWithOneCertificateFenceEachOtherByNameAndAreShown) {
  const auto first = std::make_shared<FakePort>();
  const auto second = std::make_shared<FakePort>();
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("disk-1"), first).status(), IsOk());
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("disk-2"), second).status(), IsOk());
  ASSERT_TRUE(first->closed.has_value());
  EXPECT_THAT(*first->closed, HasCode(ErrorCode::kFenced));
  EXPECT_GE(RetryAfterOf(*first->closed), std::chrono::seconds(10)) << "not as fast as it can dial";
  EXPECT_EQ(federation_.Sites().at(0).contested, 1u);
  EXPECT_TRUE(federation_.Sites().at(0).store_changed);
}

TEST_F(FederationTest, AClientThatComesBackIsNotTwo) {
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("disk-1"), std::make_shared<FakePort>()).status(),
              IsOk());
  // Its older stream is half open: the same store.
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("disk-1"), std::make_shared<FakePort>()).status(),
              IsOk());
  // A new disk, after it had left.
  federation_.Leave(kSite, Epoch(2));
  ASSERT_THAT(federation_.Attend(kSite, HelloOf("disk-2"), std::make_shared<FakePort>()).status(),
              IsOk());
  EXPECT_EQ(federation_.Sites().at(0).contested, 0u);
  EXPECT_TRUE(federation_.Sites().at(0).store_changed);
}

TEST_F(FederationTest, TheMoreSitesTheLongerADrainedServerGivesThemToComeBack) {
  std::vector<std::shared_ptr<FakePort>> ports;
  const auto attend = [&](const std::string& name) {
    ports.push_back(std::make_shared<FakePort>());
    ASSERT_THAT(federation_.Attend(SiteId(name), HelloOf("s"), ports.back()).status(), IsOk());
  };
  for (int i = 0; i < 2000; ++i) attend("s" + std::to_string(i));
  federation_.CloseAll(Error(ErrorCode::kConnectionLost, "the server is shutting down"));
  for (const auto& port : ports) {
    EXPECT_EQ(RetryAfterOf(port->closed.value()), std::chrono::seconds(20));
  }
}

}  // namespace
}  // namespace consilium::server::registry
