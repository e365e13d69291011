// Who may work on a table, or on several together: queues by name, first come first served.
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
//   1. requests that are granted at a time, and have a name in common, are of one mode, which is not Exclusive;
//   2. a request has all of its names or none, and waits for those alone that came before it. So requests of
//      this kind never wait for each other in a circle; who asks once more while it holds something may, and
//      learns of it if it says who it is.
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

  // Whose requests are: one who waits keeps what it has. Null: nobody that has or wants anything else.
  using Owner = const void*;
  struct Asked {
    Hold hold = nullptr;  // granted at once; else null
    Place place = {};     // else
    bool is_deadlock =
        false;  // else: those that it would wait for wait for it. There is no request then
  };
  // `granted` is called once, on any thread, when the request has waited; not after it was withdrawn.
  Asked ask(std::set<std::string> names, Mode mode, std::function<void(Hold)> granted,
            Owner owner = nullptr);
  // What the owner has is not its own any more: it goes away by itself, whatever the owner waits for.
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
    std::map<std::string, std::set<uint64_t>> queues;  // by name, in the order of the requests
    std::multimap<Owner, uint64_t> owned;              // not of nobody

    bool may_go(uint64_t number) const;
    // Whether the request waits for one of the owner's: itself, or since those do that it waits for.
    bool waits_for(uint64_t number, Owner owner) const;
    // Out of all that knows of it.
    Request take_out(uint64_t number);
    void remove(uint64_t number);
    Hold hold_of(uint64_t number);
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace server
