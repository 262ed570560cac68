#include "petrel/net/openssl_memory.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstring>
#include <thread>
#include <vector>

namespace petrel::net {
namespace {

// Before any other test of the process uses OpenSSL.
const bool kIsKept = keep_openssl_memory();

TEST(OpensslMemory, GivesOutAgainWhatCameBack) {
  ASSERT_TRUE(kIsKept);
  for (const size_t bytes : {1, 24, 25, 40, 500, 1032, 16'500}) {
    void* first = OPENSSL_malloc(bytes);
    std::memset(first, 1, bytes);
    OPENSSL_free(first);
    EXPECT_EQ(OPENSSL_malloc(bytes), first) << bytes;
    OPENSSL_free(first);
  }
}

TEST(OpensslMemory, NeverGivesLessThanIsAskedFor) {
  ASSERT_TRUE(kIsKept);
  for (size_t given = 1; given < 1200; ++given) {
    OPENSSL_free(OPENSSL_malloc(given));
    const size_t asked = given + 1;
    void* memory = OPENSSL_malloc(asked);
    std::memset(memory, 1, asked);  // a sanitizer sees what is too much
    OPENSSL_free(memory);
  }
}

TEST(OpensslMemory, ManyBlocksAndThoseOfOtherThreadsComeBackToo) {
  ASSERT_TRUE(kIsKept);
  std::vector<void*> blocks;
  for (int i = 0; i < 10'000; ++i) blocks.push_back(OPENSSL_malloc(100));
  std::thread([&blocks] {
    for (void* block : blocks) OPENSSL_free(block);
  }).join();
  char* grown = static_cast<char*>(OPENSSL_malloc(10));
  std::memcpy(grown, "123456789", 10);
  grown = static_cast<char*>(OPENSSL_realloc(grown, 5000));
  EXPECT_STREQ(grown, "123456789");
  OPENSSL_free(grown);
}

}  // namespace
}  // namespace petrel::net
