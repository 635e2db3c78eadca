#include "common/rpc/process.h"

#include <google/protobuf/stubs/common.h>
#include <grpc/support/log.h>
#include <grpcpp/version_info.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>

#if GOOGLE_PROTOBUF_VERSION < 3022000
#include <google/protobuf/stubs/logging.h>
#endif

#include "absl/synchronization/mutex.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/crypto/tls_settings.h"

namespace consilium::rpc {
namespace {

// Buffers of a chunk (1 MiB and its frame) come from the heap and stay there. Only the first of the
// two would make page faults worse.
constexpr int kMmapThresholdBytes = 32 * 1024 * 1024;
constexpr int kTrimThresholdBytes = 256 * 1024 * 1024;

#if GRPC_CPP_VERSION_MAJOR == 1 && GRPC_CPP_VERSION_MINOR < 65
void LogOfGrpc(gpr_log_func_args* args) {
  const Level level = args->severity == GPR_LOG_SEVERITY_ERROR ? Level::kWarning : Level::kDebug;
  Log(level, "transport", {{"text", args->message}, {"source", args->file}, {"line", args->line}});
}
void RouteGrpcLog() {
  gpr_set_log_function(LogOfGrpc);
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}
#else
// Newer gRPC logs with absl; silence is what it offers without a sink of ours.
void RouteGrpcLog() { setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0); }
#endif

#if GOOGLE_PROTOBUF_VERSION < 3022000
// A peer's text that is not UTF-8, say: libprotobuf would write a line of its own to stderr. It
// names the field, never the value.
void LogOfProtobuf(google::protobuf::LogLevel severity, const char* file, int line,
                   const std::string& text) {
  const bool fatal = severity == google::protobuf::LOGLEVEL_FATAL;
  Log(fatal ? Level::kError : Level::kWarning, "message format",
      {{"text", text}, {"source", file}, {"line", line}});
}
void RouteProtobufLog() { google::protobuf::SetLogHandler(LogOfProtobuf); }
#else
void RouteProtobufLog() {}  // newer ones log with absl, as gRPC does
#endif

void KeepMemory() {
  mallopt(M_MMAP_THRESHOLD, kMmapThresholdBytes);
  mallopt(M_TRIM_THRESHOLD, kTrimThresholdBytes);
}

// A connection is a file. When none is left, gRPC 1.51 gives up its listening port for good.
void TakeEveryFile() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);  // raising to the hard limit is always allowed
}

void NoCoreDumps() {
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);  // lowering is always allowed
}

}  // namespace

absl::Status InitProcess(const ProcessOptions& options) {
  CN_RETURN_IF_ERROR(crypto::InitTls());
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  KeepMemory();
  NoCoreDumps();
  if (options.undumpable) prctl(PR_SET_DUMPABLE, 0);
  // The machine's own resolver: hosts file, nsswitch and all, as every other program here.
  setenv("GRPC_DNS_RESOLVER", "native", /*overwrite=*/0);
  RouteGrpcLog();
  RouteProtobufLog();
  TakeEveryFile();
  return absl::OkStatus();
}

}  // namespace consilium::rpc
