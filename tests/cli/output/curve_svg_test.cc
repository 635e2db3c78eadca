#include "cli/output/curve_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace consilium::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RenderCurves, EscapesTitlesAndClosesEveryElement) {
  const std::string svg = RenderCurves("a <job> & \"more\"",
                                       {{"loss", "rounds", {{"training", {0, 1}, {2, 1}, true}}}});
  EXPECT_THAT(svg, HasSubstr("a &lt;job&gt; &amp; &quot;more&quot;"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_THAT(svg, HasSubstr("training"));
}

TEST(RenderCurves, ConstantsGapsAndNothingDrawWithoutNan) {
  const std::string svg = RenderCurves(
      "edge", {{"flat", "rounds", {{"s", {0, 1, 2}, {3, NAN, 3}, false}}}, {"empty", "x", {}}});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace consilium::cli
