// The interface through which sessions take locks that exclude the sessions of all nodes. A lone
// node (one without a cluster) grants them itself (LocalLocks); in a cluster the controller grants
// them (server/cluster).
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/locks/table_locks.h"

namespace server {

// Threads: any. Owner: the node.
class NamedLocks {
 public:
  virtual ~NamedLocks() = default;

  // A granted lock. Its destruction releases the lock.
  class Hold {
   public:
    Hold() = default;
    virtual ~Hold() = default;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    // Whether other sessions may have the lock already, because this node was cut off from the
    // others or frozen for too long. A lost lock stays lost.
    virtual bool is_lost() const = 0;
  };
  using HoldPtr = std::shared_ptr<Hold>;

  struct Request {
    std::string name;
    bool is_shared = false;
    // false: if other sessions have the lock, the answer is a null pointer at once
    bool waits = true;
    // The owner of the request. It may hold other locks while it waits, which is taken into account
    // when deadlocks are searched.
    TableLocks::Owner owner = nullptr;
    std::function<void()> on_lost = {};  // called on any thread when the granted lock is lost
  };
  // Called with the granted lock or with an error. Deadlock: the owner of the lock waits, directly or
  // through others, for a lock of the owner of this request. NotLeader: for a long time no node could
  // decide whether to grant the lock.
  using Answered = std::function<void(Result<HoldPtr>)>;
  // A request without an answer. Its destruction withdraws the request.
  using Place = std::shared_ptr<void>;

  // Calls `answered` once, on any thread or within the call. If the request is withdrawn,
  // `answered` is not called, unless the call is already under way.
  [[nodiscard]] virtual Place ask(Request request, Answered answered) = 0;
  // Calls `done`, on any thread or within the call, when the locks that were released before the
  // call are free for other sessions, or when no node has confirmed this for some seconds.
  virtual void await_releases(std::function<void()> done) = 0;
};

// The locks of a lone node, which are never lost.
class LocalLocks final : public NamedLocks {
 public:
  Place ask(Request request, Answered answered) override;
  void await_releases(std::function<void()> done) override { done(); }

 private:
  TableLocks locks_;
};

}  // namespace server
