// One client's connection without its socket: bytes in, bytes out, answers in the order of the
// requests.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/kafka/frame_reader.h"
#include "server/kafka/handler.h"

namespace server::kafka {

struct SessionLimits {
  size_t max_frame_size = kMaxFrameSize;
  size_t max_pending_answers = 100;  // further requests wait in the socket
  // Of requests that are not answered yet, and of answers that wait for those before them.
  size_t max_pending_bytes = 64 << 20;
  // What run() gathers before the rest has to wait for the next turn; one answer may be larger.
  size_t max_output_bytes = 1 << 20;
};

// What a session asks of whoever runs it.
class SessionHost {
 public:
  // Something is ready: call run() soon, not from inside.
  virtual void wake() = 0;

 protected:
  ~SessionHost() = default;
};

// Usage: receive() what arrives, run(), send take_output(), close when is_over(); run() again at
// deadline_us() and after grown().
//
// Threads: one loop's. Owner: the connection; the host and the backend outlive it.
class Session {
 public:
  Session(Backend& backend, SessionHost& host, const Clock& clock, const NodeView& node,
          SessionLimits limits = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void receive(std::string_view bytes) { frames_.receive(bytes); }
  void run();
  std::string take_output() { return std::exchange(output_, {}); }
  // While false the peer's bytes should wait in its socket.
  bool wants_input() const;
  // Part of a request has arrived, and the rest is awaited.
  bool is_inside_request() const { return frames_.buffered_bytes() > 0 && can_begin(); }
  // The peer reads too slowly: no further requests are begun.
  void set_output_full(bool is_full) { output_is_full_ = is_full; }
  // The connection is to be closed when the output is sent.
  bool is_over() const { return is_over_; }
  // Why it is over, for the log; empty when an answer ended it.
  const std::string& end_reason() const { return end_reason_; }

  // The end of the long poll, if there is one.
  std::optional<int64_t> deadline_us() const;
  // What the long poll waits for; empty when there is none.
  const std::vector<storage::TopicPartition>& awaited() const;
  // One of these partitions has new records.
  void grown() { has_grown_ = true; }

 private:
  struct Pending {
    std::shared_ptr<AnswerSlot> slot;  // shared with the Reply of its handler
    size_t size_bytes;                 // of the request, and of the answer if it is there
  };
  bool can_begin() const;
  // False when no whole request has arrived.
  bool begin_next();
  void begin(std::string_view frame);
  void answer(const RequestFrame& request, const std::shared_ptr<AnswerSlot>& slot);
  void refuse(std::string_view why);
  void collect_answers();
  void retry_fetch();

  HandlerContext context() { return {backend_, clock_, node_, waiting_fetch_}; }

  Backend& backend_;
  SessionHost& host_;
  const Clock& clock_;
  const NodeView& node_;
  const SessionLimits limits_;
  FrameReader frames_;
  std::deque<Pending> pending_;
  size_t pending_bytes_ = 0;
  std::optional<WaitingFetch> waiting_fetch_;
  std::string output_, end_reason_;
  bool has_grown_ = false, output_is_full_ = false, is_over_ = false, is_running_ = false;
};

}  // namespace server::kafka
