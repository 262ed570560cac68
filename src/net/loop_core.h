// LoopCore: all of a loop but the way it waits: the turn, the connection table, reading, writing,
// closing, wake-ups, adoption and the rest of listeners after errors. A back end adds the kernel
// interface that says which sockets have bytes or room.
//
// Owner: server, through Loop. Thread: the loop's, except stop, wake and adopt.
#pragma once

#include "net/connection_table.h"
#include "net/read_limit.h"
#include "net/short_wait.h"
#include "net/wake_gate.h"

#include "petrel/net/block_cursor.h"
#include "petrel/net/inbox.h"
#include "petrel/net/loop.h"

#include <atomic>
#include <memory>
#include <span>
#include <vector>

namespace petrel::net {

Instant monotonic_now();

struct Listener {
  int fd = -1;
  int tag = 0;
  uint32_t serial = 0;  // never reused, names it in events
  bool is_resting = false;
  Instant resume_at = {};
};

class LoopCore : public Loop {
 public:
  ~LoopCore() override;
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  void run() final;
  void stop() final;
  void wake() final;
  int wake_fd() const final { return wake_fd_; }
  void adopt(int fd, int tag, PeerAddress peer) final;
  Status add_listener(int fd, int tag) final;
  void remove_listener(int tag) final;
  size_t write(ConnectionId id, std::span<const iovec> parts) final;
  void pause_reads(ConnectionId id) final;
  void resume_reads(ConnectionId id) final;
  void close(ConnectionId id) final;
  Instant now() const final { return now_; }
  const std::shared_ptr<BlockPool>& block_pool() const final { return pool_; }

 protected:
  LoopCore(LoopHandler& handler, const LoopOptions& options);
  Status open_wake_fd();

  // --- The back end. Functions that return int return an errno, 0 for success. ---
  // First call on the loop's thread.
  virtual void start() {}
  // Last call: sockets are dropped already; nothing may be under way in the kernel afterwards.
  virtual void finish() {}
  // Collects and reports events; blocks for `timeout` at most. Calls woke_up() when it returns
  // from the kernel, before it reports.
  virtual void serve_events(Duration timeout) = 0;
  virtual int attach(ConnectionId id, ConnectionSlot& slot) = 0;
  // Reading was paused or resumed: slot.is_paused says which.
  virtual void change_reading(ConnectionId id, ConnectionSlot& slot) = 0;
  // slot.awaits_room was set; report_room is due when the socket takes bytes.
  virtual void await_room(ConnectionId id, ConnectionSlot& slot) = 0;
  // Ends all interest and closes slot.fd.
  virtual void drop(ConnectionId id, ConnectionSlot& slot) = 0;
  virtual int start_accepting(Listener& listener) = 0;
  // Ends interest in the listener; does not close it.
  virtual void stop_accepting(Listener& listener) = 0;

  // --- For the back end ---
  void woke_up();
  // Before a wait of `timeout`: how long to look for events without sleeping. note_look() follows
  // if that is not 0.
  Duration time_to_look(Duration timeout);
  void note_look(bool has_paid, Duration spent) { short_wait_.note(has_paid, spent); }
  // kShort: the socket had less than there was room for. kNothing: no bytes, or it was closed.
  enum class Got : uint8_t { kNothing, kShort, kAll };
  // Reads once, at most a block, and reports what came or the end.
  Got read_once(ConnectionId id, int fd);
  void report_room(ConnectionId id);
  // on_closed follows at the start of the next turn, which comes at once: what this turn caused is
  // flushed before, and a peer that only closed its own direction still gets it.
  void fail(ConnectionId id, CloseCause cause, int error);
  // on_closed at once. REQUIRES: no other callback is running.
  void end_now(ConnectionId id, CloseCause cause, int error);
  void take_connection(const Listener& listener, int fd, const PeerAddress& peer);
  void accept_failed(Listener& listener, int error);
  Listener* find_listener(uint32_t serial);

  ConnectionTable& table() { return table_; }
  LoopHandler& handler() { return handler_; }

  static constexpr Duration kNoTimeout = {INT64_MAX};

 private:
  struct Adoption {
    int fd = -1;
    int tag = 0;
    PeerAddress peer;
  };
  struct Ended {
    ConnectionId id;
    CloseCause cause;
    int error;
  };

  Duration timeout_until(Instant deadline);
  void turn(Duration timeout);
  void report_ended();
  void adopt_waiting();
  void resume_listeners();
  void close_all();

  LoopHandler& handler_;
  const std::shared_ptr<BlockPool> pool_;
  ConnectionTable table_;
  std::vector<Listener> listeners_;
  uint32_t last_serial_ = 0;
  bool is_running_ = false;

  Instant now_ = {};
  Instant deadline_ = {};
  bool was_notified_ = false;
  size_t read_bytes_ = 0;  // in this turn, and those that were written
  size_t written_bytes_ = 0;
  ShortWait short_wait_;
  ReadLimit read_limit_;
  BlockCursor cursor_;            // the same hot memory serves all connections
  std::vector<Ended> ended_;      // on_closed is due
  std::vector<Ended> reporting_;  // kept for its capacity

  int wake_fd_ = -1;
  WakeGate gate_;
  std::atomic<bool> is_stopping_{false};
  Inbox<Adoption> adoptions_;
  std::vector<Adoption> adopting_;  // kept for its capacity
};

}  // namespace petrel::net
