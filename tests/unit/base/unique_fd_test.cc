// SPDX-License-Identifier: Apache-2.0
//
// One owner a descriptor: nothing leaks, nothing is closed twice.
#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace signer {
namespace {

int open_one() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

TEST(UniqueFd, ClosesOnceWhenItsLastOwnerGoes) {
  const int fd = open_one();
  {
    UniqueFd first(fd);
    UniqueFd second(std::move(first));
    EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, AssignmentClosesTheOldAndReleaseKeepsTheNew) {
  const int old_fd = open_one();
  const int new_fd = open_one();
  UniqueFd owner(old_fd);
  owner = UniqueFd(new_fd);
  EXPECT_FALSE(is_open(old_fd));
  EXPECT_EQ(owner.release(), new_fd);
  EXPECT_FALSE(owner.valid());
  EXPECT_TRUE(is_open(new_fd));
  ::close(new_fd);
}

TEST(UniqueFd, SurvivesAssignmentToItself) {
  UniqueFd owner(open_one());
  const int fd = owner.get();
  UniqueFd& alias = owner;
  owner = std::move(alias);
  EXPECT_EQ(owner.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

}  // namespace
}  // namespace signer
