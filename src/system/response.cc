#include "petrel/system/response.h"

#include "petrel/base/crc32c.h"
#include "petrel/base/go_json.h"
#include "petrel/proto/header_view.h"
#include "petrel/store/snappy_block.h"

#include <algorithm>
#include <array>
#include <zlib.h>

namespace petrel::system {

namespace {

constexpr size_t kSnappyChunk = 65536;  // of the framing format
constexpr size_t kGzipBuffer = 16384;
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, with gzip's head and tail

void append_le(std::string& out, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint32_t masked_checksum(Slice bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

std::string snappy_stream(Slice body) {
  std::string out("\xff\x06\x00\x00sNaPpY", 10);
  for (size_t begin = 0; begin < body.size(); begin += kSnappyChunk) {
    const Slice chunk = body.substr(begin, kSnappyChunk);
    const std::string packed = store::snappy_compress(chunk);
    const bool is_smaller = packed.size() < chunk.size();
    const Slice stored = is_smaller ? Slice(packed) : chunk;
    out.push_back(is_smaller ? '\x00' : '\x01');
    append_le(out, static_cast<uint32_t>(stored.size() + 4), 3);
    append_le(out, masked_checksum(chunk), 4);
    out.append(stored);
  }
  return out;
}

std::string gzip_stream(std::string body) {
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(body.data());
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  std::array<char, kGzipBuffer> buffer;
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    state = deflate(&stream, Z_FINISH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  return out;
}

std::string encoding_header(Slice name) {
  std::string block;
  proto::append_header(block, "Content-Encoding", name);
  return block;
}

}  // namespace

std::string compact_json(Slice indented) {
  std::string out;
  out.reserve(indented.size());
  bool is_text = false;
  for (size_t i = 0; i < indented.size(); ++i) {
    const char c = indented[i];
    if (is_text) {
      out.push_back(c);
      if (c == '\\' && i + 1 < indented.size()) out.push_back(indented[++i]);
      if (c == '"') is_text = false;
    } else if (c != ' ' && c != '\n') {
      out.push_back(c);
      is_text = c == '"';
    }
  }
  return out;
}

std::string success_json(const std::string& server, Slice data) {
  std::string json = "{\"server\":" + server;
  if (!data.empty()) json.append(",\"data\":").append(data);
  return json.append("}");
}

std::string refusal_json(const std::string& server, const Refusal& refusal) {
  std::string json = "{\"server\":" + server;
  if (refusal.with_null) json.append(",\"data\":null");
  json.append(",\"error\":{\"code\":").append(std::to_string(refusal.code));
  if (!refusal.text.empty()) {
    json.append(",\"description\":");
    append_go_json_string(json, refusal.text);
  }
  return json.append("}}");
}

Encoding accepted_encoding(Slice header_block) {
  if (header_block.empty()) return Encoding::kNone;
  const auto given = proto::HeaderView(header_block).find("Accept-Encoding");
  if (!given || given->empty()) return Encoding::kNone;
  std::string wanted(*given);
  std::transform(wanted.begin(), wanted.end(), wanted.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  if (wanted.find("snappy") != std::string::npos || wanted.find("s2") != std::string::npos) {
    return Encoding::kSnappy;
  }
  return wanted.find("gzip") != std::string::npos ? Encoding::kGzip : Encoding::kIdentity;
}

EncodedBody encode(std::string body, Encoding encoding) {
  switch (encoding) {
    case Encoding::kNone:
      return {"", std::move(body)};
    case Encoding::kIdentity:
      return {encoding_header("identity"), std::move(body)};
    case Encoding::kSnappy:
      return {encoding_header("snappy"), snappy_stream(body)};
    case Encoding::kGzip:
      return {encoding_header("gzip"), gzip_stream(std::move(body))};
  }
  return {};
}

}  // namespace petrel::system
