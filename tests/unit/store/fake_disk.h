// A disk in memory for tests of stores: what was not synced is lost in a crash, operations complete
// when poll() is called, and may be told to fail.
#pragma once

#include "petrel/base/prng.h"
#include "petrel/store/disk.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace petrel::store {

class FakeDisk final : public Disk {
 public:
  explicit FakeDisk(uint64_t seed = 1) : prng_(seed) {}

  struct File {
    std::string bytes;      // as the process sees them
    std::string durable;    // as they are after a power failure
    bool is_named = false;  // the name outlives one
  };

  // --- what tests do to it ---
  std::map<std::string, std::shared_ptr<File>> files;
  // Each operation of this kind fails once the count is down.
  int fail_writes_after = -1;
  int fail_syncs_after = -1;
  int fail_reads_after = -1;
  std::string refused_suffix;  // files whose name ends so cannot be opened; empty: none
  size_t loads = 0;            // calls of load and load_range
  uint64_t loaded_bytes = 0;
  size_t reads = 0;  // that succeeded
  uint64_t read_bytes = 0;

  // Power failure: everything open is gone, so is what was not synced (some of it, by chance).
  void crash() {
    queue_.clear();
    open_.clear();
    for (auto at = files.begin(); at != files.end();) {
      File& file = *at->second;
      if (!file.is_named && prng_.chance(500)) {
        at = files.erase(at);
        continue;
      }
      if (prng_.chance(700)) {
        tear(file);
      }
      file.durable = file.bytes;
      file.is_named = true;
      ++at;
    }
  }
  std::string* contents(const std::string& path) {
    const auto found = files.find(path);
    return found == files.end() ? nullptr : &found->second->bytes;
  }

  // --- Disk ---
  void write(FileId id, uint64_t offset, std::string bytes, Done done) override {
    push([this, file = open_.at(id), offset, bytes = std::move(bytes), done = std::move(done)] {
      if (is_due(fail_writes_after)) return done(ENOSPC);
      put(*file, offset, bytes);
      done(0);
    });
  }
  void read(FileId id, const FileRange& range, ReadDone done) override {
    push([this, file = open_.at(id), range, done = std::move(done)] {
      if (is_due(fail_reads_after)) return done(EIO, {}, {});
      ++reads;
      const size_t all = file->bytes.size();
      const size_t size = range.offset < all ? std::min(range.bytes, all - range.offset) : 0;
      read_bytes += size;
      const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(range.bytes));
      file->bytes.copy(block->bytes(), size, range.offset < all ? range.offset : all);
      done(0, block, Slice(block->bytes(), size));
    });
  }
  void sync(FileId id, Done done) override {
    push([this, file = open_.at(id), done = std::move(done)] {
      if (is_due(fail_syncs_after)) return done(EIO);
      file->durable = file->bytes;
      done(0);
    });
  }
  void write_and_sync(FileId id, uint64_t offset, std::string bytes, Done done) override {
    push([this, file = open_.at(id), offset, bytes = std::move(bytes), done = std::move(done)] {
      if (is_due(fail_writes_after)) return done(ENOSPC);
      put(*file, offset, bytes);
      if (is_due(fail_syncs_after)) return done(EIO);
      file->durable = file->bytes;
      done(0);
    });
  }
  void replace_file(std::string path, std::string bytes, Done done) override {
    push([this, path = std::move(path), bytes = std::move(bytes), done = std::move(done)] {
      if (is_due(fail_writes_after)) return done(ENOSPC);
      auto file = std::make_shared<File>();
      file->bytes = bytes;
      file->durable = bytes;
      files[path] = file;
      name_all(path.substr(0, path.rfind('/')));
      done(0);
    });
  }
  void remove_file(std::string path, Done done) override {
    push([this, path = std::move(path), done = std::move(done)] {
      files.erase(path);
      done(0);
    });
  }
  void remove_tree(std::string path, Done done) override {
    push([this, path = path + "/", done = std::move(done)] {
      std::erase_if(files, [&](const auto& file) { return file.first.starts_with(path); });
      done(0);
    });
  }
  void close(FileId id) override { open_.erase(id); }

  Result<FileId> open(const std::string& path, OpenMode mode) override {
    if (!refused_suffix.empty() && path.ends_with(refused_suffix)) {
      return Error{Errc::kIo, path};
    }
    auto found = files.find(path);
    if (found == files.end()) {
      if (mode == OpenMode::kRead) return Error{Errc::kNotFound, path};
      found = files.emplace(path, std::make_shared<File>()).first;
    } else if (mode == OpenMode::kCreate) {
      return Error{Errc::kInvalidArgument, path};
    }
    open_[++next_id_] = found->second;
    return next_id_;
  }
  Result<uint64_t> size(FileId id) override { return open_.at(id)->bytes.size(); }
  void preallocate(FileId id, uint64_t bytes, Done done) override {
    push([file = open_.at(id), bytes, done = std::move(done)] {
      file->bytes.assign(bytes, '\0');
      file->durable = file->bytes;
      done(0);
    });
  }
  void rename_file(std::string from, std::string to, Done done) override {
    push([this, from = std::move(from), to = std::move(to), done = std::move(done)] {
      done(rename(from, to).is_ok() ? 0 : ENOENT);
    });
  }
  Status truncate(FileId id, uint64_t bytes) override {
    open_.at(id)->bytes.resize(bytes);
    return Status::ok();
  }
  Status make_directories(const std::string& path) override {
    directories_.push_back(path);
    return Status::ok();
  }
  Status sync_directory(const std::string& path) override {
    name_all(path);
    return Status::ok();
  }
  Status rename(const std::string& from, const std::string& to) override {
    files[to] = files[from];
    files.erase(from);
    return Status::ok();
  }
  Result<std::vector<FileEntry>> list(const std::string& path) override {
    std::vector<FileEntry> entries;
    for (const auto& [name, file] : files) {
      if (!name.starts_with(path + "/")) continue;
      entries.push_back({name.substr(path.size() + 1), false, file->bytes.size()});
    }
    const bool is_made =
        std::find(directories_.begin(), directories_.end(), path) != directories_.end();
    if (entries.empty() && !is_made) return Error{Errc::kNotFound, path};
    return entries;
  }
  Result<std::string> load(const std::string& path) override {
    return load_range(path, 0, SIZE_MAX);
  }
  Result<std::string> load_range(const std::string& path, uint64_t offset, size_t bytes) override {
    const std::string* all = contents(path);
    if (all == nullptr) return Error{Errc::kNotFound, path};
    if (offset >= all->size()) return std::string();
    ++loads;
    std::string part = all->substr(offset, bytes);
    loaded_bytes += part.size();
    return part;
  }
  Result<uint64_t> free_bytes(const std::string&) override { return uint64_t{1} << 40; }

  size_t poll() override {
    size_t count = 0;
    for (size_t left = queue_.size(); left > 0 && !queue_.empty(); --left, ++count) run_one();
    return count;
  }
  void drain() override {
    while (!queue_.empty()) run_one();
  }
  size_t pending() const override { return queue_.size(); }

  // One operation; false: none is waiting.
  bool step() {
    if (queue_.empty()) return false;
    run_one();
    return true;
  }

 private:
  void push(std::function<void()> operation) { queue_.push_back(std::move(operation)); }
  void run_one() {
    const std::function<void()> operation = std::move(queue_.front());
    queue_.pop_front();
    operation();
  }
  static bool is_due(int& count) {
    if (count < 0) return false;
    if (count > 0) --count;
    return count == 0;
  }
  static void put(File& file, uint64_t offset, Slice bytes) {
    if (file.bytes.size() < offset + bytes.size()) file.bytes.resize(offset + bytes.size());
    file.bytes.replace(offset, bytes.size(), bytes);
  }
  // Of what was not synced, each sector of 512 bytes is there or not.
  void tear(File& file) {
    std::string after = file.durable;
    if (prng_.chance(500)) after.resize(file.bytes.size());
    for (size_t at = 0; at < after.size(); at += 512) {
      if (at < file.bytes.size() && prng_.chance(300)) {
        const size_t bytes = std::min<size_t>({512, after.size() - at, file.bytes.size() - at});
        after.replace(at, bytes, file.bytes, at, bytes);
      }
    }
    file.bytes = std::move(after);
  }
  void name_all(const std::string& directory) {
    for (auto& [name, file] : files) {
      if (name.starts_with(directory + "/")) file->is_named = true;
    }
  }

  Prng prng_;
  std::deque<std::function<void()>> queue_;
  std::map<FileId, std::shared_ptr<File>> open_;
  std::vector<std::string> directories_;
  FileId next_id_ = 0;
};

}  // namespace petrel::store
