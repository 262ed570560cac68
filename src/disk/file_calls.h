// The blocking calls behind a disk: whole writes, whole reads, and files that appear or vanish
// durably. Each answers 0 or an errno value. Thread: any; no state.
#pragma once

#include "disk/direct_memory.h"

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>

namespace petrel::disk {

// Writes of whole sectors that may go around the page cache: a large one costs a tenth of the time
// then. What a file holds is the same either way.
inline constexpr size_t kSectorBytes = 512;
// Below it a write that is not synced at once is left to the page cache.
inline constexpr size_t kDirectBytesMin = 64 << 10;
// What a device needs in memory.
inline constexpr size_t kDirectAlignment = DirectMemory::kAlignment;

constexpr bool is_whole_sectors(uint64_t offset, uint64_t bytes) {
  return offset % kSectorBytes == 0 && bytes % kSectorBytes == 0;
}

int write_all(int fd, uint64_t offset, Slice bytes);
// Like write_all for a descriptor with O_DIRECT and whole sectors. `done`: how much was written;
// EINVAL: the file does not take the rest this way.
int write_direct(int fd, uint64_t offset, Slice bytes, size_t& done);
// Sets or clears O_DIRECT.
int set_direct(int fd, bool is_direct);
// Goes on behind what is `filled` already; fewer bytes than asked for only at the end of the file,
// or with O_DIRECT before a part of a sector.
int read_up_to(int fd, uint64_t offset, size_t bytes, char* to, uint64_t& filled);
int sync_data(int fd);
// Adds one to an eventfd: whoever waits for it goes on.
void write_event(int fd);
int sync_directory_of(const std::string& path);
int sync_directory(const std::string& directory);
// All of the file and what finds it.
int sync_whole(int fd);
int replace_file(const std::string& path, Slice bytes);
int rename_file(const std::string& from, const std::string& to);
int remove_file(const std::string& path);
// Removes at most `max` entries of the tree; EAGAIN when more is left.
int remove_tree_part(const std::string& path, size_t max);

// "open /a/b: No such file or directory"
Error error_of(const char* call, const std::string& path, int error);

}  // namespace petrel::disk
