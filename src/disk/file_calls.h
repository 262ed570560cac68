// The blocking calls behind a disk: whole writes, whole reads, and files that appear or vanish
// durably. Each answers 0 or an errno value. Thread: any; no state.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>

namespace petrel::disk {

int write_all(int fd, uint64_t offset, Slice bytes);
// Fewer bytes than asked for only at the end of the file.
int read_up_to(int fd, uint64_t offset, size_t bytes, std::string& out);
int sync_data(int fd);
int sync_directory_of(const std::string& path);
int sync_directory(const std::string& directory);
// Zeros from the beginning, then a sync.
int fill_with_zeros(int fd, uint64_t bytes);
int replace_file(const std::string& path, Slice bytes);
int rename_file(const std::string& from, const std::string& to);
int remove_file(const std::string& path);
// Removes at most `max` entries of the tree; EAGAIN when more is left.
int remove_tree_part(const std::string& path, size_t max);

// "open /a/b: No such file or directory"
Error error_of(const char* call, const std::string& path, int error);

}  // namespace petrel::disk
