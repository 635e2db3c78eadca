#include "tests/bench/load_site.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/base/random.h"
#include "common/crypto/sha256.h"
#include "common/job/job_spec.h"
#include "common/learn/contribution.h"
#include "common/rpc/channel.h"
#include "common/wire/layout_codec.h"
#include "common/wire/messages_proto.h"
#include "common/wire/state_file.h"
#include "common/wire/update_file.h"
#include "tests/bench/figures.h"
#include "tests/bench/load_calls.h"

namespace consilium::bench {
namespace {

constexpr uint32_t kRows = 1000;
constexpr size_t kHashHereBytes = size_t{256} * 1024;  // larger updates are hashed by the pool

uint64_t SeedOf(const SiteId& site) {
  uint64_t seed = 0;
  const Digest digest = crypto::Sha256Of(AsBytes(site.value()));
  std::memcpy(&seed, digest.bytes.data(), sizeof seed);
  return seed;
}

// Small float32 values in the model's part; statistics stay zero.
std::shared_ptr<const LoadStep> MakeStep(const job::JobSpec& spec, wire::Workload workload) {
  auto step = std::make_shared<LoadStep>();
  step->layout = Must(learn::ContributionLayout(spec, workload));
  step->payload.resize(step->layout.payload_bytes());
  Random random(1);
  for (size_t i = 0; i < learn::FirstStatistic(step->layout); ++i) {
    std::byte* out = step->payload.data() + step->layout.OffsetOf(i);
    const uint64_t elements = tensor::ElementsOf(step->layout.tensors()[i]);
    for (uint64_t e = 0; e < elements; ++e, out += sizeof(float)) {
      const float value = static_cast<float>(random.Next32() >> 8) * 0x1p-28f - 0x1p-5f;
      std::memcpy(out, &value, sizeof value);
    }
  }
  return step;
}

}  // namespace

std::shared_ptr<const LoadStep> LoadShared::StepOf(const wire::JobNotice& notice) {
  MutexLock lock(mutex_);
  if (job_ != notice.job) {
    const job::JobSpec spec = Must(job::ParseJob(notice.file, "job.toml"));
    train_ = MakeStep(spec, wire::Workload::kTrain);
    evaluate_ = MakeStep(spec, wire::Workload::kEvaluate);
    job_ = notice.job;
  }
  return train_;
}

std::shared_ptr<const LoadStep> LoadShared::Step(wire::Workload workload) {
  MutexLock lock(mutex_);
  return workload == wire::Workload::kTrain ? train_ : evaluate_;
}

LoadSite::LoadSite(LoadShared& shared, SiteId site, pki::TlsFiles files)
    : shared_(shared),
      site_(std::move(site)),
      files_(std::move(files)),
      backoff_(shared.options.backoff, Random(SeedOf(site_))) {}

void LoadSite::Dial() {
  if (shared_.stopping) return;
  auto channel = Must(
      rpc::MakeChannel(shared_.options.target, files_, shared_.options.federation, shared_.clock));
  wire::Hello hello;
  hello.version = "bench";
  if (shared_.options.by_stream) hello.capabilities = {std::string(wire::kStateInOffer)};
  hello.datasets = {"bench"};
  hello.store_id = fmt::format("{:032x}", SeedOf(site_));
  auto* const call = new AttendCall(shared_from_this(), channel);
  {
    MutexLock lock(mutex_);
    channel_ = std::move(channel);
    attend_ = call;
    if (shared_.stopping) call->Cancel();  // Stop came before it could see the call
  }
  call->Start(wire::ToProto(hello));
}

void LoadSite::Stop() {
  MutexLock lock(mutex_);
  redial_.Cancel();
  if (attend_ != nullptr) attend_->Cancel();
}

void LoadSite::OnLost() {
  MutexLock lock(mutex_);
  attend_ = nullptr;
  if (shared_.stopping) return;
  const auto pause =
      std::chrono::duration_cast<std::chrono::system_clock::duration>(backoff_.Next());
  ++shared_.open_calls;  // the alarm's
  redial_.Set(std::chrono::system_clock::now() + pause, [self = shared_from_this()](bool fired) {
    const bool wanted = fired && !self->shared_.stopping;
    if (wanted) CN_CHECK(self->shared_.pool.TryRun([self] { self->Dial(); }));
    --self->shared_.open_calls;
  });
}

void LoadSite::Send(const wire::SiteMessage& message) {
  MutexLock lock(mutex_);
  if (attend_ != nullptr) attend_->Send(wire::ToProto(message));
}

std::shared_ptr<::grpc::Channel> LoadSite::channel() const {
  MutexLock lock(mutex_);
  return channel_;
}

bool LoadSite::Streams(uint64_t bytes) const {
  MutexLock lock(mutex_);
  return streams_ && bytes <= wire::kMaxStreamedUpdateBytes;
}

void LoadSite::Stream(const Update& update) {
  wire::StreamedUpdate message{update.header.key.job, update.header.key.step, update.header.digest,
                               update.head};
  message.file.insert(message.file.end(), update.step->payload.begin(), update.step->payload.end());
  shared_.bytes_sent += message.file.size();
  shared_.bytes_accepted += message.file.size();
  MutexLock lock(mutex_);
  if (attend_ != nullptr) attend_->Send(wire::ToProto(message));
}

Epoch LoadSite::epoch() const {
  MutexLock lock(mutex_);
  return epoch_;
}

void LoadSite::OnFrame(const v1::ServerFrame& frame) {
  const wire::FromServer said = Must(wire::FromProto(frame));
  if (const auto* welcome = std::get_if<wire::Welcome>(&said)) {
    {
      MutexLock lock(mutex_);
      epoch_ = welcome->epoch;
      streams_ = shared_.options.by_stream &&
                 std::ranges::find(welcome->capabilities, wire::kUpdateInStream) !=
                     welcome->capabilities.end();
      backoff_.Reset();
    }
    ++shared_.welcomed;
    return;
  }
  if (const auto* reply = std::get_if<wire::UpdateReply>(&said)) {
    CN_CHECK(reply->accepted);
    return shared_.options.on_event(LoadEvent::kReceipted, reply->step);
  }
  const auto* message = std::get_if<wire::ServerMessage>(&said);
  if (message == nullptr) return;
  if (const auto* notice = std::get_if<wire::JobNotice>(message)) {
    shared_.StepOf(*notice);
    Send(wire::AdmissionReply{notice->job, wire::Verdict::kAdmitted, "", ""});
  } else if (const auto* offer = std::get_if<wire::TaskOffer>(message)) {
    OnOffer(*offer);
  } else if (const auto* outcome = std::get_if<wire::Outcome>(message)) {
    Send(wire::OutcomeAck{outcome->job, outcome->step});
    shared_.options.on_event(LoadEvent::kOutcome, outcome->step);
  }
}

void LoadSite::OnOffer(const wire::TaskOffer& offer) {
  shared_.options.on_event(LoadEvent::kOffered, offer.step);
  Send(wire::TaskAccepted{offer.job, offer.step});
  if (offer.inline_state != nullptr) {
    CN_CHECK(crypto::Sha256Of(offer.inline_state->manifest) == offer.state);
    return Submit(offer);
  }
  if (shared_.options.fetch) return Fetch(offer);
  if (shared_.Step(offer.workload)->payload.size() <= kHashHereBytes) return Submit(offer);
  CN_CHECK(shared_.pool.TryRun([self = shared_from_this(), offer] { self->Submit(offer); }));
}

// The manifest, then the broadcast part that it names.
void LoadSite::Fetch(const wire::TaskOffer& offer) {
  const auto self = shared_from_this();
  const auto then_submit = [self, offer](const Bytes&) {
    if (self->shared_.Step(offer.workload)->payload.size() <= kHashHereBytes) {
      return self->Submit(offer);
    }
    CN_CHECK(self->shared_.pool.TryRun([self, offer] { self->Submit(offer); }));
  };
  const auto then_broadcast = [self, then_submit](const Bytes& bytes) {
    const wire::Manifest manifest = Must(wire::DecodeManifest(bytes));
    (new FetchCall(self, self->channel(), then_submit))
        ->Start({self->epoch(), manifest.broadcast.digest, 0});
  };
  (new FetchCall(self, channel(), then_broadcast))->Start({epoch(), offer.state, 0});
}

void LoadSite::Submit(const wire::TaskOffer& offer) {
  auto update = std::make_shared<Update>();
  update->step = shared_.Step(offer.workload);
  wire::UpdateHeader header;
  header.key = {offer.job, offer.step, site_};
  header.base_state = offer.state;
  header.layout = wire::DigestOf(update->step->layout);
  header.weight = kRows;
  header.support.assign(update->step->layout.size(), kRows);
  header.payload_bytes = update->step->payload.size();
  update->head = wire::EncodeUpdateHeader(header);
  crypto::Sha256 hash;
  hash.Update(update->head);
  hash.Update(update->step->payload);
  update->header = {header.key, epoch(), hash.Current(),
                    update->head.size() + update->step->payload.size(), 0};
  if (Streams(update->header.bytes)) return Stream(*update);
  (new SubmitCall(shared_from_this(), channel(), std::move(update)))->Start();
}

}  // namespace consilium::bench
