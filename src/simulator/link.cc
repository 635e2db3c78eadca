#include "simulator/link.h"

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/wire/transfer.h"
#include "server/store/update_store.h"
#include "simulator/transfer.h"

namespace consilium::simulator {

class Line : public std::enable_shared_from_this<Line>, public Passage {
 public:
  Line(Link& link, SiteId site, client::session::SiteSession& session)
      : link_(link), site_(std::move(site)), session_(&session) {}

  void ToSite(const wire::ServerMessage& message) {
    if (session_ == nullptr) return;
    link_.events_.After(Duration(0), [self = shared_from_this(), message] {
      if (self->session_ == nullptr) return;
      self->session_->OnMessage(message);
      self->link_.listener_.OnHeard(self->site_, message);
    });
  }
  void ToServer(const wire::SiteMessage& message) {
    if (session_ == nullptr) return;
    link_.listener_.OnSaid(site_, message);
    link_.events_.After(Duration(0), [self = shared_from_this(), message] {
      if (self->session_ == nullptr) return;
      const absl::Status heard =
          self->link_.server_.federation().OnMessage(self->site_, self->epoch_, message);
      if (!heard.ok()) LogStatus(Level::kWarning, "a site's message was not taken", heard);
    });
  }
  void End() { session_ = nullptr; }
  bool ended() const { return session_ == nullptr; }
  void Begin(Epoch epoch) { epoch_ = epoch; }
  Caller caller() const { return {site_, epoch_}; }
  LineListener& listener() { return link_.listener_; }

  server::round::Coordinator* server() override { return &link_.server_; }
  absl::Status Carry() override {
    if (session_ != nullptr) return absl::OkStatus();
    return Error(ErrorCode::kConnectionLost, "the connection was lost");
  }
  uint64_t PieceOf(uint64_t bytes) const override {
    return std::clamp<uint64_t>(bytes, 1, wire::kMaxChunkBytes);
  }
  bool GoesWhole(uint64_t bytes) override { return bytes <= server::store::kMaxSmallBytes; }
  void OnUpload(const wire::UploadHeader&, UploadStage, uint64_t) override {}

 private:
  Link& link_;
  const SiteId site_;
  client::session::SiteSession* session_;  // null: the connection has ended
  Epoch epoch_;
};

namespace {

class LinePort final : public server::registry::SitePort {
 public:
  explicit LinePort(std::shared_ptr<Line> line) : line_(std::move(line)) {}
  void Send(const wire::ServerMessage& message) override { line_->ToSite(message); }
  void Close(const absl::Status&) override { line_->End(); }

 private:
  const std::shared_ptr<Line> line_;
};

class LineUplink final : public client::session::Uplink {
 public:
  explicit LineUplink(std::shared_ptr<Line> line) : line_(std::move(line)) {}
  void Send(const wire::SiteMessage& message) override { line_->ToServer(message); }
  absl::Status Fetch(const Digest& digest, uint64_t offset,
                     const std::function<absl::Status(ByteSpan)>& sink) override {
    return FetchState(*line_, line_->caller(), digest, offset, sink);
  }
  absl::StatusOr<wire::Receipt> Submit(const wire::UploadHeader& header, const FileReader& update,
                                       const std::function<void(uint64_t)>& on_written) override {
    CN_ASSIGN_OR_RETURN(wire::Receipt receipt,
                        SubmitUpdate(*line_, line_->caller(), header, update, on_written));
    line_->listener().OnReceipt(receipt);
    return receipt;
  }

 private:
  const std::shared_ptr<Line> line_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Line>> Link::Connect(const SiteId& site,
                                                    client::session::SiteSession& session) {
  auto line = std::make_shared<Line>(*this, site, session);
  CN_ASSIGN_OR_RETURN(
      const wire::Welcome welcome,
      server_.federation().Attend(site, session.MakeHello(), std::make_shared<LinePort>(line)));
  line->Begin(welcome.epoch);
  session.OnWelcome(welcome, std::make_shared<LineUplink>(line));
  return line;
}

void Link::Disconnect(const std::shared_ptr<Line>& line) {
  if (line->ended()) return;
  line->End();
  server_.federation().Leave(line->caller().site, line->caller().epoch);
}

void Link::Say(const std::shared_ptr<Line>& line, const wire::SiteMessage& message) {
  line->ToServer(message);
}

}  // namespace consilium::simulator
