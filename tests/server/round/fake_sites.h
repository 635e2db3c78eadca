// Sites without a network, a dataset or a training: they answer notices and offers as told, keep
// their updates until they hear the Outcome, and submit what they hold again after a restart.
#ifndef CONSILIUM_TESTS_SERVER_ROUND_FAKE_SITES_H_
#define CONSILIUM_TESTS_SERVER_ROUND_FAKE_SITES_H_

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/crypto/sha256.h"
#include "common/job/job_spec.h"
#include "common/learn/contribution.h"
#include "common/wire/layout_codec.h"
#include "common/wire/update_file.h"
#include "server/round/coordinator.h"
#include "tests/server/round/inbox.h"
#include "tests/support/status_matchers.h"

namespace consilium::server::round {

class FakeSite {
 public:
  struct Manners {
    wire::Verdict verdict = wire::Verdict::kAdmitted;
    bool silent = false;  // never answers an offer
    // A partition that no end has noticed yet:
    bool deaf = false;  // what the server sends does not arrive
    bool mute = false;  // what it sends does not arrive
    float delta = 1;    // every element of its model update
    uint32_t weight = 1;
    std::string kernel = {};
    std::vector<std::string> capabilities = {};
    uint64_t process = 1;  // another one is a restart
  };
  FakeSite(
      std::string name, Manners with, std::function<void()> on_mail = [] {})
      : manners(with), id_(std::move(name)), on_mail_(std::move(on_mail)) {}

  // False when the server did not let it in (its disk refused).
  bool Attend(Coordinator& server) {
    wire::Hello hello;
    hello.version = "test";
    hello.store_id = "store-" + id_.value();
    hello.capabilities = manners.capabilities;
    hello.process = manners.process;
    for (const auto& [key, update] : held_) {
      hello.held.push_back({key.first, key.second, crypto::Sha256Of(update)});
    }
    inbox_ = std::make_shared<Inbox>(on_mail_);
    const auto welcome = server.federation().Attend(id_, hello, inbox_);
    if (!welcome.ok()) return false;
    server_ = &server;
    epoch_ = welcome->epoch;
    return true;
  }
  void Leave() {
    if (server_ != nullptr) server_->federation().Leave(id_, epoch_);
    ServerIsGone();
  }
  void ServerIsGone() { server_ = nullptr; }
  bool attending() const { return server_ != nullptr; }

  // Answers one message; false when there was none.
  bool Work() {
    if (server_ == nullptr) return false;
    const std::optional<wire::ServerMessage> message = inbox_->Take();
    if (!message) return false;
    if (manners.deaf) return true;
    std::visit([this](const auto& m) { Handle(m); }, *message);
    return true;
  }
  void Say(const wire::SiteMessage& message) {
    if (manners.mute) return;
    server_->federation().OnMessage(id_, epoch_, message).IgnoreError();
  }

  // Does at last what it was asked and was silent about.
  void FinishLate() {
    manners.silent = false;
    Handle(wire::TaskOffer(offers.back()));
  }

  const SiteId& id() const { return id_; }
  absl::Status closed() const { return inbox_->closed(); }
  Manners manners;
  int notices = 0;
  int computed = 0;  // updates made, not sent again
  std::vector<wire::TaskOffer> offers;
  std::vector<wire::CancelTask> cancels;
  std::vector<wire::Outcome> outcomes;
  std::vector<wire::JobEnded> ended;
  absl::Status last_submit;

 private:
  using HeldKey = std::pair<JobId, StepNumber>;

  void Handle(const wire::JobNotice& notice) {
    ++notices;
    specs_.insert_or_assign(notice.job, job::ParseJob(notice.file, "job.toml").value());
    Say(wire::AdmissionReply{notice.job, manners.verdict,
                             manners.verdict == wire::Verdict::kRefused ? "min_rows" : "", ""});
  }
  void Handle(const wire::TaskOffer& offer) {
    offers.push_back(offer);
    if (manners.silent) return;
    Say(wire::TaskAccepted{offer.job, offer.step});
    Bytes& update = held_[{offer.job, offer.step}];
    if (update.empty()) update = Compute(offer);
    if (manners.mute) return;
    last_submit = Submit(offer, update);
    if (CodeOf(last_submit) == ErrorCode::kUpdateDigest) {
      // What the server's disk kept of an interrupted upload was torn: once more, from the start.
      last_submit = Submit(offer, update);
    }
    if (last_submit.ok()) return;
    const auto code = CodeOf(last_submit);
    // The server's disk is not the update's fault: a client sends it again later.
    if (code == ErrorCode::kStorageIo || code == ErrorCode::kStorageFull) return;
    held_.erase({offer.job, offer.step});
    Say(wire::TaskFailed{offer.job, offer.step, CodeName(*code),
                         std::string(last_submit.message())});
  }
  void Handle(const wire::CancelTask& cancel) { cancels.push_back(cancel); }
  void Handle(const wire::Outcome& outcome) {
    outcomes.push_back(outcome);
    held_.erase({outcome.job, outcome.step});
    Say(wire::OutcomeAck{outcome.job, outcome.step});
  }
  void Handle(const wire::JobEnded& end) { ended.push_back(end); }

  Bytes Compute(const wire::TaskOffer& offer) {
    ++computed;
    const job::JobSpec& spec = specs_.at(offer.job);
    const tensor::Layout layout = learn::ContributionLayout(spec, offer.workload).value();
    tensor::Bundle values(layout);
    for (size_t t = 0; t < layout.size(); ++t) {
      if (layout.tensors()[t].dtype == tensor::DType::kFloat32) {
        for (float& x : values.Float32(t)) x = manners.delta;
      } else {
        for (double& x : values.Float64(t)) x = 8;
      }
    }
    wire::UpdateHeader header;
    header.key = {offer.job, offer.step, id_};
    header.base_state = offer.state;
    header.layout = wire::DigestOf(layout);
    header.weight = manners.weight;
    header.support.assign(layout.size(), 8);
    header.payload_bytes = layout.payload_bytes();
    header.kernel = manners.kernel;
    Bytes file = wire::EncodeUpdateHeader(header);
    const ByteSpan payload = values.payload();
    file.insert(file.end(), payload.begin(), payload.end());
    return file;
  }
  absl::Status Submit(const wire::TaskOffer& offer, const Bytes& update) {
    const wire::TaskKey key{offer.job, offer.step, id_};
    const Digest digest = crypto::Sha256Of(update);
    store::UpdateStore& updates = server_->updates();
    const auto position = updates.Begin({key, epoch_, digest, update.size(), 0});
    if (!position.ok()) return position.status();
    if (!position->receipt) {
      const ByteSpan rest = ByteSpan(update).subspan(position->written);
      if (const auto wrote = updates.Append(key, digest, position->written, rest); !wrote.ok()) {
        return wrote.status();
      }
      if (const auto receipt = updates.Finish(key, digest); !receipt.ok()) return receipt.status();
    }
    server_->OnUpdateAccepted(key);
    return absl::OkStatus();
  }

  const SiteId id_;
  const std::function<void()> on_mail_;
  Coordinator* server_ = nullptr;
  Epoch epoch_;
  std::shared_ptr<Inbox> inbox_;
  std::map<JobId, job::JobSpec> specs_;
  std::map<HeldKey, Bytes> held_;
};

inline std::vector<std::string> OutcomesOf(const FakeSite& site) {
  std::vector<std::string> names;
  for (const wire::Outcome& outcome : site.outcomes) names.push_back(wire::NameOf(outcome.kind));
  return names;
}

}  // namespace consilium::server::round

#endif  // CONSILIUM_TESTS_SERVER_ROUND_FAKE_SITES_H_
