// The context of a request's handler, and the ways to answer.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/coordinator/group_settings.h"
#include "server/coordinator/internal_topics.h"
#include "server/kafka/backend.h"
#include "server/kafka/codec.h"
#include "server/kafka/fetch_sessions.h"
#include "server/kafka/join_order.h"
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/fetch_response.h"
#include "server/kafka/quota_rates.h"
#include "server/kafka/refused_batches.h"

namespace server::kafka {

class Permissions;
class Sasl;
class ShareConnection;

// A setting of the broker that is fixed at its start; the name is Kafka's.
struct StartSetting {
  std::string name, value;
  storage::ConfigType type = storage::ConfigType::String;
  std::string doc;
  std::string flag;  // flag of `millrace server`; empty if the setting cannot be set
};

// This node as its clients see it.
struct NodeView {
  int32_t node_id = 1;
  std::string host;  // host name or address that clients can reach
  int32_t port = 0;
  std::string cluster_id;
  int32_t partitions_of_new_topic = 1;     // if a request does not give the number
  bool creates_topics = true;              // a request for a missing topic creates it
  coordinator::GroupSettings groups = {};  // defaults for groups without settings of their own
  std::string internal_topic;              // clients may read it but not delete it; empty: none
  std::shared_ptr<const std::vector<StartSetting>> start_settings = {};

  // Returns whether only the server writes the topic. Clients may at most read it.
  bool is_internal(std::string_view topic) const {
    return coordinator::is_coordinator_topic(topic) || (topic == internal_topic && !topic.empty());
  }
};

// The answer to a request, or its reserved place while the answer is not ready. The slots of a
// connection are in the order of its requests.
struct AnswerSlot {
  bool is_ready = false;
  bool ends_connection = false;
  std::string end_reason = {};  // reason for the end of the connection, for the server's log
  std::string bytes;            // empty: no answer is sent
  // Called when is_ready becomes true. Empty after the connection has ended.
  std::function<void()> on_ready;

  void finish() {
    is_ready = true;
    if (on_ready) on_ready();
  }
};

// Sends the answer to one request, once, within the handler's call or later. A reply shares only
// the slot with the session: the connection may have ended when the answer is sent.
template <class Response>
class Reply {
 public:
  Reply(std::shared_ptr<AnswerSlot> slot, const RequestHeader& header)
      : slot_(std::move(slot)),
        correlation_id_(header.correlation_id),
        version_(header.api_version) {}

  int16_t version() const { return version_; }
  // Reserves memory for a large answer of known size.
  void expect_size(size_t size) const { slot_->bytes.reserve(size); }
  // Registers a change that is made to the answer before it is sent.
  void amend_with(std::function<void(Response&)> amend) {
    amend_ = std::make_shared<const std::function<void(Response&)>>(std::move(amend));
  }
  void send(const Response& response) const {
    if (!amend_) return send_as_it_is(response);
    Response amended = response;
    (*amend_)(amended);
    send_as_it_is(amended);
  }
  // Sends the response and ends the connection; the server logs the reason.
  void send_last(const Response& response, std::string why) const {
    slot_->ends_connection = true;
    slot_->end_reason = std::move(why);
    send(response);
  }
  void send_nothing() const { slot_->finish(); }
  void end_connection() const {
    slot_->bytes = {};
    slot_->ends_connection = true;
    slot_->finish();
  }

 private:
  void send_as_it_is(const Response& response) const {
    append_response(slot_->bytes, correlation_id_, version_, response);
    // The answer is too long for the 32-bit size field before it, so the connection ends without an
    // answer.
    if (slot_->bytes.size() > std::numeric_limits<int32_t>::max()) return end_connection();
    slot_->finish();
  }

  std::shared_ptr<AnswerSlot> slot_;  // shared with the session's queue
  // Copies of the reply share this function. It is null for most requests.
  std::shared_ptr<const std::function<void(Response&)>> amend_;
  int32_t correlation_id_;
  int16_t version_;
};

// An answer to which several steps contribute, such as one for each topic. Each step ends in a
// callback; the answer is sent when `left`, the number of steps in progress, becomes 0. The
// callbacks share this object. The handler itself counts as one step until it has begun all others.
template <class Response>
struct PendingResponse {
  Response response;
  Reply<Response> reply;
  size_t left = 1;

  void complete_one() {
    if (--left == 0) reply.send(response);
  }

  // Adds a step that waits in the bounded queue of the metadata thread, such as a change of a
  // topic. The number of steps in progress is limited, so that one request cannot fill the queue.
  // The step that `begin` starts calls complete_step() once, within the call or later, even if the
  // connection has ended by then.
  void add_step(std::function<void()> begin) {
    ++left;
    steps.push_back(std::move(begin));
    begin_steps();
  }
  void complete_step() {
    --under_way;
    begin_steps();
    complete_one();
  }

  void begin_steps() {
    constexpr size_t kMostUnderWay = 100;
    if (std::exchange(is_beginning, true)) return;
    while (!steps.empty() && under_way < kMostUnderWay) {
      ++under_way;
      const std::function<void()> begin = std::move(steps.front());
      steps.pop_front();
      begin();
    }
    is_beginning = false;
  }
  std::deque<std::function<void()>> steps = {};  // steps that have not begun
  size_t under_way = 0;
  bool is_beginning = false;
};

// The partitions that this node still leads, as the other replicas have confirmed; nullopt until
// the confirmation has arrived.
using LeadersQuestion = std::optional<Backend::ConfirmedLeaders>;

// A fetch whose answer is delayed: until records arrive (a long poll), or until replicas confirm
// that this node leads the partitions.
struct WaitingFetch {
  FetchRequest request;
  Reply<FetchResponse> reply;
  int64_t deadline_us = 0;  // time of the monotonic clock
  std::vector<storage::TopicPartition> partitions;
  int64_t next_look_us = 0;                               // time before which records are not read
  std::unique_ptr<FetchSessions::Use> session = nullptr;  // the session that the fetch continues
  std::shared_ptr<LeadersQuestion> question = nullptr;    // shared with the callback

  bool is_unanswered() const { return question && !question->has_value(); }
};

// Runs `work`, which holds about `bytes` bytes, on another thread, and afterwards `then` on the
// session's loop. Returns false if the queue of that thread is full.
using RunAside =
    std::function<bool(size_t bytes, std::function<void()> work, std::function<void()> then)>;

// Counts the requests of a connection that are processed on another thread or wait for other nodes.
// While such a request exists, no other request of the connection begins, so all requests take
// effect in their order.
struct AsideGate {
  size_t under_way = 0;
  // Called when the next request may begin. Empty after the connection has ended.
  std::function<void()> on_open;

  void leave() {
    if (--under_way == 0 && on_open) on_open();
  }
};

// Delays a connection whose client exceeds its quota. No further request of the connection begins
// until the delay is over. The answer reports the delay, but the server enforces it itself, because
// a client may ignore it (KIP-219).
struct Throttle {
  QuotaRates* rates = nullptr;  // null: no quotas
  std::string client_id;        // client id of the current request
  int64_t muted_until_us = 0;   // time of the monotonic clock

  std::string user = "ANONYMOUS";

  QuotaClient client() const { return {user, client_id}; }
  void mute(const Clock& clock, int32_t for_ms) {
    muted_until_us = std::max(muted_until_us, clock.monotonic_us() + int64_t{for_ms} * 1000);
  }
};

struct HandlerContext {
  Backend& backend;
  const Clock& clock;
  const NodeView& node;
  std::optional<WaitingFetch>& waiting_fetch;  // a connection has at most one long poll
  MemoryAccount* memory = nullptr;             // account of the connection, if it has one
  const RunAside* run_aside = nullptr;         // null: all work is done on the loop
  std::shared_ptr<AsideGate> aside = nullptr;  // gate of the connection; shared with other threads
  FetchSessions* fetch_sessions = nullptr;     // null: clients have no fetch sessions
  Throttle* throttle = nullptr;                // null: no quotas
  std::shared_ptr<RefusedBatches> refused =
      nullptr;  // shared by the connection and requests in progress
  // shared by the connection and requests in progress
  std::shared_ptr<JoinOrder> join_order = nullptr;
  Sasl* sasl = nullptr;  // null: no users exist
  // The user's permissions; null: no limits. Shared with answers that are sent later.
  std::shared_ptr<const Permissions> permissions = nullptr;
  // The connection's share sessions; null: it cannot have any. Callbacks use it to check that the
  // connection still exists.
  std::shared_ptr<ShareConnection> shares = nullptr;
  // The client id of the request, and the address of the client.
  std::string client_id = {}, client_host = {};
};

}  // namespace server::kafka
