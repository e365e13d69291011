// Decides when and how the tasks of a failed query are built again. A pure state machine: its
// inputs are events and times, its outputs are the attempts that are due.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace server {

// How a run of a query reads its first records.
enum class RunMode : uint8_t {
  Batches,
  // One record at a time. So everything before a record that cannot be processed is committed, and
  // the query stops exactly at that record.
  Isolating,
};

// The delays between attempts: each is twice the previous one, up to `longest_ms`.
struct BackOff {
  int64_t first_ms = 100;
  int64_t longest_ms = 30'000;
};

// The report of a task that cannot continue.
struct TaskNews {
  std::string query_id;
  uint64_t run = 0;  // number of the run in which the task failed
  Error error;
  bool was_isolating = false;
  bool has_progressed = false;  // the run has made a commit
  bool is_lost = false;         // committed data is damaged, so the task cannot be built again
};

// Invariants:
// 1. a failed run leads to one attempt, however many of its tasks fail. A report of an older run
//    changes nothing, and neither does one while an attempt is already scheduled;
// 2. while the disk is full, no attempt is made, because it would only write more data. The log
//    reports when it accepts writes again.
//
//   Running --news--> Waiting --due--> Attempting --started--> Running
//      |                 ^                  |
//      |                 '-- start_failed --+   (or put_off)
//      |                                    |
//      |--no room--> Parked <-- start_failed, no room
//      |                '-- room_is_back --> Waiting
//      |
//      '--the bad record is found, or a topic is lost--> Stopped --retry_now--> Waiting
//
// Threads: one at a time. Owner: QuerySupervisor.
class RestartSchedule {
 public:
  struct Attempt {
    std::string query_id;
    uint64_t run = 0;
    RunMode mode = RunMode::Batches;
    bool operator==(const Attempt&) const = default;
  };
  // The reason why a query does not run.
  struct Trouble {
    Error error;
    enum class Kind : uint8_t { Waiting, Parked, Stopped } kind = Kind::Waiting;
  };

  explicit RestartSchedule(BackOff back_off = {}) : back_off_(back_off) {}

  // Returns whether only a statement of a user can resolve the error. An example is a deleted
  // topic: no later topic has its id.
  static bool is_for_good(const Error& error);

  // Begins a new run of the query. Reports of all earlier runs are ignored from now on.
  Attempt begin_run(const std::string& query_id);
  // Called when the tasks of the run are on the shards.
  void started(const std::string& query_id);
  void start_failed(const std::string& query_id, Error error, int64_t now_ms);
  // Called when the attempt was interrupted in favour of another operation. This does not count as
  // a failure of the query.
  void put_off(const Attempt& attempt, int64_t now_ms);
  // Takes the report of a failed task. Returns false if the report has no effect, for example
  // because it is from an earlier run.
  bool task_failed(const TaskNews& news, int64_t now_ms);
  // Called when the log accepts writes again.
  void room_is_back(int64_t now_ms);
  bool has_parked() const { return parked_count_ > 0; }
  // Stops the query until a statement starts it.
  void stop(const std::string& query_id, Error why);
  // Makes an attempt due immediately if the query does not run, and resets the delay to first_ms.
  void retry_now(const std::string& query_id, int64_t now_ms);
  void forget(const std::string& query_id);

  std::optional<int64_t> next_due_ms() const;
  // Returns the attempts that are due; each begins a new run. The caller calls started() or
  // start_failed() for each of them.
  std::vector<Attempt> take_due(int64_t now_ms);

  std::optional<Trouble> trouble_of(std::string_view query_id) const;
  // Returns the newest run of the query; 0 if the query is unknown.
  uint64_t run_of(std::string_view query_id) const;
  // Returns whether the query's tasks are being built now.
  bool is_attempting(std::string_view query_id) const;
  std::map<std::string, Trouble> troubles() const;

 private:
  enum class Phase : uint8_t { Running, Waiting, Attempting, Parked, Stopped };
  struct State {
    uint64_t run = 0;
    Phase phase = Phase::Running;
    RunMode mode = RunMode::Batches;  // mode of the next attempt
    int64_t due_ms = 0;               // only used in the state Waiting
    int64_t delay_ms = 0;             // delay before the last attempt; 0: none yet
    Error error;  // reason why the query does not run; its message is empty while the query runs
  };
  using States = std::map<std::string, State, std::less<>>;  // states by query id
  using Entry = States::value_type;
  static std::optional<Trouble> trouble(const State& state);
  Attempt begin_attempt(Entry& entry);
  void fail(Entry& entry, int64_t now_ms);
  void enter(Entry& entry, Phase phase);
  void wait_until(Entry& entry, int64_t due_ms);

  const BackOff back_off_;
  uint64_t last_run_ = 0;
  States states_;
  // Waiting queries in the order of their due times. Running queries are not in the set, so they
  // cost nothing; ten thousand of them may exist. The ids are views of keys of states_.
  std::set<std::pair<int64_t, std::string_view>> waiting_;  // ids of states_
  size_t parked_count_ = 0;
};

}  // namespace server
