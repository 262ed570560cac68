#include "petrel/shard/stream_description.h"

#include "petrel/base/crc32c.h"
#include "petrel/jetstream/api_json.h"
#include "petrel/jetstream/api_requests.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace petrel::shard {

namespace {

constexpr Slice kMagic = "petrel stream 2\n";
// Without a checksum.
constexpr Slice kFirstMagic = "petrel stream 1\n";

// A decimal number up to a line end; both are taken off.
Result<int64_t> take_number(Slice& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data() + text.size() || *end != '\n') {
    return Error{Errc::kCorrupt, "description of a stream: number expected"};
  }
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return number;
}

}  // namespace

std::string describe_stream(const NewStream& stream) {
  std::string text = std::to_string(stream.created.ns) + "\n";
  text.append(std::to_string(stream.account.size())).append("\n");
  text.append(stream.account).append("\n").append(jetstream::stream_config_json(stream.config));
  return std::string(kMagic) + std::to_string(crc32c(text)) + "\n" + text;
}

Result<NewStream> read_description(Slice text) {
  const bool is_first = text.starts_with(kFirstMagic);
  if (!is_first && !text.starts_with(kMagic)) {
    return Error{Errc::kCorrupt, "description of a stream: unknown format"};
  }
  text.remove_prefix(kMagic.size());
  if (!is_first) {
    PETREL_TRY(const int64_t checksum, take_number(text));
    if (checksum != int64_t{crc32c(text)}) {
      return Error{Errc::kCorrupt, "description of a stream: damaged"};
    }
  }
  NewStream stream;
  PETREL_TRY(stream.created.ns, take_number(text));
  PETREL_TRY(const int64_t account_bytes, take_number(text));
  const auto size = static_cast<size_t>(account_bytes);
  if (account_bytes < 0 || size >= text.size() || text[size] != '\n') {
    return Error{Errc::kCorrupt, "description of a stream: account expected"};
  }
  stream.account = std::string(text.substr(0, size));
  PETREL_TRY(stream.config, jetstream::read_stream_config(text.substr(size + 1)));
  return stream;
}

std::string streams_directory(const std::string& root) {
  return root + "/streams";
}

std::string stream_directory(const std::string& root, store::GroupId group) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(group));
  return streams_directory(root) + "/" + digits.data();
}

std::string description_file(const std::string& directory) {
  return directory + "/stream";
}

std::string unfinished_file(const std::string& directory) {
  return directory + "/unfinished";
}

Result<store::GroupId> group_of_directory(Slice name) {
  constexpr int kBase = 16;
  store::GroupId group = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), group, kBase);
  if (name.size() != 16 || error != std::errc{} || end != name.data() + name.size()) {
    return Error{Errc::kInvalidArgument, "not the directory of a stream"};
  }
  return group;
}

}  // namespace petrel::shard
