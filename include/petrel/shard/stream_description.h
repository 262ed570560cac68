// What the records and files that belong to the service say of a stream: account, creation,
// configuration. In the journal as the first record of its group, and as a file in its directory.
//
// Thread: pure functions, any thread. Source: docs/formats/stream-directory.md.
#pragma once

#include "petrel/shard/jetstream_service.h"

#include <cstdint>
#include <string>

namespace petrel::shard {

// Kinds of records in the journal besides the entries of the group.
inline constexpr uint8_t kCreateKind = 1;
inline constexpr uint8_t kRemoveKind = 2;
inline constexpr uint64_t kCreateIndex = 1;

std::string describe_stream(const NewStream& stream);
// Without account_usage. kCorrupt when it cannot be read.
Result<NewStream> read_description(Slice text);

// <root>/streams/<group in 16 hexadecimal digits>
std::string streams_directory(const std::string& root);
std::string stream_directory(const std::string& root, store::GroupId group);
std::string description_file(const std::string& directory);
// Stands in the directory of a stream that is being restored: without a description it goes at the
// next start.
std::string unfinished_file(const std::string& directory);
// kInvalidArgument: not the name of a stream's directory.
Result<store::GroupId> group_of_directory(Slice name);

}  // namespace petrel::shard
