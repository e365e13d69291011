// Keeps queries running: starts their tasks, and builds the tasks again after a failure.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/gate.h"
#include "base/log_rate.h"
#include "server/metadata/query_runner.h"
#include "server/tasks/query_tasks.h"
#include "server/tasks/restart_schedule.h"

namespace server {

// Requests of the metadata thread are carried out on that thread at once. The supervisor has a
// thread of its own, which repeats failed attempts at the pace of the schedule. It also removes
// unreferenced data, so a statement that drops something does not wait for the disk.
//
// Threads: the methods of QueryRunner on the metadata thread; task_failed(), troubles and obstacles
//          on any.
// Owner:   the node. The shards run until stop_thread() has returned. The log, which may still
//          report room, is closed before this object is destroyed.
class QuerySupervisor final : public QueryRunner {
 public:
  using Trouble = RestartSchedule::Trouble;
  QuerySupervisor(QueryTasks& tasks, storage::Log& log, const Clock& clock)
      : tasks_(tasks), log_(log), clock_(clock) {}
  ~QuerySupervisor() override { stop_thread(); }
  void start_thread();
  void stop_thread();

  void remove_leftovers(const Known& known) override;
  void start(std::vector<QueryPtr> queries) override;
  void stop(const DefinedQuery& defined, Keep keep) override;
  Status finish_removal(const std::string& query_id) override;
  void stop_with_error(const DefinedQuery& defined, Error why) override;
  void pause(const std::string& query_id, bool is_paused) override;
  void drop_topic(const Uuid& topic) override;

  // The queries' owner has changed, from or to this node: their tasks are built again.
  void rebuild_soon(std::vector<std::string> queries);
  // A task cannot continue. Only the first report of a run counts.
  void task_failed(const TaskNews& news);
  // The reason why a query does not run as it should, and what happens next, worded for the user.
  std::optional<Error> trouble_of(const std::string& query_id) const;
  // Increases whenever a query starts, fails, is paused or resumed. While it does not change, no
  // query's health changes.
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }
  struct Health {
    uint64_t since = 0;        // the value of changes() after the query's last change
    bool is_starting = false;  // its tasks are being built or soon will be
    std::optional<Trouble> trouble = {};  // explained as by trouble_of()
  };
  Health health_of(const std::string& query_id) const;
  std::map<std::string, Error> troubles() const;
  // Notes the reason why a running rebuilt query could not replace the old one; nothing once it
  // could.
  void note_obstacle(const std::string& query_id, std::optional<Error> why);
  std::map<std::string, Error> obstacles() const;

 private:
  struct Wanted {
    QueryPtr defined;
    bool is_paused = false;
  };
  // Removal of unreferenced data. It is repeated until it succeeds; a restart finds any data that
  // is left.
  struct Removal {
    std::string query;  // its state is removed; or empty:
    Uuid topic;         // its records are removed
    int64_t due_ms = 0, delay_ms = 0;
  };
  void run();
  int64_t now_ms() const { return clock_.monotonic_us() / 1000; }
  // Begins an operation that a caller waits for: an attempt that restores much state gives way to
  // it.
  std::unique_lock<std::mutex> begin_operation();
  using GivesWay = QueryTasks::GivesWay;
  void launch(const std::vector<RestartSchedule::Attempt>& attempts, const GivesWay& gives_way);
  void attempt_due();
  void end_lost();
  void stand();
  void launch_giving_way(const std::vector<RestartSchedule::Attempt>& attempts);
  void rebuild();
  std::vector<RestartSchedule::Attempt> next_to_rebuild();
  void let_others_go_first();
  void remove_later(Removal removal);
  bool remove_next();
  Status try_remove(Removal removal);
  Status finish_removal_of(const std::string& query_id);
  void await_room();
  bool was_told(const std::string& query_id);
  void report(const std::string& query_id, const Error& error, const char* what_next);
  static Error explain(const Trouble& trouble);
  void note_change(const std::string& query_id);

  QueryTasks& tasks_;
  storage::Log& log_;
  const Clock& clock_;
  std::atomic<uint64_t> changes_ = 0;  // written under mutex_
  std::thread thread_;
  Gate gate_;  // for operations on tasks: none is under way after stop_thread()

  // One operation on tasks at a time; taken before mutex_.
  std::mutex operation_mutex_;
  std::atomic<int> waiting_operations_ = 0;
  // Guarded by operation_mutex_
  std::map<std::string, Wanted> wanted_;
  // The time for which attempts do not give way; otherwise a stream of statements could keep a
  // query from starting. It grows after each attempt that gave way, and is reset after one that did
  // not have to.
  int64_t patience_ms_ = 0;
  bool has_given_way_ = false;

  mutable std::mutex mutex_;
  // Guarded by mutex_
  RestartSchedule schedule_;
  std::deque<Removal> removals_;
  std::string being_removed_;  // the query whose state is being removed
  std::condition_variable changed_;
  std::vector<std::string> lost_;  // queries whose tasks are to leave the shards
  std::map<std::string, Error> obstacles_;
  std::map<std::string, uint64_t> changed_at_;  // by query: the value of changes_
  bool is_stopping_ = false;
  bool awaits_room_ = false;  // a callback for room is registered with the log
  LogRate log_rate_{4};
  std::map<std::string, int64_t> parked_told_ms_;  // last log line that a query waits for room
  std::set<std::string> to_rebuild_;               // guarded by mutex_
  std::set<std::string> to_stand_;  // guarded by mutex_: stopped, tasks to be rebuilt
};

}  // namespace server
