// When the tasks of a query that has failed are built anew, and how. A pure state machine: events
// and the time go in, attempts that are due come out.
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

// How a run takes its first records.
enum class RunMode : uint8_t {
  Batches,
  // One record at a time, so that everything before a bad record is committed, and the query stops
  // at exactly that record.
  Isolating,
};

// The pace of attempts: each waits twice as long as the one before.
struct BackOff {
  int64_t first_ms = 100;
  int64_t longest_ms = 30'000;
};

// What a task tells when it cannot go on.
struct TaskNews {
  std::string query_id;
  uint64_t run = 0;  // the one that the task belongs to
  Error error;
  bool was_isolating = false;
  bool has_progressed = false;  // the run has committed something
  bool is_lost = false;         // what the task has committed is damaged: no run can be built of it
};

// Invariants:
//   1. a run that has failed leads to one attempt, however many of its tasks fail: news of a run
//      that is not the newest, or for which an attempt is scheduled already, change nothing;
//   2. while there is no room in the log nothing is attempted at all: attempts would only fill it,
//      and the log tells when it has room again.
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
  // Why a query does not run.
  struct Trouble {
    Error error;
    enum class Kind : uint8_t { Waiting, Parked, Stopped } kind = Kind::Waiting;
  };

  explicit RestartSchedule(BackOff back_off = {}) : back_off_(back_off) {}

  // Only a statement can mend it: a topic that is gone does not come back under its id.
  static bool is_for_good(const Error& error);

  // A new run of the query; news of all earlier ones are old from now on.
  Attempt begin_run(const std::string& query_id);
  // Its tasks are on the shards.
  void started(const std::string& query_id);
  void start_failed(const std::string& query_id, Error error, int64_t now_ms);
  // The attempt gave way to something else; that says nothing about the query.
  void put_off(const Attempt& attempt, int64_t now_ms);
  // False when the news are old.
  bool task_failed(const TaskNews& news, int64_t now_ms);
  // The log takes writes again.
  void room_is_back(int64_t now_ms);
  bool has_parked() const { return parked_count_ > 0; }
  // The query stays as it is until somebody asks for it.
  void stop(const std::string& query_id, Error why);
  // An attempt is due at once if the query is in trouble, and the pace begins anew.
  void retry_now(const std::string& query_id, int64_t now_ms);
  void forget(const std::string& query_id);

  std::optional<int64_t> next_due_ms() const;
  // New runs, each to be answered with started() or start_failed().
  std::vector<Attempt> take_due(int64_t now_ms);

  std::optional<Trouble> trouble_of(std::string_view query_id) const;
  // The newest run of the query; 0 where it is not known.
  uint64_t run_of(std::string_view query_id) const;
  // Whether its tasks are being built just now.
  bool is_attempting(std::string_view query_id) const;
  std::map<std::string, Trouble> troubles() const;

 private:
  enum class Phase : uint8_t { Running, Waiting, Attempting, Parked, Stopped };
  struct State {
    uint64_t run = 0;
    Phase phase = Phase::Running;
    RunMode mode = RunMode::Batches;  // of the next attempt
    int64_t due_ms = 0;               // while Waiting
    int64_t delay_ms = 0;             // of the last attempt; 0: the next one begins the pace
    Error error;                      // why it does not run; without text while it does
  };
  using States = std::map<std::string, State, std::less<>>;  // by query id
  using Entry = States::value_type;
  static std::optional<Trouble> trouble(const State& state);
  Attempt begin_attempt(Entry& entry);
  void fail(Entry& entry, int64_t now_ms);
  void enter(Entry& entry, Phase phase);
  void wait_until(Entry& entry, int64_t due_ms);

  const BackOff back_off_;
  uint64_t last_run_ = 0;
  States states_;
  // Those that wait, by when they are due: ten thousand queries that run cost nothing here.
  std::set<std::pair<int64_t, std::string_view>> waiting_;  // the ids are those of states_
  size_t parked_count_ = 0;
};

}  // namespace server
