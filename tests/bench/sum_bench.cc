// Rows 4 and 5: the exact sum against the read bandwidth and against a plain float add, and the
// same bits for every order, grouping and number of threads.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/random.h"
#include "common/crypto/sha256.h"
#include "common/sum/exact_sum.h"
#include "common/sum/sum_rule.h"
#include "server/store/column_reader.h"
#include "server/store/update_fold.h"
#include "tests/bench/figures.h"
#include "tests/bench/sum_speed.h"

namespace consilium::bench {
namespace {

constexpr int kRepeats = 5;
constexpr size_t kUpdates = 8;
constexpr double kGigabyte = 1e9;

using Updates = std::vector<Bytes>;

tensor::Layout LayoutOf(uint32_t elements) {
  return Must(tensor::Layout::Create({{.name = "w", .shape = {elements}}}));
}

Updates RandomUpdates(size_t count, uint32_t elements) {
  Updates updates(count, Bytes(elements * sizeof(float)));
  Random random(7);
  for (Bytes& update : updates) {
    for (uint32_t i = 0; i < elements; ++i) {
      const auto value = static_cast<float>(random.Uniform() - 0.5);
      std::memcpy(update.data() + i * sizeof value, &value, sizeof value);
    }
  }
  return updates;
}

// Files in the page cache -> the sum in a file: what the server does with a round's updates.
double FoldSpeed(const std::string& folder, uint32_t elements, bool hashed) {
  const Updates updates = RandomUpdates(1, elements);
  const tensor::Layout layout = LayoutOf(elements);
  std::vector<server::store::ColumnInput> inputs;
  for (size_t i = 0; i < kUpdates; ++i) {
    const std::string path = folder + "/fold." + std::to_string(i);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(updates[0].data()),
               static_cast<std::streamsize>(updates[0].size()));
    inputs.push_back({path, 0, 1000});
  }
  PosixStorage storage;
  const auto rule = Must(sum::SumRule::Create(layout, {}));
  const std::string sum = folder + "/fold.sum";
  std::vector<double> speeds;
  for (int i = 0; i < kRepeats; ++i) {
    const double start = ThreadCpuSeconds();
    auto columns = Must(server::store::ColumnReader::Open(storage, layout, inputs));
    const auto out = Must(storage.OpenBulk(sum));
    Must(server::store::FoldColumns(rule, {columns, nullptr, hashed}, *out, nullptr).status());
    speeds.push_back(static_cast<double>(kUpdates * updates[0].size()) /
                     (ThreadCpuSeconds() - start) / kGigabyte);
  }
  std::remove(sum.c_str());
  for (const auto& input : inputs) std::remove(input.path.c_str());
  return Median(speeds);
}

sum::ExactSum SumOf(const Updates& updates, std::span<const size_t> order) {
  auto sum = Must(sum::ExactSum::Create(
      LayoutOf(static_cast<uint32_t>(updates[0].size() / sizeof(float))), {}));
  for (const size_t i : order) Must(sum.Accumulate(static_cast<uint32_t>(i + 1), updates[i]));
  return sum;
}

// Each thread sums its share; the shares are merged, two by two when `tree`.
Digest DigestOf(const Updates& updates, std::span<const size_t> order, size_t threads, bool tree) {
  constexpr size_t kLeaves = 4;
  const size_t parts = tree ? kLeaves : threads;
  std::vector<std::optional<sum::ExactSum>> sums(parts);
  std::vector<std::thread> workers;
  for (size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (size_t p = t; p < parts; p += threads) {
        const size_t from = order.size() * p / parts;
        sums[p] = SumOf(updates, order.subspan(from, order.size() * (p + 1) / parts - from));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (size_t step = 1; step < parts; step *= 2) {
    for (size_t p = 0; p + step < parts; p += 2 * step) Must(sums[p]->MergeWith(*sums[p + step]));
  }
  return crypto::Sha256Of(sums[0]->Serialize());
}

void PrintSameBits() {
  constexpr size_t kSites = 24;
  constexpr int kOrders = 20;
  const Updates updates = RandomUpdates(kSites, 100'000);
  std::vector<size_t> order(kSites);
  std::iota(order.begin(), order.end(), size_t{0});
  Random random(3);
  std::set<Digest> digests;
  int runs = 0;
  for (int i = 0; i < kOrders; ++i) {
    random.Shuffle(std::span(order));
    for (const size_t threads : {size_t{1}, size_t{2}}) {
      for (const bool tree : {false, true}) {
        digests.insert(DigestOf(updates, order, threads, tree));
        ++runs;
      }
    }
  }
  Print("row5.different_results_of_80", static_cast<double>(digests.size()), "digests", 1,
        static_cast<double>(digests.size()));
  Must(runs == 80 ? absl::OkStatus() : absl::InternalError("not 80 runs"));
}

void Run(const Arguments& arguments) {
  std::vector<double> read, exact, plain;
  for (int i = 0; i < kRepeats; ++i) {
    read.push_back(ReadBandwidth());
    exact.push_back(ExactSumSpeed());
    plain.push_back(PlainAddSpeed());
  }
  Print("row4.kernel", Median(exact), "GB/s", Median(read), Median(exact) / Median(read));
  // A pass while the round goes on, and the one at its close, whose sum gets a digest.
  for (const bool hashed : {false, true}) {
    const double fold = FoldSpeed(arguments.work, 10'000'000, hashed);
    Print(hashed ? "row4.close_from_files" : "row4.fold_from_files", fold, "GB/s", Median(read),
          fold / Median(read));
  }
  Print("row5.kernel_cost", 1 / Median(exact), "cpu-s/GB", 1 / Median(plain),
        Median(plain) / Median(exact));
  PrintSameBits();
}

}  // namespace
}  // namespace consilium::bench

int main(int argc, char** argv) {
  consilium::bench::Run(consilium::bench::ParseArguments(argc, argv));
  return 0;
}
