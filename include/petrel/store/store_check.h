// What `petrel check` looks at: every file of a stream and of the journals, every checksum. Nothing
// is changed or repaired.
//
// Thread: any that may block: while no server uses the directory.
// Source: docs/formats/segment.md, checkpoint.md, journal.md.
#pragma once

#include "petrel/base/result.h"
#include "petrel/store/disk.h"
#include "petrel/store/message_store.h"

#include <cstdint>
#include <string>
#include <vector>

namespace petrel::store {

struct CheckReport {
  struct Finding {
    std::string file;
    std::string what;  // with the range of bytes, messages or entries
  };
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t messages = 0;  // whole, deleted ones included
  std::vector<Finding> damaged;
  std::vector<Finding> notes;  // what a crash leaves and recovery takes away

  void damage(const std::string& file, std::string what) {
    damaged.push_back({file, std::move(what)});
  }
};

// The segments and the checkpoint of one stream. Returns the index that its checkpoint was made at;
// 0: there is none.
uint64_t check_store(Disk& disk, const std::string& directory, const Encryption& keys,
                     CheckReport& report);

}  // namespace petrel::store
