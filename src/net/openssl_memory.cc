#include "petrel/net/openssl_memory.h"

#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <malloc.h>

namespace petrel::net {

namespace {

constexpr size_t kKeptMax = 256 * 1024;
constexpr size_t kSmallMin = 24;  // malloc gives 24, 40, 56 and so on
constexpr size_t kSmallMax = 1032;
constexpr size_t kStep = 16;
constexpr size_t kBufferMin = 16 * 1024;  // for a record
constexpr size_t kBufferBytes = 18 * 1024;

struct FreeBlock {
  FreeBlock* next = nullptr;
};

class FreeBlocks {
 public:
  FreeBlocks() = default;
  // What the thread still gives back later is not kept.
  ~FreeBlocks() {
    kept_ = kKeptMax;
    for (FreeBlock*& list : lists_) {
      while (FreeBlock* block = list) {
        list = block->next;
        std::free(block);
      }
    }
  }
  FreeBlocks(const FreeBlocks&) = delete;
  FreeBlocks& operator=(const FreeBlocks&) = delete;

  void* take(size_t bytes) {
    size_t list = kLists;
    if (bytes <= kSmallMax) {
      list = bytes <= kSmallMin ? 0 : (bytes - kSmallMin + kStep - 1) / kStep;
      bytes = kSmallMin + list * kStep;
    } else if (bytes >= kBufferMin && bytes <= kBufferBytes) {
      list = kBuffers;
      bytes = kBufferBytes;
    }
    if (list == kLists || lists_[list] == nullptr) return std::malloc(bytes);
    FreeBlock* block = lists_[list];
    lists_[list] = block->next;
    kept_ -= malloc_usable_size(block);
    return block;
  }

  void give(void* memory) {
    const size_t bytes = malloc_usable_size(memory);
    size_t list = kLists;
    if (bytes >= kSmallMin && bytes < kSmallMax + kStep) {
      list = (bytes - kSmallMin) / kStep;
    } else if (bytes >= kBufferBytes && bytes < kBufferBytes + 2 * kStep) {
      list = kBuffers;
    }
    if (list == kLists || kept_ + bytes > kKeptMax) {
      std::free(memory);
      return;
    }
    kept_ += bytes;
    auto* block = static_cast<FreeBlock*>(memory);
    block->next = lists_[list];
    lists_[list] = block;
  }

 private:
  static constexpr size_t kBuffers = (kSmallMax - kSmallMin) / kStep + 1;
  static constexpr size_t kLists = kBuffers + 1;

  std::array<FreeBlock*, kLists> lists_{};
  size_t kept_ = 0;
};

thread_local FreeBlocks free_blocks;

void* allocate(size_t bytes, const char* /*file*/, int /*line*/) {
  return bytes == 0 ? nullptr : free_blocks.take(bytes);
}

void release(void* memory, const char* /*file*/, int /*line*/) {
  if (memory != nullptr) free_blocks.give(memory);
}

void* resize(void* memory, size_t bytes, const char* /*file*/, int /*line*/) {
  return std::realloc(memory, bytes);
}

}  // namespace

bool keep_openssl_memory() {
  return CRYPTO_set_mem_functions(&allocate, &resize, &release) == 1;
}

}  // namespace petrel::net
