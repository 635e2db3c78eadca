#include "common/learn/model_npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "common/base/crc32.h"
#include "tests/support/status_matchers.h"

namespace consilium::learn {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

wire::StatePart SmallModel() {
  wire::StatePart part;
  part.tensors = tensor::Bundle(*tensor::Layout::Create({{"w", {2, 3}},
                                                         {"standardize.mean",
                                                          {3},
                                                          tensor::DType::kFloat64,
                                                          7,
                                                          tensor::Weighting::kOne,
                                                          tensor::Tag::kSum}}));
  for (size_t i = 0; i < 6; ++i) part.tensors.Float32(0)[i] = static_cast<float>(i) / 2;
  for (size_t i = 0; i < 3; ++i) part.tensors.Float64(1)[i] = 1.0 / (1.0 + static_cast<double>(i));
  part.texts["model"] = "{\"kind\":\"logistic\"}";
  return part;
}

// Reads the archive the way unzip does: from its end.
std::map<std::string, std::string> Members(ByteSpan archive) {
  constexpr size_t kEndBytes = 22, kLocalBytes = 30;
  std::map<std::string, std::string> members;
  ByteReader end(archive.last(kEndBytes));
  EXPECT_EQ(end.Get<uint32_t>(), 0x06054b50u);
  end.GetBytes(4);
  const auto count = end.Get<uint16_t>();
  EXPECT_EQ(end.Get<uint16_t>(), count);
  const auto bytes = end.Get<uint32_t>();
  const auto begin = end.Get<uint32_t>();
  EXPECT_EQ(begin + bytes + kEndBytes, archive.size());
  ByteReader directory(archive.subspan(begin, bytes));
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(directory.Get<uint32_t>(), 0x02014b50u);
    directory.GetBytes(6);
    EXPECT_EQ(directory.Get<uint16_t>(), 0u) << "stored";
    directory.GetBytes(4);
    const auto crc = directory.Get<uint32_t>();
    const auto size = directory.Get<uint32_t>();
    EXPECT_EQ(directory.Get<uint32_t>(), size);
    const auto name_bytes = directory.Get<uint16_t>();
    directory.GetBytes(12);
    const auto offset = directory.Get<uint32_t>();
    const std::string name(AsText(directory.GetBytes(name_bytes)));
    EXPECT_EQ(ByteReader(archive.subspan(offset)).Get<uint32_t>(), 0x04034b50u);
    const ByteSpan content = archive.subspan(offset + kLocalBytes + name_bytes, size);
    EXPECT_EQ(Crc32Of(content), crc);
    members[name] = AsText(content);
  }
  EXPECT_TRUE(directory.done());
  return members;
}

TEST(ModelNpz, HoldsEveryTensorAsNumPyReadsIt) {
  ASSERT_OK_AND_ASSIGN(const Bytes archive, EncodeNpz(SmallModel()));
  const auto members = Members(archive);
  ASSERT_EQ(members.size(), 3u);
  const std::string& w = members.at("w.npy");
  EXPECT_THAT(w, StartsWith(std::string("\x93NUMPY\x01\x00", 8)));
  EXPECT_THAT(w, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"));
  const size_t head = w.size() - 6 * sizeof(float);
  EXPECT_EQ(head % 64, 0u);
  EXPECT_EQ(w[head - 1], '\n');
  float last = 0;
  std::memcpy(&last, w.data() + w.size() - sizeof last, sizeof last);
  EXPECT_EQ(last, 2.5F);
  EXPECT_THAT(members.at("standardize.mean.npy"),
              HasSubstr("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"));
  EXPECT_THAT(members.at("metadata.json"), HasSubstr("logistic"));
}

TEST(ModelNpz, TheSameModelGivesTheSameBytes) {
  EXPECT_EQ(*EncodeNpz(SmallModel()), *EncodeNpz(SmallModel()));
}

}  // namespace
}  // namespace consilium::learn
