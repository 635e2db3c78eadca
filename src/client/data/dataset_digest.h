// What a dataset is called: a digest of the file's bytes and of everything that decides which
// numbers come out of it. Statistics are cached under it.
#ifndef CONSILIUM_CLIENT_DATA_DATASET_DIGEST_H_
#define CONSILIUM_CLIENT_DATA_DATASET_DIGEST_H_

#include "client/data/dataset_config.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/job/job_spec.h"

namespace consilium::client::data {

// Over, each text with its length before it: a tag, `file`, site, dataset name, header, names,
// separator, missing markers, filter, split, and per used column (features in order, then the
// label) its name, type, levels, file column, positive texts and value map. Pure; thread-safe.
Digest DatasetDigest(const Digest& file, const DatasetConfig& config, const job::DataSpec& data,
                     const SiteId& site);

}  // namespace consilium::client::data

#endif  // CONSILIUM_CLIENT_DATA_DATASET_DIGEST_H_
