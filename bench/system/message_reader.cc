#include "message_reader.h"

#include "process.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <sys/socket.h>

namespace petrel::bench {

namespace {

constexpr size_t kReadBytes = 128 << 10;

size_t number_of(std::string_view digits) {
  size_t value = 0;
  std::from_chars(digits.begin(), digits.end(), value);
  return value;
}

}  // namespace

bool MessageReader::receive() {
  const size_t before = pending_.size();
  pending_.resize(before + kReadBytes);
  const ssize_t got = recv(client_.fd(), pending_.data() + before, kReadBytes, MSG_DONTWAIT);
  pending_.resize(before + static_cast<size_t>(got > 0 ? got : 0));
  if (got == 0) fail("the server closed a connection");
  if (got < 0 && errno != EAGAIN && errno != EINTR) fail(std::strerror(errno));
  return got > 0;
}

void MessageReader::on_control(std::string_view line) {
  if (line.starts_with("PING")) client_.send_all("PONG\r\n");
  if (line.starts_with("PONG")) ++pongs_;
  if (line.starts_with("-ERR")) fail(std::string(line));
}

size_t MessageReader::next(std::string_view bytes, Message& message) {
  message = {};
  const size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) return 0;
  std::string_view line = bytes.substr(0, end);
  const bool with_headers = line.starts_with("HMSG ");
  if (!with_headers && !line.starts_with("MSG ")) {
    on_control(line);
    return end + 2;
  }
  std::array<std::string_view, 6> words;
  size_t count = 0;
  while (count < words.size()) {
    const size_t space = line.find(' ');
    words[count++] = line.substr(0, space);
    if (space == std::string_view::npos) break;
    line.remove_prefix(space + 1);
  }
  const size_t size = number_of(words[count - 1]);
  if (bytes.size() < end + 2 + size + 2) return 0;
  const size_t head = with_headers ? number_of(words[count - 2]) : 0;
  const std::string_view body = bytes.substr(end + 2, size);
  const size_t words_without_reply = with_headers ? 5 : 4;
  message = {.subject = words[1],
             .reply = count > words_without_reply ? words[3] : std::string_view(),
             .headers = body.substr(0, head),
             .payload = body.substr(head)};
  return end + 2 + size + 2;
}

}  // namespace petrel::bench
