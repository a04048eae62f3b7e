// SPDX-License-Identifier: Apache-2.0
/*
 * The verification library for C and for languages that bind to C: opaque handles, no C++ types, no exceptions.
 * C++ programs use signer/jwt.h.
 *
 * Text is bytes and a size, never ended by a zero byte unless said.  A handle belongs to whoever got it and is freed
 * with its own function; freeing NULL does nothing.  Key sets, decryption keys, verifiers and claims never change, so
 * many threads may use one at once; a profile belongs to one thread.  A function that makes something returns NULL on
 * failure and puts the reason, ended by a zero byte and cut to fit, into `error` (`error_size` bytes; may be NULL and
 * 0).
 */
// NOLINTBEGIN(modernize-deprecated-headers,modernize-use-using): C
#ifndef SIGNER_VERIFY_H
#define SIGNER_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SIGNER_PUBLIC __attribute__((visibility("default")))
#else
#define SIGNER_PUBLIC
#endif

typedef struct signer_key_set signer_key_set;
typedef struct signer_profile signer_profile;
typedef struct signer_verifier signer_verifier;
typedef struct signer_claims signer_claims;
typedef struct signer_decryption_keys signer_decryption_keys;

/** Why a token was refused.  The numbers never change; treat one that you do not know as a refusal. */
enum signer_verify_status {
  SIGNER_VERIFY_OK = 0,
  SIGNER_VERIFY_TOO_LARGE = 1,
  SIGNER_VERIFY_MALFORMED = 2,
  SIGNER_VERIFY_HEADER_REFUSED = 3,
  SIGNER_VERIFY_WRONG_TYPE = 4,
  SIGNER_VERIFY_WRONG_ALGORITHM = 5,
  SIGNER_VERIFY_UNKNOWN_KEY = 6,
  SIGNER_VERIFY_BAD_SIGNATURE = 7,
  SIGNER_VERIFY_PAYLOAD_REFUSED = 8,
  SIGNER_VERIFY_CLAIM_INVALID = 9,
  SIGNER_VERIFY_CLAIM_MISSING = 10,
  SIGNER_VERIFY_WRONG_ISSUER = 11,
  SIGNER_VERIFY_WRONG_AUDIENCE = 12,
  SIGNER_VERIFY_EXPIRED = 13,
  SIGNER_VERIFY_NOT_YET_VALID = 14,
  SIGNER_VERIFY_LIFETIME_TOO_LONG = 15,
  SIGNER_VERIFY_KEYS_UNAVAILABLE = 16,
  SIGNER_VERIFY_INTERNAL = 17,
  SIGNER_VERIFY_BAD_ARGUMENT = 18, /**< a NULL where none may be, or a time before 1970 or after 2262 */
  SIGNER_VERIFY_DECRYPT_FAILED = 19
};

/** "ok", "too_large", ...: for logs.  Ended by a zero byte; never freed. */
SIGNER_PUBLIC const char* signer_verify_status_name(int status);

/** For whoever sent the token: as above, but a wrong algorithm, an unknown key and a bad signature read the same. */
SIGNER_PUBLIC const char* signer_verify_status_public_name(int status);

/** The keys of one issuer from a JWK Set, all or nothing: KeySet::from_jwks in signer/key_set.h has the rules. */
SIGNER_PUBLIC signer_key_set* signer_key_set_from_jwks(const char* json, size_t json_size, char* error,
                                                       size_t error_size);

/** One PEM public key for one algorithm ("RS256", ...), both ended by a zero byte.  kid may be NULL: the thumbprint. */
SIGNER_PUBLIC signer_key_set* signer_key_set_from_pem(const char* pem, size_t pem_size, const char* algorithm,
                                                      const char* kid, char* error, size_t error_size);

SIGNER_PUBLIC size_t signer_key_set_size(const signer_key_set* keys);
SIGNER_PUBLIC void signer_key_set_free(signer_key_set* keys);

/** What one kind of token looks like.  What decides about trust is asked for here; all texts end with a zero byte.
 * type: the media type in the header's typ ("at+jwt"), or NULL if tokens must have none. */
SIGNER_PUBLIC signer_profile* signer_profile_new(const char* algorithm, const char* issuer, const char* audience,
                                                 const char* type, char* error, size_t error_size);

/** Further values that are allowed too, and claims that must be there.  0, or -1 for NULL, an unknown algorithm or no
 * memory. */
SIGNER_PUBLIC int signer_profile_add_algorithm(signer_profile* profile, const char* algorithm);
SIGNER_PUBLIC int signer_profile_add_issuer(signer_profile* profile, const char* issuer);
SIGNER_PUBLIC int signer_profile_add_audience(signer_profile* profile, const char* audience);
SIGNER_PUBLIC int signer_profile_require_claim(signer_profile* profile, const char* name);

/** Seconds; signer_verifier_new refuses what is out of range.  Defaults: 30 and 3600. */
SIGNER_PUBLIC void signer_profile_set_leeway(signer_profile* profile, int64_t seconds);
SIGNER_PUBLIC void signer_profile_set_lifetime_max(signer_profile* profile, int64_t seconds);
SIGNER_PUBLIC void signer_profile_free(signer_profile* profile);

/** Copies the profile. */
SIGNER_PUBLIC signer_verifier* signer_verifier_new(const signer_profile* profile, char* error, size_t error_size);
SIGNER_PUBLIC void signer_verifier_free(signer_verifier* verifier);

/** SIGNER_VERIFY_OK and *claims, which the caller frees, if one of the keys signed the token and it is of the
 * verifier's profile at `now` (seconds since 1970-01-01T00:00:00Z); else the reason, and *claims is NULL. */
SIGNER_PUBLIC int signer_verify(const signer_verifier* verifier, const signer_key_set* keys, const char* token,
                                size_t token_size, int64_t now, signer_claims** claims);

/** The recipient's private key, an unencrypted PEM block (kid: what tokens call it, ended by a zero byte, or NULL), and
 * its keys, a private JWK or a JWK Set of them: signer/decryption_keys.h has the rules.  The text is the caller's to
 * cleanse. */
SIGNER_PUBLIC signer_decryption_keys* signer_decryption_keys_from_pem(const char* pem, size_t pem_size, const char* kid,
                                                                      char* error, size_t error_size);
SIGNER_PUBLIC signer_decryption_keys* signer_decryption_keys_from_jwk(const char* json, size_t json_size, char* error,
                                                                      size_t error_size);
SIGNER_PUBLIC void signer_decryption_keys_free(signer_decryption_keys* keys);

/** As signer_verify, of a nested token: encrypted to one of the private keys, and signed inside.
 * SIGNER_VERIFY_DECRYPT_FAILED for whatever is wrong up to the inner signature. */
SIGNER_PUBLIC int signer_verify_nested(const signer_verifier* verifier, const signer_decryption_keys* private_keys,
                                       const signer_key_set* keys, const char* token, size_t token_size, int64_t now,
                                       signer_claims** claims);

/** SIGNER_VERIFY_OK and *opened, which the caller frees: the claims with those that are encrypted in their claim
 * encrypted_claims.  Else SIGNER_VERIFY_CLAIM_MISSING if there is no such claim, or SIGNER_VERIFY_DECRYPT_FAILED. */
SIGNER_PUBLIC int signer_open_encrypted_claims(const signer_claims* claims, const signer_decryption_keys* private_keys,
                                               signer_claims** opened);

/** The payload that was signed, or what opening made of it: one JSON object in UTF-8, without duplicate names.  Lives
 * as long as the claims. */
SIGNER_PUBLIC const char* signer_claims_json(const signer_claims* claims, size_t* size);

/** The claim of that name (ended by a zero byte), if it is there and is text; else NULL.  Lives as long as the claims.
 */
SIGNER_PUBLIC const char* signer_claims_text(const signer_claims* claims, const char* name, size_t* size);

SIGNER_PUBLIC int64_t signer_claims_expires_at(const signer_claims* claims);
SIGNER_PUBLIC void signer_claims_free(signer_claims* claims);

#ifdef __cplusplus
}
#endif

#endif /* SIGNER_VERIFY_H */
// NOLINTEND(modernize-deprecated-headers,modernize-use-using)
