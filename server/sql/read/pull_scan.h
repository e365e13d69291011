// One shard's part of a look-up: finds or scans the rows of a table in the tasks there.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "base/random.h"
#include "engine/query/pull.h"
#include "engine/query/table_view.h"
#include "server/sql/read/table_cut.h"
#include "server/tasks/shard.h"

namespace server {

// What a look-up asks of each shard.
struct PullRequest {
  std::string query_id;                              // of the query that keeps the table
  std::shared_ptr<const engine::QueryPlan> kept_by;  // as which it was planned for
  std::shared_ptr<const engine::PullPlan> plan;
  // By the number of the task, the keys that only it can have; those of the plan may be in any task.
  std::map<int32_t, std::vector<std::string>> keys_of;
  // Filter, columns and LIMIT are applied on the shard: they take a short time for any row.
  bool is_shaped_there = false;
  // Others read of the same cut, perhaps the same table: its tasks stand until the last of them has begun.
  bool is_one_of_several = false;
  // What the tasks must have passed: they may have begun anew since that was waited for.
  std::vector<std::pair<engine::PartitionRef, Offset>> must_have_passed = {};
  engine::Properties properties;
};

// Some of the rows of one shard.
struct PullPortion {
  std::vector<engine::Batch> batches;
  size_t tasks = 0;  // that were asked on this shard
  bool is_last = false;
  size_t rows = 0;
  size_t bytes = 0;  // about; counted while it waits for a client that does not read
  std::optional<OwnedCharge> on_its_way;  // of one that is not short, until it is counted there

  // Rows of megabytes: each goes to the client by itself.
  static constexpr size_t kLongBytes = 1024 * 1024;
  bool is_long() const { return bytes > kLongBytes; }
  void add(engine::Batch batch);
};

// Works in slices of less than a millisecond, between which the loop turns to others. Portions begin
// small and grow: a portal of which one row was fetched holds two of them for as long as it is open.
// It rests when two portions have not been taken, or a long one: a client that does not read stops the scan. Where
// many clients do not read, it shows a few rows at a time and rests after each.
// Everything in a portion is durable.
//
// Invariants: after the first slice there is a portion, also an empty one; then those that have
//             rows, and the last.
// Threads:    begin() and go_on() on the shard's loop, on which it also answers; cancel() on any.
// Owner:      the look-up, and whatever is on its way on the shard.
class PullScan : public std::enable_shared_from_this<PullScan> {
 public:
  // Fails with UndefinedObject when a task that keeps the table is gone, has not passed what it must have passed, or has
  // failed with rows in memory that no commit has: the caller finds out whether the query begins again or was dropped.
  using Answer = std::function<void(Result<std::shared_ptr<PullPortion>>)>;
  PullScan(Shard& shard, const Clock& clock, std::shared_ptr<const PullRequest> request,
           Answer answer);
  ~PullScan();

  // Scans show the tables as of `cut`, where there is one; else each shard as of a moment of its own.
  void begin(std::shared_ptr<TableCut> cut);
  // A portion has been shown.
  void go_on();
  // Nothing is answered any more, soon nothing is done.
  void cancel() { is_cancelled_ = true; }

 private:
  class Unsent;
  struct Found;
  // What a portion shows of a table is durable when this commit of its task is.
  struct Seen {
    std::shared_ptr<engine::TableView> view;
    TaskSequence as_of;
  };
  bool has_passed(const ShardTask& task) const;
  void begin_scans();
  void run();
  Result<Found> next_rows(size_t entries);
  Error note_damage(Error why);
  void send_when_durable(std::shared_ptr<PullPortion> portion, const std::vector<Seen>& seen);
  void send(Result<std::shared_ptr<PullPortion>> portion);
  void run_soon();

  Shard& shard_;
  const Clock& clock_;
  const std::shared_ptr<const PullRequest> request_;
  const Answer answer_;
  std::atomic<bool> is_cancelled_ = false;

  // These members are used on the shard's thread only.
  // Only if rows are shaped here: compiling a long condition takes as long as planning, which no loop does.
  std::optional<engine::PullShaper> shaper_;
  Random random_;
  engine::EvalBudget budget_;
  struct View {
    std::weak_ptr<engine::TableView> table;  // of a task that may go meanwhile
    engine::TableLookUp look_up;             // where keys are looked for
  };
  std::vector<View> views_;
  struct Scan {
    engine::TableScan rows;
    TaskSequence as_of;  // all of it is durable when this commit is
  };
  std::vector<Scan> scans_;        // of the views, where no keys are looked for
  std::shared_ptr<TableCut> cut_;  // until these have begun
  size_t at_ = 0;                  // the view that is being read
  size_t rows_left_;
  size_t portion_rows_;  // about, of the next portion
  int untaken_ = 0;
  bool has_answered_ = false, is_resting_ = false, is_over_ = false;
  bool is_short_ = false;  // the last portion, for the sake of memory
};

}  // namespace server
