#include "store/sorted_run.h"

#include "store/byte_codec.h"

#include "petrel/base/check.h"
#include "petrel/base/crc32c.h"
#include "petrel/base/hash.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace petrel::store {
namespace {

constexpr Slice kSuffix = ".run";
constexpr size_t kNameDigits = 16;
constexpr size_t kHeadBytes = 20;
constexpr size_t kChunkBytes = 64 * kRunBlockBytes;
constexpr size_t kAheadMax = 16;

size_t common_bytes(Slice a, Slice b) {
  const size_t most = std::min(a.size(), b.size());
  size_t same = 0;
  while (same < most && a[same] == b[same]) ++same;
  return same;
}

uint32_t block_crc(Slice block) {
  return crc32c(block.substr(4));
}

}  // namespace

std::string run_file_name(uint64_t id) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%016llx", static_cast<unsigned long long>(id));
  return name.data() + std::string(kSuffix);
}

uint64_t parse_run_file_name(Slice name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return 0;
  uint64_t id = 0;
  for (const char digit : name.substr(0, kNameDigits)) {
    const bool is_letter = digit >= 'a' && digit <= 'f';
    if (!is_letter && (digit < '0' || digit > '9')) return 0;
    id = id * 16 + static_cast<uint64_t>(is_letter ? digit - 'a' + 10 : digit - '0');
  }
  return id;
}

SortedRun::SortedRun(Disk& disk, const std::string& directory, uint64_t id, size_t keys_max)
    : disk_(disk), path_(directory + "/" + run_file_name(id)), id_(id), filter_(keys_max) {}

SortedRun::~SortedRun() {
  if (is_open_) disk_.close(file_);
  disk_.remove_file(path_, [](int) {});
}

void SortedRun::add(Slice key, Slice value) {
  PETREL_DCHECK(keys_ == 0 || last_key_ < key);
  size_t same = block_keys_ == 0 ? 0 : common_bytes(last_key_, key);
  // Three lengths of at most two bytes each stand before them.
  if (block_keys_ > 0 && block_.size() + 6 + key.size() - same + value.size() > kRunBlockBytes) {
    close_block();
    same = 0;
  }
  if (block_keys_ == 0) {
    block_starts_.push_back(static_cast<uint32_t>(first_keys_.size()));
    first_keys_.append(key);
    block_.assign(kHeadBytes, '\0');
  }
  ByteWriter out;
  out.varint(same);
  out.text(key.substr(same));
  out.text(value);
  block_ += out.bytes();
  last_key_.assign(key);
  ++block_keys_;
  ++keys_;
  filter_.add(hash_bytes(key));
}

void SortedRun::close_block() {
  store_le(block_.data() + 4, block_keys_);
  store_le(block_.data() + 8, static_cast<uint32_t>(block_starts_.size() - 1));
  store_le(block_.data() + 12, id_);
  block_.resize(kRunBlockBytes);
  store_le(block_.data(), block_crc(block_));
  chunk_ += block_;
  block_keys_ = 0;
  if (chunk_.size() >= kChunkBytes) write_chunk();
}

void SortedRun::finish() {
  if (block_keys_ > 0) close_block();
  if (!chunk_.empty()) write_chunk();
  first_keys_.shrink_to_fit();
  block_starts_.shrink_to_fit();
  block_ = {};
  last_key_ = {};
  retry_writes();
}

void SortedRun::write_chunk() {
  auto chunk = std::make_shared<Chunk>();
  chunk->offset = bytes_;
  chunk->bytes = std::move(chunk_);
  chunk_ = {};
  bytes_ += chunk->bytes.size();
  chunks_.push_back(chunk);
  ask(chunk);
}

void SortedRun::ask(const std::shared_ptr<Chunk>& chunk) {
  chunk->is_failed = false;
  if (!is_open_) {
    const auto opened = disk_.open(path_, OpenMode::kWrite);
    chunk->is_failed = !opened.is_ok();
    if (chunk->is_failed) return;
    file_ = *opened;
    is_open_ = true;
  }
  disk_.write(file_, chunk->offset, chunk->bytes, [chunk](int error) {
    chunk->is_failed = error != 0;
    chunk->is_written = error == 0;
  });
}

void SortedRun::retry_writes() {
  while (!chunks_.empty() && chunks_.front()->is_written) chunks_.pop_front();
  for (const auto& chunk : chunks_) {
    if (chunk->is_failed) ask(chunk);
  }
  if (!chunks_.empty() || !chunk_.empty() || block_keys_ > 0 || !is_open_) return;
  disk_.close(file_);
  is_open_ = false;
}

size_t SortedRun::unwritten_bytes() const {
  size_t bytes = chunk_.size();
  for (const auto& chunk : chunks_) bytes += chunk->is_written ? 0 : chunk->bytes.size();
  return bytes;
}

size_t SortedRun::memory_bytes() const {
  size_t bytes = chunk_.size();
  for (const auto& chunk : chunks_) bytes += chunk->bytes.size();
  return sizeof(*this) + bytes + filter_.memory() + first_keys_.capacity() +
         block_starts_.capacity() * 4;
}

Slice SortedRun::first_key(size_t block) const {
  const size_t end =
      block + 1 < block_starts_.size() ? block_starts_[block + 1] : first_keys_.size();
  return Slice(first_keys_).substr(block_starts_[block], end - block_starts_[block]);
}

size_t SortedRun::block_of(Slice key) const {
  size_t low = 0;
  for (size_t high = blocks(); low < high;) {
    const size_t middle = (low + high) / 2;
    if (key < first_key(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low == 0 ? blocks() : low - 1;
}

std::string SortedRun::load(size_t block, size_t count) const {
  const uint64_t offset = block * kRunBlockBytes;
  const size_t bytes = std::min(count, blocks() - block) * kRunBlockBytes;
  for (const auto& chunk : chunks_) {
    if (offset < chunk->offset || offset >= chunk->offset + chunk->bytes.size()) continue;
    return chunk->bytes.substr(offset - chunk->offset, bytes);
  }
  // Up to what is still in memory: behind it the file may be short.
  const uint64_t end = chunks_.empty() ? bytes_ : chunks_.front()->offset;
  auto loaded = disk_.load_range(path_, offset,
                                 offset < end ? std::min<uint64_t>(bytes, end - offset) : bytes);
  if (!loaded || loaded->size() % kRunBlockBytes != 0) return {};
  return std::move(*loaded);
}

bool SortedRun::is_whole(Slice bytes, size_t block) const {
  return bytes.size() == kRunBlockBytes && load_le<uint32_t>(bytes.data()) == block_crc(bytes) &&
         load_le<uint32_t>(bytes.data() + 8) == block &&
         load_le<uint64_t>(bytes.data() + 12) == id_;
}

RunBlockReader::RunBlockReader(Slice block)
    : rest_(block.substr(kHeadBytes)), left_(load_le<uint32_t>(block.data() + 4)) {}

bool RunBlockReader::next() {
  if (left_ == 0) return false;
  --left_;
  ByteReader in(rest_);
  const uint64_t same = in.varint();
  const Slice rest = in.text();
  value_ = in.text();
  PETREL_CHECK(in.is_ok() && same <= key_.size());
  key_.resize(same);
  key_.append(rest);
  rest_ = rest_.substr(rest_.size() - in.left());
  return true;
}

bool RunCursor::begin_block(size_t block) {
  is_at_end_ = true;
  if (block >= run_->blocks()) return false;
  if (count_ == 0 || block < first_ || block >= first_ + count_) {
    bytes_ = run_->load(block, ahead_);
    first_ = block;
    count_ = bytes_.size() / kRunBlockBytes;
    ahead_ = std::min(ahead_ * 2, kAheadMax);
  }
  const Slice bytes = count_ == 0
                          ? Slice()
                          : Slice(bytes_).substr((block - first_) * kRunBlockBytes, kRunBlockBytes);
  is_damaged_ = !run_->is_whole(bytes, block);
  if (is_damaged_) return false;
  block_ = block;
  reader_ = RunBlockReader(bytes);
  is_at_end_ = false;
  return true;
}

void RunCursor::next() {
  if (is_at_end_ || reader_.next()) return;
  if (begin_block(block_ + 1)) reader_.next();
}

void RunCursor::seek(Slice key) {
  const size_t block = run_->block_of(key);
  if (!begin_block(block == run_->blocks() ? 0 : block)) return;
  for (next(); !is_at_end_ && reader_.key() < key;) next();
}

}  // namespace petrel::store
