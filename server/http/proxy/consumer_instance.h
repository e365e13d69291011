// A consumer that exists between requests: HTTP clients subscribe, read and commit with it.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "server/http/exchange.h"
#include "server/http/proxy/payload.h"
#include "server/http/proxy/proxy_json.h"
#include "server/http/proxy/proxy_view.h"

namespace server::http {

struct ConsumerSettings {
  std::string group, name;
  Embedded format = Embedded::Binary;
  bool begins_at_start = false;  // used if the group has no offset (auto.offset.reset)
  bool commits_itself = true;
  int32_t min_bytes = 1;
  int64_t request_timeout_ms = 1000;
};

// Invariants: one operation runs at a time; at most kMaxWaiting further operations wait, and run in
// their order of arrival.
// Threads: one loop. Owner: ConsumerInstances, and callbacks on the loop.
class ConsumerInstance : public std::enable_shared_from_this<ConsumerInstance> {
 public:
  static constexpr size_t kMaxWaiting = 16;
  using TopicPartition = std::pair<std::string, int32_t>;
  using Offsets = std::map<TopicPartition, int64_t>;
  using Done = std::function<void(Response)>;

  ConsumerInstance(const ProxyView& view, size_t shard, ConsumerSettings settings);

  const ConsumerSettings& settings() const { return settings_; }
  Loop& loop() const { return *view_.loops[shard_]; }

  // --- On its loop
  using Operation = void (ConsumerInstance::*)(const Request& request, Done done);
  void run(Operation operation, Request request, Done done);
  void subscribe(const Request& request, Done done);
  void unsubscribe(const Request& request, Done done);
  void subscription(const Request& request, Done done);
  void assign(const Request& request, Done done);
  void assignment(const Request& request, Done done);
  void seek(const Request& request, Done done);
  void seek_to_beginning(const Request& request, Done done);
  void seek_to_end(const Request& request, Done done);
  void records(const Request& request, Done done);
  void commit(const Request& request, Done done);
  void committed(const Request& request, Done done);
  // Leaves the group. No other operation is accepted afterwards.
  void close(const Request& request, Done done);
  // Called each second; sends heartbeats that are due.
  void tick();
  int64_t idle_ms() const;
  // Called when the loop has ended, so that no further answer can arrive. An operation that waits
  // for an answer shares the ownership of this object, and this object owns the client that would
  // deliver the answer; this call breaks the cycle.
  void abandon();

 private:
  struct Position {
    std::optional<int64_t> next;  // nothing: not known yet
    // The offset after the last returned record, which the next commit stores.
    int64_t told = -1;
  };
  struct Reading;  // a request for records in progress

  void next_operation();
  void find_coordinator(int tries, std::function<void()> then);
  Done finishing(Done done);
  // Joins the group of the subscription, or sends a heartbeat if the consumer has joined it, and
  // takes over the assigned partitions.
  void heartbeat(std::function<void(ProxyProblem)> then);
  void take_assignment(const std::map<std::string, std::vector<int32_t>>& assigned);
  void find_names(std::vector<std::pair<Uuid, std::vector<int32_t>>> assigned,
                  std::function<void(ProxyProblem)> then);
  // Sets each unknown position to the committed offset. If no offset is committed, sets it to the
  // beginning or the end (begins_at_start).
  void find_positions(std::function<void(ProxyProblem)> then);
  void list_offsets(std::vector<TopicPartition> of, int64_t timestamp,
                    std::function<void(ProxyProblem)> then);
  void fetch_committed(std::vector<TopicPartition> of,
                       std::function<void(ProxyProblem, Offsets)> then);
  void commit_offsets(Offsets offsets, std::function<void(ProxyProblem)> then);
  Offsets to_commit() const;
  void read_some(std::shared_ptr<Reading> reading);
  void fetch(std::shared_ptr<Reading> reading);
  void look_again(const std::shared_ptr<Reading>& reading);
  void seek_all(const Request& request, int64_t timestamp, Done done);
  bool is_subscribed() const { return !topics_.empty() || !pattern_.empty(); }

  const ProxyView& view_;
  const size_t shard_;
  const ConsumerSettings settings_;
  MemoryAccount memory_;
  std::unique_ptr<kafka::LocalClient> client_;
  std::deque<std::function<void()>> waiting_;
  bool is_busy_ = false, is_closed_ = false, has_coordinator_ = false;
  std::optional<Timer> retry_timer_;
  std::shared_ptr<Reading> reading_;  // the present request; shared with its callbacks
  std::vector<std::string> topics_;
  std::string pattern_;
  std::string member_id_;
  int32_t member_epoch_ = 0;
  bool has_joined_ = false, has_new_subscription_ = false, is_beating_ = false;
  int64_t next_heartbeat_us_ = 0, next_commit_us_ = 0, used_us_ = 0;
  std::map<std::string, Uuid> topic_ids_;
  std::map<TopicPartition, Position> positions_;
};

}  // namespace server::http
