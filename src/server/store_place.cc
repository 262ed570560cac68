#include "server/store_place.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace petrel::server {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kMemoryGuess = int64_t{256} << 20;
constexpr int64_t kStorageGuess = int64_t{1} << 40;

int64_t number_in(const char* path) {
  std::ifstream file(path);
  int64_t number = 0;
  return file >> number ? number : 0;
}

int64_t memory_of_machine() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  int64_t bytes = pages > 0 && page > 0 ? int64_t{pages} * page : 0;
  const int64_t group = number_in("/sys/fs/cgroup/memory.max");
  if (group > 0 && (bytes == 0 || group < bytes)) bytes = group;
  return bytes;
}

// GOMEMLIMIT, which the charts set: a number with an optional unit of Go ("1GiB", "750MiB").
int64_t memory_limit_of_environment() {
  const char* text = std::getenv("GOMEMLIMIT");
  if (text == nullptr) return 0;
  char* unit = nullptr;
  const long long number = std::strtoll(text, &unit, 10);
  constexpr std::array<std::pair<const char*, int>, 6> kUnits = {
      {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  for (const auto& [name, shift] : kUnits) {
    if (std::strcmp(unit, name) == 0 && number > 0 && number < (int64_t{1} << (62 - shift))) {
      return int64_t{number} << shift;
    }
  }
  return 0;
}

int64_t default_memory() {
  int64_t bytes = memory_of_machine();
  if (bytes == 0) return kMemoryGuess;
  const int64_t limit = memory_limit_of_environment();
  if (limit > 0 && limit < bytes) bytes = limit;
  return bytes / 4 * 3;
}

int64_t default_storage(const std::string& directory) {
  struct statvfs room{};
  if (statvfs(directory.c_str(), &room) != 0) return kStorageGuess;
  return static_cast<int64_t>(room.f_bavail * room.f_frsize / 4 * 3);
}

Status io_error(const std::string& what, int error) {
  return Error{Errc::kIo, what + ": " + std::strerror(error)};
}

// Data of a nats-server is never touched; it comes over by an import or not at all.
Status refuse_foreign_data(const fs::path& store) {
  std::error_code ignored;
  const fs::path foreign = store / "jetstream";
  if (fs::exists(store / "petrel", ignored) || !fs::is_directory(foreign, ignored)) return {};
  if (fs::is_empty(foreign, ignored)) return {};
  return Error{Errc::kUnsupported,
               "store directory " + store.string() +
                   " holds the JetStream data of a nats-server (jetstream/); run `petrel import " +
                   store.string() + "`, or set another store_dir"};
}

}  // namespace

Result<StorePlace> StorePlace::open(const conf::JetStreamOptions& options) {
  StorePlace place;
  place.is_temporary_ = options.store_dir.empty();
  const fs::path store =
      place.is_temporary_ ? fs::temp_directory_path() / "nats" : fs::path(options.store_dir);
  PETREL_TRY_STATUS(refuse_foreign_data(store));
  place.directory_ = (store / "petrel").string();
  std::error_code error;
  fs::create_directories(place.directory_, error);
  if (error) {
    return Error{Errc::kIo, "could not create storage directory - " + error.message() + ": " +
                                place.directory_};
  }
  const std::string lock_file = place.directory_ + "/lock";
  place.lock_ = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (place.lock_ < 0) return io_error("could not open " + lock_file, errno).error();
  if (flock(place.lock_, LOCK_EX | LOCK_NB) != 0) {
    return Error{Errc::kIo, "store directory " + place.directory_ +
                                " is in use by another server; give each server its own store_dir"};
  }
  place.max_memory_ = options.max_memory_store >= 0 ? options.max_memory_store : default_memory();
  place.max_storage_ =
      options.max_file_store >= 0 ? options.max_file_store : default_storage(place.directory_);
  return place;
}

StorePlace::~StorePlace() {
  if (lock_ >= 0) ::close(lock_);
}

StorePlace::StorePlace(StorePlace&& other) noexcept {
  *this = std::move(other);
}

StorePlace& StorePlace::operator=(StorePlace&& other) noexcept {
  directory_ = std::move(other.directory_);
  max_memory_ = other.max_memory_;
  max_storage_ = other.max_storage_;
  is_temporary_ = other.is_temporary_;
  std::swap(lock_, other.lock_);
  return *this;
}

int64_t memory_to_use(int64_t configured) {
  if (configured > 0) return configured;
  const int64_t limit = memory_limit_of_environment();
  return limit > 0 ? limit : default_memory();
}

std::string friendly_bytes(int64_t bytes) {
  constexpr double kBase = 1024;
  constexpr std::string_view kUnits = "KMGTPE";
  const auto amount = static_cast<double>(bytes);
  if (amount < kBase) return std::to_string(bytes) + " B";
  const int power = static_cast<int>(std::log(amount) / std::log(kBase));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f %cB", amount / std::pow(kBase, power),
                kUnits[static_cast<size_t>(power) - 1]);
  return text.data();
}

}  // namespace petrel::server
