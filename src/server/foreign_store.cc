#include "server/foreign_store.h"

#include "server/log_target.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace petrel::server {

namespace {

namespace fs = std::filesystem;

constexpr const char* kUsage =
    "Usage: petrel import DIR\n"
    "Reads every stream in the JetStream store directory DIR of a nats-server, checks every sum, "
    "and\n"
    "marks the directory: the next start with this store_dir takes the streams over. The files of\n"
    "nats-server stay as they are. Both servers must be stopped.\n";

std::string mark_of(const std::string& directory) {
  return directory + "/import";
}

Result<std::string> load_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::kNotFound, path + " cannot be read"};
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return std::move(bytes).str();
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Counts what a stream holds.
class Counter final : public jetstream::ArchiveReader::Sink {
 public:
  Status on_state(const jetstream::StreamStateView& /*state*/) override { return {}; }
  Status on_stream(const jetstream::StreamConfig& /*config*/, WallTime /*created*/) override {
    return {};
  }
  Status on_consumer(const jetstream::ArchivedConsumer& /*consumer*/) override {
    ++consumers;
    return {};
  }
  Status on_message(const jetstream::StoredMessageView& message) override {
    sequences.insert(message.seq);
    return {};
  }
  Status on_removed(uint64_t sequence) override {
    sequences.erase(sequence);
    return {};
  }
  std::set<uint64_t> sequences;
  size_t consumers = 0;
};

// One line about a stream, or what is wrong with it.
Result<std::string> look_at(const ForeignStream& foreign) {
  const jetstream::StreamFiles files = foreign.files();
  PETREL_TRY(const jetstream::FoundStream found, files.describe());
  Counter counter;
  PETREL_TRY_STATUS(files.read(counter));
  auto& sequences = counter.sequences;
  sequences.erase(sequences.begin(), sequences.lower_bound(found.first_sequence));
  return std::to_string(sequences.size()) + " messages, " + std::to_string(counter.consumers) +
         " consumers";
}

}  // namespace

jetstream::StreamFiles ForeignStream::files() const {
  jetstream::StreamFolder inside;
  inside.load = [root = folder](const std::string& path) { return load_file(root + "/" + path); };
  inside.list = [root = folder](const std::string& path) { return names_in(root + "/" + path); };
  return jetstream::StreamFiles(std::move(inside));
}

std::vector<ForeignStream> foreign_streams(const std::string& store_dir) {
  std::vector<ForeignStream> found;
  const std::string root = store_dir + "/jetstream";
  for (const std::string& account : names_in(root)) {
    const std::string streams = root + "/" + account + "/streams";
    for (const std::string& name : names_in(streams)) {
      found.push_back({account, name, streams + "/" + name});
    }
  }
  return found;
}

bool is_import_wanted(const std::string& directory) {
  std::error_code ignored;
  return fs::exists(mark_of(directory), ignored);
}

Status want_import(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  std::ofstream mark(mark_of(directory));
  mark << "import\n";
  mark.close();
  if (error || !mark) return Error{Errc::kIo, mark_of(directory) + " cannot be written"};
  return Status::ok();
}

Status import_is_done(const std::string& directory) {
  std::error_code error;
  fs::remove(mark_of(directory), error);
  if (error) return Error{Errc::kIo, mark_of(directory) + ": " + error.message()};
  return Status::ok();
}

int run_import(const std::vector<std::string>& args) {
  constexpr int kDamaged = 1;
  constexpr int kNotLookedAt = 2;
  const auto give_up = [](const std::string& text) {
    write_all(STDERR_FILENO, text);
    return kNotLookedAt;
  };
  if (args.size() != 1 || args.front().starts_with("-")) return give_up(kUsage);
  const std::string& store = args.front();
  const std::vector<ForeignStream> streams = foreign_streams(store);
  if (streams.empty()) return give_up("petrel import: " + store + " holds no streams\n");
  std::error_code ignored;
  if (fs::exists(store + "/petrel/streams", ignored)) {
    return give_up("petrel import: " + store + " holds streams of Petrel already\n");
  }
  size_t damaged = 0;
  for (const ForeignStream& foreign : streams) {
    const Result<std::string> line = look_at(foreign);
    if (!line) ++damaged;
    write_all(STDOUT_FILENO, "stream '" + foreign.account + " > " + foreign.name +
                                 "': " + (line ? *line : "DAMAGED: " + line.error().detail) + "\n");
  }
  if (damaged != 0) return kDamaged;
  if (const Status marked = want_import(store + "/petrel"); !marked) {
    return give_up("petrel import: " + marked.error().detail + "\n");
  }
  write_all(STDOUT_FILENO, std::to_string(streams.size()) +
                               " streams are whole; the next start with this store_dir takes them "
                               "over\n");
  return 0;
}

}  // namespace petrel::server
