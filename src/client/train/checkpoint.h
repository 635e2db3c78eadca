// Where a local training stands, so that the end of a process is not the end of its work.
//
// A point is everything that the rest of the training depends on besides job, state and rows: the
// parameters, what the optimizer keeps per parameter, the place in the order of the batches and in
// the random numbers behind it. Going on from it gives the bits of a training that was never
// interrupted. docs/formats/checkpoint.md. Who keeps the bytes sees none of this, and answers for
// their being whole and of this very task (session/checkpoint_store.h).
#ifndef CONSILIUM_CLIENT_TRAIN_CHECKPOINT_H_
#define CONSILIUM_CLIENT_TRAIN_CHECKPOINT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/learn/batch_order.h"

namespace consilium::client::train {

// Where one task's checkpoints are kept. Called by the thread that trains.
class Checkpoints {
 public:
  virtual ~Checkpoints() = default;
  // The newest one; nullopt: begin at the start.
  virtual std::optional<Bytes> Find() = 0;
  // Asked between two local steps, every some tens of milliseconds: whether to save one now.
  virtual bool Due() = 0;
  // In place of the one before. A failure to keep it is the keeper's to report, and no reason to
  // stop the training.
  virtual void Save(std::span<const ByteSpan> parts) = 0;
};

struct TrainingPoint {
  uint64_t steps = 0;  // local steps done ..
  uint64_t of = 0;     // .. of so many
  learn::BatchOrder::Position order;
};

// What is kept of a training, by name: the parameters first.
struct PointVector {
  std::string_view name;
  std::span<float> values;
};

// Everything but the values: heads[i] goes before those of vectors[i], so that no copy of a large
// model is made.
std::vector<Bytes> EncodePointHeads(const TrainingPoint& point,
                                    std::span<const PointVector> vectors);
// nullopt, and nothing touched, when the bytes are not a point with these very vectors; else their
// values are filled in where `accept` takes the point.
std::optional<TrainingPoint> DecodePoint(ByteSpan bytes, std::span<const PointVector> vectors,
                                         const std::function<bool(const TrainingPoint&)>& accept);

}  // namespace consilium::client::train

#endif  // CONSILIUM_CLIENT_TRAIN_CHECKPOINT_H_
