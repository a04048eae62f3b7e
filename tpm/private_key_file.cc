// SPDX-License-Identifier: Apache-2.0

#include "tpm/private_key_file.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/freer.h"

namespace signer::tpm {

namespace {

constexpr const char* kPemName = "TSS2 PRIVATE KEY";
constexpr std::string_view kPemBegin = "-----BEGIN TSS2 PRIVATE KEY-----";

// Tags of DER (ITU-T X.690 §8.1.2).  kContext + n is [n] EXPLICIT.
constexpr std::uint8_t kBoolean = 0x01;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kOctets = 0x04;
constexpr std::uint8_t kOid = 0x06;
constexpr std::uint8_t kUtf8 = 0x0c;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kContext = 0xa0;
constexpr std::uint8_t kContextMax = 0xbe;
constexpr std::uint8_t kEmptyAuth = kContext + 0;
constexpr std::uint8_t kDescription = kContext + 4;

// 2.23.133.10.1.3; the last arc is 4 for an importable key and 5 for sealed data.
constexpr std::array<std::uint8_t, 6> kLoadableKey = {0x67, 0x81, 0x05, 0x0a, 0x01, 0x03};

using BioPtr = std::unique_ptr<BIO, Freer<::BIO_free_all>>;

// What PEM_read_bio allocates.
using OpensslText = std::unique_ptr<char, decltype([](char* text) { OPENSSL_free(text); })>;
using OpensslBytes = std::unique_ptr<unsigned char, decltype([](unsigned char* bytes) { OPENSSL_free(bytes); })>;

Failure<Error> invalid(std::string_view why) {
  return fail(ErrorCode::kInvalidRequest, "tpm key file: " + std::string(why));
}

void append_element(Bytes& out, std::uint8_t tag, ByteView content) {
  out.push_back(tag);
  const std::size_t size = content.size();  // at most two areas and a description: below 65,536
  if (size >= 256) {
    out.push_back(0x82);
    out.push_back(static_cast<std::uint8_t>(size >> 8U));
  } else if (size >= 128) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(size & 0xffU));
  out.insert(out.end(), content.begin(), content.end());
}

Bytes element(std::uint8_t tag, ByteView content) {
  Bytes out;
  append_element(out, tag, content);
  return out;
}

// Elements in order.  Each next() either yields one whole element and moves on, or nothing.
class DerReader {
 public:
  explicit DerReader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }

  // The tag of the next element; 0, which is none of ours, at the end.
  [[nodiscard]] std::uint8_t tag() const { return rest_.empty() ? 0 : rest_.front(); }

  // The content of the next element if it has this tag and a definite length in its shortest form that fits.
  std::optional<ByteView> next(std::uint8_t wanted) {
    if (rest_.size() < 2 || rest_[0] != wanted) return std::nullopt;
    std::size_t header = 2;
    std::size_t size = rest_[1];
    if (size >= 0x80) {
      const std::size_t digits = size - 0x80;
      if (digits < 1 || digits > 2 || rest_.size() < 2 + digits) return std::nullopt;
      size = 0;
      for (std::size_t i = 0; i < digits; ++i) size = size << 8U | rest_[2 + i];
      if (size < (digits == 1 ? 0x80U : 0x100U)) return std::nullopt;
      header += digits;
    }
    if (size > rest_.size() - header) return std::nullopt;
    const ByteView content = rest_.subspan(header, size);
    rest_ = rest_.subspan(header + size);
    return content;
  }

  // The content of [n] EXPLICIT `inner`, which must fill it.
  std::optional<ByteView> next_explicit(std::uint8_t outer, std::uint8_t inner) {
    const auto wrapped = next(outer);
    if (!wrapped) return std::nullopt;
    DerReader reader(*wrapped);
    const auto content = reader.next(inner);
    return reader.empty() ? content : std::nullopt;
  }

 private:
  ByteView rest_;
};

Result<void> check_parent(std::uint32_t parent) {
  const std::uint32_t kind = parent >> 24U;
  if (kind == 0x81 || kind == 0x40) return {};
  return invalid("parent is neither a persistent handle (0x81......) nor a hierarchy (0x40......)");
}

// A TPM2B that is not empty and whose size is that of what follows.
Result<void> check_area(ByteView area, std::string_view name) {
  if (area.size() > kKeyAreaBytesMax) {
    return invalid(std::string(name) + " of more than " + std::to_string(kKeyAreaBytesMax) + " bytes");
  }
  if (area.size() < 3 || (std::size_t{area[0]} << 8U | area[1]) != area.size() - 2) {
    return invalid(std::string(name) + " whose size does not fit");
  }
  return {};
}

Result<void> check_description(std::string_view text) {
  if (text.size() > kKeyDescriptionBytesMax) {
    return invalid("description of more than " + std::to_string(kKeyDescriptionBytesMax) + " bytes");
  }
  ByteView rest = bytes_of(text);
  while (!rest.empty()) {
    unsigned long point = 0;
    const int used = ::UTF8_getc(rest.data(), static_cast<int>(rest.size()), &point);
    if (used <= 0) return invalid("description is not UTF-8");
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return invalid("description with a control character");
    rest = rest.subspan(static_cast<std::size_t>(used));
  }
  return {};
}

Result<void> check(const PrivateKeyFile& key) {
  SIGNER_RETURN_IF_ERROR(check_parent(key.parent));
  SIGNER_RETURN_IF_ERROR(check_area(key.public_area, "public area"));
  SIGNER_RETURN_IF_ERROR(check_area(key.private_area, "private area"));
  return check_description(key.description);
}

Bytes encode_parent(std::uint32_t parent) {
  Bytes digits;
  for (unsigned shift = 32; shift > 0;) {
    shift -= 8;
    const auto digit = static_cast<std::uint8_t>(parent >> shift & 0xffU);
    if (digits.empty() && digit >= 0x80) digits.push_back(0);  // else the number would be negative
    if (!digits.empty() || digit != 0) digits.push_back(digit);
  }
  return digits;
}

Result<std::uint32_t> decode_parent(ByteView digits) {
  if (digits.empty() || digits.front() >= 0x80) return invalid("parent is negative");
  if (digits.size() > 1 && digits[0] == 0 && digits[1] < 0x80) return invalid("parent not in its shortest form");
  if (digits[0] == 0) digits = digits.subspan(1);
  if (digits.size() > 4) return invalid("parent of more than 32 bits");
  std::uint32_t parent = 0;
  for (const std::uint8_t digit : digits) parent = parent << 8U | digit;
  return parent;
}

Result<void> check_type(std::optional<ByteView> oid) {
  if (!oid) return invalid("does not begin with an object identifier");
  if (std::equal(oid->begin(), oid->end(), kLoadableKey.begin(), kLoadableKey.end())) return {};
  if (oid->size() == kLoadableKey.size() && std::equal(kLoadableKey.begin(), kLoadableKey.end() - 1, oid->begin())) {
    if (oid->back() == 4) return invalid("an importable key: it was not made inside the TPM");
    if (oid->back() == 5) return invalid("sealed data, not a key");
  }
  return invalid("not a loadable TPM 2.0 key (2.23.133.10.1.3)");
}

std::string_view why_refused(std::uint8_t tag) {
  switch (tag) {
    case kContext + 1:
      return "member [1] policy: keys that need a policy are not supported";
    case kContext + 2:
      return "member [2] secret: the key is encrypted for import, it was not made inside the TPM";
    case kContext + 3:
      return "member [3] authPolicy: keys that need a policy are not supported";
    case kContext + 5:
      return "member [5] rsaParent: parents are never derived anew; the parent must be a persistent key";
    default:
      return {};
  }
}

// The members between the object identifier and the parent: in ascending order, each at most once.
Result<void> read_optional(DerReader& reader, PrivateKeyFile& key) {
  std::uint8_t last = 0;
  while (reader.tag() >= kContext && reader.tag() <= kContextMax) {
    const std::uint8_t tag = reader.tag();
    if (tag <= last) return invalid("member [" + std::to_string(tag - kContext) + "] twice or out of order");
    last = tag;
    if (tag == kEmptyAuth) {
      const auto value = reader.next_explicit(tag, kBoolean);
      // TRUE is 0xff in DER; what sets OpenSSL's ASN1_BOOLEAN to 1, as tpm2-tools and tpm2-openssl do, writes 0x01.
      const std::uint8_t byte = value && value->size() == 1 ? value->front() : 0xee;
      if (byte != 0 && byte != 1 && byte != 0xff) return invalid("member [0] emptyAuth is not a BOOLEAN in DER");
      key.empty_auth = byte != 0;
    } else if (tag == kDescription) {
      const auto value = reader.next_explicit(tag, kUtf8);
      if (!value || value->empty()) return invalid("member [4] description is not a UTF8String in DER");
      key.description = text_of(*value);
    } else {
      const std::string_view why = why_refused(tag);
      return invalid(why.empty() ? "unknown member [" + std::to_string(tag - kContext) + "]" : std::string(why));
    }
  }
  return {};
}

Result<PrivateKeyFile> read_der(ByteView der) {
  DerReader outer(der);
  const auto content = outer.next(kSequence);
  if (!content) return invalid("not one DER sequence");
  if (!outer.empty()) return invalid("bytes after the DER sequence");
  DerReader reader(*content);
  SIGNER_RETURN_IF_ERROR(check_type(reader.next(kOid)));
  PrivateKeyFile key;
  SIGNER_RETURN_IF_ERROR(read_optional(reader, key));
  const auto parent = reader.next(kInteger);
  if (!parent) return invalid("no parent handle");
  SIGNER_ASSIGN_OR_RETURN(key.parent, decode_parent(*parent));
  const auto public_area = reader.next(kOctets);
  if (!public_area) return invalid("no public area");
  const auto private_area = reader.next(kOctets);
  if (!private_area) return invalid("no private area");
  if (!reader.empty()) return invalid("bytes after the private area");
  key.public_area.assign(public_area->begin(), public_area->end());
  key.private_area.assign(private_area->begin(), private_area->end());
  SIGNER_RETURN_IF_ERROR(check(key));
  return key;
}

// White space alone is left in `bio`.
bool only_blanks_left(BIO* bio) {
  std::array<char, 256> text{};
  for (int size = 0; (size = ::BIO_read(bio, text.data(), static_cast<int>(text.size()))) > 0;) {
    const std::string_view read(text.data(), static_cast<std::size_t>(size));
    if (read.find_first_not_of(" \t\r\n") != std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

Result<std::string> encode_private_key(const PrivateKeyFile& key) {
  SIGNER_RETURN_IF_ERROR(check(key));
  Bytes content;
  append_element(content, kOid, kLoadableKey);
  // FALSE is written too: tpm2-openssl 1.1 takes a file that says nothing for one whose auth value is empty.
  const auto empty_auth = static_cast<std::uint8_t>(key.empty_auth ? 0xff : 0);
  append_element(content, kEmptyAuth, element(kBoolean, Bytes{empty_auth}));
  if (!key.description.empty()) append_element(content, kDescription, element(kUtf8, bytes_of(key.description)));
  append_element(content, kInteger, encode_parent(key.parent));
  append_element(content, kOctets, key.public_area);
  append_element(content, kOctets, key.private_area);
  const Bytes der = element(kSequence, content);
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  char* text = nullptr;
  if (bio == nullptr || ::PEM_write_bio(bio.get(), kPemName, "", der.data(), static_cast<long>(der.size())) <= 0) {
    return fail(ErrorCode::kInternal, "tpm key file: PEM_write_bio failed");
  }
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

Result<PrivateKeyFile> decode_private_key(std::string_view text) {
  if (text.size() > kKeyFileBytesMax) {
    return invalid("of more than " + std::to_string(kKeyFileBytesMax) + " bytes");
  }
  if (!text.starts_with(kPemBegin)) return invalid("does not begin with \"" + std::string(kPemBegin) + "\"");
  const BioPtr bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (bio == nullptr) return fail(ErrorCode::kInternal, "tpm key file: BIO_new_mem_buf failed");
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  ::ERR_set_mark();
  const bool read = ::PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1;
  ::ERR_pop_to_mark();
  const OpensslText name_owner(name);
  const OpensslText header_owner(header);
  const OpensslBytes data_owner(data);
  if (!read || name != std::string_view(kPemName)) return invalid("not PEM");
  if (*header != '\0') return invalid("PEM with a header: encrypted files are not supported");
  if (!only_blanks_left(bio.get())) return invalid("text after the PEM block");
  return read_der({data, static_cast<std::size_t>(size)});
}

}  // namespace signer::tpm
