// What a request's handler works with, and how it answers.
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

// A setting of the broker, by Kafka's name, that it was started with and keeps.
struct StartSetting {
  std::string name, value;
  storage::ConfigType type = storage::ConfigType::String;
  std::string doc;
  std::string flag;  // of `millrace server`; empty: it cannot be set
};

// This node as clients see it.
struct NodeView {
  int32_t node_id = 1;
  std::string host;  // reachable for clients
  int32_t port = 0;
  std::string cluster_id;
  int32_t partitions_of_new_topic = 1;     // when a request leaves the number to us
  bool creates_topics = true;              // when a client asks for one that is not there
  coordinator::GroupSettings groups = {};  // where a group has no setting of its own
  std::string internal_topic;              // which clients may read and not delete; empty: none
  std::shared_ptr<const std::vector<StartSetting>> start_settings = {};

  // Its records are the server's own: clients read them, at most.
  bool is_internal(std::string_view topic) const {
    return coordinator::is_coordinator_topic(topic) || (topic == internal_topic && !topic.empty());
  }
};

// The place of one answer in the order of its connection.
struct AnswerSlot {
  bool is_ready = false;
  bool ends_connection = false;
  std::string end_reason = {};     // for the server's log
  std::string bytes;               // empty: nothing is sent
  std::function<void()> on_ready;  // empty once the connection is gone

  void finish() {
    is_ready = true;
    if (on_ready) on_ready();
  }
};

// Answers one request, once, now or later. Holds on to the slot alone: the connection may be gone
// by then.
template <class Response>
class Reply {
 public:
  Reply(std::shared_ptr<AnswerSlot> slot, const RequestHeader& header)
      : slot_(std::move(slot)),
        correlation_id_(header.correlation_id),
        version_(header.api_version) {}

  int16_t version() const { return version_; }
  // Room for what will be sent, when it is large and its size is known.
  void expect_size(size_t size) const { slot_->bytes.reserve(size); }
  // What is done to the answer before it is sent.
  void amend_with(std::function<void(Response&)> amend) {
    amend_ = std::make_shared<const std::function<void(Response&)>>(std::move(amend));
  }
  void send(const Response& response) const {
    if (!amend_) return send_as_it_is(response);
    Response amended = response;
    (*amend_)(amended);
    send_as_it_is(amended);
  }
  // And the connection ends; the server's log says why.
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
    // Nobody can read a longer one: its size does not fit before it.
    if (slot_->bytes.size() > std::numeric_limits<int32_t>::max()) return end_connection();
    slot_->finish();
  }

  std::shared_ptr<AnswerSlot> slot_;  // shared with the session's queue
  // Shared by the copies; null for most.
  std::shared_ptr<const std::function<void(Response&)>> amend_;
  int32_t correlation_id_;
  int16_t version_;
};

// An answer that is put together from callbacks: it is sent when all that was counted in `left` is
// done. Shared by the callbacks; the handler itself counts as one, until it has begun everything.
template <class Response>
struct PendingResponse {
  Response response;
  Reply<Response> reply;
  size_t left = 1;

  void complete_one() {
    if (--left == 0) reply.send(response);
  }

  // For changes of definitions and topics, which wait for one thread in a queue that is bounded: of a request only so many wait
  // there at a time, however many it asks for. `begin` leads to one complete_step(), now or later, also when the connection is
  // gone by then.
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
  std::deque<std::function<void()>> steps = {};  // not begun yet
  size_t under_way = 0;
  bool is_beginning = false;
};

// Which of some partitions this node leads still, once that is known.
using LeadersQuestion = std::optional<Backend::ConfirmedLeaders>;

// A long poll, or one whose answer is to be confirmed.
struct WaitingFetch {
  FetchRequest request;
  Reply<FetchResponse> reply;
  int64_t deadline_us = 0;  // of the monotonic clock
  std::vector<storage::TopicPartition> partitions;
  int64_t next_look_us = 0;                               // for records, not before
  std::unique_ptr<FetchSessions::Use> session = nullptr;  // that it goes on with
  std::shared_ptr<LeadersQuestion> question = nullptr;    // shared with those who answer it

  bool is_unanswered() const { return question && !question->has_value(); }
};

// Runs `work`, which holds about so many bytes, on another thread, and then `then` on the session's
// loop. False when too much is waiting there already.
using RunAside =
    std::function<bool(size_t bytes, std::function<void()> work, std::function<void()> then)>;

// Requests of a connection that are worked on aside: no other one begins meanwhile, so that all take
// effect in their order.
struct AsideGate {
  size_t under_way = 0;
  std::function<void()> on_open;  // empty once the connection is gone

  void leave() {
    if (--under_way == 0 && on_open) on_open();
  }
};

// Holds a connection off whose client is faster than its quota: nothing else of it begins for so long
// (KIP-219: it is told in the answer, and muted whether it waits or not).
struct Throttle {
  QuotaRates* rates = nullptr;  // null: there are no quotas
  std::string client_id;        // of the request at hand
  int64_t muted_until_us = 0;   // of the monotonic clock

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
  std::optional<WaitingFetch>& waiting_fetch;  // the connection's only one
  MemoryAccount* memory = nullptr;             // the connection's, if it has one
  const RunAside* run_aside = nullptr;         // null: everything is done on the loop
  std::shared_ptr<AsideGate> aside = nullptr;  // the connection's; shared with what runs aside
  FetchSessions* fetch_sessions = nullptr;     // null: clients always fetch whole
  Throttle* throttle = nullptr;                // null: nobody is held off
  std::shared_ptr<RefusedBatches> refused =
      nullptr;  // the connection's; shared with what is under way
  std::shared_ptr<JoinOrder> join_order = nullptr;  // likewise
  Sasl* sasl = nullptr;                             // null: there are no users
  // Of the user; null: it may do everything. Shared with answers that come later.
  std::shared_ptr<const Permissions> permissions = nullptr;
  // The connection's share sessions; null: it can have none. Answers that come later look whether it is still there.
  std::shared_ptr<ShareConnection> shares = nullptr;
  // Who asks: as it calls itself, and where it is.
  std::string client_id = {}, client_host = {};
};

}  // namespace server::kafka
