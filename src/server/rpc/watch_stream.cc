#include "server/rpc/watch_stream.h"

#include <utility>

#include "server/rpc/refusal.h"
#include "server/views/view_proto.h"

namespace consilium::server::rpc {
namespace {

bool HasEnded(jobs::JobStatus status) {
  return status == jobs::JobStatus::kDone || status == jobs::JobStatus::kFailed ||
         status == jobs::JobStatus::kCancelled;
}

}  // namespace

WatchStream::WatchStream(round::Coordinator& coordinator, WorkerPool& pool, JobId job,
                         StepNumber after)
    : coordinator_(coordinator), pool_(pool), job_(std::move(job)), sent_(after) {}

void WatchStream::Start() {
  self_ = shared_from_this();
  if (!pool_.TryRun([self = self_] { self->Register(); })) Close(Overloaded());
}

void WatchStream::Register() {
  // The watcher comes first, so no change falls between it and the first view.
  auto ticket =
      coordinator_.Watch(job_, [self = shared_from_this()](uint64_t) { self->MarkChanged(); });
  if (!ticket.ok()) return Close(ticket.status());
  {
    MutexLock lock(mutex_);
    if (!ended_) {
      ticket_ = *ticket;
      *ticket = 0;
    }
  }
  if (*ticket != 0) return coordinator_.Unwatch(*ticket);  // closed meanwhile
  SendNewest();
}

void WatchStream::MarkChanged() {
  MutexLock lock(mutex_);
  changed_ = true;
  if (!busy_) ScheduleLocked();
}

void WatchStream::ScheduleLocked() {
  if (ended_) return;
  busy_ = true;
  if (!pool_.TryRun([self = shared_from_this()] { self->SendNewest(); })) {
    EndLocked(Refuse("WatchJob", Overloaded()));
  }
}

void WatchStream::SendNewest() {
  StepNumber after;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    changed_ = false;
    after = sent_;
  }
  const auto view = coordinator_.Show(job_, after);
  if (!view.ok()) return Close(view.status());
  const bool whole = Fill(*view);
  MutexLock lock(mutex_);
  if (ended_) return;
  if (const auto& steps = frame_.job().steps(); !steps.empty()) {
    sent_ = StepNumber(steps.rbegin()->step());
  }
  if (!whole) changed_ = true;
  last_ = whole && HasEnded(view->status);
  writing_ = true;
  StartWrite(&frame_);
}

bool WatchStream::Fill(const jobs::JobView& view) {
  frame_.Clear();
  v1::JobView& out = *frame_.mutable_job();
  views::ToProto(view, out);
  out.clear_file();  // GetJob has it
  size_t bytes = 0;
  int kept = 0;
  while (kept < out.steps_size() && bytes < kMaxWatchFrameBytes) {
    bytes += out.steps(kept++).ByteSizeLong();
  }
  const bool whole = kept == out.steps_size();
  out.mutable_steps()->DeleteSubrange(kept, out.steps_size() - kept);
  return whole;
}

void WatchStream::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  busy_ = false;
  writing_ = false;
  if (ended_) return Finish(end_);
  if (!ok) return EndLocked(::grpc::Status(::grpc::StatusCode::CANCELLED, "the caller left"));
  if (last_) return EndLocked(::grpc::Status::OK);
  if (changed_) ScheduleLocked();
}

void WatchStream::OnCancel() {
  MutexLock lock(mutex_);
  EndLocked(::grpc::Status(::grpc::StatusCode::CANCELLED, "the caller left"));
}

void WatchStream::Close(const absl::Status& why) {
  MutexLock lock(mutex_);
  if (!ended_) EndLocked(Refuse("WatchJob", why));
}

void WatchStream::EndLocked(::grpc::Status status) {
  if (ended_) return;
  ended_ = true;
  end_ = std::move(status);
  if (!writing_) Finish(end_);  // else when the write has ended: nothing else is under way then
}

void WatchStream::OnDone() {
  uint64_t ticket = 0;
  {
    MutexLock lock(mutex_);
    std::swap(ticket, ticket_);
  }
  if (ticket != 0) coordinator_.Unwatch(ticket);
  self_.reset();
}

}  // namespace consilium::server::rpc
