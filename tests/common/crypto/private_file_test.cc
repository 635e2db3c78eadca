#include "common/crypto/private_file.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace consilium::crypto {
namespace {

using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;

class PrivateFile : public ::testing::Test {
 protected:
  std::string WriteWithMode(mode_t mode) {
    const std::string path = folder_.Write("key.pem", "secret");
    chmod(path.c_str(), mode);
    return path;
  }
  testing::TempFolder folder_;
};

// A group that this process is not in.
gid_t StrangeGroup() {
  std::vector<gid_t> mine(static_cast<size_t>(std::max(0, getgroups(0, nullptr))));
  getgroups(static_cast<int>(mine.size()), mine.data());
  gid_t group = 12345;
  while (group == getegid() || std::ranges::find(mine, group) != mine.end()) ++group;
  return group;
}

// True when `body` does in a child process that has given up root.
bool HoldsWithoutRoot(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    constexpr gid_t kNobody = 65534;
    const bool dropped = setgroups(0, nullptr) == 0 && setgid(kNobody) == 0 && setuid(kNobody) == 0;
    _exit(dropped && body() ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(PrivateFile, IsWrittenForItsOwnerAlone) {
  const std::string path = folder_.PathOf("key.pem");
  const mode_t old = umask(0);  // the mode must not lean on it
  EXPECT_THAT(WritePrivateFile(path, AsBytes("secret")), IsOk());
  umask(old);
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_OK_AND_ASSIGN(const Secret secret, ReadPrivateFile(path));
  EXPECT_EQ(secret.ExposeText(), "secret");
}

TEST_F(PrivateFile, IsNeverOverwritten) {
  const std::string path = folder_.Write("key.pem", "old");
  EXPECT_THAT(WritePrivateFile(path, AsBytes("new")), HasCode(ErrorCode::kFileExists));
  EXPECT_EQ(testing::ReadTextFile(path), "old");
}

TEST_F(PrivateFile, ThatTheWorldCanReadIsRefused) {
  for (const mode_t mode : {0604, 0644, 0602, 0666, 0601}) {
    const auto secret = ReadPrivateFile(WriteWithMode(mode));
    ASSERT_THAT(secret, HasCode(ErrorCode::kKeyTooOpen)) << std::oct << mode;
    EXPECT_THAT(FormatError(secret.status()), HasSubstr("chmod 600 " + folder_.PathOf("key.pem")));
  }
}

TEST_F(PrivateFile, MayBeReadByAGroupOfThisProcess) {
  const std::string path = WriteWithMode(0440);  // as Kubernetes mounts a secret under fsGroup
  ASSERT_EQ(chown(path.c_str(), static_cast<uid_t>(-1), getegid()), 0);
  EXPECT_THAT(ReadPrivateFile(path), IsOk());
}

TEST_F(PrivateFile, ThatAForeignGroupCanReadIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file to a group it is not in";
  const std::string path = WriteWithMode(0640);
  ASSERT_EQ(chown(path.c_str(), static_cast<uid_t>(-1), StrangeGroup()), 0);
  EXPECT_THAT(ReadPrivateFile(path), HasCode(ErrorCode::kKeyTooOpen));
}

TEST_F(PrivateFile, ThatAGroupCanWriteIsRefused) {
  EXPECT_THAT(ReadPrivateFile(WriteWithMode(0660)), HasCode(ErrorCode::kKeyTooOpen));
}

TEST_F(PrivateFile, ThatIsAbsentIsNamedWithWhatToDo) {
  const std::string path = folder_.PathOf("nowhere.pem");
  const auto secret = ReadPrivateFile(path);
  ASSERT_THAT(secret, HasCode(ErrorCode::kKeyUnreadable));
  EXPECT_THAT(FormatError(secret.status()), HasSubstr(path));
  EXPECT_THAT(FormatError(secret.status()), HasSubstr("consilium pki issue"));
}

TEST_F(PrivateFile, OfAnotherUserIsNamedWithWhatToDo) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const std::string path = WriteWithMode(0600);
  chmod(folder_.path().c_str(), 0755);
  EXPECT_TRUE(HoldsWithoutRoot([&path] {
    const auto secret = ReadPrivateFile(path);
    const std::string text = FormatError(secret.status());
    return CodeOf(secret.status()) == ErrorCode::kKeyUnreadable && text.find(path) != text.npos &&
           text.find("Permission denied") != text.npos &&
           text.find("readable by user 65534") != text.npos;
  }));
}

TEST_F(PrivateFile, MustBeARegularFile) {
  EXPECT_THAT(ReadPrivateFile(folder_.path()), HasCode(ErrorCode::kKeyUnreadable));
  const std::string pipe = folder_.PathOf("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ReadPrivateFile(pipe), HasCode(ErrorCode::kKeyUnreadable));  // and does not hang
}

TEST_F(PrivateFile, HasABound) {
  const std::string path = folder_.Write("large.pem", std::string(kMaxPrivateFileBytes + 1, 'x'));
  chmod(path.c_str(), 0600);
  EXPECT_THAT(ReadPrivateFile(path), HasCode(ErrorCode::kFileTooLarge));
}

}  // namespace
}  // namespace consilium::crypto
