// Control over real mTLS: who may, what is too much, and models there and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/sha256.h"
#include "common/wire/state_file.h"
#include "server/rpc/control_service.h"
#include "tests/server/rpc/live_server.h"

namespace consilium::server::rpc {
namespace {

using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;

class ControlTest : public LiveServer {
 protected:
  absl::StatusOr<std::string> Submit(v1::Control::Stub& stub, std::string_view file,
                                     uint8_t nonce = 1) {
    Context context;
    v1::SubmitJobReply reply;
    const auto status = StatusOf(stub.SubmitJob(&context, JobRequest(file, nonce), &reply));
    if (!status.ok()) return status;
    return reply.job_id();
  }
  absl::Status Cancel(v1::Control::Stub& stub, const std::string& job) {
    Context context;
    v1::CancelJobRequest request;
    request.set_job_id(job);
    v1::JobView reply;
    return StatusOf(stub.CancelJob(&context, request, &reply));
  }
  absl::StatusOr<std::string> PutModel(v1::Control::Stub& stub, const Bytes& bytes,
                                       const Digest& digest, uint64_t total) {
    Context context;
    v1::PutModelReply reply;
    const auto stream = stub.PutModel(&context, &reply);
    v1::ModelChunk chunk;
    chunk.mutable_header()->set_total(total);
    chunk.mutable_header()->set_digest(wire::DigestBytes(digest));
    chunk.set_payload(std::string(AsText(bytes)));
    stream->Write(chunk);
    stream->WritesDone();
    const auto status = StatusOf(stream->Finish());
    if (!status.ok()) return status;
    return reply.state();
  }
};

Bytes SomePart() {
  wire::StatePart part;
  part.texts["model"] = "any";
  part.texts["padding"] = std::string(700'000, 'x');
  return wire::EncodeStatePart(part);
}

TEST_F(ControlTest, ASiteMayNotSubmitAJob) {
  const auto site = Control(Role::kSite, "north");
  EXPECT_THAT(Submit(*site, kSmallJob), HasCode(ErrorCode::kNotAllowed));
  EXPECT_TRUE(coordinator->List().empty());
}

TEST_F(ControlTest, AnAuditorLooksButChangesNothing) {
  const auto auditor = Control(Role::kAuditor, "eve");
  Context context;
  v1::ListJobsReply jobs;
  EXPECT_THAT(StatusOf(auditor->ListJobs(&context, {}, &jobs)), IsOk());
  EXPECT_THAT(Submit(*auditor, kSmallJob), HasCode(ErrorCode::kNotAllowed));
}

TEST_F(ControlTest, OneEnvelopeIsOneJob) {
  const auto ada = Control(Role::kResearcher, "ada");
  const v1::SubmitJobRequest request = JobRequest(kSmallJob);
  v1::SubmitJobReply first;
  v1::SubmitJobReply second;
  Context one;
  ASSERT_THAT(StatusOf(ada->SubmitJob(&one, request, &first)), IsOk());
  Context two;
  ASSERT_THAT(StatusOf(ada->SubmitJob(&two, request, &second)), IsOk());
  EXPECT_EQ(first.job_id(), second.job_id());
  EXPECT_FALSE(first.already_known());
  EXPECT_TRUE(second.already_known());
}

TEST_F(ControlTest, AJobFilesErrorKeepsItsCodePlaceAndHelp) {
  const auto ada = Control(Role::kResearcher, "ada");
  const auto refused = Submit(*ada, "name = \"x\"\nround = 3\n").status();
  EXPECT_THAT(refused, HasCode(ErrorCode::kJobUnknownKey));
  ASSERT_TRUE(PlaceOf(refused).has_value());
  EXPECT_EQ(PlaceOf(refused)->line, 2);
  EXPECT_THAT(HelpOf(refused), HasSubstr("rounds"));
}

TEST_F(ControlTest, AResearcherCancelsOnlyTheirOwnJobs) {
  const auto ada = Control(Role::kResearcher, "ada");
  const auto bob = Control(Role::kResearcher, "bob");
  ASSERT_OK_AND_ASSIGN(const std::string job, Submit(*ada, kSmallJob));
  EXPECT_THAT(Cancel(*bob, job), HasCode(ErrorCode::kNotAllowed));
  EXPECT_THAT(Cancel(*ada, job), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string other, Submit(*ada, kSmallJob, 2));
  EXPECT_THAT(Cancel(*Control(Role::kOperator, "olga"), other), IsOk());
}

TEST_F(ControlTest, AnUnknownJobIsNamed) {
  const auto ada = Control(Role::kResearcher, "ada");
  Context context;
  v1::GetJobRequest request;
  request.set_job_id("00000000deadbeef");
  v1::JobView reply;
  const auto status = StatusOf(ada->GetJob(&context, request, &reply));
  EXPECT_THAT(status, HasCode(ErrorCode::kJobNotFound));
  EXPECT_THAT(std::string(status.message()), HasSubstr("00000000deadbeef"));
}

TEST_F(ControlTest, AnOversizedMessageIsANamedError) {
  const auto ada = Control(Role::kResearcher, "ada");
  const std::string above_the_file_limit(wire::kMaxJobFileBytes + 1, '#');
  EXPECT_THAT(Submit(*ada, above_the_file_limit), HasCode(ErrorCode::kMessageTooLarge));
  const std::string above_the_transport_limit(5 << 20, '#');
  EXPECT_THAT(Submit(*ada, above_the_transport_limit), HasCode(ErrorCode::kMessageTooLarge));
}

TEST_F(ControlTest, AModelGoesThereAndBack) {
  const auto ada = Control(Role::kResearcher, "ada");
  const Bytes part = SomePart();
  ASSERT_OK_AND_ASSIGN(const std::string state,
                       PutModel(*ada, part, crypto::Sha256Of(part), part.size()));
  ASSERT_EQ(state.size(), 32u);
  v1::GetModelRequest request;
  request.set_state(state);
  Context context;
  const auto stream = ada->GetModel(&context, request);
  std::string back;
  int frames = 0;
  for (v1::ModelChunk chunk; stream->Read(&chunk); ++frames) {
    EXPECT_EQ(chunk.header().offset(), back.size());
    EXPECT_EQ(chunk.header().total(), part.size());
    EXPECT_EQ(chunk.header().digest().empty(), frames > 0);
    back += chunk.payload();
  }
  EXPECT_THAT(StatusOf(stream->Finish()), IsOk());
  EXPECT_GT(frames, 1);
  EXPECT_EQ(back, AsText(part));
}

TEST_F(ControlTest, AModelThatIsDamagedCutOrTooLongIsRefused) {
  const auto ada = Control(Role::kResearcher, "ada");
  const Bytes part = SomePart();
  const Digest digest = crypto::Sha256Of(part);
  EXPECT_THAT(PutModel(*ada, part, Digest{}, part.size()), HasCode(ErrorCode::kStateCorrupt));
  EXPECT_THAT(PutModel(*ada, part, digest, part.size() + 1), HasCode(ErrorCode::kProtocol));
  EXPECT_THAT(PutModel(*ada, part, digest, kMaxModelBytes + 1),
              HasCode(ErrorCode::kMessageTooLarge));
  const Bytes garbage(1000, std::byte{7});
  EXPECT_THAT(PutModel(*ada, garbage, crypto::Sha256Of(garbage), garbage.size()),
              HasCode(ErrorCode::kStateCorrupt));
}

TEST_F(ControlTest, AJobWithoutAStateHasNoModel) {
  const auto ada = Control(Role::kResearcher, "ada");
  ASSERT_OK_AND_ASSIGN(const std::string job, Submit(*ada, kSmallJob));
  v1::GetModelRequest request;
  request.set_job_id(job);
  Context context;
  const auto stream = ada->GetModel(&context, request);
  v1::ModelChunk chunk;
  EXPECT_FALSE(stream->Read(&chunk));
  EXPECT_THAT(StatusOf(stream->Finish()), HasCode(ErrorCode::kStateNotFound));
}

TEST_F(ControlTest, AWatchShowsTheJobAtOnceAndEndsWithIt) {
  const auto ada = Control(Role::kResearcher, "ada");
  ASSERT_OK_AND_ASSIGN(const std::string job, Submit(*ada, kSmallJob));
  v1::WatchJobRequest request;
  request.set_job_id(job);
  Context context;
  const auto stream = ada->WatchJob(&context, request);
  v1::WatchJobReply frame;
  ASSERT_TRUE(stream->Read(&frame));
  EXPECT_EQ(frame.job().job_id(), job);
  EXPECT_NE(frame.job().status(), v1::JOB_STATUS_CANCELLED);
  ASSERT_THAT(Cancel(*ada, job), IsOk());
  while (stream->Read(&frame)) {
  }
  EXPECT_EQ(frame.job().status(), v1::JOB_STATUS_CANCELLED);
  EXPECT_THAT(StatusOf(stream->Finish()), IsOk());
}

TEST_F(ControlTest, AWatcherIsToldThatTheServerStops) {
  const auto ada = Control(Role::kResearcher, "ada");
  ASSERT_OK_AND_ASSIGN(const std::string job, Submit(*ada, kSmallJob));
  v1::WatchJobRequest request;
  request.set_job_id(job);
  Context context;
  const auto stream = ada->WatchJob(&context, request);
  v1::WatchJobReply frame;
  ASSERT_TRUE(stream->Read(&frame));
  coordinator->Drain();
  server->Stop(kPatience);
  while (stream->Read(&frame)) {
  }
  EXPECT_THAT(StatusOf(stream->Finish()), HasCode(ErrorCode::kConnectionLost));
}

}  // namespace
}  // namespace consilium::server::rpc
