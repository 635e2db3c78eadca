// A server, a dataset and a workload in memory, for the tests of this room.
#ifndef CONSILIUM_TESTS_CLIENT_SESSION_FAKES_H_
#define CONSILIUM_TESTS_CLIENT_SESSION_FAKES_H_

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/session/site_session.h"
#include "client/session/uplink.h"
#include "common/base/error.h"
#include "common/crypto/sha256.h"
#include "common/learn/contribution.h"
#include "common/wire/envelope.h"
#include "common/wire/state_file.h"

namespace consilium::client::session {

// Hears everything; serves `files`; takes uploads, or fails as told.
class FakeUplink final : public Uplink {
 public:
  void Send(const wire::SiteMessage& message) override { sent.push_back(message); }

  absl::Status Fetch(const Digest& digest, uint64_t offset,
                     const std::function<absl::Status(ByteSpan)>& sink) override {
    fetches.emplace_back(digest, offset);
    const auto found = files.find(digest);
    if (found == files.end()) return Error(ErrorCode::kStateNotFound, "no such state");
    for (uint64_t at = offset; at < found->second.size(); at += kPiece) {
      if (cut_fetch_after && at >= *cut_fetch_after) {
        cut_fetch_after.reset();
        return Error(ErrorCode::kConnectionLost, "cut");
      }
      const auto piece = ByteSpan(found->second)
                             .subspan(at, std::min<uint64_t>(kPiece, found->second.size() - at));
      if (absl::Status taken = sink(piece); !taken.ok()) return taken;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<wire::Receipt> Submit(const wire::UploadHeader& header, const FileReader& update,
                                       const std::function<void(uint64_t)>& on_written) override {
    if (on_submit) on_submit();
    if (!submit_result.ok()) return submit_result;
    Bytes bytes(update.size());
    if (absl::Status read = update.ReadAt(0, bytes); !read.ok()) return read;
    on_written(bytes.size());
    submitted.push_back(std::move(bytes));
    return wire::Receipt{header.key, header.digest, "", {}};
  }

  template <typename T>
  std::vector<T> Heard() const {
    std::vector<T> heard;
    for (const wire::SiteMessage& message : sent) {
      if (const auto* one = std::get_if<T>(&message)) heard.push_back(*one);
    }
    return heard;
  }

  static constexpr uint64_t kPiece = 64;
  std::vector<wire::SiteMessage> sent;
  std::vector<std::pair<Digest, uint64_t>> fetches;
  std::map<Digest, Bytes> files;
  std::optional<uint64_t> cut_fetch_after;
  std::vector<Bytes> submitted;
  absl::Status submit_result;
  std::function<void()> on_submit;
};

class FakeDatasets final : public DatasetSource {
 public:
  std::vector<std::string> Names() const override { return {"heart"}; }
  absl::StatusOr<std::shared_ptr<const data::Dataset>> Load(
      const job::JobSpec&, const data::ReadProgress& progress) override {
    ++loads;
    for (uint64_t done = 0; done < pieces; ++done) {
      if (during_load) during_load();
      if (!progress(done, pieces)) return absl::CancelledError("stopped");
    }
    if (!result.ok()) return result;
    auto dataset = std::make_shared<data::Dataset>();
    dataset->train.columns = 1;
    dataset->train.x.resize(rows);
    dataset->train.y.resize(rows);
    dataset->test.columns = 1;
    dataset->test.x.resize(test_rows);
    dataset->test.y.resize(test_rows);
    dataset->digest = crypto::Sha256Of(AsBytes("dataset"));
    return dataset;
  }
  size_t rows = 100;
  uint64_t pieces = 0;  // of the file
  std::function<void()> during_load;
  size_t test_rows = 0;
  absl::Status result;
  int loads = 0;
};

inline constexpr std::string_view kJobFile = R"(
name = "heart-disease"
rounds = 3
[data]
dataset = "heart"
label = "disease"
features = ["age"]
[model]
kind = "logistic"
[train]
learning_rate = 0.1
[participation]
min_sites = 1
)";

inline wire::JobNotice NoticeOf(std::string_view file, std::string researcher = "ada") {
  wire::Envelope envelope;
  envelope.federation = "clinics";
  envelope.expiry = INT64_MAX;
  wire::JobNotice notice;
  notice.researcher = std::move(researcher);
  notice.envelope = wire::EncodeEnvelope(envelope);
  notice.file.assign(AsBytes(file).begin(), AsBytes(file).end());
  notice.job = wire::JobIdOf(notice.envelope, crypto::Sha256Of(notice.file));
  return notice;
}

// Puts a state on the uplink's server and returns its manifest digest.
inline Digest ServeState(FakeUplink& uplink, const wire::StatePart& part) {
  const Bytes bytes = wire::EncodeStatePart(part);
  wire::Manifest manifest;
  manifest.broadcast = {crypto::Sha256Of(bytes), bytes.size()};
  manifest.private_part = {crypto::Sha256Of(AsBytes("private")), 7};
  uplink.files[manifest.broadcast.digest] = bytes;
  uplink.files[wire::DigestOf(manifest)] = wire::EncodeManifest(manifest);
  return wire::DigestOf(manifest);
}
// A small one.
inline Digest ServeState(FakeUplink& uplink, std::string_view mark) {
  wire::StatePart part;
  part.texts["mark"] = std::string(mark);
  part.texts["padding"] = std::string(500, 'x');
  return ServeState(uplink, part);
}

// A contribution of the right layout, all values `value`.
inline absl::StatusOr<train::Contribution> ContributionOf(const job::JobSpec& spec,
                                                          wire::Workload workload, double value) {
  auto layout = learn::ContributionLayout(spec, workload);
  if (!layout.ok()) return layout.status();
  train::Contribution contribution;
  contribution.values = tensor::Bundle(*layout);
  for (size_t i = 0; i < layout->size(); ++i) {
    if (layout->tensors()[i].dtype == tensor::DType::kFloat64) {
      std::ranges::fill(contribution.values.Float64(i), value);
    } else {
      std::ranges::fill(contribution.values.Float32(i), static_cast<float>(value));
    }
  }
  contribution.weight = 100;
  contribution.support.assign(layout->size(), 100);
  return contribution;
}

}  // namespace consilium::client::session

#endif  // CONSILIUM_TESTS_CLIENT_SESSION_FAKES_H_
