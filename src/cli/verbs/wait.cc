#include <fmt/format.h>

#include "cli/output/job_json.h"
#include "cli/verbs/verbs.h"
#include "common/base/error.h"
#include "common/base/status_macros.h"

namespace consilium::cli {

absl::Status Wait(const Context& context, const WaitOptions& options) {
  CN_ASSIGN_OR_RETURN(const std::unique_ptr<ControlClient> client, context.Connect());
  CN_ASSIGN_OR_RETURN(const std::string id, ResolveJob(*client, options.job));
  const SystemClock clock;
  const Instant until = clock.Now() + options.timeout;
  v1::JobView last;
  ControlClient::WatchOptions watch{.job = id};
  if (options.timeout.count() > 0) watch.patience = options.timeout;
  if (options.timeout.count() > 0) watch.limit = options.timeout;
  const absl::Status status = client->Watch(
      watch,
      [&](const v1::WatchJobReply& reply) {
        last = reply.job();
        return true;
      },
      [](const absl::Status&) {});
  if (options.timeout.count() > 0 && clock.Now() >= until && !HasEnded(last.status())) {
    return Error(ErrorCode::kTimedOut,
                 fmt::format("job {} is still {} after {}", id, NameOf(last.status()),
                             FormatDuration(options.timeout)),
                 "the job goes on; wait longer, or see `consilium show " + id + "`");
  }
  CN_RETURN_IF_ERROR(status);
  if (context.json) {
    context.Json("job", ToJson(last));
  } else {
    context.Data(fmt::format("{} {}\n", id, NameOf(last.status())));
  }
  return ResultOf(last);
}

}  // namespace consilium::cli
