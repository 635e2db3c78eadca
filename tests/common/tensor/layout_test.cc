#include "common/tensor/layout.h"

#include <string>
#include <utility>
#include <vector>

#include "tests/support/status_matchers.h"

namespace consilium::tensor {
namespace {

using consilium::testing::HasCode;
using consilium::testing::IsOk;
using ::testing::HasSubstr;

TensorSpec Spec(std::string name, std::vector<uint32_t> shape, DType dtype = DType::kFloat32) {
  TensorSpec spec;
  spec.name = std::move(name);
  spec.shape = std::move(shape);
  spec.dtype = dtype;
  spec.weighting = dtype == DType::kFloat64 ? Weighting::kOne : Weighting::kSamples;
  return spec;
}

void ExpectRefused(TensorSpec spec, std::string_view why) {
  const absl::StatusOr<Layout> layout = Layout::Create({std::move(spec)});
  ASSERT_THAT(layout, HasCode(ErrorCode::kUpdateLayout));
  EXPECT_THAT(std::string(layout.status().message()), HasSubstr(std::string(why)));
}

TEST(Layout, TensorsFollowEachOtherAtMultiplesOf8Bytes) {
  ASSERT_OK_AND_ASSIGN(const Layout layout,
                       Layout::Create({Spec("a", {3}), Spec("b", {2, 5}),
                                       Spec("c", {1}, DType::kFloat64), Spec("d", {1, 1, 1, 1})}));
  EXPECT_EQ(layout.OffsetOf(0), 0u);
  EXPECT_EQ(layout.OffsetOf(1), 16u);
  EXPECT_EQ(layout.OffsetOf(2), 56u);
  EXPECT_EQ(layout.OffsetOf(3), 64u);
  EXPECT_EQ(layout.payload_bytes(), 72u);
  EXPECT_EQ(ElementsOf(layout.tensors()[1]), 10u);
}

TEST(Layout, AnEmptyOneHasNoBytes) {
  const Layout layout;
  EXPECT_EQ(layout.size(), 0u);
  EXPECT_EQ(layout.payload_bytes(), 0u);
  ASSERT_OK_AND_ASSIGN(const Layout made, Layout::Create({}));
  EXPECT_EQ(layout, made);
}

TEST(Layout, FindsTensorsByName) {
  ASSERT_OK_AND_ASSIGN(const Layout layout, Layout::Create({Spec("a", {3}), Spec("b", {2})}));
  EXPECT_EQ(layout.Find("b"), 1u);
  EXPECT_EQ(layout.Find("c"), std::nullopt);
}

TEST(Layout, EqualityIsOfWhatTheyDescribe) {
  ASSERT_OK_AND_ASSIGN(const Layout a, Layout::Create({Spec("a", {3})}));
  ASSERT_OK_AND_ASSIGN(const Layout same, Layout::Create({Spec("a", {3})}));
  ASSERT_OK_AND_ASSIGN(const Layout other, Layout::Create({Spec("a", {1, 3})}));
  EXPECT_EQ(a, same);
  EXPECT_FALSE(a == other);
}

TEST(Layout, NamesAreUniquePrintableAndShort) {
  ExpectRefused(Spec("", {1}), "want 1 to 128");
  ExpectRefused(Spec(std::string(129, 'x'), {1}), "want 1 to 128");
  ExpectRefused(Spec("tab\t", {1}), "printable");
  ExpectRefused(Spec("caf\xc3\xa9", {1}), "printable");
  EXPECT_THAT(Layout::Create({Spec(std::string(128, 'x'), {1})}), IsOk());
  EXPECT_THAT(Layout::Create({Spec("a", {1}), Spec("a", {2})}), HasCode(ErrorCode::kUpdateLayout));
}

TEST(Layout, ShapesHaveOneToFourExtentsAboveZero) {
  ExpectRefused(Spec("a", {}), "rank is 0");
  ExpectRefused(Spec("a", {1, 1, 1, 1, 1}), "rank is 5");
  ExpectRefused(Spec("a", {3, 0}), "extent is 0");
}

TEST(Layout, SizesThatOverflowOrAreTooLargeAreRefused) {
  ExpectRefused(Spec("a", {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}), "more than");
  ExpectRefused(Spec("a", {1u << 31, 1u << 31, 4}), "more than");
  ExpectRefused(Spec("a", {(1u << 31) + 1, 8}), "more than");
  // Each fits, both together do not.
  EXPECT_THAT(Layout::Create({Spec("a", {1u << 31, 8})}), IsOk());
  EXPECT_THAT(Layout::Create({Spec("a", {1u << 31, 8}), Spec("b", {1})}),
              HasCode(ErrorCode::kUpdateLayout));
}

TEST(Layout, BoundsAreWithinWhatTheExactSumHolds) {
  for (const int bound : {-65, 65}) {
    TensorSpec spec = Spec("a", {1});
    spec.bound_log2 = bound;
    ExpectRefused(spec, "want -64 to 64");
  }
  for (const int bound : {-65, 201}) {
    TensorSpec spec = Spec("a", {1}, DType::kFloat64);
    spec.bound_log2 = bound;
    ExpectRefused(spec, "want -64 to 200");
  }
}

TEST(Layout, EnumsAreChecked) {
  TensorSpec spec = Spec("a", {1});
  spec.dtype = static_cast<DType>(3);
  ExpectRefused(spec, "dtype is 3");
  spec = Spec("a", {1});
  spec.weighting = static_cast<Weighting>(0);
  ExpectRefused(spec, "weighting is 0");
  spec = Spec("a", {1});
  spec.tag = static_cast<Tag>(9);
  ExpectRefused(spec, "tag is 9");
  spec = Spec("a", {1}, DType::kFloat64);
  spec.weighting = Weighting::kSamples;
  ExpectRefused(spec, "float64 weighted by samples");
}

TEST(Layout, NoMoreThanTheMostTensors) {
  std::vector<TensorSpec> specs;
  specs.reserve(kMaxTensors + 1);
  for (size_t i = 0; i < kMaxTensors; ++i) specs.push_back(Spec("t" + std::to_string(i), {1}));
  EXPECT_THAT(Layout::Create(specs), IsOk());
  specs.push_back(Spec("more", {1}));
  EXPECT_THAT(Layout::Create(specs), HasCode(ErrorCode::kUpdateLayout));
}

}  // namespace
}  // namespace consilium::tensor
