#include "client/data/array_part.h"

#include <filesystem>
#include <span>
#include <utility>

#include "common/base/error.h"
#include "common/base/inflate.h"
#include "common/base/status_macros.h"
#include "fmt/format.h"

namespace consilium::client::data {
namespace {

std::string NameOfFile(const ArrayPlace& place) {
  return std::filesystem::path(place.path).filename().string();
}

absl::StatusOr<Array> ReadArray(const ArrayPlace& place, const std::string& dataset,
                                const Storage& storage, crypto::Sha256& files) {
  auto bytes = ReadWhole(storage, place.path, kMaxWholeFileBytes);
  if (!bytes.ok()) return Annotate(bytes.status(), fmt::format("dataset `{}`", dataset));
  const Digest digest = crypto::Sha256Of(*bytes);
  files.Update(std::as_bytes(std::span(digest.bytes)));
  return Array::Parse(*std::move(bytes), place.member, NameOfFile(place));
}

absl::Status CheckLabels(const ArrayPart& part) {
  if (part.labels->columns() != 1) {
    return Error(ErrorCode::kDataSyntax, fmt::format("`{}` has {} labels for each row, want 1",
                                                     part.labels_name, part.labels->columns()));
  }
  if (part.labels->rows() == part.rows.rows()) return absl::OkStatus();
  return Error(ErrorCode::kDataSyntax,
               fmt::format("`{}` has {} rows, `{}` {} labels", part.name, part.rows.rows(),
                           part.labels_name, part.labels->rows()),
               "rows and labels go together: as many of the one as of the other");
}

}  // namespace

absl::StatusOr<ArrayPart> ReadArrayPart(const DatasetConfig& config, bool test,
                                        const Storage& storage, crypto::Sha256& files) {
  const ArrayPlace rows = test ? config.array.test : ArrayPlace{config.path, config.array.member};
  const ArrayPlace& labels = test ? config.array.test_labels : config.array.labels;
  CN_ASSIGN_OR_RETURN(Array array, ReadArray(rows, config.name, storage, files));
  ArrayPart part{NameOfFile(rows), std::move(array), std::nullopt, NameOfFile(labels), test};
  if (labels.path.empty()) return part;
  CN_ASSIGN_OR_RETURN(part.labels, ReadArray(labels, config.name, storage, files));
  CN_RETURN_IF_ERROR(CheckLabels(part));
  return part;
}

absl::Status CheckSame(const ArrayPart& train, const ArrayPart& test) {
  if (test.rows.columns() == train.rows.columns() && test.rows.type() == train.rows.type()) {
    return absl::OkStatus();
  }
  return Error(ErrorCode::kDataSyntax,
               fmt::format("`{}` and `{}` have not the same numbers in a row: {} and {}, each of "
                           "{} and {} bytes",
                           train.name, test.name, train.rows.columns(), test.rows.columns(),
                           BytesOf(train.rows.type()), BytesOf(test.rows.type())),
               "rows that test are made as those that train");
}

}  // namespace consilium::client::data
