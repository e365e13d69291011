// How far tables must have come before they are read: what SQL has written to their topics, whichever session, and
// what was there when the query that keeps them began anew.
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
  using Keeper = std::shared_ptr<const engine::QueryPlan>;  // of the query that keeps the table

  explicit CommittedEnds(const storage::Log& log) : log_(log) {}

  // Appended, durably, before anybody is told of it.
  void note(const std::vector<storage::AppendedBatch>& batches);

  struct Needed {
    Ends ends;
    uint64_t version = 0;
    bool has_passed = false;  // somebody has seen the table as far as that
  };
  // Who asks first, or first since the table has this keeper, needs all that is in the topic: a keeper begins with
  // less than the one before had shown.
  Needed needed(const Uuid& topic, int32_t partitions, const Keeper& keeper);
  // The same of a statement that changes what it reads: all that is in the topic now, whoever wrote it.
  Needed needed_by_writer(const Uuid& topic, int32_t partitions, const Keeper& keeper);
  // The table has been read at such a place.
  void note_passed(const Uuid& topic, const Keeper& keeper, uint64_t version);
  // Whether that was the last one: there is nothing to wait for.
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
  size_t forget_at_ = 256;  // tables, when those are looked for that are gone
};

}  // namespace server
