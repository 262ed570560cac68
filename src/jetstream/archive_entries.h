// The entries of an archive of version 2, written and read as bytes come.
//
// Thread: values, any thread. Limits: names of 1 MiB, an entry's bytes of kArchivedMessageMax.
// Source: spec storage-format.md section 6.
#pragma once

#include "petrel/base/block.h"
#include "petrel/base/result.h"

#include <cstdint>
#include <string>

namespace petrel::jetstream {

inline constexpr Slice kArchiveMagic = "NATSARC1";

struct ArchiveEntry {
  Slice name = {};
  int64_t time = 0;  // nanoseconds
  uint64_t sequence = 0;
  Slice header = {};
  Slice body = {};

  bool is_end() const {
    return name.empty() && time == 0 && sequence == 0 && header.empty() && body.empty();
  }
};

void append_archive_entry(std::string& out, const ArchiveEntry& entry);

enum class EntryOutcome : uint8_t { kEntry, kIncomplete, kInvalid };

// Reads the entry at the beginning of `bytes` and how many bytes it takes; the slices point into
// them. kInvalid: no entry, or larger than the limits.
EntryOutcome read_archive_entry(Slice bytes, ArchiveEntry& entry, size_t& taken);

}  // namespace petrel::jetstream
