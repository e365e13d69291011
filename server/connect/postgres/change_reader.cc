#include "server/connect/postgres/change_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace server {

namespace {

constexpr int kIdleWaitMs = 100;  // longest wait for the first message of a batch
// longest time from the first record of a batch to its commit
constexpr int64_t kGatherUs = 20'000;
constexpr int64_t kUsOfMs = 1'000;

PgKeyTexts key_texts(const engine::PgTable& table, const engine::PgTuple& row) {
  PgKeyTexts texts;
  for (const size_t i : table.key()) texts.emplace_back(row[i].text);
  return texts;
}

Error lost_slot(const engine::PostgresSource& source, std::string_view why) {
  return {ErrorCode::InvalidParameter, fmt::format("slot {} {}", source.slot, why),
          "The changes between the position and the present are not in the log of the database.",
          "STOP CONNECTOR, ALTER CONNECTOR ... RESET OFFSETS and RESUME CONNECTOR begin again with "
          "a snapshot."};
}

}  // namespace

engine::PgTuple ChangeReader::Relation::in_order(engine::PgTuple tuple) const {
  engine::PgTuple ordered;
  for (const auto& cell : cells)
    ordered.push_back(cell && *cell < tuple.size() ? tuple[*cell] : engine::PgCell());
  return ordered;
}

// --- Start

Status ChangeReader::start(const SourcePositions& positions) {
  engine::PgPositions committed;
  for (const SourcePosition& position : positions)
    if (position.offset_json)
      TRY(engine::read_pg_position(source_.form.prefix, position.partition_json,
                                   *position.offset_json, committed));
  sql_ = TRY(PgConnection::open(source_.connection, source_.host_port, false));
  PgCatalog catalog(*sql_, source_);
  TRY(catalog.check_server());
  const auto slot = TRY(catalog.find_slot());
  const std::vector<engine::PgTable> tables = TRY(catalog.tables());
  TRY(catalog.ensure_publication(tables));
  for (auto& [table, copy] : committed.copies) copies_.insert_or_assign(table, std::move(copy));
  returned_copies_ = copies_;
  if (committed.log) {
    log_ = *committed.log;
    returned_log_ = committed.log;
    TRY(check_slot(slot));
    if (!log_.in_snapshot) return {};
  } else if (slot) {
    // The slot exists, but no position is committed: an earlier attempt to start has left the slot,
    // or a user has created it.
    log_ = {.processed = slot->confirmed, .in_snapshot = source_.has_snapshot};
    TRY(check_slot(slot));
  }
  return begin_slot(slot.has_value());
}

Status ChangeReader::check_slot(const std::optional<PgSlot>& slot) const {
  if (!slot) return lost_slot(source_, "does not exist any longer");
  if (slot->wal_status == "lost")
    return lost_slot(source_, "has lost changes that were not read (wal_status \"lost\")");
  if (slot->active_pid)
    return Error{ErrorCode::ObjectState,
                 fmt::format("slot {} is in use by process {}", source_.slot, *slot->active_pid),
                 {},
                 "Stop the other reader, or choose another slot.name."};
  if (slot->confirmed > log_.processed)
    return lost_slot(source_, fmt::format("is at {}, behind the position {}: another client has "
                                          "moved it",
                                          engine::pg_lsn_text(slot->confirmed),
                                          engine::pg_lsn_text(log_.processed)));
  return {};
}

// Creates the slot if it is missing, and begins the snapshot.
Status ChangeReader::begin_slot(bool exists) {
  if (exists && !log_.in_snapshot) return {};
  LogStream stream = TRY(LogStream::open(source_, clock_));
  if (!exists && !source_.has_snapshot) {
    log_ = {.processed = TRY(stream.make_slot(source_.slot, false)).start};
    return {};
  }
  // An existing slot cannot export a snapshot. So a temporary slot is created, which exports a
  // snapshot of the database as of a later position.
  constexpr size_t kRoomForEnd = 58;  // names have 63 bytes at most
  return begin_snapshot(
      stream, exists ? source_.slot.substr(0, kRoomForEnd) + "_copy" : source_.slot, exists);
}

Status ChangeReader::begin_snapshot(LogStream& stream, const std::string& slot, bool is_temporary) {
  auto made = stream.make_slot(slot, is_temporary);
  if (!made) {
    Error error = std::move(made).error();
    if (error.code == ErrorCode::ReadTimeout) {
      error.message = fmt::format("slot {} waits for the end of open transactions", slot);
      error.detail = PgCatalog(*sql_, source_).oldest_transaction();
    }
    return error;
  }
  if (!is_temporary) log_ = {.processed = made->start, .in_snapshot = true};
  snapshot_ = TRY(PgSnapshot::open(source_, made->snapshot));
  PgCatalog catalog(*sql_, source_);
  snapshot_us_ = TRY(catalog.now_us());
  for (engine::PgTable& table : TRY(catalog.tables())) {
    engine::PgCopy& copy = copies_[table.full_name()];
    if (copy.is_done) continue;
    if (!copy.last_key || table.key().empty()) copy = {};
    copy.segments.push_back({copy.last_key, made->start});
    snapshot_makers_.push_back(std::make_unique<engine::PgRecordMaker>(source_.form, table));
    snapshot_->add(std::move(table), copy.last_key);
  }
  return {};
}

// --- Snapshot

Result<SourceBatch> ChangeReader::poll(const Limits& limits) {
  if (snapshot_) return poll_snapshot(limits);
  return poll_log(limits);
}

Result<SourceBatch> ChangeReader::poll_snapshot(const Limits& limits) {
  Gathered out;
  if (!returned_log_) {
    // The position in the log is committed before the first row of the snapshot, so that a restart
    // finds where the log must continue.
    add_positions(out.batch);
    out.batch.has_more = true;
    return std::move(out.batch);
  }
  while (!out.is_full(limits)) {
    std::optional<PgSnapshot::Row> row = TRY(snapshot_->next(kIdleWaitMs));
    if (!row && !snapshot_->is_done()) break;  // the database is slow
    if (held_) TRY(emit(*held_, row, out));
    held_ = std::move(row);
    if (!snapshot_->is_done() || held_) continue;
    for (const auto& maker : snapshot_makers_) copies_[maker->table().full_name()].is_done = true;
    log_.in_snapshot = false;
    snapshot_.reset();
    snapshot_makers_.clear();
    break;
  }
  add_positions(out.batch);
  out.batch.has_more = true;
  return std::move(out.batch);
}

Status ChangeReader::emit(const PgSnapshot::Row& row, const std::optional<PgSnapshot::Row>& next,
                          Gathered& out) {
  const engine::PgRecordMaker& maker = *snapshot_makers_[row.table];
  const bool is_last_of_table = !next || next->table != row.table;
  engine::PgCopy& copy = copies_[maker.table().full_name()];
  const bool is_first_of_table = !copy.last_key;
  engine::PgOrigin origin{.snapshot = is_first_row_       ? "first"
                                      : !next             ? "last"
                                      : is_first_of_table ? "first_in_data_collection"
                                      : is_last_of_table  ? "last_in_data_collection"
                                                          : "true",
                          .ts_us = snapshot_us_,
                          .lsn = copy.segments.back().lsn};
  is_first_row_ = false;
  engine::PgChange change;
  for (const auto& value : row.values)
    change.after.push_back(value ? engine::PgCell{engine::PgCell::State::Text, *value}
                                 : engine::PgCell());
  std::vector<engine::PgRecord> records;
  const Status added = maker.add(change, origin, clock_.wall_ms() * kUsOfMs, records);
  if (added) {
    add(maker, std::move(records), out);
  } else {
    std::string bytes;
    for (const auto& value : row.values) bytes += value.value_or("\\N") + "\t";
    out.batch.bad.push_back({added.error(), std::move(bytes)});
  }
  copy.last_key = key_texts(maker.table(), change.after);
  if (is_last_of_table) copy.is_done = true;
  return {};
}

void ChangeReader::add(const engine::PgRecordMaker& maker, std::vector<engine::PgRecord> records,
                       Gathered& out) const {
  const std::string topic = maker.topic();
  for (engine::PgRecord& record : records) {
    out.bytes += (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
    out.batch.records.push_back({topic, topic, std::move(record.key), std::move(record.value)});
  }
}

void ChangeReader::add_positions(SourceBatch& batch) {
  if (!log_.in_snapshot && !copies_.empty()) {
    const auto latest = [](const engine::PgCopy& copy) {
      return std::ranges::max(copy.segments, {}, &engine::PgCopy::Segment::lsn).lsn;
    };
    std::erase_if(copies_, [&](const auto& each) { return latest(each.second) <= log_.processed; });
  }
  for (const auto& [table, copy] : copies_) {
    const auto before = returned_copies_.find(table);
    if (before == returned_copies_.end() || before->second != copy)
      batch.positions.push_back(
          {engine::pg_copy_partition(source_.form.prefix, table), engine::pg_copy_offset(copy)});
  }
  for (const auto& [table, copy] : returned_copies_)
    if (!copies_.contains(table))
      batch.positions.push_back(
          {engine::pg_copy_partition(source_.form.prefix, table), std::nullopt});
  returned_copies_ = copies_;
  if (returned_log_ == log_) return;
  batch.positions.push_back(
      {engine::pg_log_partition(source_.form.prefix), engine::pg_log_offset(log_)});
  returned_log_ = log_;
  returned_at_us_ = clock_.monotonic_us();
}

// --- Log

Result<SourceBatch> ChangeReader::poll_log(const Limits& limits) {
  if (!stream_) {
    stream_ = TRY(LogStream::open(source_, clock_));
    TRY(stream_->start(log_.processed));
  }
  Gathered out;
  int64_t begun_us = 0;
  while (!out.is_full(limits)) {
    const bool has_records = !out.batch.records.empty() || !out.batch.bad.empty();
    const int64_t now_us = clock_.monotonic_us();
    if (has_records && begun_us == 0) begun_us = now_us;
    if (has_records && now_us - begun_us > kGatherUs) break;
    // During a transaction, its next message arrives soon, so the reader waits 1 ms for it. Between
    // transactions it does not wait, so that the records in `out` are committed at once.
    const int wait_ms = !has_records ? kIdleWaitMs : transaction_ ? 1 : 0;
    const auto message = TRY(stream_->next(wait_ms));
    if (message) {
      TRY(handle(*message, out));
      continue;
    }
    if (!has_records || !transaction_) break;
  }
  TRY(stream_->confirm_if_due());
  // Before server_end(), the server has no further changes for the slot, so all changes up to it
  // are processed.
  if (!transaction_) log_.processed = std::max(log_.processed, stream_->server_end());
  const bool is_due = !returned_log_ || clock_.monotonic_us() - returned_at_us_ >
                                            source_.status_interval_ms * kUsOfMs;
  if (!out.batch.is_empty() || is_due) add_positions(out.batch);
  out.batch.has_more = !out.batch.records.empty() || !out.batch.bad.empty();
  return std::move(out.batch);
}

Status ChangeReader::handle(const LogStream::Message& message, Gathered& out) {
  engine::PgMessage parsed = TRY(engine::parse_pgoutput(message.bytes));
  if (const auto* begin = std::get_if<engine::PgBegin>(&parsed)) {
    transaction_ = *begin;
    changes_ = 0;
    is_skipped_ = begin->commit_lsn < log_.processed;
    if (begin->commit_lsn != log_.commit_lsn) log_.changes = 0;
    return {};
  }
  if (const auto* commit = std::get_if<engine::PgCommit>(&parsed)) {
    if (!is_skipped_) {
      log_ = {.processed = commit->end_lsn, .commit_lsn = commit->commit_lsn};
      last_commit_ = commit->end_lsn;
    }
    transaction_.reset();
    return {};
  }
  if (const auto* relation = std::get_if<engine::PgRelation>(&parsed))
    return handle_relation(*relation);
  if (auto* insert = std::get_if<engine::PgInsert>(&parsed))
    return handle_change(insert->relation, {.op = 'c', .after = std::move(insert->after)}, message,
                         out);
  if (auto* update = std::get_if<engine::PgUpdate>(&parsed))
    return handle_change(
        update->relation,
        {'u', update->has_before, std::move(update->before), std::move(update->after)}, message,
        out);
  if (auto* deleted = std::get_if<engine::PgDelete>(&parsed))
    return handle_change(deleted->relation,
                         {'d', deleted->has_before, std::move(deleted->before), {}}, message, out);
  if (const auto* truncate = std::get_if<engine::PgTruncate>(&parsed))
    return handle_truncate(*truncate, message, out);
  return {};
}

bool ChangeReader::is_repeated() {
  ++changes_;
  if (is_skipped_) return true;
  log_.commit_lsn = transaction_ ? transaction_->commit_lsn : 0;
  if (changes_ <= log_.changes) return true;
  log_.changes = changes_;
  return false;
}

Status ChangeReader::handle_relation(const engine::PgRelation& message) {
  Relation relation;
  if (source_.schemas.takes(message.schema) &&
      source_.tables.takes(message.schema + "." + message.name)) {
    engine::PgTable table = TRY(PgCatalog(*sql_, source_).table_of(message));
    for (const engine::PgColumn& column : table.columns) {
      const auto found =
          std::ranges::find(message.columns, column.name, &engine::PgRelation::Column::name);
      relation.cells.push_back(
          found == message.columns.end()
              ? std::nullopt
              : std::optional(static_cast<size_t>(found - message.columns.begin())));
    }
    relation.maker = std::make_unique<engine::PgRecordMaker>(source_.form, std::move(table));
  }
  relations_.insert_or_assign(message.oid, std::move(relation));
  return {};
}

engine::PgOrigin ChangeReader::origin_of(engine::PgLsn lsn) const {
  engine::PgOrigin origin{.lsn = lsn, .last_commit = last_commit_};
  if (!transaction_) return origin;
  origin.ts_us = transaction_->commit_us;
  origin.xid = transaction_->xid;
  return origin;
}

Status ChangeReader::handle_change(uint32_t oid, engine::PgChange change,
                                   const LogStream::Message& message, Gathered& out) {
  if (is_repeated()) return {};
  const auto relation = relations_.find(oid);
  if (relation == relations_.end())
    return Error{
        ErrorCode::NetworkFailure,
        fmt::format("{}: a change of table {} without its description", source_.host_port, oid)};
  if (!relation->second.maker) return {};
  const engine::PgRecordMaker& maker = *relation->second.maker;
  if (change.has_before != engine::PgOldRow::None)
    change.before = relation->second.in_order(std::move(change.before));
  if (change.op != 'd') change.after = relation->second.in_order(std::move(change.after));
  if (!TRY(without_copied(maker.table(), change))) return {};
  if ((change.op == 'c' && !source_.takes_inserts) ||
      (change.op == 'u' && !source_.takes_updates) || (change.op == 'd' && !source_.takes_deletes))
    return {};
  std::vector<engine::PgRecord> records;
  const Status added =
      maker.add(change, origin_of(message.lsn), clock_.wall_ms() * kUsOfMs, records);
  if (added)
    add(maker, std::move(records), out);
  else
    out.batch.bad.push_back({added.error(), std::string(message.bytes)});
  return {};
}

Status ChangeReader::handle_truncate(const engine::PgTruncate& truncate,
                                     const LogStream::Message& message, Gathered& out) {
  if (is_repeated() || !source_.takes_truncates || source_.form.is_unwrapped) return {};
  for (const uint32_t oid : truncate.relations) {
    const auto relation = relations_.find(oid);
    if (relation == relations_.end() || !relation->second.maker) continue;
    const engine::PgRecordMaker& maker = *relation->second.maker;
    add(maker, {maker.truncation(origin_of(message.lsn), clock_.wall_ms() * kUsOfMs)}, out);
  }
  return {};
}

// --- Rows that the snapshot contains

Result<bool> ChangeReader::is_copied(const engine::PgTable& table, const engine::PgTuple& row) {
  const auto copy = copies_.find(table.full_name());
  if (copy == copies_.end() || !transaction_) return false;
  const engine::PgLsn at = transaction_->commit_lsn;
  // The segments of a table are sorted by their first keys. The last segment that begins before the
  // key contains the key.
  const PgKeyTexts key = key_texts(table, row);
  for (auto segment = copy->second.segments.rbegin(); segment != copy->second.segments.rend();
       ++segment) {
    if (segment->after) {
      const auto rows =
          TRY(sql_->query("SELECT " + behind_key(*sql_, table, *segment->after, &key)));
      if (rows.empty() || rows[0][0] != "t") continue;
    }
    return at < segment->lsn;
  }
  return false;
}

Result<bool> ChangeReader::without_copied(const engine::PgTable& table, engine::PgChange& change) {
  if (!copies_.contains(table.full_name())) return true;
  const bool has_old = change.op == 'd' || change.has_before != engine::PgOldRow::None;
  const bool has_new = change.op != 'd';
  const bool old_is_copied = has_old && TRY(is_copied(table, change.before));
  const bool new_is_copied = has_new && TRY(is_copied(table, change.after));
  if (has_old && has_new && old_is_copied != new_is_copied) {
    // The UPDATE has changed the key, so it consists of two changes: the delete of the old row, and the insert of
    // the new row. The snapshot already includes one of them, and only the other is returned.
    change.op = old_is_copied ? 'c' : 'd';
    if (old_is_copied) change.has_before = engine::PgOldRow::None;
    return true;
  }
  return !old_is_copied && !new_is_copied;
}

// --- Confirmation

Status ChangeReader::confirm(const SourcePositions& positions) {
  if (!stream_) return {};
  engine::PgPositions durable;
  for (const SourcePosition& position : positions)
    if (position.offset_json)
      TRY(engine::read_pg_position(source_.form.prefix, position.partition_json,
                                   *position.offset_json, durable));
  if (!durable.log) return {};
  return stream_->confirm(durable.log->processed);
}

std::optional<int64_t> ChangeReader::lag_bytes() const {
  if (!stream_ || stream_->server_end() == 0) return std::nullopt;
  return static_cast<int64_t>(stream_->server_end() -
                              std::min(stream_->server_end(), log_.processed));
}

}  // namespace server
