#include "client/app/limits.h"

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "common/crypto/sha256.h"
#include "fmt/format.h"

namespace consilium::client::app {
namespace {

absl::Status Refused(const char* key) {
  return Error(ErrorCode::kConfigOutOfRange,
               fmt::format("the system refuses [limits] {}: {}", key, std::strerror(errno)));
}

absl::Status BindToProcessors(uint32_t count) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return Refused("threads");
  std::vector<int> processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &allowed)) processors.push_back(i);
  }
  if (count >= processors.size()) return absl::OkStatus();
  Digest key;
  crypto::FillRandom(std::as_writable_bytes(std::span(key.bytes)));
  const size_t first = Random(key).Below(static_cast<uint32_t>(processors.size()));
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  for (uint32_t i = 0; i < count; ++i) {
    CPU_SET(processors[(first + i) % processors.size()], &chosen);
  }
  return sched_setaffinity(0, sizeof chosen, &chosen) == 0 ? absl::OkStatus() : Refused("threads");
}

absl::Status TooLarge(const job::JobSpec& spec) {
  return Error(
      ErrorCode::kDataTooLarge,
      fmt::format("dataset `{}` with this job needs more than [limits] memory", spec.data.dataset),
      "raise [limits] memory in client.toml, or filter the dataset");
}

}  // namespace

absl::Status ApplyLimits(const Limits& limits) {
  if (limits.threads) CN_RETURN_IF_ERROR(BindToProcessors(*limits.threads));
  if (limits.memory_bytes) {
    const rlimit bound{*limits.memory_bytes, *limits.memory_bytes};
    if (setrlimit(RLIMIT_DATA, &bound) != 0) return Refused("memory");
  }
  return absl::OkStatus();
}

session::SiteHalf KeepWithinMemory(session::SiteHalf half) {
  return [half = std::move(half)](
             const job::JobSpec& spec, const train::SiteTask& task, const wire::StatePart& state,
             const data::Dataset& dataset,
             const train::Progress& progress) -> absl::StatusOr<train::Contribution> {
    try {
      return half(spec, task, state, dataset, progress);
    } catch (const std::bad_alloc&) {
      return TooLarge(spec);
    }
  };
}

absl::StatusOr<std::shared_ptr<const data::Dataset>> MemoryBoundSource::Load(
    const job::JobSpec& spec, const data::ReadProgress& progress) {
  try {
    return inner_.Load(spec, progress);
  } catch (const std::bad_alloc&) {
    return TooLarge(spec);
  }
}

}  // namespace consilium::client::app
