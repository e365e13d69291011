// Begins the barriers of a node. A barrier stops the tasks of several queries after the same records, so that a SELECT
// with `read.consistency = 'prefix'` reads consistent tables (docs/adr/0153).
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/net/loop.h"
#include "server/net/weak_callback.h"
#include "server/sql/barriers/barrier.h"
#include "server/sql/read/held_tables.h"

namespace server {

struct SqlParts;

// A SELECT that waits for a barrier, and begins its scans there.
struct BarrierReader {
  std::vector<DefinedQueryPtr> queries;  // the queries that keep the tables
  // Called once for each query, when the tasks that keep its table have reached the barrier. They
  // stay stopped until all copies of `held` are destroyed.
  std::function<void(const std::string& query_id, std::shared_ptr<HeldTables> held)> open;
  // Called if the barrier has ended before all tables were opened. Fails with ObjectState.
  std::function<void(Error why)> fail;
  // Expired: the SELECT has ended.
  std::weak_ptr<const void> receiver;
};

// If two barriers share a query, the second begins after the first has ended. Readers that arrive while a barrier
// is in progress wait for the next one, and share it if it includes all of their queries. After a barrier its tasks
// work for at least as long as they were stopped. A barrier is given up after kStallUs without progress, and if one
// of its tasks fails, pauses or ends. A materialized view has kViewStallUs, because it computes all of its rows
// before it reaches the barrier.
// Threads: read() on any thread; everything else on the loop `home`.
// Owner: SqlParts; destroyed when the loops have stopped, and before they are destroyed.
class Barriers {
 public:
  static constexpr int64_t kStallUs = 1'000'000, kViewStallUs = 30'000'000;

  Barriers(SqlParts& parts, Shard& home);
  ~Barriers();
  Barriers(const Barriers&) = delete;
  Barriers& operator=(const Barriers&) = delete;

  // Begins a barrier for the reader as soon as its queries are free. Both callbacks run on the loop `home`.
  void read(BarrierReader reader);
  // Returns the number of barriers that were begun, and of those that were abandoned. Threads: any.
  uint64_t begun() const { return begun_; }
  uint64_t abandoned() const { return abandoned_; }

 private:
  class TasksAtBarrier;
  struct Waiting {
    BarrierReader reader;
    std::set<std::string> query_ids;
  };
  struct Running {
    std::shared_ptr<const BarrierPlan> plan;
    std::unique_ptr<TasksAtBarrier> port;
    std::vector<BarrierReader> readers;
    std::shared_ptr<Barrier> barrier;
  };
  void begin_some();
  void begin(std::vector<BarrierReader> readers);
  Result<std::shared_ptr<const BarrierPlan>> plan_of(const MetadataImagePtr& image,
                                                     const std::vector<DefinedQueryPtr>& queries);
  void end(uint64_t number, const Status& status);
  void abandon(uint64_t number, Error why);
  void open(uint64_t number, const std::string& query_id, const std::shared_ptr<HeldTables>& held);
  void tick();
  void start_timer();
  Running* find(uint64_t number);
  bool is_busy(const std::string& query_id, int64_t now_us) const;

  SqlParts& parts_;
  Shard& home_;
  Timer timer_;
  int64_t timer_due_us_ = 0;
  // The plans for the definitions of one revision, by the queries that keep the tables.
  std::map<std::vector<DefinedQueryPtr>, std::shared_ptr<const BarrierPlan>> plans_;
  Revision plans_revision_;
  std::deque<Waiting> waiting_;
  std::map<uint64_t, Running> running_;
  std::map<std::string, int64_t>
      works_until_us_;  // by query: the time before which no barrier begins
  uint64_t last_number_ = 0;
  bool is_beginning_ = false;
  std::atomic<uint64_t> begun_ = 0, abandoned_ = 0;
  // Destroyed when the server stops. Callbacks hold a weak pointer to it: if that has expired, the
  // loop `home` may no longer exist.
  std::shared_ptr<const int> is_there_ = std::make_shared<const int>();
};

}  // namespace server
