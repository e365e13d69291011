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
#include "server/kafka/sasl.h"
#include "server/kafka/share_connection.h"
#include "server/net/client_session.h"

namespace server::kafka {

class LongPolls;

struct SessionLimits {
  size_t max_frame_size = kMaxFrameSize;
  size_t max_pending_answers = 100;  // further requests wait in the socket
  // Of requests that are not answered yet, and of answers that wait for those before them.
  size_t max_pending_bytes = 64 << 20;
  // What run() gathers before the rest has to wait for the next turn; one answer may be larger.
  size_t max_output_bytes = 1 << 20;
  int64_t authentication_timeout_ms = 60'000;
  int64_t max_reauth_ms = 0;  // connections.max.reauth.ms; 0: a client that is let in stays so
  // A connection holds one of max-connections slots. Both end it without a word, as Kafka does (connections.max.idle.ms);
  // negative: never. Clients begin with ApiVersions at once.
  int64_t first_request_timeout_ms = -1;
  int64_t max_idle_ms = -1;
};

// What a session in a server has around it; none of it in some tests. All of it outlives the
// session.
struct SessionSurroundings {
  LongPolls* polls = nullptr;  // is told what the session waits for
  MemoryAccount* memory = nullptr;
  const RunAside* run_aside = nullptr;
  FetchSessions* fetch_sessions = nullptr;
  QuotaRates* quota_rates = nullptr;
  std::string client_host = {};  // its address, without the port
  // Both or none: then everybody may do everything.
  const auth::Access* access = nullptr;
  const Channel* channel = nullptr;
};

// Threads: one loop's. Owner: the connection; the host and the backend outlive it.
class Session final : public ClientSession {
 public:
  Session(Backend& backend, SessionHost& host, const Clock& clock, NodeView node,
          SessionLimits limits = {}, SessionSurroundings surroundings = {});
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void receive(std::string_view bytes) override {
    // Before the first request the time is that of the connection: a byte now and then prolongs nothing.
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
  // Also why the server has closed on its client, for which the protocol has no words.
  std::string end_reason() const override { return end_reason_; }
  // On ShuttingDown what has begun is answered first: a producer that got no answer would send its
  // records again.
  void shut_down(Error reason) override;

  // When the long poll, if there is one, looks for records again, or ends.
  std::optional<int64_t> deadline_us() const override;
  // What the long poll waits for; empty when there is none.
  const std::vector<storage::TopicPartition>& awaited() const;
  // One of these partitions has new records, or is gone.
  void grown();

 private:
  struct Pending {
    std::shared_ptr<AnswerSlot> slot;  // shared with the Reply of its handler
    size_t size_bytes;                 // of the request, and of the answer if it is there
    std::string request = {};          // that is begun in its turn, until then
  };
  bool can_begin() const;
  // Its client was faster than its quota.
  bool is_muted() const;
  // When it ends since its client is silent; nothing while it waits for the server.
  std::optional<int64_t> idle_until_us() const;
  // Answers clients of PostgreSQL that have come to the wrong port, which would wait for ever: what they send first is half a
  // request of Kafka.
  void answer_postgres();
  // False when no whole request has arrived.
  bool begin_next();
  void begin(std::string_view frame);
  void begin_in_turn();
  void answer(const RequestFrame& request, const std::shared_ptr<AnswerSlot>& slot);
  // What its user may do now. False: the user is not there any more, and the connection ends.
  bool renew_permissions();
  // Ends it for who is not yet let in, and takes too long or wants too much.
  void check_admission();
  void refuse(std::string why);
  void collect_answers();
  void retry_fetch();
  void look_again();
  void ask_for_room();
  // False when the polls have known what it waits for since before it last looked.
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
  // Of these users, which are looked at again with each request; null where its user has no limits.
  std::shared_ptr<const storage::Users> users_;
  std::shared_ptr<const Permissions> permissions_;
  const int64_t authentication_until_us_;
  int64_t active_us_;         // when the client last sent something, or got an answer
  bool has_request_ = false;  // a whole one has arrived
  bool is_postgres_ = false;
  const std::shared_ptr<AsideGate> aside_ = std::make_shared<AsideGate>();
  const std::shared_ptr<RefusedBatches> refused_ = std::make_shared<RefusedBatches>();
  const std::shared_ptr<JoinOrder> join_order_ = std::make_shared<JoinOrder>();
  const std::shared_ptr<ShareConnection> shares_ = std::make_shared<ShareConnection>(backend_);
  // To the polls: what awaited() was last, since a consumer waits for the same again and again.
  std::vector<storage::TopicPartition> told_;
  std::string output_, end_reason_, refused_memory_;
  bool has_grown_ = false, output_is_full_ = false, is_over_ = false, is_running_ = false;
  // An answer ends the connection, perhaps behind others: nothing is begun any more.
  bool is_ending_ = false;
  bool is_draining_ = false;  // what has begun is answered, nothing else is begun
};

}  // namespace server::kafka
