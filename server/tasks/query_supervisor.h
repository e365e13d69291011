// Keeps queries running: starts their tasks, and builds them again after a failure.
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

// The metadata thread calls the methods of QueryRunner; they do their work on that thread before
// they return. The supervisor's own thread makes the attempts that RestartSchedule requests after a
// failure. It also removes the data of dropped queries, so that a DROP statement does not wait for
// the disk.
//
// Threads: the methods of QueryRunner on the metadata thread; task_failed(), troubles and obstacles
//          on any.
// Owner:   the node. The shards run until stop_thread() has returned. The log is closed before this
//          object is destroyed, because it may still call the callback of await_room().
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

  // Requests that the tasks of these queries are built again soon, because the queries have moved
  // to this node or away from it.
  void rebuild_soon(std::vector<std::string> queries);
  // Reports that a task cannot continue. Only the first report of each run has an effect.
  void task_failed(const TaskNews& news);
  // Returns, as a text for the user, the reason why a query does not run normally, and the next
  // action of the server; nothing if it runs normally.
  std::optional<Error> trouble_of(const std::string& query_id) const;
  // Returns a number that increases whenever a query starts, fails, is paused or is resumed. As
  // long as the number stays the same, health_of() returns the same result for every query.
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }
  struct Health {
    uint64_t since = 0;                   // the value of changes() after the query's last change
    bool is_starting = false;             // the query's tasks are being built or soon will be
    std::optional<Trouble> trouble = {};  // with the text of trouble_of()
  };
  Health health_of(const std::string& query_id) const;
  std::map<std::string, Error> troubles() const;
  // Records why a rebuilt query, which runs, could not replace the old query. An empty `why`
  // removes the record.
  void note_obstacle(const std::string& query_id, std::optional<Error> why);
  std::map<std::string, Error> obstacles() const;

 private:
  struct Wanted {
    QueryPtr defined;
    bool is_paused = false;
  };
  // A removal of the data of a dropped query or topic. It is repeated until it succeeds. If the
  // process ends earlier, the next process finds the data at its start and removes it.
  struct Removal {
    std::string query;  // the query whose state is removed; empty: `topic` is set
    Uuid topic;         // the topic whose records are removed
    int64_t due_ms = 0, delay_ms = 0;
  };
  void run();
  int64_t now_ms() const { return clock_.monotonic_us() / 1000; }
  // Begins an operation for which a caller waits. If an attempt is restoring much state at this
  // moment, the attempt is put off until the operation is done.
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
  Gate gate_;  // admits operations on tasks; none is in progress after stop_thread()

  // Serializes operations on tasks. Locked before mutex_.
  std::mutex operation_mutex_;
  std::atomic<int> waiting_operations_ = 0;
  // Guarded by operation_mutex_
  std::map<std::string, Wanted> wanted_;
  // The time during which operations cannot interrupt an attempt. Without it, a stream of
  // statements could keep a query from ever starting. It grows with each interrupted attempt, and
  // is reset after an attempt that was not interrupted.
  int64_t patience_ms_ = 0;
  bool has_given_way_ = false;

  mutable std::mutex mutex_;
  // Guarded by mutex_
  RestartSchedule schedule_;
  std::deque<Removal> removals_;
  std::string being_removed_;  // the query whose state is being removed
  std::condition_variable changed_;
  std::vector<std::string> lost_;  // queries with a lost task, whose tasks must be removed
  std::map<std::string, Error> obstacles_;
  std::map<std::string, uint64_t> changed_at_;  // value of changes_ after a query's last change
  bool is_stopping_ = false;
  bool awaits_room_ = false;  // a callback for free space is registered with the log
  LogRate log_rate_{4};
  // For each query that waits for disk space: the time of its last log line about this.
  std::map<std::string, int64_t> parked_told_ms_;
  std::set<std::string> to_rebuild_;  // guarded by mutex_
  // guarded by mutex_: queries for which stand() has been called
  std::set<std::string> to_stand_;
};

}  // namespace server
