// What one process sees of its disk: a MemoryStorage that fails by chance, and in the midst of
// whose operations the process may die.
//
// A view belongs to one incarnation of a process. Once dead it answers kStorageIo for ever,
// whatever its owner still tries on the way out; the next incarnation gets a view of its own of the
// same memory. A failed Append may have written a prefix; what a process died in may have happened
// all the same. Not thread-safe. `memory` and `random` outlive it.
#ifndef CONSILIUM_TESTS_SIMULATION_FAULTY_DISK_H_
#define CONSILIUM_TESTS_SIMULATION_FAULTY_DISK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/memory_storage.h"
#include "common/base/random.h"
#include "tests/simulation/planted_bug.h"

namespace consilium::simulation {

struct DiskFaults {
  double fail_write = 0;  // chance per changing operation
  double fail_read = 0;   // chance per opening and per read
};

class FaultyDisk final : public Storage {
 public:
  FaultyDisk(MemoryStorage& memory, Random& random, PlantedBug bug)
      : memory_(memory), random_(random), bug_(bug) {}

  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                         uint64_t length = UINT64_MAX) override;
  absl::StatusOr<std::unique_ptr<FileReader>> OpenRead(const std::string& path) const override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status CreateFolder(const std::string& path) override;
  absl::Status SyncFolder(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) const override;

  void SetFaults(const DiskFaults& faults) { faults_ = faults; }
  // The process dies at the `operation`-th changing operation from now on; `died` is called once,
  // in the midst of it. 0: it does not.
  void DieAt(uint64_t operation, std::function<void()> died);
  void Die() { dead_ = true; }
  bool dead() const { return dead_; }

 private:
  class Appender;
  class Reader;
  bool Chance(double probability) const {
    return probability > 0 && random_.Uniform() < probability;
  }
  struct Fate {
    bool happens = true;
    bool failed = false;
  };
  Fate Decide();
  absl::Status Read(const std::string& path) const;
  absl::Status Failure(const std::string& path) const;
  // Performs `operation` as Decide says.
  absl::Status Change(const std::string& path, const std::function<absl::Status()>& operation);

  MemoryStorage& memory_;
  Random& random_;
  const PlantedBug bug_;
  DiskFaults faults_;
  bool dead_ = false;
  uint64_t operations_ = 0;
  uint64_t dies_at_ = 0;
  std::function<void()> died_;
};

}  // namespace consilium::simulation

#endif  // CONSILIUM_TESTS_SIMULATION_FAULTY_DISK_H_
