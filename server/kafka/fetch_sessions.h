// Fetch sessions (KIP-227). The server remembers the partitions of a client between its requests,
// so that a request contains only changes and an answer only new data.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/random.h"
#include "base/result.h"
#include "base/uuid.h"
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/fetch_response.h"

namespace server::kafka {

// The partitions of one session, in the order in which they are read.
//
// Threads: one at a time. Owner: shared by the cache and the request that uses it.
class FetchSession {
 public:
  // A topic as requests identify it: by name or by id (KIP-516).
  struct Topic {
    std::string name;
    Uuid id;
  };
  struct Partition {
    std::shared_ptr<const Topic> topic;  // shared by its partitions
    FetchRequest::Topic::Partition asked;
    // The values that were sent last. The next answer contains only values that differ from these.
    int64_t high_watermark = -1, log_start_offset = -1;
  };
  using Partitions = std::list<Partition>;

  explicit FetchSession(bool uses_topic_ids) : uses_topic_ids_(uses_topic_ids) {}

  bool uses_topic_ids() const { return uses_topic_ids_; }
  // Adds and changes the partitions of the request, and removes the partitions that the request
  // lists as forgotten.
  void update(const FetchRequest& request);
  // Remembers the values that were sent. Called after a full answer, which contains all partitions.
  void note_told(const FetchResponse& response);
  Partitions& partitions() { return partitions_; }
  // Moves a partition to the end, so that the next fetch reads the other partitions first.
  // Otherwise one busy partition would fill every answer.
  void move_to_end(Partitions::iterator partition) {
    partitions_.splice(partitions_.end(), partitions_, partition);
  }
  // Returns the approximate memory use.
  size_t size_bytes() const;

 private:
  struct Places {
    std::shared_ptr<const Topic> topic;
    absl::flat_hash_map<int32_t, Partitions::iterator> by_index;
  };
  std::string key_of(const std::string& name, const Uuid& id) const;
  void forget(const FetchRequest::ForgottenTopic& topic);

  const bool uses_topic_ids_;
  Partitions partitions_;
  absl::flat_hash_map<std::string, Places> topics_;
  size_t names_size_ = 0;
};

// The sessions of all connections. As in Kafka's cache, a new session replaces another one if all
// slots are taken: first a session that was unused for two minutes, or else the smallest session
// that is older than two minutes and not larger than the new one. If no such session exists, the
// client gets no session. It can continue, but its requests and answers take more bytes.
//
// Threads: any. Owner: the server; it outlives the sessions' users. Memory: each session is charged
// to the budget and is not kept if it does not fit.
class FetchSessions {
 public:
  static constexpr size_t kSlots = 1000;  // max.incremental.fetch.session.cache.slots
  static constexpr int64_t kEvictionMs = 120'000;

  FetchSessions(MemoryBudget& memory, const Clock& clock, uint64_t seed, size_t slots = kSlots)
      : memory_(memory), clock_(clock), slots_(slots), random_(seed) {}

  // The use of a fetch session (KIP-227) by one request. As long as it exists, other requests for the session are
  // refused, because the requests of a session are numbered and must be handled one after the other.
  class Use {
   public:
    Use(FetchSessions& owner, int32_t id, std::shared_ptr<FetchSession> session)
        : owner_(&owner), id_(id), session_(std::move(session)) {}
    Use(Use&&) noexcept = default;
    Use& operator=(Use&&) noexcept = delete;
    ~Use() {
      if (session_) owner_->give_back(id_);
    }
    int32_t id() const { return id_; }
    FetchSession& operator*() const { return *session_; }
    FetchSession* operator->() const { return session_.get(); }

   private:
    FetchSessions* owner_;
    int32_t id_;
    std::shared_ptr<FetchSession> session_;  // shared with the cache, which may remove it earlier
  };

  // Takes the session for the request with the number `epoch`. Returns Kafka's error code in three
  // cases: the session does not exist; the session expects another number; or the request
  // identifies topics by name and the session by id, or the reverse.
  struct Taken {
    KafkaError error = KafkaError::None;
    std::unique_ptr<Use> use;
  };
  Taken take(int32_t id, int32_t epoch, bool uses_topic_ids);
  // Charges the session's size after update(). Removes the session, and returns false, if the
  // memory budget is exceeded.
  bool resize(const Use& use);
  // Adds the session and returns its id. The next request has the number 1. Returns 0 if no slot or
  // no memory is available.
  int32_t add(std::shared_ptr<FetchSession> session);
  void close(int32_t id);
  size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<FetchSession> session;
    OwnedCharge charge;
    int64_t created_ms, used_ms;
    size_t partition_count;
    int32_t next_epoch = 1;
    bool is_in_use = false;
  };
  using Entries = std::map<int32_t, Entry>;
  void give_back(int32_t id);
  bool make_room(size_t partition_count, int64_t now_ms);
  void note_use(int32_t id, Entry& entry);
  void erase(Entries::iterator entry);

  MemoryBudget& memory_;
  const Clock& clock_;
  const size_t slots_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  Random random_;
  Entries entries_;
  std::set<std::pair<int64_t, int32_t>> by_use_;  // ordered by (used_ms, id)
};

}  // namespace server::kafka
