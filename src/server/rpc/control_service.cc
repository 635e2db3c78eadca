#include "server/rpc/control_service.h"

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/wire/messages.h"
#include "fmt/format.h"
#include "server/rpc/model_upload.h"
#include "server/rpc/refusal.h"
#include "server/rpc/stream_parts.h"
#include "server/views/view_proto.h"

namespace consilium::server::rpc {
namespace {

using consilium::rpc::Authenticated;
using consilium::rpc::Rpc;
using ::grpc::CallbackServerContext;
using ::grpc::ServerUnaryReactor;
using views::ToProto;

std::string MethodOf(Rpc rpc) { return std::string(consilium::rpc::RowOf(rpc).method); }

absl::StatusOr<FileStream<v1::ModelChunk>::Source> OpenModel(round::Coordinator& coordinator,
                                                             const v1::GetModelRequest& request) {
  Digest state;
  if (request.which_case() == v1::GetModelRequest::kJobId) {
    CN_ASSIGN_OR_RETURN(const jobs::JobView job, coordinator.Show(JobId(request.job_id())));
    state = job.state;
    if (state.IsZero()) {
      return Error(ErrorCode::kStateNotFound,
                   fmt::format("job {} has no model yet", job.job.value()),
                   "wait for its first committed step: consilium watch " + job.job.value());
    }
  } else if (request.state().size() == state.bytes.size()) {
    std::copy(request.state().begin(), request.state().end(),
              reinterpret_cast<char*>(state.bytes.data()));
  } else {
    return Error(ErrorCode::kProtocol, "the request names neither a job nor a state of 32 bytes");
  }
  CN_ASSIGN_OR_RETURN(const wire::Manifest manifest, coordinator.states().GetManifest(state));
  FileStream<v1::ModelChunk>::Source source;
  source.digest = manifest.broadcast.digest;
  CN_ASSIGN_OR_RETURN(source.reader, coordinator.states().OpenForSite(source.digest));
  return source;
}

// A researcher's own jobs only; the table lets in nobody else but operators.
absl::Status CheckMayCancel(const jobs::JobView& job, const pki::Identity& who) {
  if (who.role != pki::Role::kResearcher || job.researcher == who.ToUri()) return absl::OkStatus();
  return Error(ErrorCode::kNotAllowed,
               fmt::format("job {} is not of {}", job.job.value(), who.ToUri()),
               "ask its researcher, or an operator, to cancel it");
}

}  // namespace

ControlService::ControlService(round::Coordinator& coordinator,
                               const consilium::rpc::Authenticator& authenticator, WorkerPool& pool,
                               DownloadBudget& downloads)
    : coordinator_(coordinator),
      authenticator_(authenticator),
      pool_(pool),
      downloads_(downloads) {}

ServerUnaryReactor* ControlService::Answer(CallbackServerContext* context, Rpc rpc, Work work) {
  ServerUnaryReactor* reactor = context->DefaultReactor();
  auto caller = authenticator_.Authenticate(*context, rpc);
  if (!caller.ok()) {
    reactor->Finish(Refuse(MethodOf(rpc), caller.status()));
    return reactor;
  }
  const bool queued = pool_.TryRun([reactor, rpc, work = std::move(work), who = *caller] {
    const absl::Status done = work(who);
    reactor->Finish(done.ok() ? ::grpc::Status::OK
                              : Refuse(MethodOf(rpc), done, who.identity().ToUri()));
  });
  if (!queued) reactor->Finish(Refuse(MethodOf(rpc), Overloaded()));
  return reactor;
}

ServerUnaryReactor* ControlService::SubmitJob(CallbackServerContext* context,
                                              const v1::SubmitJobRequest* request,
                                              v1::SubmitJobReply* reply) {
  return Answer(context, Rpc::kSubmitJob, [=, this](const Authenticated& who) -> absl::Status {
    if (request->file().size() > wire::kMaxJobFileBytes) {
      return Error(ErrorCode::kMessageTooLarge,
                   fmt::format("the job file has {} bytes, want at most {}", request->file().size(),
                               wire::kMaxJobFileBytes));
    }
    const std::string researcher = who.identity().ToUri();
    CN_ASSIGN_OR_RETURN(
        const round::Submitted submitted,
        coordinator_.Submit(researcher, AsBytes(request->envelope()), AsBytes(request->file())));
    Log(Level::kInfo, "job submitted",
        {{"job", submitted.job.value()},
         {"researcher", researcher},
         {"known", submitted.already_known}});
    reply->set_job_id(submitted.job.value());
    reply->set_already_known(submitted.already_known);
    return absl::OkStatus();
  });
}

ServerUnaryReactor* ControlService::ListJobs(CallbackServerContext* context,
                                             const v1::ListJobsRequest*, v1::ListJobsReply* reply) {
  return Answer(context, Rpc::kListJobs, [=, this](const Authenticated&) {
    for (jobs::JobView& job : coordinator_.List()) {
      job.file.clear();  // GetJob has it
      ToProto(job, *reply->add_jobs());
    }
    return absl::OkStatus();
  });
}

ServerUnaryReactor* ControlService::GetJob(CallbackServerContext* context,
                                           const v1::GetJobRequest* request, v1::JobView* reply) {
  return Answer(context, Rpc::kGetJob, [=, this](const Authenticated&) -> absl::Status {
    CN_ASSIGN_OR_RETURN(const jobs::JobView job, coordinator_.Show(JobId(request->job_id())));
    ToProto(job, *reply);
    return absl::OkStatus();
  });
}

::grpc::ServerWriteReactor<v1::WatchJobReply>* ControlService::WatchJob(
    CallbackServerContext* context, const v1::WatchJobRequest* request) {
  using Refused = RefusedStream<::grpc::ServerWriteReactor<v1::WatchJobReply>>;
  const auto caller = authenticator_.Authenticate(*context, Rpc::kWatchJob);
  if (!caller.ok()) return new Refused(Refuse("WatchJob", caller.status()));
  auto watch = std::make_shared<WatchStream>(coordinator_, pool_, JobId(request->job_id()),
                                             StepNumber(request->after_step()));
  {
    MutexLock lock(mutex_);
    std::erase_if(watches_, [](const auto& one) { return one.expired(); });
    if (watches_.size() >= kMaxWatchers) return new Refused(Refuse("WatchJob", Overloaded()));
    watches_.push_back(watch);
  }
  watch->Start();
  return watch.get();  // owns itself until OnDone
}

void ControlService::CloseWatches(const absl::Status& why) {
  std::vector<std::weak_ptr<WatchStream>> watches;
  {
    MutexLock lock(mutex_);
    watches.swap(watches_);
  }
  for (const auto& one : watches) {
    if (const auto watch = one.lock()) watch->Close(why);
  }
}

ServerUnaryReactor* ControlService::CancelJob(CallbackServerContext* context,
                                              const v1::CancelJobRequest* request,
                                              v1::JobView* reply) {
  return Answer(context, Rpc::kCancelJob, [=, this](const Authenticated& who) -> absl::Status {
    const JobId id(request->job_id());
    CN_ASSIGN_OR_RETURN(const jobs::JobView job, coordinator_.Show(id));
    CN_RETURN_IF_ERROR(CheckMayCancel(job, who.identity()));
    const std::string by = who.identity().ToUri();
    CN_ASSIGN_OR_RETURN(const jobs::JobView cancelled, coordinator_.Cancel(id, by));
    Log(Level::kInfo, "job cancelled", {{"job", id.value()}, {"by", by}});
    ToProto(cancelled, *reply);
    return absl::OkStatus();
  });
}

ServerUnaryReactor* ControlService::ReplayJob(CallbackServerContext* context,
                                              const v1::ReplayJobRequest* request,
                                              v1::ReplayJobReply* reply) {
  return Answer(context, Rpc::kReplayJob, [=, this](const Authenticated&) -> absl::Status {
    CN_ASSIGN_OR_RETURN(const auto steps, coordinator_.Replay(JobId(request->job_id())));
    bool equal = true;
    for (const round::ReplayedStep& step : steps) {
      ToProto(step, *reply->add_steps());
      equal = equal && (step.recorded == step.replayed || !step.gone.empty());
    }
    reply->set_equal(equal);
    return absl::OkStatus();
  });
}

ServerUnaryReactor* ControlService::ListSites(CallbackServerContext* context,
                                              const v1::ListSitesRequest*,
                                              v1::ListSitesReply* reply) {
  return Answer(context, Rpc::kListSites, [=, this](const Authenticated&) {
    for (const registry::SiteStatus& site : coordinator_.federation().Sites()) {
      ToProto(site, *reply->add_sites());
    }
    return absl::OkStatus();
  });
}

::grpc::ServerWriteReactor<v1::ModelChunk>* ControlService::GetModel(
    CallbackServerContext* context, const v1::GetModelRequest* request) {
  const auto caller = authenticator_.Authenticate(*context, Rpc::kGetModel);
  if (!caller.ok()) {
    return new RefusedStream<::grpc::ServerWriteReactor<v1::ModelChunk>>(
        Refuse("GetModel", caller.status()));
  }
  return new FileStream<v1::ModelChunk>(pool_, downloads_, "GetModel", [this, request = *request] {
    return OpenModel(coordinator_, request);
  });
}

::grpc::ServerReadReactor<v1::ModelChunk>* ControlService::PutModel(CallbackServerContext* context,
                                                                    v1::PutModelReply* reply) {
  using Refused = RefusedStream<::grpc::ServerReadReactor<v1::ModelChunk>>;
  const auto caller = authenticator_.Authenticate(*context, Rpc::kPutModel);
  if (!caller.ok()) return new Refused(Refuse("PutModel", caller.status()));
  if (model_uploads_.fetch_add(1) >= kMaxModelUploads) {
    model_uploads_.fetch_sub(1);
    return new Refused(Refuse("PutModel", Overloaded()));
  }
  return new ModelUpload(coordinator_.states(), pool_,
                         {.most_bytes = kMaxModelBytes, .open = model_uploads_}, reply);
}

}  // namespace consilium::server::rpc
