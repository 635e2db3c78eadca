// A generation: the sum of some accepted updates of one step, with the names of those updates.
//
// Folding is compaction (docs/ARCHITECTURE.md): generation g and some spools become generation
// g + 1; its rename is the commit, then the spools may go. After a crash the newest valid
// generation and the accepted updates that it does not name are all there is to know.
// Format: docs/formats/fold.md. Pure; thread-safe.
#ifndef CONSILIUM_SERVER_STORE_GENERATION_H_
#define CONSILIUM_SERVER_STORE_GENERATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/base/storage.h"
#include "common/tensor/layout.h"
#include "server/store/stored_sum.h"

namespace consilium::server::store {

inline constexpr size_t kMaxNoteBytes = 1024;
inline constexpr uint32_t kMaxFolded = 16384;  // updates of one step

// An update that is in the sum. `note` is what the owner of the step keeps of it.
struct FoldedUpdate {
  SiteId site;
  Digest digest;
  uint32_t weight = 1;  // as sent
  uint64_t bytes = 0;
  Bytes note;
};

struct GenerationHeader {
  uint64_t number = 0;  // from 1
  JobId job;
  StepNumber step;
  Digest base_state;
  std::vector<FoldedUpdate> updates;  // by site
};

// The bytes before the sum.
Bytes EncodeGenerationHeader(const GenerationHeader& header);

struct Generation {
  GenerationHeader header;
  StoredSum sum;
};
// kStateCorrupt, kFormatVersion, kUpdateLayout. Only the header and the head of the sum are read;
// sum.Verify() reads the rest.
absl::StatusOr<Generation> ReadGeneration(std::shared_ptr<const FileReader> file,
                                          const tensor::Layout& layout);

}  // namespace consilium::server::store

#endif  // CONSILIUM_SERVER_STORE_GENERATION_H_
