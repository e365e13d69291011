// The end offsets that a table must have processed before it is read. They cover all rows that SQL
// sessions have written to the table's topic, and everything that the topic contained when the
// query that keeps the table began or restarted.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/exec/ports.h"
#include "engine/plan/plan.h"
#include "storage/log/log.h"

namespace server {

// Threads: any. Owner: SqlParts.
class CommittedEnds {
 public:
  using Ends = std::vector<std::pair<engine::PartitionRef, Offset>>;
  // The query that keeps the rows of a table, with its plan.
  using Keeper = std::shared_ptr<const engine::QueryPlan>;

  explicit CommittedEnds(const storage::Log& log) : log_(log) {}

  // Stores the ends of written rows. Called after the rows are durable, and before the write is
  // acknowledged to any client.
  void note(const std::vector<storage::AppendedBatch>& batches);

  struct Needed {
    Ends ends;
    uint64_t version = 0;
    bool has_passed = false;  // an earlier reader has already seen the table up to `ends`
  };
  // Returns the ends that the table must have passed before a reader sees it. The first reader of a
  // table has to wait for everything in the topic. So has the first reader after `keeper` has
  // changed: a query that has just begun to keep the table has fewer rows than the query before it
  // had shown.
  Needed needed(const Uuid& topic, int32_t partitions, const Keeper& keeper);
  // Returns the ends for a statement that changes the rows which it reads. They cover everything
  // that is in the topic now, whichever client has written it.
  Needed needed_by_writer(const Uuid& topic, int32_t partitions, const Keeper& keeper);
  // Records that a reader has read the table after the table had passed the ends that needed()
  // returned with this version.
  void note_passed(const Uuid& topic, const Keeper& keeper, uint64_t version);
  // Returns whether note_passed() was called with the newest version, so that a reader does not
  // have to wait.
  bool has_passed(const Uuid& topic, const Keeper& keeper) const;

 private:
  struct Table {
    std::map<PartitionId, Offset> ends;
    uint64_t version = 1, passed_version = 0;
    Keeper keeper;
  };
  void raise_to_end(const Uuid& topic, int32_t partitions, Table& table) const;
  Needed needed_of(const Uuid& topic, const Table& table) const;
  Table& table_of(const Uuid& topic, int32_t partitions, const Keeper& keeper);
  void forget_dropped();

  const storage::Log& log_;
  mutable std::mutex mutex_;
  std::map<Uuid, Table> tables_;
  size_t forget_at_ = 256;  // when the map has this number of tables, dropped tables are removed
};

}  // namespace server
