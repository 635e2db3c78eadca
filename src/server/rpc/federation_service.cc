#include "server/rpc/federation_service.h"

#include <memory>
#include <utility>

#include "common/base/error.h"
#include "common/base/status_macros.h"
#include "common/wire/messages_proto.h"
#include "fmt/format.h"
#include "server/rpc/refusal.h"
#include "server/rpc/stream_parts.h"

namespace consilium::server::rpc {
namespace {

using consilium::rpc::Rpc;
using ::grpc::ByteBuffer;
using ::grpc::CallbackServerContext;
using ::grpc::ServerBidiReactor;
using ::grpc::ServerWriteReactor;

constexpr CallCaps::Limits kCallLimits = {.of_one = kMaxCallsOfOneSite, .of_all = kMaxCallsOfAll};

SiteId SiteOf(const consilium::rpc::Authenticated& caller) { return SiteId(caller.identity().id); }

absl::StatusOr<wire::FetchRequest> ReadRequest(const ByteBuffer& request) {
  ::grpc::Slice whole;
  v1::FetchRequest proto;
  if (!request.DumpToSingleSlice(&whole).ok() ||
      !proto.ParseFromArray(whole.begin(), static_cast<int>(whole.size()))) {
    return Error(ErrorCode::kProtocol, "a fetch request that is not Protobuf");
  }
  return wire::FromProto(proto);
}

absl::StatusOr<FileStream<ByteBuffer>::Source> OpenState(round::Coordinator& coordinator,
                                                         const SiteId& site,
                                                         const wire::FetchRequest& request) {
  CN_RETURN_IF_ERROR(coordinator.federation().CheckEpoch(site, request.epoch));
  FileStream<ByteBuffer>::Source source;
  source.digest = request.digest;
  source.offset = request.offset;
  CN_ASSIGN_OR_RETURN(source.reader, coordinator.states().OpenForSite(request.digest));
  if (request.offset > source.reader->size()) {
    return Error(ErrorCode::kProtocol, fmt::format("fetch from {}, want at most {}", request.offset,
                                                   source.reader->size()));
  }
  return source;
}

}  // namespace

FederationService::FederationService(Options options, round::Coordinator& coordinator,
                                     const Clock& clock,
                                     const consilium::rpc::Authenticator& authenticator,
                                     WorkerPool& pool, DownloadBudget& downloads)
    : options_(options),
      coordinator_(coordinator),
      authenticator_(authenticator),
      pool_(pool),
      downloads_(downloads),
      uploads_{coordinator, pool, clock, UploadBudget(options.upload_bytes), {}, {0}},
      intake_(uploads_),
      attends_("Attend streams", kCallLimits),
      fetches_("fetches", kCallLimits),
      submits_("uploads", kCallLimits) {}

ServerBidiReactor<v1::SiteFrame, v1::ServerFrame>* FederationService::Attend(
    CallbackServerContext* context) {
  const auto caller = authenticator_.Authenticate(*context, Rpc::kAttend);
  if (!caller.ok()) {
    return new RefusedStream<ServerBidiReactor<v1::SiteFrame, v1::ServerFrame>>(
        Refuse("Attend", caller.status()));
  }
  auto ticket = attends_.Take(SiteOf(*caller).value());
  if (!ticket.ok()) {
    return new RefusedStream<ServerBidiReactor<v1::SiteFrame, v1::ServerFrame>>(
        Refuse("Attend", ticket.status()));
  }
  auto stream = std::make_shared<AttendStream>(
      AttendStream::Shared{coordinator_.federation(), pool_, intake_}, *context, SiteOf(*caller),
      *std::move(ticket));
  stream->Start(options_.hello_timeout);
  return stream.get();  // owns itself until OnDone
}

ServerWriteReactor<ByteBuffer>* FederationService::Fetch(CallbackServerContext* context,
                                                         const ByteBuffer* request) {
  const auto caller = authenticator_.Authenticate(*context, Rpc::kFetch);
  const auto wanted = ReadRequest(*request);
  if (!caller.ok() || !wanted.ok()) {
    return new RefusedStream<ServerWriteReactor<ByteBuffer>>(
        Refuse("Fetch", caller.ok() ? wanted.status() : caller.status()));
  }
  const auto ticket = fetches_.Take(SiteOf(*caller).value());
  if (!ticket.ok()) {
    return new RefusedStream<ServerWriteReactor<ByteBuffer>>(Refuse("Fetch", ticket.status()));
  }
  // The ticket lives as long as the stream, which keeps this function.
  return new FileStream<ByteBuffer>(
      pool_, downloads_, "Fetch",
      [this, site = SiteOf(*caller), wanted = *wanted, ticket = *ticket] {
        return OpenState(coordinator_, site, wanted);
      });
}

ServerBidiReactor<ByteBuffer, ByteBuffer>* FederationService::Submit(
    CallbackServerContext* context) {
  const auto caller = authenticator_.Authenticate(*context, Rpc::kSubmit);
  if (!caller.ok()) {
    return new RefusedStream<ServerBidiReactor<ByteBuffer, ByteBuffer>>(
        Refuse("Submit", caller.status()));
  }
  auto ticket = submits_.Take(SiteOf(*caller).value());
  if (!ticket.ok()) {
    return new RefusedStream<ServerBidiReactor<ByteBuffer, ByteBuffer>>(
        Refuse("Submit", ticket.status()));
  }
  auto stream = std::make_shared<UploadStream>(uploads_, SiteOf(*caller), *std::move(ticket));
  stream->Start();
  return stream.get();  // owns itself until OnDone
}

}  // namespace consilium::server::rpc
