// Keeps queries running: starts their tasks, and builds them anew when they fail.
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

// What the metadata thread asks for is done at once, on its thread; what fails is done again by a
// thread of the supervisor's own, at the pace of the schedule. What nobody refers to any more is
// removed by that thread too: a statement that drops something waits for no disk.
//
// Threads: those of QueryRunner on the metadata thread; task_failed(), troubles and obstacles on any.
// Owner:   the node. The shards run until stop_thread() has returned, and the log, which may still
//          tell of room, is closed before this goes.
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

  // Others run these now, or this node does: they are built anew.
  void rebuild_soon(std::vector<std::string> queries);
  // A task cannot go on. Only the first news of a run counts.
  void task_failed(const TaskNews& news);
  // Why a query does not run as it should, and what happens next, for the user.
  std::optional<Error> trouble_of(const std::string& query_id) const;
  // Grows whenever a query begins again, fails, is paused or resumed: as long as it is the same, the health of all
  // queries is, too.
  uint64_t changes() const { return changes_.load(std::memory_order_acquire); }
  struct Health {
    uint64_t since = 0;        // the value of changes() that the query's last change made
    bool is_starting = false;  // its tasks are being built, or about to be
    std::optional<Trouble> trouble = {};  // explained as trouble_of() does
  };
  Health health_of(const std::string& query_id) const;
  std::map<std::string, Error> troubles() const;
  // Why a query that is built beside another one and runs could not take its place; nothing once it could.
  void note_obstacle(const std::string& query_id, std::optional<Error> why);
  std::map<std::string, Error> obstacles() const;

 private:
  struct Wanted {
    QueryPtr defined;
    bool is_paused = false;
  };
  // Removal of what nobody refers to any more: repeated until it works; a restart finds what is
  // left.
  struct Removal {
    std::string query;  // whose state; or empty:
    Uuid topic;         // of which the records
    int64_t due_ms = 0, delay_ms = 0;
  };
  void run();
  int64_t now_ms() const { return clock_.monotonic_us() / 1000; }
  // For what somebody waits for: an attempt that restores much state makes way.
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
  Gate gate_;  // on tasks: none begins, and none is under way, once stop_thread() has returned

  // One operation on tasks at a time; taken before mutex_.
  std::mutex operation_mutex_;
  std::atomic<int> waiting_operations_ = 0;
  // Guarded by operation_mutex_
  std::map<std::string, Wanted> wanted_;
  // So long attempts do not make way, lest a stream of statements keeps a query from starting: longer
  // after each time that they did, and anew after each time that they had not to.
  int64_t patience_ms_ = 0;
  bool has_given_way_ = false;

  mutable std::mutex mutex_;
  // Guarded by mutex_
  RestartSchedule schedule_;
  std::deque<Removal> removals_;
  std::string being_removed_;  // the query whose state the thread is removing
  std::condition_variable changed_;
  std::vector<std::string> lost_;  // queries that are to go from the shards
  std::map<std::string, Error> obstacles_;
  std::map<std::string, uint64_t> changed_at_;  // by query: the value of changes_
  bool is_stopping_ = false;
  bool awaits_room_ = false;  // the log was asked to tell
  LogRate log_rate_{4};
  std::map<std::string, int64_t> parked_told_ms_;  // when the log said that a query waits for room
  std::set<std::string> to_rebuild_;               // guarded by mutex_
  std::set<std::string> to_stand_;  // likewise: queries that have stopped, until their tasks stand
};

}  // namespace server
