// The streams in the store directory of a nats-server, and the mark that says that they are wanted.
//
// Thread: the main one, before the loops run. The files of nats-server are only read.
// Errors: what is wrong with a file, with its path inside the stream's folder.
// Source: spec storage-format.md section 1.
#pragma once

#include "petrel/jetstream/stream_files.h"

#include <string>
#include <vector>

namespace petrel::server {

struct ForeignStream {
  std::string account;
  std::string name;
  std::string folder;
  jetstream::StreamFiles files() const;
};

// By account, then name.
std::vector<ForeignStream> foreign_streams(const std::string& store_dir);

// `directory`: <store_dir>/petrel.
bool is_import_wanted(const std::string& directory);
Status want_import(const std::string& directory);
Status import_is_done(const std::string& directory);

// `petrel import DIR`: reads every stream, checks every sum, and marks the directory, so that the
// next start takes the streams over. Returns the exit code.
int run_import(const std::vector<std::string>& args);

}  // namespace petrel::server
