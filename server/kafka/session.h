// A client's connection without its socket. A session gets the client's bytes, and returns the
// bytes of the answers in the order of the requests.
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
#include "server/kafka/sasl.h"
#include "server/kafka/share_connection.h"
#include "server/net/client_session.h"

namespace server::kafka {

class LongPolls;

struct SessionLimits {
  size_t max_frame_size = kMaxFrameSize;
  size_t max_pending_answers = 100;  // further requests wait in the socket
  // Limit for the bytes of unanswered requests, and of answers that wait for earlier answers.
  size_t max_pending_bytes = 64 << 20;
  // Limit for the output of one run(). Further answers wait for the next loop iteration. A single
  // answer may be larger.
  size_t max_output_bytes = 1 << 20;
  int64_t authentication_timeout_ms = 60'000;
  int64_t max_reauth_ms = 0;  // connections.max.reauth.ms; 0: clients stay authenticated
  // Time-outs after which a silent connection is closed without an answer, to free one of the
  // max-connections slots. Negative: never. `max_idle_ms` is Kafka's connections.max.idle.ms. A
  // client normally sends its first request, ApiVersions, directly after it has connected.
  int64_t first_request_timeout_ms = -1;
  int64_t max_idle_ms = -1;
};

// The parts of the server that a session uses, which outlive the session. Some tests leave pointers
// null.
struct SessionSurroundings {
  // The registry of waiting sessions. The session registers the partitions for whose records it
  // waits.
  LongPolls* polls = nullptr;
  MemoryAccount* memory = nullptr;
  const RunAside* run_aside = nullptr;
  FetchSessions* fetch_sessions = nullptr;
  QuotaRates* quota_rates = nullptr;
  std::string client_host = {};  // address of the client, without the port
  // The access rules and the state of the connection. Both are set or none; if they are null, every client may do
  // everything.
  const auth::Access* access = nullptr;
  const Channel* channel = nullptr;
};

// Threads: one loop. Owner: the connection; the host and the backend outlive it.
class Session final : public ClientSession {
 public:
  Session(Backend& backend, SessionHost& host, const Clock& clock, NodeView node,
          SessionLimits limits = {}, SessionSurroundings surroundings = {});
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void receive(std::string_view bytes) override {
    // Only a whole request ends the time-out for the first request, which counts from the start of
    // the connection. A single byte must not extend it.
    if (has_request_) active_us_ = clock_.monotonic_us();
    frames_.receive(bytes);
  }
  void run() override;
  std::string take_output() override { return std::exchange(output_, {}); }
  bool wants_input() const override;
  bool is_inside_message() const override { return frames_.buffered_bytes() > 0 && can_begin(); }
  void set_output_full(bool is_full) override { output_is_full_ = is_full; }
  const std::string& refused_memory() const override { return refused_memory_; }
  bool is_over() const override { return is_over_; }
  // Returns the reason for closing the connection, which the protocol cannot express.
  std::string end_reason() const override { return end_reason_; }
  // Ends the session. After ShuttingDown the requests that have begun are still answered, because a
  // producer without an answer would send its records again.
  void shut_down(Error reason) override;

  // Returns the time at which the session must run again: the end of a long poll, of the time-out
  // of a silent or unauthenticated client, or of a delay.
  std::optional<int64_t> deadline_us() const override;
  // Returns the partitions for whose records the session's long poll waits; empty if the session
  // has no long poll.
  const std::vector<storage::TopicPartition>& awaited() const;
  // Starts another read of the long poll. Called when one of the awaited partitions has new records
  // or was deleted.
  void grown();

 private:
  struct Pending {
    std::shared_ptr<AnswerSlot> slot;  // shared with the Reply of its handler
    size_t size_bytes;                 // bytes of the request, and of a ready answer
    std::string request = {};          // a request that has not begun yet; otherwise empty
  };
  bool can_begin() const;
  // Returns whether the client is delayed because it has exceeded its quota.
  bool is_muted() const;
  // Returns the time at which the session ends if the client stays silent, or nullopt while the
  // client waits for the server.
  std::optional<int64_t> idle_until_us() const;
  // Answers clients of PostgreSQL and HTTP that have connected to the wrong port. Without an
  // answer, PostgreSQL clients would wait for ever, because their first message is an incomplete
  // Kafka request.
  void answer_foreign_client();
  // Begins the next request. Returns false if no complete request has arrived.
  bool begin_next();
  void begin(std::string_view frame);
  // Begins the check of a SASL token that has no request header.
  void begin_raw_token(std::string_view token);
  // Returns a new slot for the answer to the next request. Answers are sent in the order of their slots.
  std::shared_ptr<AnswerSlot> new_slot();
  void begin_in_turn();
  void answer(const RequestFrame& request, const std::shared_ptr<AnswerSlot>& slot);
  // Reads the user's present rights. Returns false if the user no longer exists; the connection
  // then ends.
  bool renew_permissions();
  // Ends the connection of a client that has not authenticated in time or sends too long a request.
  void check_admission();
  void refuse(std::string why);
  void collect_answers();
  void retry_fetch();
  void look_again();
  void ask_for_room();
  // Registers the partitions that the waiting fetch reads, so that new records in them wake the
  // session. Returns false if they were registered before the last read of the log, so that no
  // further read is needed.
  bool tell_polls();

  HandlerContext context() {
    return {backend_,
            clock_,
            node_,
            waiting_fetch_,
            surroundings_.memory,
            surroundings_.run_aside,
            aside_,
            surroundings_.fetch_sessions,
            &throttle_,
            refused_,
            join_order_,
            &sasl_,
            permissions_,
            shares_};
  }

  Backend& backend_;
  SessionHost& host_;
  const Clock& clock_;
  const NodeView node_;
  const SessionLimits limits_;
  const SessionSurroundings surroundings_;
  FrameReader frames_;
  std::deque<Pending> pending_;
  size_t pending_bytes_ = 0;
  MemoryCharge pending_charge_;
  std::optional<WaitingFetch> waiting_fetch_;
  Throttle throttle_;
  Sasl sasl_;
  // The users from which `permissions_` was computed. Each request compares them with the current
  // users. Null until the first request whose rights must be checked.
  std::shared_ptr<const storage::Users> users_;
  std::shared_ptr<const Permissions> permissions_;
  const int64_t authentication_until_us_;
  int64_t active_us_;         // last input from the client, or last answer to it
  bool has_request_ = false;  // a whole request has arrived
  bool is_postgres_ = false;
  const std::shared_ptr<AsideGate> aside_ = std::make_shared<AsideGate>();
  const std::shared_ptr<RefusedBatches> refused_ = std::make_shared<RefusedBatches>();
  const std::shared_ptr<JoinOrder> join_order_ = std::make_shared<JoinOrder>();
  const std::shared_ptr<ShareConnection> shares_ = std::make_shared<ShareConnection>(backend_);
  // The partitions that are registered with the LongPolls of the loop. They stay registered,
  // because a consumer usually waits for the same partitions again.
  std::vector<storage::TopicPartition> told_;
  std::string output_, end_reason_, refused_memory_;
  bool has_grown_ = false, output_is_full_ = false, is_over_ = false, is_running_ = false;
  // True if an answer that is ready ends the connection. No further request begins.
  bool is_ending_ = false;
  // True: requests that have begun are answered, and no other request begins.
  bool is_draining_ = false;
};

}  // namespace server::kafka
