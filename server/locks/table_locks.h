// Locks on tables. A request is for one or several tables together; each table has a queue, first
// come, first served.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace server {

// Invariants:
//   1. if several granted requests have a name in common, all of them have the same mode, and it is
//      not Exclusive;
//   2. a request has all of its names or none, and waits only for earlier requests. So two requests
//      never wait for each other. But an owner that makes a second request while it holds a lock can
//      cause a deadlock; if it passes itself as `owner`, Asked::is_deadlock reports this.
//
// Threads: any. Owner: SqlParts.
class TableLocks {
  struct State;

 public:
  enum class Mode : uint8_t { Exclusive, Readers, Writers };
  using Hold = std::shared_ptr<void>;  // granted until the last copy is gone

  // The place of a request in the queues of its tables, while it waits. Destroying the object withdraws the request.
  class Place {
   public:
    Place() = default;
    Place(std::weak_ptr<State> state, uint64_t number)
        : state_(std::move(state)), number_(number) {}
    ~Place() { leave(); }
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept;
    void leave();
    // Lets the request stay in the queue when this object is destroyed, so that it is granted anyway.
    void stay() { state_.reset(); }

   private:
    std::weak_ptr<State> state_;
    uint64_t number_ = 0;
  };

  // The owner of the request. It may hold other locks while it waits. Null: an owner that holds and
  // requests no other lock.
  using Owner = const void*;
  struct Asked {
    Hold hold = nullptr;  // set if granted immediately; otherwise null
    Place place = {};     // the waiting request, otherwise empty
    bool is_deadlock =
        // the request was not queued, because it would have waited for a lock of its own owner
        false;
  };
  // Requests locks on these names. `granted` is called once, on any thread, when a request that had
  // to wait is granted; never after it was withdrawn.
  Asked ask(std::set<std::string> names, Mode mode, std::function<void(Hold)> granted,
            Owner owner = nullptr);
  // Separates the requests from their owner: from now on they are released independently of
  // anything that the owner waits for, so they no longer count in the search for deadlocks.
  void disown(Owner owner);

 private:
  struct Request {
    std::set<std::string> names;
    Mode mode;
    std::function<void(Hold)> granted;
    Owner owner = nullptr;
    bool is_granted = false;
  };
  struct State : std::enable_shared_from_this<State> {
    std::mutex mutex;
    uint64_t last_number = 0;
    std::map<uint64_t, Request> requests;
    // numbers of the requests for each name, the oldest first
    std::map<std::string, std::set<uint64_t>> queues;
    std::multimap<Owner, uint64_t> owned;  // numbers of requests, by owner

    bool may_go(uint64_t number) const;
    // Whether the request waits, directly or through other waiting requests, for a request of the
    // owner.
    bool waits_for(uint64_t number, Owner owner) const;
    // Removes the request from all indexes.
    Request take_out(uint64_t number);
    void remove(uint64_t number);
    Hold hold_of(uint64_t number);
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace server
