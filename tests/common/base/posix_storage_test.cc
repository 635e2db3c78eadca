// What only real files show: modes, kinds, short writes, descriptors.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "common/base/storage.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium {
namespace {

using testing::HasCode;
using testing::IsOk;

mode_t ModeOf(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST(PosixStorage, OnlyTheOwnerMayReadWhatItMakes) {
  const testing::TempFolder folder;
  PosixStorage storage;
  ASSERT_THAT(storage.CreateFolder(folder.PathOf("a/b")), IsOk());
  ASSERT_THAT(WriteDurably(storage, folder.PathOf("a/b/c"), AsBytes("x")), IsOk());
  EXPECT_EQ(ModeOf(folder.PathOf("a")), 0700u);
  EXPECT_EQ(ModeOf(folder.PathOf("a/b/c")), 0600u);
}

TEST(PosixStorage, ADeviceIsNotAFile) {
  PosixStorage storage;
  EXPECT_THAT(storage.OpenAppend("/dev/null", UINT64_MAX), HasCode(ErrorCode::kStorageIo));
  EXPECT_THAT(storage.OpenRead("/dev/null"), HasCode(ErrorCode::kStorageIo));
}

TEST(PosixStorage, AWriteThatFailsHalfWayIsCutOffAgain) {
  const testing::TempFolder folder;
  PosixStorage storage;
  ASSERT_OK_AND_ASSIGN(const auto file, storage.OpenAppend(folder.PathOf("a"), UINT64_MAX));
  ASSERT_THAT(file->Append(AsBytes("kept")), IsOk());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = file->Append(Bytes(1000));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);

  EXPECT_THAT(status, HasCode(ErrorCode::kStorageIo));
  EXPECT_EQ(file->size(), 4u);
  EXPECT_THAT(file->Append(AsBytes(" on")), IsOk());
  ASSERT_OK_AND_ASSIGN(const Bytes bytes, ReadWhole(storage, folder.PathOf("a"), 100));
  EXPECT_EQ(AsText(bytes), "kept on");
}

TEST(PosixStorage, DescriptorsAreNotInherited) {
  const testing::TempFolder folder;
  PosixStorage storage;
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(next, 0);
  close(next);  // the number that the file gets
  ASSERT_OK_AND_ASSIGN(const auto file, storage.OpenAppend(folder.PathOf("a"), UINT64_MAX));
  EXPECT_EQ(fcntl(next, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

}  // namespace
}  // namespace consilium
