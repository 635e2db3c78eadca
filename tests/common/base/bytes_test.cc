#include "common/base/bytes.h"

#include <gtest/gtest.h>

namespace consilium {
namespace {

TEST(Bytes, IntegersAreLittleEndian) {
  Bytes bytes;
  ByteWriter(bytes).Put(uint32_t{0x01020304});
  EXPECT_EQ(AsText(bytes), "\x04\x03\x02\x01");
}

TEST(Bytes, WhatIsWrittenIsReadBack) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.Put(int16_t{-2});
  writer.Put(1.5);
  writer.PutText("leaf");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Get<int16_t>(), -2);
  EXPECT_EQ(reader.Get<double>(), 1.5);
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.GetText(4), "leaf");
  EXPECT_TRUE(reader.done());
}

TEST(ByteReader, AfterAShortReadEverythingIsZero) {
  const Bytes bytes(5, std::byte{0xff});
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Get<uint64_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.Get<uint8_t>(), 0u);
  EXPECT_FALSE(reader.done());
}

TEST(ByteReader, TextAboveItsBoundIsNotRead) {
  Bytes bytes;
  ByteWriter(bytes).PutText("12345");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.GetText(4), "");
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, LengthBeyondTheEndIsNotRead) {
  Bytes bytes;
  ByteWriter(bytes).Put(uint32_t{0xffffffff});
  ByteReader reader(bytes);
  EXPECT_EQ(reader.GetText(SIZE_MAX), "");
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace consilium
