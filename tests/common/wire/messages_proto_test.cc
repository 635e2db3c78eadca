#include "common/wire/messages_proto.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/wire/envelope.h"
#include "tests/common/wire/samples.h"
#include "tests/support/status_matchers.h"

namespace consilium::wire {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::HasSubstr;

Hello SomeHello() {
  Hello hello;
  hello.version = "0.1.0";
  hello.capabilities = {"fedavg"};
  hello.datasets = {"heart", "wdbc"};
  hello.store_id = "f00d";
  hello.held = {{SomeJob(), StepNumber(2), DigestOfByte(1)}};
  hello.process = 0x0123456789abcdef;
  return hello;
}

TaskOffer SomeOffer() {
  TaskOffer offer;
  offer.job = SomeJob();
  offer.step = StepNumber(3);
  offer.workload = Workload::kTrain;
  offer.round = RoundNumber(1);
  offer.state = DigestOfByte(4);
  offer.time_left = std::chrono::minutes(5);
  offer.progress_lease = std::chrono::seconds(60);
  offer.cohort =
      std::make_shared<const std::vector<SiteId>>(std::vector<SiteId>{SiteId("a"), SiteId("b")});
  return offer;
}

// There and back, through the bytes.
template <typename Frame, typename Message>
auto Travel(const Message& message) {
  Frame frame;
  EXPECT_TRUE(frame.ParseFromString(ToProto(message).SerializeAsString()));
  return FromProto(frame);
}

// What arrives of a message, as its own type.
template <typename Frame, typename Union, typename Message>
Message Arrived(const Message& message) {
  auto arrived = Travel<Frame>(Union(message));
  EXPECT_THAT(arrived, IsOk());
  return std::get<Message>(std::get<Union>(*arrived));
}
template <typename Message>
Message FromASite(const Message& message) {
  return Arrived<v1::SiteFrame, SiteMessage>(message);
}
template <typename Message>
Message FromTheServer(const Message& message) {
  return Arrived<v1::ServerFrame, ServerMessage>(message);
}

TEST(MessagesProto, HelloArrivesWhole) {
  const auto arrived = Travel<v1::SiteFrame>(SomeHello());
  ASSERT_THAT(arrived, IsOk());
  const auto& hello = std::get<Hello>(*arrived);
  EXPECT_EQ(hello.protocol, kProtocolVersion);
  EXPECT_EQ(hello.version, "0.1.0");
  EXPECT_EQ(hello.capabilities, SomeHello().capabilities);
  EXPECT_EQ(hello.datasets, SomeHello().datasets);
  EXPECT_EQ(hello.store_id, "f00d");
  ASSERT_EQ(hello.held.size(), 1u);
  EXPECT_EQ(hello.held[0].job, SomeJob());
  EXPECT_EQ(hello.held[0].step, StepNumber(2));
  EXPECT_EQ(hello.held[0].digest, DigestOfByte(1));
  EXPECT_EQ(hello.process, SomeHello().process);
}

TEST(MessagesProto, WhatASiteSaysArrivesWhole) {
  const StepNumber step(9);
  for (const Verdict verdict : {Verdict::kAdmitted, Verdict::kPending, Verdict::kRefused}) {
    const auto admission = FromASite(AdmissionReply{SomeJob(), verdict, "min_rows", "too few"});
    EXPECT_EQ(admission.verdict, verdict);
    EXPECT_EQ(admission.rule, "min_rows");
    EXPECT_EQ(admission.message, "too few");
  }
  EXPECT_EQ(FromASite(TaskAccepted{SomeJob(), step}).step, step);
  EXPECT_EQ(FromASite(TaskRefused{SomeJob(), step, "rule", "why"}).message, "why");
  const auto progress = FromASite(TaskProgress{SomeJob(), step, "train", 3, 10});
  EXPECT_EQ(progress.phase, "train");
  EXPECT_EQ(progress.done, 3u);
  EXPECT_EQ(progress.total, 10u);
  EXPECT_EQ(FromASite(TaskFailed{SomeJob(), step, "CN0404", "cell"}).code, "CN0404");
  EXPECT_EQ(FromASite(OutcomeAck{SomeJob(), step}).job, SomeJob());
}

TEST(MessagesProto, WhatTheServerSaysArrivesWhole) {
  const auto arrived = Travel<v1::ServerFrame>(Welcome{Epoch(8), "0.1.0", "heart", {"x"}});
  ASSERT_THAT(arrived, IsOk());
  EXPECT_EQ(std::get<Welcome>(*arrived).epoch, Epoch(8));
  EXPECT_EQ(std::get<Welcome>(*arrived).federation, "heart");
  EXPECT_EQ(std::get<Welcome>(*arrived).capabilities, std::vector<std::string>{"x"});

  const Bytes bytes = {std::byte{0}, std::byte{255}};
  const auto notice = FromTheServer(JobNotice{SomeJob(), "alice", bytes, bytes});
  EXPECT_EQ(notice.researcher, "alice");
  EXPECT_EQ(notice.envelope, bytes);
  EXPECT_EQ(notice.file, bytes);

  const TaskOffer offer = FromTheServer(SomeOffer());
  EXPECT_EQ(offer.workload, Workload::kTrain);
  EXPECT_EQ(offer.round, RoundNumber(1));
  EXPECT_EQ(offer.state, DigestOfByte(4));
  EXPECT_EQ(offer.time_left, std::chrono::minutes(5));
  EXPECT_EQ(offer.progress_lease, std::chrono::seconds(60));
  EXPECT_EQ(*offer.cohort, *SomeOffer().cohort);

  EXPECT_EQ(FromTheServer(CancelTask{SomeJob(), StepNumber(1), "why"}).reason, "why");
  const auto outcome =
      FromTheServer(Outcome{SomeJob(), StepNumber(1), OutcomeKind::kRoundFailed, "too few"});
  EXPECT_EQ(outcome.kind, OutcomeKind::kRoundFailed);
  EXPECT_EQ(outcome.reason, "too few");
  EXPECT_EQ(FromTheServer(JobEnded{SomeJob(), "done"}).result, "done");
}

TEST(MessagesProto, ASmallStateAndASmallUpdateArriveWhole) {
  const Bytes bytes = {std::byte{0}, std::byte{255}, std::byte{7}};
  TaskOffer sent = SomeOffer();
  EXPECT_EQ(FromTheServer(sent).inline_state, nullptr);
  sent.inline_state = std::make_shared<const InlineState>(InlineState{Bytes(96), bytes});
  const TaskOffer offer = FromTheServer(sent);
  ASSERT_NE(offer.inline_state, nullptr);
  EXPECT_EQ(offer.inline_state->manifest, Bytes(96));
  EXPECT_EQ(offer.inline_state->broadcast, bytes);

  ASSERT_OK_AND_ASSIGN(
      const FromSite said,
      FromProto(ToProto(StreamedUpdate{SomeJob(), StepNumber(3), DigestOfByte(5), bytes})));
  const auto& update = std::get<StreamedUpdate>(said);
  EXPECT_EQ(update.job, SomeJob());
  EXPECT_EQ(update.step, StepNumber(3));
  EXPECT_EQ(update.digest, DigestOfByte(5));
  EXPECT_EQ(update.file, bytes);

  UpdateReply answer{SomeJob(), StepNumber(3), DigestOfByte(5), true, "k", bytes};
  ASSERT_OK_AND_ASSIGN(const FromServer heard, FromProto(ToProto(answer)));
  EXPECT_TRUE(std::get<UpdateReply>(heard).accepted);
  EXPECT_EQ(std::get<UpdateReply>(heard).key_id, "k");
  EXPECT_EQ(std::get<UpdateReply>(heard).signature, bytes);
  answer.accepted = false;
  ASSERT_OK_AND_ASSIGN(const FromServer refused, FromProto(ToProto(answer)));
  EXPECT_FALSE(std::get<UpdateReply>(refused).accepted);
  EXPECT_EQ(std::get<UpdateReply>(refused).digest, DigestOfByte(5));
}

TEST(MessagesProto, FetchAndSubmitArriveWhole) {
  ASSERT_OK_AND_ASSIGN(const FetchRequest fetch,
                       FromProto(ToProto(FetchRequest{Epoch(1), DigestOfByte(2), 77})));
  EXPECT_EQ(fetch.epoch, Epoch(1));
  EXPECT_EQ(fetch.digest, DigestOfByte(2));
  EXPECT_EQ(fetch.offset, 77u);

  SubmitReply reply{10, 20, std::nullopt};
  ASSERT_OK_AND_ASSIGN(const SubmitReply early, FromProto(ToProto(reply), SiteId("a")));
  EXPECT_EQ(early.written, 10u);
  EXPECT_EQ(early.send_until, 20u);
  EXPECT_FALSE(early.receipt.has_value());
  reply.receipt = Receipt{{SomeJob(), StepNumber(3), SiteId("a")}, DigestOfByte(5), "k", {}};
  ASSERT_OK_AND_ASSIGN(const SubmitReply last, FromProto(ToProto(reply), SiteId("a")));
  ASSERT_TRUE(last.receipt.has_value());
  EXPECT_EQ(last.receipt->key, reply.receipt->key);
  EXPECT_EQ(last.receipt->digest, DigestOfByte(5));
  EXPECT_EQ(last.receipt->key_id, "k");
}

TEST(MessagesProto, AFrameOfAnUnknownKindIsToBeIgnored) {
  v1::SiteFrame site;
  ASSERT_TRUE(site.ParseFromString(std::string("\xfa\x01\x02hi", 5)));  // field 31
  ASSERT_OK_AND_ASSIGN(const FromSite from_site, FromProto(site));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(from_site));
  ASSERT_OK_AND_ASSIGN(const FromServer from_server, FromProto(v1::ServerFrame()));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(from_server));
}

TEST(MessagesProto, UnknownFieldsAreTolerated) {
  v1::ServerFrame frame = ToProto(ServerMessage(SomeOffer()));
  std::string offer = frame.offer().SerializeAsString();
  offer += std::string("\xa2\x06\x03new", 6);  // field 100
  ASSERT_TRUE(frame.mutable_offer()->ParseFromString(offer));
  EXPECT_THAT(FromProto(frame), IsOk());
}

// A frame spoilt by `spoil` is refused as kProtocol with `message` in its text.
void ExpectRefused(v1::SiteFrame frame, const std::function<void(v1::SiteFrame&)>& spoil,
                   const std::string& message) {
  ASSERT_THAT(FromProto(frame), IsOk());
  spoil(frame);
  const absl::Status status = FromProto(frame).status();
  ASSERT_THAT(status, HasCode(ErrorCode::kProtocol)) << message;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}
void ExpectRefused(v1::ServerFrame frame, const std::function<void(v1::ServerFrame&)>& spoil,
                   const std::string& message) {
  ASSERT_THAT(FromProto(frame), IsOk());
  spoil(frame);
  const absl::Status status = FromProto(frame).status();
  ASSERT_THAT(status, HasCode(ErrorCode::kProtocol)) << message;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

TEST(MessagesProto, BoundsOfHelloAreChecked) {
  const v1::SiteFrame hello = ToProto(SomeHello());
  ExpectRefused(
      hello,
      [](auto& f) {
        for (size_t i = 0; i < kMaxDatasets; ++i) f.mutable_hello()->add_datasets("d");
      },
      "Hello.datasets: 258");
  ExpectRefused(
      hello,
      [](auto& f) {
        for (size_t i = 0; i < kMaxCapabilities; ++i) f.mutable_hello()->add_capabilities("c");
      },
      "Hello.capabilities: 65");
  ExpectRefused(
      hello,
      [](auto& f) {
        for (size_t i = 0; i < kMaxHeldUpdates; ++i)
          *f.mutable_hello()->add_held() = f.hello().held(0);
      },
      "Hello.held: 257");
  ExpectRefused(
      hello, [](auto& f) { f.mutable_hello()->add_datasets("Not A Name"); }, "Hello.datasets");
  ExpectRefused(
      hello, [](auto& f) { f.mutable_hello()->set_version(std::string(kMaxTextBytes + 1, 'v')); },
      "Hello.version: 4097");
  ExpectRefused(
      hello, [](auto& f) { f.mutable_hello()->mutable_held(0)->set_digest("x"); },
      "Hello.held.digest");
}

TEST(MessagesProto, BoundsOfSmallStatesAndUpdatesAreChecked) {
  TaskOffer offer = SomeOffer();
  offer.inline_state =
      std::make_shared<const InlineState>(InlineState{Bytes(96), Bytes(kMaxInlineStateBytes)});
  const v1::ServerFrame small = ToProto(ServerMessage(offer));
  ExpectRefused(
      small,
      [](auto& f) {
        f.mutable_offer()->mutable_inline_state()->mutable_broadcast()->push_back('x');
      },
      "TaskOffer.inline_state.broadcast");
  ExpectRefused(
      small,
      [](auto& f) {
        f.mutable_offer()->mutable_inline_state()->mutable_manifest()->push_back('x');
      },
      "TaskOffer.inline_state.manifest");
  ExpectRefused(
      ToProto(StreamedUpdate{SomeJob(), StepNumber(1), DigestOfByte(1),
                             Bytes(kMaxStreamedUpdateBytes)}),
      [](auto& f) { f.mutable_update()->mutable_file()->push_back('x'); }, "StreamedUpdate.file");
  ExpectRefused(
      ToProto(UpdateReply{SomeJob(), StepNumber(1), DigestOfByte(1), true, "", {}}),
      [](auto& f) { f.mutable_update_reply()->set_digest("x"); }, "UpdateReply.digest");
  ExpectRefused(
      ToProto(Welcome{Epoch(1), "0.1.0", "heart", {}}),
      [](auto& f) {
        for (size_t i = 0; i <= kMaxCapabilities; ++i) f.mutable_welcome()->add_capabilities("c");
      },
      "Welcome.capabilities: 65");
}

TEST(MessagesProto, EnumsIdsAndTextsOfASiteAreChecked) {
  const v1::SiteFrame admission =
      ToProto(SiteMessage(AdmissionReply{SomeJob(), Verdict::kAdmitted, "", ""}));
  for (const int value : {0, 4, -1}) {
    ExpectRefused(
        admission,
        [&](auto& f) { f.mutable_admission()->set_verdict(static_cast<v1::Verdict>(value)); },
        "AdmissionReply.verdict: unknown value " + std::to_string(value));
  }
  const v1::SiteFrame accepted = ToProto(SiteMessage(TaskAccepted{SomeJob(), StepNumber(1)}));
  for (const char* job :
       {"", "0123", "0123456789ABCDEF", "0123456789abcdef0", "../../../../etc/."}) {
    ExpectRefused(
        accepted, [&](auto& f) { f.mutable_accepted()->set_job_id(job); }, "TaskAccepted.job_id");
  }
  ExpectRefused(accepted, [](auto& f) { f.mutable_accepted()->set_step(0); }, "TaskAccepted.step");
  const v1::SiteFrame failed =
      ToProto(SiteMessage(TaskFailed{SomeJob(), StepNumber(1), "CN0404", ""}));
  ExpectRefused(
      failed, [](auto& f) { f.mutable_failed()->set_message(std::string(kMaxTextBytes + 1, 'x')); },
      "TaskFailed.message");
}

TEST(MessagesProto, WhatTheServerSaysIsCheckedToo) {
  const v1::ServerFrame offer = ToProto(ServerMessage(SomeOffer()));
  for (const int value : {0, 5}) {
    ExpectRefused(
        offer, [&](auto& f) { f.mutable_offer()->set_workload(static_cast<v1::Workload>(value)); },
        "TaskOffer.workload");
  }
  ExpectRefused(offer, [](auto& f) { f.mutable_offer()->set_state(""); }, "TaskOffer.state");
  ExpectRefused(
      offer, [](auto& f) { f.mutable_offer()->set_time_left_ms(UINT64_MAX); },
      "TaskOffer.time_left_ms");
  ExpectRefused(offer, [](auto& f) { f.mutable_offer()->add_cohort("/"); }, "TaskOffer.cohort");
  ExpectRefused(
      offer,
      [](auto& f) {
        for (size_t i = 0; i < kMaxCohort; ++i) f.mutable_offer()->add_cohort("a");
      },
      "TaskOffer.cohort: 16386");
  const v1::ServerFrame notice = ToProto(ServerMessage(JobNotice{SomeJob(), "alice", {}, {}}));
  ExpectRefused(
      notice, [](auto& f) { f.mutable_job()->set_file(std::string(kMaxJobFileBytes + 1, 'x')); },
      "JobNotice.file");
  ExpectRefused(
      notice,
      [](auto& f) { f.mutable_job()->set_envelope(std::string(kMaxEnvelopeBytes + 1, 'x')); },
      "JobNotice.envelope");
  const v1::ServerFrame outcome =
      ToProto(ServerMessage(Outcome{SomeJob(), StepNumber(1), OutcomeKind::kCounted, ""}));
  ExpectRefused(
      outcome, [](auto& f) { f.mutable_outcome()->set_kind(static_cast<v1::OutcomeKind>(7)); },
      "Outcome.kind");
}

TEST(MessagesProto, WhatWeSendCanAlwaysBeRead) {
  // Texts too long, not UTF-8, cut within a character: an error message may hold any byte.
  const std::string texts[] = {std::string(10000, 'x'),
                               "\xff\xfe",
                               "caf\xe9",
                               "a\xc3",
                               std::string(4095, 'x') + "\xc3\xa9",
                               "\xed\xa0\x80",
                               std::string("\0x", 2),
                               "\xf4\x90\x80\x80",
                               "\xe0\x80\x80"};
  for (const std::string& text : texts) {
    const auto failed = FromASite(TaskFailed{SomeJob(), StepNumber(1), "CN0404", text});
    EXPECT_LE(failed.message.size(), kMaxTextBytes);
    EXPECT_FALSE(failed.message.empty());
  }
  EXPECT_EQ(TextForProto("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xab\x80"),
            "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xab\x80");
  EXPECT_EQ(TextForProto("caf\xe9!"), "caf?!");
  EXPECT_EQ(TextForProto(std::string(4095, 'x') + "\xc3\xa9"), std::string(4095, 'x'));
}

TEST(MessagesProto, DigestsHave32Bytes) {
  EXPECT_THAT(DigestFromBytes(DigestBytes(DigestOfByte(3)), "state"),
              consilium::testing::IsOkAndHolds(DigestOfByte(3)));
  const absl::Status status = DigestFromBytes("short", "state").status();
  EXPECT_THAT(status, HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(std::string(status.message()), HasSubstr("state"));
}

}  // namespace
}  // namespace consilium::wire
