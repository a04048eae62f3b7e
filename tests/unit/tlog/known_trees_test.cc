// SPDX-License-Identifier: Apache-2.0
//
// The eight leaves of the tests of certificate-transparency, whose roots and proofs every implementation is compared
// with.

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/tlog/naive.h"
#include "tlog/proof.h"

namespace signer::tlog {
namespace {

constexpr std::array kLeaves = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};

constexpr std::array kRoots = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct KnownProof {
  std::size_t first;  // index, or old size
  std::size_t size;
  std::vector<const char*> hashes;
};

const char* const kLeaf1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const char* const kLeaf4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const char* const kNode2To4 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const char* const kNode4To6 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const char* const kNode4To8 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const char* const kNode6To8 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";

std::vector<std::string> known_entries() {
  std::vector<std::string> entries;
  for (const char* leaf : kLeaves) entries.emplace_back(text_of(from_hex(leaf).value()));
  return entries;
}

std::vector<std::string> hex_of(const Proof& proof) {
  std::vector<std::string> lines;
  for (const Hash& hash : proof) lines.push_back(to_hex(hash));
  return lines;
}

TEST(KnownTree, EverySizeHasThePublishedRoot) {
  const auto entries = known_entries();
  const Tree tree = tree_of(entries);
  Frontier frontier;
  for (std::size_t size = 0; size <= entries.size(); ++size) {
    EXPECT_EQ(to_hex(naive_root(Entries(entries).first(size))), kRoots[size]);
    EXPECT_EQ(to_hex(frontier.root()), kRoots[size]);
    EXPECT_EQ(to_hex(tree.root(size).value()), kRoots[size]);
    if (size < entries.size()) frontier.append(leaf_hash(entries[size]));
  }
  EXPECT_EQ(to_hex(empty_root()), kRoots[0]);
}

TEST(KnownTree, InclusionProofsAreThePublishedOnes) {
  const Tree tree = tree_of(known_entries());
  for (const KnownProof& known : {KnownProof{0, 1, {}}, KnownProof{0, 8, {kLeaf1, kNode2To4, kNode4To8}},
                                  KnownProof{5, 8, {kLeaf4, kNode6To8, kRoots[4]}}, KnownProof{2, 3, {kRoots[2]}},
                                  KnownProof{1, 5, {kRoots[1], kNode2To4, kLeaf4}}}) {
    const Proof proof = tree.inclusion_proof(known.first, known.size).value();
    EXPECT_EQ(hex_of(proof), std::vector<std::string>(known.hashes.begin(), known.hashes.end()));
    EXPECT_TRUE(verify_inclusion(tree.leaf(known.first).value(), known.first, known.size, proof,
                                 tree.root(known.size).value()));
  }
}

TEST(KnownTree, ConsistencyProofsAreThePublishedOnes) {
  const Tree tree = tree_of(known_entries());
  for (const KnownProof& known :
       {KnownProof{1, 1, {}}, KnownProof{1, 8, {kLeaf1, kNode2To4, kNode4To8}},
        KnownProof{6, 8, {kNode4To6, kNode6To8, kRoots[4]}}, KnownProof{2, 5, {kNode2To4, kLeaf4}}}) {
    const Proof proof = tree.consistency_proof(known.first, known.size).value();
    EXPECT_EQ(hex_of(proof), std::vector<std::string>(known.hashes.begin(), known.hashes.end()));
    EXPECT_TRUE(verify_consistency(known.first, tree.root(known.first).value(), known.size,
                                   tree.root(known.size).value(), proof));
  }
}

// A leaf whose bytes are those of a node, or a node passed off as a leaf, would be a second preimage of a root.
TEST(KnownTree, ALeafIsNeverANode) {
  const Hash left = leaf_hash("a");
  const Hash right = leaf_hash("b");
  const std::string both = std::string(text_of(left)) + std::string(text_of(right));
  EXPECT_NE(leaf_hash(both), node_hash(left, right));
  EXPECT_NE(leaf_hash("\1" + both), node_hash(left, right));
  EXPECT_NE(leaf_hash(""), empty_root());
  EXPECT_NE(node_hash(left, right), node_hash(right, left));
}

TEST(HashText, IsBase64AndNothingElseComesBack) {
  const Hash hash = leaf_hash("");
  const std::string text = to_base64(hash);
  EXPECT_EQ(text, "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
  EXPECT_EQ(hash_from_base64(text), hash);
  EXPECT_FALSE(hash_from_base64(text.substr(0, 43)));
  EXPECT_FALSE(hash_from_base64(text + "\n"));
  EXPECT_FALSE(hash_from_base64("bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0="));
  EXPECT_FALSE(hash_from_base64("bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB1=")) << "spare bits";
  EXPECT_FALSE(hash_from_base64("bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhev")) << "30 bytes";
  EXPECT_FALSE(hash_from_base64("bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0A")) << "33 bytes";
  EXPECT_FALSE(hash_from_base64(""));
}

}  // namespace
}  // namespace signer::tlog
