// SPDX-License-Identifier: Apache-2.0
//
// verify-example JWKS-FILE ISSUER AUDIENCE TYPE < token: prints the claims of a good token, refuses any other.
#include <signer/verify.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(int argc, char** argv) {
  static char jwks[1 << 20], token[1 << 14], why[256];
  if (argc != 5) return fputs("usage: verify-example JWKS-FILE ISSUER AUDIENCE TYPE < token\n", stderr), 2;
  FILE* file = fopen(argv[1], "r");
  if (file == NULL) return perror(argv[1]), 2;
  signer_key_set* keys = signer_key_set_from_jwks(jwks, fread(jwks, 1, sizeof jwks, file), why, sizeof why);
  signer_profile* profile = keys ? signer_profile_new("RS256", argv[2], argv[3], argv[4], why, sizeof why) : NULL;
  signer_verifier* verifier = profile ? signer_verifier_new(profile, why, sizeof why) : NULL;
  fclose(file);
  if (verifier == NULL) return fprintf(stderr, "%s\n", why), 2;

  size_t size = fread(token, 1, sizeof token, stdin);
  if (size > 0 && token[size - 1] == '\n') --size;
  signer_claims* claims;
  const int status = signer_verify(verifier, keys, token, size, time(NULL), &claims);
  if (status == SIGNER_VERIFY_OK) {
    const char* json = signer_claims_json(claims, &size);
    printf("%.*s\n", (int)size, json);
  } else {
    fprintf(stderr, "refused: %s\n", signer_verify_status_name(status));
  }
  signer_claims_free(claims);
  signer_verifier_free(verifier);
  signer_profile_free(profile);
  signer_key_set_free(keys);
  return status == SIGNER_VERIFY_OK ? 0 : 1;
}
