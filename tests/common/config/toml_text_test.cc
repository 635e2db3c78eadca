#include "common/config/toml_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace consilium::config {
namespace {

constexpr const char* kText =
    "a = \"q\\\"\\u0001\"\nb = [1, 2.5, true, {c = \"d\"}]\nrate = 0.1\nwhole = 3.0\n[t]\nx = -7\n";

void ExpectSame(const TomlNode& one, const TomlNode& other) {
  EXPECT_EQ(one.kind, other.kind);
  EXPECT_EQ(one.key, other.key);
  EXPECT_EQ(one.text, other.text);
  EXPECT_EQ(one.integer, other.integer);
  EXPECT_EQ(one.number, other.number);
  EXPECT_EQ(one.flag, other.flag);
  ASSERT_EQ(one.children.size(), other.children.size());
  for (size_t i = 0; i < one.children.size(); ++i) ExpectSame(one.children[i], other.children[i]);
}

TEST(TomlText, ReadsBackAsTheSameTree) {
  ASSERT_OK_AND_ASSIGN(const TomlNode root, ReadToml(kText, "f", ErrorCode::kJobSyntax));
  const std::string text = TomlText(root);
  ASSERT_OK_AND_ASSIGN(const TomlNode again, ReadToml(text, "g", ErrorCode::kJobSyntax));
  ExpectSame(root, again);
}

TEST(ChildOf, FindsChangesKindAndMakes) {
  TomlNode root;
  ChildOf(root, "n", TomlNode::Kind::kInteger).integer = 4;
  EXPECT_EQ(ChildOf(root, "n", TomlNode::Kind::kInteger).integer, 4);
  EXPECT_EQ(ChildOf(root, "n", TomlNode::Kind::kText).text, "");
  EXPECT_EQ(root.children.size(), 1u);
  RemoveChild(root, "n");
  EXPECT_TRUE(root.children.empty());
}

}  // namespace
}  // namespace consilium::config
