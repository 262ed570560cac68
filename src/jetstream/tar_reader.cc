#include "jetstream/tar_reader.h"

#include "jetstream/go_atoi.h"

#include <algorithm>

namespace petrel::jetstream {

namespace {

constexpr size_t kBlock = 512;
constexpr uint64_t kFileMax = uint64_t{64} << 20;
constexpr char kPax = 'x';
constexpr char kPaxGlobal = 'g';
constexpr char kLongName = 'L';

Error corrupt(const char* text) {
  return {Errc::kCorrupt, text};
}

// Up to the first zero byte.
Slice text_of(Slice field) {
  return field.substr(0, field.find('\0'));
}

// Octal digits, or big endian behind a set high bit. False: neither.
bool read_number(Slice field, uint64_t& number) {
  number = 0;
  if ((static_cast<unsigned char>(field.front()) & 0x80) != 0) {
    for (const char byte : field.substr(field.size() - 8)) {
      number = (number << 8) | static_cast<unsigned char>(byte);
    }
    return true;
  }
  for (const char digit : text_of(field)) {
    if (digit == ' ') continue;
    if (digit < '0' || digit > '7') return false;
    number = number * 8 + static_cast<uint64_t>(digit - '0');
  }
  return true;
}

bool has_right_checksum(Slice block) {
  constexpr size_t kAt = 148;
  constexpr size_t kSize = 8;
  uint64_t wanted = 0;
  if (!read_number(block.substr(kAt, kSize), wanted)) return false;
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    sum += i >= kAt && i < kAt + kSize ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum == wanted;
}

bool leaves_folder(Slice name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != Slice::npos) return true;
  while (!name.empty()) {
    const size_t slash = name.find('/');
    if (name.substr(0, slash) == "..") return true;
    name.remove_prefix(slash == Slice::npos ? name.size() : slash + 1);
  }
  return false;
}

// "path" of pax records: "<length> <key>=<value>\n".
std::string pax_path(Slice records) {
  while (!records.empty()) {
    const size_t space = records.find(' ');
    if (space == Slice::npos) break;
    const std::optional<int64_t> length = go_atoi(records.substr(0, space));
    if (!length || *length <= static_cast<int64_t>(space) + 1 ||
        *length > static_cast<int64_t>(records.size())) {
      break;
    }
    const Slice record = records.substr(space + 1, static_cast<size_t>(*length) - space - 2);
    if (record.starts_with("path=")) return std::string(record.substr(5));
    records.remove_prefix(static_cast<size_t>(*length));
  }
  return {};
}

size_t padded(uint64_t size) {
  return static_cast<size_t>((size + kBlock - 1) / kBlock * kBlock);
}

}  // namespace

Status TarReader::feed(Slice bytes) {
  if (is_at_end_) return {};
  buffer_.append(bytes);
  size_t at = 0;
  while (!is_at_end_) {
    const Slice rest = Slice(buffer_).substr(at);
    const size_t wanted = has_header_ ? padded(header_.size) : kBlock;
    if (rest.size() < wanted) break;
    if (!has_header_) {
      PETREL_TRY_STATUS(take_header(rest.substr(0, kBlock)));
    } else {
      has_header_ = false;
      PETREL_TRY_STATUS(take_content(rest.substr(0, header_.size)));
    }
    at += wanted;
  }
  buffer_.erase(0, at);
  return {};
}

Status TarReader::take_header(Slice block) {
  if (std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; })) {
    is_at_end_ = true;
    return {};
  }
  if (!has_right_checksum(block)) return corrupt("archive/tar: invalid tar header");
  header_ = {};
  header_.type = block[156] == '\0' ? '0' : block[156];
  if (!read_number(block.substr(124, 12), header_.size) || header_.size > kFileMax) {
    return corrupt("archive/tar: invalid tar header");
  }
  header_.name = text_of(block.substr(0, 100));
  const Slice prefix = text_of(block.substr(345, 155));
  if (block.substr(257, 5) == "ustar" && !prefix.empty()) {
    header_.name = std::string(prefix) + "/" + header_.name;
  }
  has_header_ = true;
  return {};
}

Status TarReader::take_content(Slice content) {
  if (header_.type == kPaxGlobal) return {};
  if (header_.type == kPax) {
    long_name_ = pax_path(content);
    return {};
  }
  if (header_.type == kLongName) {
    long_name_ = text_of(content);
    return {};
  }
  if (!long_name_.empty()) header_.name = std::move(long_name_);
  long_name_.clear();
  if (header_.type != '0' || leaves_folder(header_.name)) return corrupt("unexpected content");
  return on_file_(header_.name, content);
}

}  // namespace petrel::jetstream
