// One shard's part of a look-up. It finds or scans the rows of a table in those tasks that the
// shard runs.
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
#include "engine/query/top_rows.h"
#include "server/sql/read/held_tables.h"
#include "server/tasks/shard.h"

namespace server {

// The part of a look-up that each shard gets.
struct PullRequest {
  std::string query_id;  // the query that materializes the table
  // The plan that this query had when the look-up was planned.
  std::shared_ptr<const engine::QueryPlan> kept_by;
  std::shared_ptr<const engine::PullPlan> plan;
  // The keys to look up, by the number of the only task that can have them. If the map is empty,
  // any task may have the keys of the plan.
  std::map<int32_t, std::vector<std::string>> keys_of;
  // True: the shard itself applies filter, columns and LIMIT, because they are fast to compute for
  // any row.
  bool is_shaped_there = false;
  // For each column of the table, whether the look-up uses it; nullopt: it uses all. A scan leaves
  // the other columns out.
  std::optional<std::vector<bool>> used = std::nullopt;
  // The needed rows of the table; nullopt: all rows. Each part of the table returns those of its rows that may be
  // among the needed rows.
  std::optional<engine::TopRows> top = std::nullopt;
  // A scan ends after about this number of entries of the table, even if it has not read all of them.
  size_t most_entries = SIZE_MAX;
  // True: several scans share the ConsistentCut, and may even read the same table. The tasks stay
  // stopped until the last of these scans has begun.
  bool is_one_of_several = false;
  // Ends of input partitions that the tasks must have passed. The session has waited for them, but the scan checks them
  // again, because a task may have restarted since then.
  std::vector<std::pair<engine::PartitionRef, Offset>> must_have_passed = {};
  engine::Properties properties;
};

// Some of the rows of one shard.
struct PullPortion {
  std::vector<engine::Batch> batches;
  size_t tasks = 0;  // number of tasks asked on this shard
  bool is_last = false;
  bool is_cut = false;  // the last portion, and rows may be left because of a limit
  size_t rows = 0;
  size_t bytes = 0;  // approximate; charged while the client does not read
  // The memory charge for `bytes`, until the receiver has charged them itself; not set for a few bytes.
  std::optional<OwnedCharge> on_its_way;

  // If a portion is larger than this, its rows are very long and are sent one by one.
  static constexpr size_t kLongBytes = 1024 * 1024;
  bool is_long() const { return bytes > kLongBytes; }
  void add(engine::Batch batch);
};

// Works in slices of less than a millisecond, and lets the loop do other work between them.
// Portions begin small and grow. (A portal from which only one row was fetched holds up to two
// portions as long as it is open.) The scan pauses while the client has not taken two portions, or
// one with long rows. So a client that does not read stops its scan. While many clients do not
// read, a scan returns only a few rows at a time and pauses after each portion. All rows in a
// portion are durable.
//
// Invariants: the first slice sends a portion, even if it is empty. Later portions have rows, except
//             the last one.
// Threads:    begin() and go_on() on the shard's loop, on which it also answers; cancel() on any.
// Owner:      the look-up, and callbacks that are pending on the shard.
class PullScan : public std::enable_shared_from_this<PullScan> {
 public:
  // Fails with UndefinedObject if a task that keeps the table no longer exists, has not passed the
  // required ends, or has failed with uncommitted rows in memory. The caller then checks whether
  // the query restarts or was dropped.
  using Answer = std::function<void(Result<std::shared_ptr<PullPortion>>)>;
  PullScan(Shard& shard, const Clock& clock, std::shared_ptr<const PullRequest> request,
           Answer answer);
  ~PullScan();

  // Begins the scan. With held tables, all scans show the tables as of the moment at which their
  // tasks were stopped. Without them, each shard reads at its own time.
  void begin(std::shared_ptr<HeldTables> held);
  // Reports that a portion has been shown, so that a paused scan continues.
  void go_on();
  // Stops the answers immediately, and the reading after the present slice.
  void cancel() { is_cancelled_ = true; }

 private:
  class Unsent;
  struct Found;
  // The rows of `view` in a portion. They are durable when the commit `as_of` of its task is
  // durable.
  struct Seen {
    std::shared_ptr<engine::TableView> view;
    TaskSequence as_of;
  };
  bool all_are_held() const;
  bool has_passed(const ShardTask& task) const;
  void begin_scans();
  void run();
  Result<Found> next_rows(size_t entries);
  bool filters_early() const;
  std::vector<uint32_t> needed_of(const engine::Batch& rows, const engine::EvalContext& eval);
  Error note_damage(Error why);
  void send_when_durable(std::shared_ptr<PullPortion> portion, const std::vector<Seen>& seen);
  void send(Result<std::shared_ptr<PullPortion>> portion);
  void run_soon();

  Shard& shard_;
  const Clock& clock_;
  const std::shared_ptr<const PullRequest> request_;
  const Answer answer_;
  std::atomic<bool> is_cancelled_ = false;

  // Only the shard's thread uses the members below. shaper_ is set only if the shard applies the
  // filter: compiling a long condition would block the loop for too long, so then the session does
  // it.
  std::optional<engine::PullShaper> shaper_;
  // Set if the rows are filtered before all of their used columns are decoded: the columns that are decoded first.
  std::optional<std::vector<bool>> decoded_first_;
  std::optional<engine::Program> early_filter_;
  std::optional<engine::TopCandidates> top_;
  size_t seen_ = 0,
         needed_ = 0;  // rows that were filtered early, and those of them that were needed
  Random random_;
  engine::EvalBudget budget_;
  struct View {
    std::weak_ptr<engine::TableView> table;  // the table's task may end in the meantime
    engine::TableLookUp look_up;             // used for look-ups by key
  };
  std::vector<View> views_;
  struct Scan {
    engine::TableScan rows;
    TaskSequence as_of;  // all rows are durable once this commit is durable
  };
  std::vector<Scan> scans_;  // one per view; empty for look-ups by key
  // Set until the scans have begun, or until all keys are found.
  std::shared_ptr<HeldTables> held_;
  size_t at_ = 0;  // index of the view that is being read
  size_t rows_left_, entries_left_;
  size_t portion_rows_;  // approximate size of the next portion
  int untaken_ = 0;
  bool has_answered_ = false, is_resting_ = false, is_over_ = false;
  bool is_short_ = false;  // the last portion was cut short to save memory
};

}  // namespace server
