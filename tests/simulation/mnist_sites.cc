#include "tests/simulation/mnist_sites.h"

#include <fmt/format.h>

#include <string_view>

#include "common/base/inflate.h"
#include "common/base/status_macros.h"
#include "common/base/storage.h"

namespace consilium::simulation {

const char* const kMnistClient = R"([datasets.digits]
path = "{data}/train-{index}.idx"
labels = "{data}/train-labels-{index}.idx"
test_path = "{data}/test-{index}.idx"
test_labels = "{data}/test-labels-{index}.idx"
[policy]
datasets = ["digits"]
workloads = ["train", "evaluate"]
researchers = ["*"]
)";

const char* const kMnistData = R"([data]
dataset = "digits"
features = [{ name = "pixel", count = 784 }]
standardize = "none"
label = { name = "digit", levels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
[model]
kind = "softmax"
)";

namespace {

struct IdxFile {
  std::string name;  // of the .gz file
  size_t head = 8;
  size_t row_bytes = 1;
  std::string piece;  // each site's: PIECE-SITE.idx
};

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

absl::Status Cut(const std::string& mnist, const IdxFile& idx, size_t sites,
                 const consilium::testing::TempFolder& folder,
                 const std::function<char(size_t site, char label)>& relabel) {
  CN_ASSIGN_OR_RETURN(const Bytes packed, ReadWhole(PosixStorage(), mnist + idx.name, 1 << 26));
  CN_ASSIGN_OR_RETURN(const Bytes bytes, InflateGzip(packed, idx.name));
  const std::string_view text = AsText(bytes);
  const size_t rows = (text.size() - idx.head) / idx.row_bytes / sites;
  for (size_t site = 0; site < sites; ++site) {
    std::string file(text.substr(0, 4));
    file += BigEndian(static_cast<uint32_t>(rows));
    file += text.substr(8, idx.head - 8);
    file += text.substr(idx.head + site * rows * idx.row_bytes, rows * idx.row_bytes);
    if (relabel) {
      for (size_t at = idx.head; at < file.size(); ++at) file[at] = relabel(site, file[at]);
    }
    folder.Write(fmt::format("{}-{}.idx", idx.piece, site), file);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CutMnist(const std::string& mnist, size_t sites,
                      const consilium::testing::TempFolder& folder,
                      const std::function<char(size_t site, char label)>& relabel) {
  CN_RETURN_IF_ERROR(
      Cut(mnist, {"train-images-idx3-ubyte.gz", 16, 784, "train"}, sites, folder, nullptr));
  CN_RETURN_IF_ERROR(
      Cut(mnist, {"train-labels-idx1-ubyte.gz", 8, 1, "train-labels"}, sites, folder, relabel));
  CN_RETURN_IF_ERROR(
      Cut(mnist, {"t10k-images-idx3-ubyte.gz", 16, 784, "test"}, sites, folder, nullptr));
  return Cut(mnist, {"t10k-labels-idx1-ubyte.gz", 8, 1, "test-labels"}, sites, folder, nullptr);
}

}  // namespace consilium::simulation
