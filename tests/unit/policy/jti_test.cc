// SPDX-License-Identifier: Apache-2.0
//
// The jti that signerd makes.  Without these a token could have one that its own profile would refuse of a caller.
#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <variant>

#include "policy/claims.h"
#include "tests/unit/policy/example.h"

namespace signer::policy {
namespace {

// Of a token under a profile whose jti is of this type.
std::string jti_of(claims::Type type) {
  config::Profile profile = test::profile("p");
  profile.rules = {test::claim("jti", type)};
  config::Config config = test::configuration({test::grant("g", test::uid(1), {"issuer"}, {"p"})});
  config.profiles = {std::move(profile)};
  const auto policy = Policy::build(config, test::accounts(), test::no_files()).value();
  Limiter limiter;
  const auto request = policy->authorize(test::peer(1), test::request("issuer", {}, jose::Json::object()), limiter, {});
  const WallTime now(std::chrono::seconds(1790000000));
  auto shaped = std::get<ShapedClaims>(shape_claims(request.value(), now).value());
  return make_signing_input(request.value(), std::move(shaped), "kid", now).value().jti();
}

TEST(OwnJti, IsARandomUuidWhereTheProfileWantsUuids) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string jti = jti_of(claims::Type::kUuid);
    EXPECT_TRUE(claims::fits_grammar(test::claim("jti", claims::Type::kUuid), jti)) << jti;
    EXPECT_EQ(jti[14], '4') << "RFC 9562 §5.4: version";
    EXPECT_NE(std::string("89ab").find(jti[19]), std::string::npos) << "variant: " << jti;
    EXPECT_TRUE(seen.insert(jti).second);
  }
}

TEST(OwnJti, IsAnOpaqueIdOf22CharactersElse) {
  const std::string jti = jti_of(claims::Type::kOpaqueId);
  EXPECT_EQ(jti.size(), 22U);
  EXPECT_TRUE(claims::fits_grammar(test::claim("jti", claims::Type::kOpaqueId), jti)) << jti;
}

}  // namespace
}  // namespace signer::policy
