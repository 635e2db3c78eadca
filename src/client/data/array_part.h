// The rows of an array (array.h) and the array of their labels, where they have one.
// A plain value; thread-safe.
#ifndef CONSILIUM_CLIENT_DATA_ARRAY_PART_H_
#define CONSILIUM_CLIENT_DATA_ARRAY_PART_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/data/array.h"
#include "client/data/dataset_config.h"
#include "common/base/storage.h"
#include "common/crypto/sha256.h"

namespace consilium::client::data {

struct ArrayPart {
  std::string name;  // of the file
  Array rows;
  std::optional<Array> labels;
  std::string labels_name;
  bool test = false;
};

// Reads the files of the rows that train, or of those that test; the digest of each file goes into
// `files`. Errors name the dataset or the file: kStorageIo, kDataTooLarge, and kDataSyntax where
// there is not one label for each row.
absl::StatusOr<ArrayPart> ReadArrayPart(const DatasetConfig& config, bool test,
                                        const Storage& storage, crypto::Sha256& files);
// kDataSyntax unless a row of the one has as many numbers as a row of the other, of the same type.
absl::Status CheckSame(const ArrayPart& train, const ArrayPart& test);

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_ARRAY_PART_H_
