#include "server/store_command.h"

#include "server/foreign_store.h"
#include "server/log_target.h"
#include "server/store_keys.h"
#include "server/store_place.h"
#include "server/system_sources.h"

#include "petrel/conf/startup.h"
#include "petrel/disk/open_disk.h"
#include "petrel/shard/stream_description.h"
#include "petrel/store/journal.h"
#include "petrel/store/store_check.h"

#include <fcntl.h>
#include <filesystem>
#include <map>
#include <sys/file.h>
#include <unistd.h>

namespace petrel::server {

namespace {

namespace fs = std::filesystem;

constexpr int kDamaged = 1;
constexpr int kNotLookedAt = 2;

constexpr const char* kUsage =
    "Usage: petrel check [-c FILE] DIR\n"
    "Looks at every file of the JetStream store directory DIR, every checksum, and names what is\n"
    "damaged. The server must be stopped. Encrypted stores need the configuration with the keys.\n";

void print(const std::string& text) {
  write_all(STDOUT_FILENO, text);
}

int give_up(const std::string& text) {
  write_all(STDERR_FILENO, "petrel check: " + text + "\n");
  return kNotLookedAt;
}

// The directory with the journal and the streams: DIR itself, or in DIR.
std::string store_of(const std::string& directory) {
  std::error_code ignored;
  for (const char* inside : {"", "/petrel"}) {
    if (fs::is_directory(directory + inside + "/streams", ignored)) return directory + inside;
  }
  return {};
}

bool is_in_use(const std::string& store) {
  const int lock = ::open((store + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return false;
  const bool is_free = flock(lock, LOCK_SH | LOCK_NB) == 0;
  ::close(lock);
  return !is_free;
}

class StoreCheck {
 public:
  StoreCheck(store::Disk& disk, std::string store, const StoreKeys& keys)
      : disk_(disk), store_(std::move(store)), keys_(keys) {}

  int run() {
    const auto tail = store::read_journals(disk_, store_ + "/journal", keys_.journals());
    if (!tail) report_.damage(store_ + "/journal", tail.error().detail);
    count_journals();
    const auto streams = disk_.list(shard::streams_directory(store_));
    if (!streams) return give_up(streams.error().detail);
    for (const store::FileEntry& entry : *streams) {
      if (const auto group = shard::group_of_directory(entry.name)) {
        check_stream(*group, tail ? tail->get() : nullptr);
      }
    }
    return summary();
  }

 private:
  void count_journals() {
    const auto files = disk_.list(store_ + "/journal");
    if (!files) return;
    for (const store::FileEntry& file : *files) {
      ++report_.files;
      report_.bytes += file.bytes;
    }
  }

  void check_stream(store::GroupId group, store::JournalTail* tail) {
    const std::string directory = shard::stream_directory(store_, group);
    store::Encryption keys;
    keys.key = keys_.store();
    keys.previous_key = keys_.previous_store();
    const uint64_t before = report_.messages;
    const uint64_t applied = store::check_store(disk_, directory, keys, report_);
    const std::string name = describe(directory);
    if (tail != nullptr) check_entries(group, *tail, applied, directory);
    print(directory + ": " + name + ", " + std::to_string(report_.messages - before) +
          " messages\n");
  }

  std::string describe(const std::string& directory) {
    const std::string path = shard::description_file(directory);
    const Result<std::string> file = disk_.load(path);
    if (!file) return "not described yet";
    ++report_.files;
    report_.bytes += file->size();
    const Result<std::string> text = keys_.open(*file);
    const Result<shard::NewStream> stream =
        text ? shard::read_description(*text) : Result<shard::NewStream>(text.error());
    if (stream) return "stream '" + stream->account + " > " + stream->config.name + "'";
    report_.damage(path, stream.error().detail);
    return "stream not known";
  }

  // What the journal holds of the stream has to follow its checkpoint without a gap.
  void check_entries(store::GroupId group, store::JournalTail& tail, uint64_t applied,
                     const std::string& directory) {
    uint64_t last = std::max(applied, shard::kCreateIndex);
    const Status visited = tail.visit(group, [&](const store::JournalRecord& record) {
      if (record.kind == shard::kCreateKind || record.kind == shard::kRemoveKind) return;
      if (record.index <= last) return;
      if (record.index != last + 1) {
        report_.damage(directory, "entries " + std::to_string(last + 1) + " to " +
                                      std::to_string(record.index - 1) +
                                      " are missing in the journal");
      }
      last = record.index;
    });
    if (!visited) report_.damage(directory, visited.error().detail);
  }

  int summary() {
    for (const auto& note : report_.notes) print("note: " + note.file + ": " + note.what + "\n");
    for (const auto& found : report_.damaged) {
      print("DAMAGED: " + found.file + ": " + found.what + "\n");
    }
    print(std::to_string(report_.files) + " files, " + std::to_string(report_.bytes) + " bytes, " +
          std::to_string(report_.messages) + " messages: " +
          (report_.damaged.empty() ? "everything is whole"
                                   : std::to_string(report_.damaged.size()) + " damaged") +
          "\n");
    return report_.damaged.empty() ? 0 : kDamaged;
  }

  store::Disk& disk_;
  const std::string store_;
  const StoreKeys& keys_;
  store::CheckReport report_;
};

int check(const std::vector<std::string>& args) {
  std::string config;
  std::string directory;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-c" && i + 1 < args.size()) {
      config = args[++i];
    } else if (directory.empty() && !args[i].starts_with("-")) {
      directory = args[i];
    } else {
      write_all(STDERR_FILENO, kUsage);
      return kNotLookedAt;
    }
  }
  conf::JetStreamOptions options;
  if (!config.empty()) {
    const SystemFiles files;
    const SystemEnvironment environment;
    std::string warnings;
    const Result<conf::Options> loaded =
        conf::load_options({config, {}, false}, {files, environment}, warnings);
    if (!loaded) return give_up(loaded.error().detail);
    options = loaded->jetstream;
    if (directory.empty()) directory = options.store_dir;
  }
  if (directory.empty()) {
    write_all(STDERR_FILENO, kUsage);
    return kNotLookedAt;
  }
  const std::string store = store_of(directory);
  if (store.empty()) return give_up(directory + " holds no JetStream store");
  if (is_in_use(store)) return give_up(store + " is in use by a server");
  const auto disk = disk::open_disk({});
  if (!disk) return give_up(disk.error().detail);
  return StoreCheck(**disk, store, StoreKeys(options)).run();
}

}  // namespace

std::optional<int> run_store_command(const std::vector<std::string>& args) {
  if (args.empty()) return std::nullopt;
  const std::vector<std::string> rest(args.begin() + 1, args.end());
  if (args.front() == "check") return check(rest);
  if (args.front() == "import") return run_import(rest);
  return std::nullopt;
}

}  // namespace petrel::server
