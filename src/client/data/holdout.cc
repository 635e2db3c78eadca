#include "client/data/holdout.h"

#include <cmath>
#include <span>

#include "common/base/bytes.h"
#include "common/crypto/sha256.h"

namespace consilium::client::data {
namespace {

Digest KeyOf(const SiteId& site, std::string_view dataset) {
  const ByteSpan parts[] = {AsBytes(site.value()), AsBytes(dataset)};
  return crypto::DeriveKey("consilium holdout 1", parts);
}

}  // namespace

Holdout::Holdout(double share, const SiteId& site, std::string_view dataset)
    : share_(share), random_(KeyOf(site, dataset)) {}

bool Holdout::NextIsTest() {
  if (share_ <= 0) return false;
  if (in_block_ == kBlockRows) StartBlock();
  return test_[in_block_++];
}

// As many test rows as bring the total of all blocks to the share, at random places.
void Holdout::StartBlock() {
  const double per_block = share_ * static_cast<double>(kBlockRows);
  const double before = std::floor(static_cast<double>(blocks_) * per_block);
  const double after = std::floor(static_cast<double>(blocks_ + 1) * per_block);
  const auto quota = static_cast<size_t>(after - before);
  for (size_t i = 0; i < kBlockRows; ++i) test_[i] = i < quota;
  random_.Shuffle(std::span<bool>(test_));
  ++blocks_;
  in_block_ = 0;
}

}  // namespace consilium::client::data
