// One raw client connection of the load generator, and the poller that drives many of them.
// It speaks just enough of the client protocol to be cheap: the server has to be the limit.
// Thread: one; the whole load generator is one thread. Errors: any surprise ends the process.
#pragma once

#include "link.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace petrel::bench {

struct Endpoint {
  std::string host = "127.0.0.1";
  uint16_t port = 4222;
  bool tls = false;  // after INFO
  std::string user;  // whose password is "p"; "": none
};

// Frames of one width: "MSG <subject> <sid> <size>\r\n<payload>\r\n" where subjects and sids are
// padded to a fixed length. Lets a subscriber count frames without parsing them.
struct FrameShape {
  std::string prefix;     // what every frame starts with
  size_t frame_size = 0;  // from prefix to the final CR LF
};

class Client {
 public:
  // Connects, sends CONNECT and PING, waits for PONG. Blocking; the socket is non-blocking after.
  explicit Client(const Endpoint& server);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int fd() const { return link_.fd(); }
  uint64_t frames() const { return frames_; }
  uint64_t pongs() const { return pongs_; }
  bool is_blocked() const { return blocked_; }
  void set_shape(const FrameShape& shape) { shape_ = shape; }

  // Sends everything, waiting for the socket if needed. For set-up, never while measuring.
  void send_all(std::string_view bytes);
  // Sends what the socket takes now; marks the client blocked when it took less.
  size_t send_some(std::string_view bytes);
  void unblock() { blocked_ = false; }
  // While held, a PING of the server is not answered: a message may be half sent.
  void hold_pongs(bool hold);

  // Reads once and counts frames of the shape. Returns the number of new frames.
  uint64_t read_frames(std::span<char> buffer);
  // Sends PING and reads until its PONG came.
  void ping_wait(std::span<char> buffer);

 private:
  void handshake(const std::string& user);
  void on_control(std::string_view line);
  size_t take_control(std::string_view bytes);

  Link link_;
  bool blocked_ = false;
  bool pongs_held_ = false;
  bool pong_owed_ = false;
  FrameShape shape_;
  uint64_t frames_ = 0;
  uint64_t pongs_ = 0;
  size_t skip_ = 0;      // bytes of the current frame still to come
  std::string control_;  // an unfinished control line
};

// Level-triggered epoll over clients; the value of an event is the index given to add().
class Poller {
 public:
  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  struct Event {
    uint32_t index = 0;
    bool readable = false;
    bool writable = false;
  };

  void add(int fd, uint32_t index);
  void remove(int fd);
  void want_write(int fd, uint32_t index, bool on);
  // Waits at most `timeout_ns` (-1: for ever). The span is valid until the next call.
  std::span<const Event> wait(int64_t timeout_ns);

 private:
  int fd_ = -1;
  std::vector<Event> events_;
};

// A TCP connection to the server, blocking, without delay, or -1.
int dial(const Endpoint& server);

}  // namespace petrel::bench
