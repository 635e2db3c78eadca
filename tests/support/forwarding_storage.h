// A Storage that passes everything on: a test overrides the operation that it watches or spoils.
#ifndef CONSILIUM_TESTS_SUPPORT_FORWARDING_STORAGE_H_
#define CONSILIUM_TESTS_SUPPORT_FORWARDING_STORAGE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/storage.h"

namespace consilium::testing {

// `to` outlives it. Thread-safe as `to` is.
class ForwardingStorage : public Storage {
 public:
  explicit ForwardingStorage(Storage& to) : to_(to) {}

  absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                         uint64_t length) override {
    return to_.OpenAppend(path, length);
  }
  absl::StatusOr<std::unique_ptr<FileReader>> OpenRead(const std::string& path) const override {
    return to_.OpenRead(path);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return to_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return to_.Remove(path); }
  absl::Status CreateFolder(const std::string& path) override { return to_.CreateFolder(path); }
  absl::Status SyncFolder(const std::string& path) override { return to_.SyncFolder(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& path) const override {
    return to_.List(path);
  }

 private:
  Storage& to_;
};

// Likewise for a file that is written. It owns what it passes on to.
class ForwardingAppendFile : public AppendFile {
 public:
  explicit ForwardingAppendFile(std::unique_ptr<AppendFile> to) : to_(std::move(to)) {}
  absl::Status Append(ByteSpan bytes) override { return to_->Append(bytes); }
  absl::Status Sync() override { return to_->Sync(); }
  uint64_t size() const override { return to_->size(); }

 private:
  const std::unique_ptr<AppendFile> to_;
};

}  // namespace consilium::testing

#endif  // CONSILIUM_TESTS_SUPPORT_FORWARDING_STORAGE_H_
