// The parts that journal records share: names, digests, cut texts, a step's report.
//
// Little-endian, as docs/formats/server_journal.md says. Reading never trusts: after the first
// malformed part the reader is not ok() and what follows is empty.
#ifndef CONSILIUM_SERVER_JOBS_STEP_CODEC_H_
#define CONSILIUM_SERVER_JOBS_STEP_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "server/jobs/job_view.h"

namespace consilium::server::jobs {

inline constexpr size_t kMaxNameBytes = 64;

// At most `most` bytes of `text`; what is cut ends with "...".
void PutCut(ByteWriter& out, std::string_view text, size_t most);
void PutDigest(ByteWriter& out, const Digest& digest);
Digest GetDigest(ByteReader& in);
// A u32 that is at most `most`; else the reader fails.
size_t GetCount(ByteReader& in, size_t most);
// Makes the reader fail.
void Reject(ByteReader& in);

template <typename Tag>
void PutName(ByteWriter& out, const TextId<Tag>& id) {
  out.PutText(id.value());
}
template <typename Tag>
void GetName(ByteReader& in, TextId<Tag>& id) {
  id = TextId<Tag>(std::string(in.GetText(kMaxNameBytes)));
}
template <typename Enum>
void GetEnum(ByteReader& in, Enum& value, Enum least, Enum most) {
  const auto number = in.Get<uint8_t>();
  if (number < static_cast<uint8_t>(least) || number > static_cast<uint8_t>(most)) {
    Reject(in);
    return;
  }
  value = static_cast<Enum>(number);
}

void PutMetrics(ByteWriter& out, const aggregation::Metrics& metrics);
aggregation::Metrics GetMetrics(ByteReader& in);

// The report of a finished step, every selected site in it. Written with all fields; older ones
// read.
enum class StepFields { kFirst, kWithKernels, kWithLate };
void PutStep(ByteWriter& out, const StepView& step);
StepView GetStep(ByteReader& in, StepFields fields);

}  // namespace consilium::server::jobs

#endif  // CONSILIUM_SERVER_JOBS_STEP_CODEC_H_
