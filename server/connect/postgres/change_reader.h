// The SourceReader of PostgreSQL. It reads a snapshot of the tables first, and then the changes in
// the log of the database.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/connect/postgres/position.h"
#include "engine/connect/postgres/source_properties.h"
#include "server/connect/ports.h"
#include "server/connect/postgres/catalog.h"
#include "server/connect/postgres/log_stream.h"
#include "server/connect/postgres/snapshot.h"

namespace server {

// The log also contains changes that the snapshot already includes; the reader skips them. To find
// them, the position of each table stores which keys were copied, and as of which position in the
// log (engine/connect/postgres/position.h).
//
// Invariants:
//    1. log_, the position in the log, is never after a change that was not returned;
//    2. the reader confirms only positions to the database whose records are durable in the topics.
//
// Threads and owner: see SourceReader.
class ChangeReader final : public SourceReader {
 public:
  ChangeReader(engine::PostgresSource source, const Clock& clock)
      : source_(std::move(source)), clock_(clock) {}

  Status start(const SourcePositions& positions) override;
  Result<SourceBatch> poll(const Limits& limits) override;
  Status confirm(const SourcePositions& positions) override;
  std::optional<int64_t> lag_bytes() const override;

 private:
  // A table as the newest relation message of the log describes it.
  struct Relation {
    std::unique_ptr<engine::PgRecordMaker> maker;  // null: the source does not read the table
    std::vector<std::optional<size_t>> cells;      // by column of `maker`: index in messages
    engine::PgTuple in_order(engine::PgTuple tuple) const;
  };
  // Records that are not returned yet.
  struct Gathered {
    SourceBatch batch;
    size_t bytes = 0;
    bool is_full(const Limits& limits) const {
      return batch.records.size() >= limits.max_records || bytes >= limits.max_bytes;
    }
  };

  Status begin_slot(bool exists);
  Status begin_snapshot(LogStream& stream, const std::string& slot, bool is_temporary);
  Status check_slot(const std::optional<PgSlot>& slot) const;
  Result<SourceBatch> poll_snapshot(const Limits& limits);
  Result<SourceBatch> poll_log(const Limits& limits);
  // Adds `row` of the snapshot to `out`. `next` is the row after it.
  Status emit(const PgSnapshot::Row& row, const std::optional<PgSnapshot::Row>& next,
              Gathered& out);
  Status handle(const LogStream::Message& message, Gathered& out);
  Status handle_change(uint32_t relation, engine::PgChange change,
                       const LogStream::Message& message, Gathered& out);
  Status handle_relation(const engine::PgRelation& relation);
  Status handle_truncate(const engine::PgTruncate& truncate, const LogStream::Message& message,
                         Gathered& out);
  // Counts a change of the current transaction. Returns true if an earlier commit of this connector
  // contains the change, so that no records must be made of it.
  bool is_repeated();
  // Returns whether the snapshot includes the present transaction for the row with this key.
  Result<bool> is_copied(const engine::PgTable& table, const engine::PgTuple& row);
  // Removes the old or the new row from an UPDATE if the snapshot contains it. Returns false if the
  // snapshot contains both.
  Result<bool> without_copied(const engine::PgTable& table, engine::PgChange& change);
  void add(const engine::PgRecordMaker& maker, std::vector<engine::PgRecord> records,
           Gathered& out) const;
  engine::PgOrigin origin_of(engine::PgLsn lsn) const;
  // Adds the positions that have changed since the last call to `batch`.
  void add_positions(SourceBatch& batch);

  const engine::PostgresSource source_;
  const Clock& clock_;
  std::optional<PgConnection> sql_;
  std::optional<LogStream> stream_;
  std::optional<PgSnapshot> snapshot_;
  std::optional<PgSnapshot::Row> held_;  // the row before the next one
  std::vector<std::unique_ptr<engine::PgRecordMaker>> snapshot_makers_;  // by number of the table
  int64_t snapshot_us_ = 0;
  bool is_first_row_ = true;
  std::map<uint32_t, Relation> relations_;

  engine::PgLogPosition log_;
  std::optional<engine::PgLogPosition> returned_log_;
  std::map<std::string, engine::PgCopy> copies_, returned_copies_;  // by table
  int64_t returned_at_us_ = 0;

  std::optional<engine::PgBegin> transaction_;  // the transaction whose end has not been read
  int64_t changes_ = 0;                         // changes of this transaction that were read
  bool is_skipped_ = false;                     // an earlier commit contains the transaction
  std::optional<engine::PgLsn> last_commit_;
};

}  // namespace server
