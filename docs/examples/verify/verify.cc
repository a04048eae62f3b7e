// SPDX-License-Identifier: Apache-2.0
//
// verify-example JWKS-FILE ISSUER AUDIENCE TYPE < token: prints the claims of a good token, refuses any other.
#include <signer/jwt.h>

#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 5) return std::cerr << "usage: verify-example JWKS-FILE ISSUER AUDIENCE TYPE < token\n", 2;
  const auto source = signer::KeySource::from_file(argv[1]);
  const auto verifier = signer::jwt::Verifier::make(
      {{signer::Algorithm::kRs256}, {argv[2]}, {argv[3]}, signer::jws::TypeRule::is(argv[4])});
  if (!verifier) return std::cerr << verifier.error().text << "\n", 2;

  std::string token;
  std::getline(std::cin, token);
  const auto claims = verifier->verify(token, *source, std::chrono::system_clock::now());
  if (!claims) return std::cerr << "refused: " << to_string(claims.error()) << "\n", 1;
  std::cout << claims->payload_json() << "\n";
}
