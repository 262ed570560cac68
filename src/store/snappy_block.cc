#include "petrel/store/snappy_block.h"

#include "store/byte_codec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace petrel::store {
namespace {

constexpr size_t kFragmentBytes = 1 << 16;  // copies reach back this far at most
constexpr int kTableBits = 14;
constexpr size_t kMatchBytesMin = 4;

uint32_t slot_of(uint32_t word) {
  return (word * 0x1e35a7bdU) >> (32 - kTableBits);
}

void put_literal(std::string& out, Slice bytes) {
  if (bytes.empty()) return;
  const size_t n = bytes.size() - 1;
  if (n < 60) {
    out.push_back(static_cast<char>(n << 2));
  } else if (n < 256) {
    out.push_back(static_cast<char>(60 << 2));
    out.push_back(static_cast<char>(n));
  } else {
    out.push_back(static_cast<char>(61 << 2));
    out.push_back(static_cast<char>(n));
    out.push_back(static_cast<char>(n >> 8));
  }
  out.append(bytes);
}

void put_copy_part(std::string& out, size_t distance, size_t length) {
  if (length >= 4 && length <= 11 && distance < 2048) {
    out.push_back(static_cast<char>(1 | ((length - 4) << 2) | ((distance >> 8) << 5)));
    out.push_back(static_cast<char>(distance));
    return;
  }
  out.push_back(static_cast<char>(2 | ((length - 1) << 2)));
  out.push_back(static_cast<char>(distance));
  out.push_back(static_cast<char>(distance >> 8));
}

void put_copy(std::string& out, size_t distance, size_t length) {
  for (; length >= 68; length -= 64) put_copy_part(out, distance, 64);
  if (length > 64) {
    put_copy_part(out, distance, 60);
    length -= 60;
  }
  put_copy_part(out, distance, length);
}

size_t match_length(Slice bytes, size_t earlier, size_t at) {
  const size_t begin = at;
  while (at + 8 <= bytes.size()) {
    const uint64_t difference =
        load_le<uint64_t>(bytes.data() + earlier) ^ load_le<uint64_t>(bytes.data() + at);
    if (difference != 0) {
      return at - begin + static_cast<size_t>(__builtin_ctzll(difference)) / 8;
    }
    earlier += 8;
    at += 8;
  }
  while (at < bytes.size() && bytes[earlier] == bytes[at]) ++earlier, ++at;
  return at - begin;
}

void compress_fragment(Slice bytes, std::vector<uint16_t>& table, std::string& out) {
  std::fill(table.begin(), table.end(), uint16_t{0});
  size_t literal = 0;
  size_t misses = 0;
  // Position 0 stands for an empty slot, so it is never found; nothing else is lost by it.
  for (size_t at = 1; at + kMatchBytesMin <= bytes.size();) {
    const auto word = load_le<uint32_t>(bytes.data() + at);
    uint16_t& slot = table[slot_of(word)];
    const size_t earlier = slot;
    slot = static_cast<uint16_t>(at);
    if (earlier == 0 || load_le<uint32_t>(bytes.data() + earlier) != word) {
      at += 1 + (misses++ >> 5);
      continue;
    }
    misses = 0;
    put_literal(out, bytes.substr(literal, at - literal));
    const size_t length = match_length(bytes, earlier, at);
    put_copy(out, at - earlier, length);
    at += length;
    literal = at;
  }
  put_literal(out, bytes.substr(literal));
}

// Length of a literal whose tag says `n`; more than there is when it is damaged.
size_t literal_length(ByteReader& in, size_t n) {
  if (n < 60) return n + 1;
  size_t length = 0;
  const Slice bytes = in.raw(n - 59);
  for (size_t i = 0; i < bytes.size(); ++i) {
    length |= static_cast<size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return length + 1;
}

}  // namespace

std::string snappy_compress(Slice bytes) {
  ByteWriter head;
  head.varint(bytes.size());
  std::string out = head.take();
  out.reserve(bytes.size() / 2 + 64);
  std::vector<uint16_t> table(size_t{1} << kTableBits);
  for (size_t at = 0; at < bytes.size(); at += kFragmentBytes) {
    compress_fragment(bytes.substr(at, kFragmentBytes), table, out);
  }
  return out;
}

bool snappy_decompress(Slice bytes, char* out, size_t size) {
  ByteReader in(bytes);
  if (in.varint() != size || !in.is_ok()) return false;
  size_t at = 0;
  while (in.left() > 0) {
    const auto tag = in.fixed<uint8_t>();
    if ((tag & 3) == 0) {
      const size_t length = literal_length(in, tag >> 2);
      const Slice literal = in.raw(length);
      if (!in.is_ok() || length > size - at) return false;
      std::memcpy(out + at, literal.data(), length);
      at += length;
      continue;
    }
    size_t length = size_t{tag} / 4 + 1;
    size_t distance = 0;
    if ((tag & 3) == 1) {
      length = (tag >> 2 & 7) + 4;
      distance = (size_t{tag} >> 5) << 8 | in.fixed<uint8_t>();
    } else {
      distance = (tag & 3) == 2 ? in.fixed<uint16_t>() : in.fixed<uint32_t>();
    }
    if (!in.is_ok() || distance == 0 || distance > at || length > size - at) return false;
    for (size_t i = 0; i < length; ++i, ++at) out[at] = out[at - distance];
  }
  return at == size;
}

}  // namespace petrel::store
