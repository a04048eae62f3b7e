// SPDX-License-Identifier: Apache-2.0
//
// Secrets wipe the places they came from (invariant 5: a PIN lives in one place).
#include "base/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <type_traits>

namespace signer {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!Printable<Secret>);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<std::string, Secret> && !std::is_convertible_v<Secret, std::string>);

// Reads the bytes an emptied string still owns: its buffer is alive, only its size is 0.
bool wiped(const std::string& emptied, std::size_t size) {
  const volatile char* bytes = emptied.data();
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] != '\0') return false;
  }
  return true;
}

TEST(Secret, Invariant05_TakesTheBytesOverAndWipesTheStringTheyCameIn) {
  for (const std::string& pin : {std::string("123456"), std::string(200, '7')}) {  // within and beyond the small buffer
    std::string source = pin;
    const Secret secret(std::move(source));
    EXPECT_EQ(secret.reveal(), pin);
    EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    EXPECT_TRUE(wiped(source, pin.size()));
  }
}

TEST(Secret, MovesWithoutLeavingACopy) {
  Secret first(std::string("123456"));
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.reveal(), "123456");

  Secret third(std::string("a longer pin that does not fit a small string buffer"));
  third = std::move(second);
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(third.reveal(), "123456");

  Secret& alias = third;
  third = std::move(alias);
  EXPECT_EQ(third.reveal(), "123456");
}

}  // namespace
}  // namespace signer
