#include "sim/disk/sim_disk.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

namespace petrel::sim {

namespace {

constexpr uint64_t kSector = 512;

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

Error error_of(const std::string& path, int error) {
  const Errc code = error == ENOENT ? Errc::kNotFound : error == ENOSPC ? Errc::kFull : Errc::kIo;
  return {code, path + ": error " + std::to_string(error)};
}

}  // namespace

// --- faults ---

void StoreDisk::fail_after(Call call, uint64_t calls, int error) {
  faults_[static_cast<size_t>(call)] = {true, calls, error};
}

void StoreDisk::heal() {
  faults_ = {};
}

bool StoreDisk::fails(Call call, int& error) {
  Fault& fault = faults_[static_cast<size_t>(call)];
  if (!fault.is_set || fault.calls_left-- > 0) return false;
  fault.is_set = false;
  error = fault.error;
  return true;
}

uint64_t StoreDisk::used() const {
  uint64_t bytes = 0;
  for (const auto& [path, file] : names_) bytes += file->current.size();
  return bytes;
}

void StoreDisk::store_bytes(std::string& content, uint64_t offset, Slice bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
  content.replace(offset, bytes.size(), bytes);
}

// Each sector of the write is there or not.
void StoreDisk::tear(Inode& inode, const Write& write) {
  uint64_t at = 0;
  while (at < write.bytes.size()) {
    const uint64_t step =
        std::min(kSector - (write.offset + at) % kSector, write.bytes.size() - at);
    if (prng_.chance(500)) {
      store_bytes(inode.durable, write.offset + at, Slice(write.bytes).substr(at, step));
    }
    at += step;
  }
}

void StoreDisk::crash() {
  queue_.clear();
  last_due_.clear();
  // Of the changes of names in one directory a first part was written.
  std::map<std::string, bool> is_cut;
  for (const NameChange& change : changes_) {
    bool& cut = is_cut[change.directory];
    if (!cut && prng_.chance(300)) cut = true;
    if (!cut) apply(change);
  }
  changes_.clear();
  names_ = durable_names_;
  std::set<Inode*> done;
  for (const auto& [path, file] : names_) {
    if (!done.insert(file.get()).second) continue;
    const uint64_t luck = prng_.below(3);
    for (const Write& write : file->cached) {
      if (luck == 0) continue;
      if (luck == 1 || prng_.chance(500)) {
        tear(*file, write);
      } else {
        store_bytes(file->durable, write.offset, write.bytes);
      }
    }
    file->cached.clear();
    file->current = file->durable;
  }
  open_.clear();
}

std::string* StoreDisk::bytes_of(const std::string& path) {
  const auto at = names_.find(path);
  return at == names_.end() ? nullptr : &at->second->current;
}

std::vector<std::string> StoreDisk::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : names_) paths.push_back(path);
  return paths;
}

// --- names ---

void StoreDisk::apply(const NameChange& change) {
  for (const auto& [path, file] : change.names) {
    if (file == nullptr) {
      durable_names_.erase(path);
    } else {
      durable_names_[path] = file;
    }
  }
}

void StoreDisk::change_names(const std::string& path,
                             std::vector<std::pair<std::string, File>> names) {
  for (const auto& [name, file] : names) {
    if (file == nullptr) {
      names_.erase(name);
    } else {
      names_[name] = file;
    }
  }
  changes_.push_back({directory_of(path), std::move(names)});
}

Status StoreDisk::sync_directory(const std::string& path) {
  int error = 0;
  if (fails(Call::kSync, error)) return error_of(path, error);
  std::erase_if(changes_, [this, &path](const NameChange& change) {
    if (change.directory != path) return false;
    apply(change);
    return true;
  });
  return Status::ok();
}

Status StoreDisk::rename(const std::string& from, const std::string& to) {
  int error = 0;
  if (fails(Call::kRename, error)) return error_of(from, error);
  const auto at = names_.find(from);
  if (at == names_.end()) return error_of(from, ENOENT);
  change_names(to, {{to, at->second}, {from, nullptr}});
  return Status::ok();
}

Status StoreDisk::make_directories(const std::string& /*path*/) {
  return Status::ok();
}

// --- files ---

const StoreDisk::File& StoreDisk::file(store::FileId id) const {
  PETREL_CHECK(open_.contains(id));
  return open_.at(id);
}

Result<store::FileId> StoreDisk::open(const std::string& path, store::OpenMode mode) {
  int error = 0;
  if (fails(Call::kOpen, error)) return error_of(path, error);
  auto at = names_.find(path);
  if (at != names_.end() && mode == store::OpenMode::kCreate) return error_of(path, EEXIST);
  if (at == names_.end()) {
    if (mode == store::OpenMode::kRead) return error_of(path, ENOENT);
    change_names(path, {{path, std::make_shared<Inode>()}});
    at = names_.find(path);
  }
  open_[next_id_] = at->second;
  return next_id_++;
}

Result<uint64_t> StoreDisk::size(store::FileId id) {
  return uint64_t{file(id)->current.size()};
}

Status StoreDisk::truncate(store::FileId id, uint64_t bytes) {
  Inode& inode = *file(id);
  inode.current.resize(bytes);
  inode.durable.resize(std::min<uint64_t>(inode.durable.size(), bytes));
  std::erase_if(inode.cached,
                [bytes](const Write& write) { return write.offset + write.bytes.size() > bytes; });
  return Status::ok();
}

void StoreDisk::close(store::FileId id) {
  PETREL_CHECK(open_.erase(id) == 1);
}

Result<std::vector<store::FileEntry>> StoreDisk::list(const std::string& path) {
  std::vector<store::FileEntry> entries;
  for (const auto& [name, file] : names_) {
    if (!name.starts_with(path + "/")) continue;
    const std::string rest = name.substr(path.size() + 1);
    const size_t slash = rest.find('/');
    const std::string first = rest.substr(0, slash);
    if (!entries.empty() && entries.back().name == first) continue;
    entries.push_back({first, slash != std::string::npos, file->current.size()});
  }
  return entries;
}

Result<std::string> StoreDisk::load(const std::string& path) {
  return load_range(path, 0, ~size_t{0});
}

Result<std::string> StoreDisk::load_range(const std::string& path, uint64_t offset, size_t bytes) {
  int error = 0;
  if (fails(Call::kRead, error)) return error_of(path, error);
  const auto at = names_.find(path);
  if (at == names_.end()) return error_of(path, ENOENT);
  const std::string& content = at->second->current;
  if (offset >= content.size()) return std::string();
  return content.substr(offset, bytes);
}

Result<uint64_t> StoreDisk::free_bytes(const std::string& /*path*/) {
  const uint64_t in_use = used();
  return capacity_ > in_use ? capacity_ - in_use : 0;
}

// --- by completion ---

// What is ordered by the same thing completes in the order it was asked for.
void StoreDisk::push(const void* ordered_by, std::function<void()> complete) {
  uint64_t& last = last_due_[ordered_by];
  last = std::max(last, tick_ + 1 + prng_.below(delay_max_));
  queue_.push_back({last, ++order_, std::move(complete)});
}

// Visible at once; on the disk after a sync. A full disk takes a part.
int StoreDisk::put(Inode& inode, uint64_t offset, std::string bytes) {
  int error = 0;
  if (fails(Call::kWrite, error)) {
    bytes.resize(prng_.below(bytes.size() / kSector + 1) * kSector);
  } else if (offset + bytes.size() > inode.current.size()) {
    const uint64_t more = offset + bytes.size() - inode.current.size();
    const uint64_t in_use = used();
    if (growths_left_ == 0) capacity_ = in_use;
    // All ones: not asked for, or begun.
    growths_left_ -= growths_left_ == ~uint64_t{0} ? 0 : 1;
    const uint64_t room = capacity_ > in_use ? capacity_ - in_use : 0;
    if (more > room) {
      error = ENOSPC;
      const uint64_t lacking = more - room;
      bytes.resize(bytes.size() - std::min<uint64_t>(bytes.size(), lacking));
    }
  }
  if (bytes.empty()) return error;
  offset += std::exchange(misdirect_, 0);
  store_bytes(inode.current, offset, bytes);
  inode.cached.push_back({++order_, offset, std::move(bytes)});
  return error;
}

// After a failed sync nobody knows: a part is on the disk, and the kernel takes all of it for
// clean.
int StoreDisk::make_durable(Inode& inode, uint64_t order) {
  int error = 0;
  const bool is_failed = fails(Call::kSync, error);
  std::erase_if(inode.cached, [&](const Write& write) {
    if (write.order > order) return false;
    if (is_failed) {
      tear(inode, write);
    } else {
      store_bytes(inode.durable, write.offset, write.bytes);
    }
    return true;
  });
  return error;
}

void StoreDisk::write(store::FileId id, uint64_t offset, std::string bytes, Done done) {
  const File inode = file(id);
  const int error = put(*inode, offset, std::move(bytes));
  push(inode.get(), [done = std::move(done), error] {
    if (done) done(error);
  });
}

void StoreDisk::read(store::FileId id, const store::FileRange& range, ReadDone done) {
  const File inode = file(id);
  int error = 0;
  fails(Call::kRead, error);
  const BlockRef block = BlockRef::allocate(static_cast<uint32_t>(range.bytes));
  size_t size = 0;
  if (error == 0 && range.offset < inode->current.size()) {
    size = inode->current.copy(block->bytes(), range.bytes, range.offset);
  }
  push(inode.get(), [done = std::move(done), error, block, size] {
    done(error, block, Slice(block->bytes(), size));
  });
}

void StoreDisk::sync(store::FileId id, Done done) {
  const File inode = file(id);
  push(inode.get(), [this, inode, done = std::move(done), order = order_] {
    const int error = make_durable(*inode, order);
    if (done) done(error);
  });
}

void StoreDisk::write_and_sync(store::FileId id, uint64_t offset, std::string bytes, Done done) {
  const File inode = file(id);
  const int written = put(*inode, offset, std::move(bytes));
  push(inode.get(), [this, inode, written, done = std::move(done), order = order_] {
    const int error = written != 0 ? written : make_durable(*inode, order);
    if (done) done(error);
  });
}

void StoreDisk::preallocate(store::FileId id, uint64_t bytes, Done done) {
  const File inode = file(id);
  int error = 0;
  if (!fails(Call::kPreallocate, error)) error = put(*inode, 0, std::string(bytes, '\0'));
  push(inode.get(), [this, inode, error, done = std::move(done), order = order_] {
    const int result = error != 0 ? error : make_durable(*inode, order);
    if (done) done(result);
  });
}

void StoreDisk::replace_file(std::string path, std::string bytes, Done done) {
  push(this, [this, path = std::move(path), bytes = std::move(bytes), done = std::move(done)] {
    const auto made = std::make_shared<Inode>();
    int error = put(*made, 0, bytes);
    if (error == 0) error = make_durable(*made, order_);
    if (error == 0 && !fails(Call::kRename, error)) {
      change_names(path, {{path, made}});
      if (!sync_directory(directory_of(path))) error = EIO;
    }
    if (done) done(error);
  });
}

void StoreDisk::rename_file(std::string from, std::string to, Done done) {
  push(this, [this, from = std::move(from), to = std::move(to), done = std::move(done)] {
    int error = names_.contains(from) ? 0 : ENOENT;
    if (error == 0 && (!rename(from, to) || !sync_directory(directory_of(to)))) error = EIO;
    if (done) done(error);
  });
}

void StoreDisk::remove_file(std::string path, Done done) {
  push(this, [this, path = std::move(path), done = std::move(done)] {
    int error = names_.contains(path) ? 0 : ENOENT;
    if (error == 0 && !fails(Call::kRemove, error)) {
      change_names(path, {{path, nullptr}});
      if (!sync_directory(directory_of(path))) error = EIO;
    }
    if (done) done(error);
  });
}

void StoreDisk::remove_tree(std::string path, Done done) {
  push(this, [this, path = std::move(path), done = std::move(done)] {
    int error = 0;
    if (!fails(Call::kRemove, error)) {
      for (const std::string& name : paths()) {
        if (!name.starts_with(path + "/")) continue;
        change_names(name, {{name, nullptr}});
        if (!sync_directory(directory_of(name))) error = EIO;
      }
    }
    if (done) done(error);
  });
}

size_t StoreDisk::poll() {
  ++tick_;
  std::vector<Pending> due;
  std::erase_if(queue_, [this, &due](Pending& pending) {
    if (pending.due > tick_) return false;
    due.push_back(std::move(pending));
    return true;
  });
  std::sort(due.begin(), due.end(), [](const Pending& a, const Pending& b) {
    return a.due != b.due ? a.due < b.due : a.order < b.order;
  });
  for (const Pending& pending : due) pending.complete();
  return due.size();
}

void StoreDisk::drain() {
  while (!queue_.empty()) poll();
}

}  // namespace petrel::sim
