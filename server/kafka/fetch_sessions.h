// What clients fetch, remembered between their requests, so that a request names what has changed and an
// answer tells what is new (KIP-227).
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

// The partitions of one session, in the order in which they are looked at.
//
// Threads: one at a time. Owner: shared by the cache and the request that goes on with it.
class FetchSession {
 public:
  // As requests name it: by name, or by id (KIP-516).
  struct Topic {
    std::string name;
    Uuid id;
  };
  struct Partition {
    std::shared_ptr<const Topic> topic;  // shared by its partitions
    FetchRequest::Topic::Partition asked;
    // As last told; what differs is news.
    int64_t high_watermark = -1, log_start_offset = -1;
  };
  using Partitions = std::list<Partition>;

  explicit FetchSession(bool uses_topic_ids) : uses_topic_ids_(uses_topic_ids) {}

  bool uses_topic_ids() const { return uses_topic_ids_; }
  // Adds and changes what the request names, and leaves out what it forgets.
  void update(const FetchRequest& request);
  // After the whole answer to a fetch of all of them.
  void note_told(const FetchResponse& response);
  Partitions& partitions() { return partitions_; }
  // Others are looked at first the next time: one busy partition would fill every answer.
  void move_to_end(Partitions::iterator partition) {
    partitions_.splice(partitions_.end(), partitions_, partition);
  }
  // About what it takes.
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

// The sessions of all connections. Rules of Kafka's cache: with all slots taken, one that nobody has used for
// two minutes gives way, else the smallest that is older than that and not larger than the new one;
// else the client goes on without a session, which only costs it more bytes.
//
// Threads: any. Owner: the server; it outlives what takes sessions. Memory: each is charged to the budget; what does not fit is not
// remembered.
class FetchSessions {
 public:
  static constexpr size_t kSlots = 1000;  // max.incremental.fetch.session.cache.slots
  static constexpr int64_t kEvictionMs = 120'000;

  FetchSessions(MemoryBudget& memory, const Clock& clock, uint64_t seed, size_t slots = kSlots)
      : memory_(memory), clock_(clock), slots_(slots), random_(seed) {}

  // A session while a request goes on with it; others that ask for it meanwhile are refused.
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
    std::shared_ptr<FetchSession> session_;  // shared with the cache, which may let go of it before
  };

  // Of a request that has the number `epoch` in the session. Gives KafkaError's code where there is no such
  // session, where another number is due, or where topics were named in another way.
  struct Taken {
    KafkaError error = KafkaError::None;
    std::unique_ptr<Use> use;
  };
  Taken take(int32_t id, int32_t epoch, bool uses_topic_ids);
  // After update(): false when it has grown more than the memory allows; then it is gone.
  bool resize(const Use& use);
  // Its id, whose next request has the number 1; 0 when there is no room.
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
  std::set<std::pair<int64_t, int32_t>> by_use_;  // (used_ms, id)
};

}  // namespace server::kafka
