// Who may work on a table, or on several together: queues by name, first come first served.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace server {

// Invariants:
//   1. requests that are granted at a time, and have a name in common, are of one mode, which is not Exclusive;
//   2. a request has all of its names or none, and waits for those alone that came before it. So requests of
//      this kind never wait for each other in a circle; who asks once more while it holds something may.
//
// Threads: any. Owner: SqlParts.
class TableLocks {
  struct State;

 public:
  enum class Mode : uint8_t { Exclusive, Readers, Writers };
  using Hold = std::shared_ptr<void>;  // granted until the last copy is gone

  // A request that waits: withdrawn with the end of this.
  class Place {
   public:
    Place() = default;
    Place(std::weak_ptr<State> state, uint64_t number)
        : state_(std::move(state)), number_(number) {}
    ~Place() { leave(); }
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept;
    void leave();
    // It is granted some time, whoever is interested.
    void stay() { state_.reset(); }

   private:
    std::weak_ptr<State> state_;
    uint64_t number_ = 0;
  };

  struct Asked {
    Hold hold;    // granted at once; else null
    Place place;  // else
  };
  // `granted` is called once, on any thread, when the request has waited; not after it was withdrawn.
  Asked ask(std::set<std::string> names, Mode mode, std::function<void(Hold)> granted);

 private:
  struct Request {
    std::set<std::string> names;
    Mode mode;
    std::function<void(Hold)> granted;
    bool is_granted = false;
  };
  struct State : std::enable_shared_from_this<State> {
    std::mutex mutex;
    uint64_t last_number = 0;
    std::map<uint64_t, Request> requests;
    std::map<std::string, std::list<uint64_t>> queues;  // by name, in the order of the requests

    bool may_go(uint64_t number) const;
    void remove(uint64_t number);
    Hold hold_of(uint64_t number);
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace server
