// INSERT ... SELECT into a table, UPDATE and DELETE: the rows of a SELECT as of one commit,
// appended in one commit. If ClusterTopics::appends_conditionally(), the leader of each partition
// appends its rows only if no other rows of the same keys were written in the meantime. The
// statement reads and writes the refused rows again (docs/adr/0076).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/types/ascii.h"
#include "server/sql/execution.h"
#include "server/sql/serial/sequence_advance.h"
#include "server/sql/stalled_turns.h"
#include "server/sql/write/append_changes.h"
#include "server/sql/write/optimistic_retry.h"
#include "server/sql/write/written_rows.h"

namespace server {

namespace {

// If another writer changes the same rows first, the statement is tried again. If lock_timeout is
// 0, kMostAttempts_ms limits the time for these attempts.
constexpr int64_t kMostAttempts_ms = 30'000;
constexpr int64_t kMostBetween_ms = 50;

engine::ColumnPtr some_rows(const engine::ColumnPtr& column, std::span<const size_t> rows) {
  if (!column) return nullptr;
  auto some = std::make_shared<engine::Column>(column->type());
  for (const size_t row : rows) some->append_from(*column, row);
  return some;
}

class RowsWriteExecution final : public SqlExecution, private sql::Receiver {
 public:
  RowsWriteExecution(SqlSession& session, sql::Receiver& receiver,
                     std::shared_ptr<const SqlPrepared> prepared)
      : SqlExecution(session, receiver), prepared_(std::move(prepared)), write_(prepared_->write) {
    for (const sql::ResultColumn& column : prepared_->columns)
      returned_.push_back(std::make_shared<engine::Column>(column.type));
  }

  Status begin(std::vector<engine::Value> parameters) {
    if (session().in_transaction())
      held_ = TRY(session().held_rows(write_->target));
    else
      own_ = TRY(session().make_buffer(write_->target));
    left_out_.emplace(TRY(session().planner()->left_out(write_->target)));
    if (!returned_.empty()) {
      planner_ = session().planner();
      returning_ = TRY(planner_->returning_of_rows(*prepared_, parameters));
    }
    if (is_conditional()) {
      parameters_ = parameters;
      give_up_us_ = session().parts().clock.monotonic_us() + 1000 * patience_ms();
      session().note_read({});
    }
    select_ = TRY(session().start_part(prepared_->rows, std::move(parameters), *this));
    return {};
  }
  // Prevents further attempts. An append that is in progress cannot be cancelled.
  void cancel() override {
    is_cancelled_ = true;
    if (append_ || is_appending_ || sorting_ || has_failed_) return;
    select_.reset();
    passing_.reset();
    timer_.reset();
    fail_cancelled();
  }

 private:
  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override {
    if (has_failed_) return;
    if (const Status taken = take(columns, first_row, end_row); !taken) fail(taken.error());
  }
  void on_notice(sql::Notice notice) override { receiver().on_notice(std::move(notice)); }
  void on_error(Error error) override { fail(std::move(error)); }
  void on_done(sql::Completion) override {
    if (has_failed_) return;
    std::vector<GivenNumbers> given = left_out_->take_given();
    if (!session().parts().sequences.is_shared() || given.empty()) return write_all();
    passing_.emplace(session(), std::move(given));
    passing_->begin([this](const Status& passed) {
      if (!passed) return fail(passed.error());
      write_all();
    });
  }
  void write_all() {
    // A SELECT that locks rows has no buffer.
    if (RowBuffer* const buffer = held_ ? held_ : own_.get(); buffer && attempts_made_ == 0)
      if (auto notice = buffer->take_notice()) receiver().on_notice(*std::move(notice));
    storage::AppendRequest request;
    if (own_) own_->take(request);
    if (own_ && is_conditional()) return write_on_conditions(std::move(request));
    if (held_ && is_conditional()) session().note_held_read(held_->topic());
    append_ =
        run_append(session(), receiver(), std::move(request), tag(), rows_,
                   {returned_.begin(), returned_.end()}, held_ ? WriterTurns() : session().turns());
  }

  std::string tag() const {
    return write_->kind == RowsWrite::Kind::Insert   ? "INSERT 0"
           : write_->kind == RowsWrite::Kind::Update ? "UPDATE"
                                                     : "DELETE";
  }

  // --- Conditional appends; a transaction sends its rows at its end

  using Committed = Result<std::vector<storage::AppendedBatch>>;
  bool is_conditional() const { return session().parts().cluster->appends_conditionally(); }
  int64_t patience_ms() const {
    const int64_t lock_timeout_ms = session().setting_ms("lock_timeout", 0);
    return lock_timeout_ms > 0 ? lock_timeout_ms : kMostAttempts_ms;
  }
  // Returns whether the statement is an INSERT without ON CONFLICT. The rows that it writes do not depend on
  // existing rows with the same keys, although its SELECT may have read the target.
  bool is_plain_insert() const {
    return write_->kind == RowsWrite::Kind::Insert && !write_->is_upsert;
  }

  void write_on_conditions(storage::AppendRequest request) {
    if (request.parts.empty()) return finish_on_conditions();
    const ReadEnds& read = session().read_ends();
    if (write_->moved_keys > 0)
      return commit_on_conditions(attempts_->begin(std::move(request), read));
    const bool has_read_target = std::ranges::any_of(
        read, [this](const auto& end) { return end.first.topic == own_->topic(); });
    append_on_conditions(is_plain_insert() && !has_read_target
                             ? attempts_->begin_without_condition(std::move(request))
                             : attempts_->begin(std::move(request), read));
  }

  void append_on_conditions(OptimisticRetry::Changes changes) {
    append_changes(session().parts(), std::move(changes),
                   [turns = begin_appending(),
                    told = on_loop([this](std::vector<ClusterTopics::Changed> changed) {
                      told_on_conditions(std::move(changed));
                    })](std::vector<ClusterTopics::Changed> changed) { told(std::move(changed)); });
  }

  // Appends the changes in one transaction, since a row with a changed key may move to another
  // partition: its delete and its insert must appear together.
  void commit_on_conditions(OptimisticRetry::Changes changes) {
    commit_changes(
        session().parts(), std::move(changes),
        [turns = begin_appending(), told = on_loop([this](const Committed& committed) {
                                      committed_on_conditions(committed);
                                    })](const Committed& committed) { told(committed); });
  }

  // Copies the table locks, so that no other session of this node gets them while rows are being
  // appended, even if the client disconnects.
  std::shared_ptr<WriterTurns> begin_appending() {
    is_appending_ = true;
    auto turns = std::make_shared<WriterTurns>(session().turns());
    stalled_.emplace(session(), turns);
    return turns;
  }
  void end_appending() {
    is_appending_ = false;
    stalled_.reset();
  }

  void committed_on_conditions(const Committed& committed) {
    end_appending();
    if (committed) {
      session().note_written(*committed);
      return finish_on_conditions();
    }
    // Another writer was faster, or the transaction was aborted because its coordinator has
    // changed. In both cases nothing was written.
    const ErrorCode code = committed.error().code;
    if (code == ErrorCode::ObjectState || code == ErrorCode::FencedTask)
      return wait_to_begin_again({});
    fail(committed.error());
  }

  void told_on_conditions(std::vector<ClusterTopics::Changed> changed) {
    end_appending();
    std::optional<Error> error = attempts_->told(std::move(changed));
    session().note_written(attempts_->appended());
    if (error) return fail(*std::move(error));
    if (!attempts_->was_overtaken()) return finish_on_conditions();
    if (is_plain_insert() && attempts_->is_any_there())
      return append_on_conditions(attempts_->rest_without_condition());
    if (!attempts_->is_any_there()) return wait_to_begin_again({});
    // Keys are sorted on a worker, because their number may be large.
    const auto sorted = std::make_shared<Status>();
    sorting_ = session().run_aside(
        charge_bytes_,
        [attempts = attempts_, sorted](const std::atomic<bool>&) {
          *sorted = attempts->note_there();
        },
        [this, sorted] {
          sorting_.reset();
          wait_to_begin_again(*sorted);
        });
    if (!sorting_) fail(too_many_waiting());
  }

  void wait_to_begin_again(const Status& sorted) {
    if (!sorted) return fail(sorted.error());
    if (const Status prepared = prepare_again(); !prepared) return fail(prepared.error());
    if (is_cancelled_) return fail_cancelled();
    if (session().parts().clock.monotonic_us() >= give_up_us_) return fail_late();
    // The second attempt starts without delay, later ones after growing intervals.
    timer_.emplace(session().shard().loop(), "rows written again", [this] { begin_again(); });
    timer_->start_once(attempts_made_++ == 0 ? 0 : std::min(attempts_made_, kMostBetween_ms));
  }

  // Prepares a further attempt: empties the buffer, and drops the RETURNING rows of all rows that
  // are not written yet.
  Status prepare_again() {
    std::vector<size_t> stay;
    for (size_t row = 0; row < returned_keys_.size(); ++row)
      if (attempts_->there().contains(returned_keys_[row])) stay.push_back(row);
    std::vector<std::string> keys;
    for (const size_t row : stay) keys.push_back(std::move(returned_keys_[row]));
    returned_keys_ = std::move(keys);
    for (auto& column : returned_) {
      auto rest = std::make_shared<engine::Column>(column->type());
      for (const size_t row : stay) rest->append_from(*column, row);
      column = std::move(rest);
    }
    rows_ = attempts_->there().size();
    keys_.clear();
    own_ = TRY(session().make_buffer(write_->target));
    return {};
  }

  void begin_again() {
    timer_.reset();
    session().note_read({});
    auto started = session().start_part(prepared_->rows, parameters_, *this);
    if (!started) return fail(std::move(started).error());
    select_ = *std::move(started);
  }

  void finish_on_conditions() {
    if (!returned_.empty())
      receiver().on_rows(std::vector<engine::ColumnPtr>(returned_.begin(), returned_.end()), 0,
                         rows_);
    receiver().on_done({tag(), rows_});
  }

  void fail_cancelled() {
    Error error{ErrorCode::QueryCanceled, "canceling statement due to user request"};
    if (attempts_->is_any_there()) error.detail = "Some of the rows were written.";
    fail(std::move(error));
  }
  void fail_late() {
    Error error{ErrorCode::LockTimeout, "canceling statement due to lock timeout"};
    error.detail = attempts_->is_any_there() ? "Some of the rows were written; other sessions "
                                               "changed the remaining rows at each attempt."
                                             : "Other sessions changed the rows at each attempt. "
                                               "None of the rows was written.";
    fail(std::move(error));
  }

  // --- Rows

  Status take(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row) {
    size_t rows = end_row - first_row;
    std::vector<engine::ColumnPtr> written = TRY(written_columns(
        write_->target->schema, write_->row_places(), columns.first(columns.size() - behind_row()),
        first_row, end_row, keys_of_rows()));
    if (write_->kind == RowsWrite::Kind::Insert) left_out_->gather_given(written, write_->given());
    if (write_->kind != RowsWrite::Kind::Delete) TRY(left_out_->fill(written, rows));
    RowBuffer& buffer = held_ ? *held_ : *own_;
    if (own_ && is_conditional()) rows = TRY(keep_what_is_left(written, rows));
    const std::vector<int64_t> now(rows, session().parts().clock.wall_ms());
    const size_t size_before = buffer.size_bytes();
    if (write_->moved_keys > 0)
      TRY(remove_moved(buffer, written, columns, first_row, end_row, now));
    if (write_->kind == RowsWrite::Kind::Delete)
      TRY(buffer.remove(written, rows, now));
    else
      TRY(buffer.add(written, rows, now, {}, write_->has_each_key_once ? &keys_ : nullptr,
                     keys_of_rows()));
    rows_ += rows;
    TRY(tell(written, rows, buffer.size_bytes() - size_before));
    if (held_) return session().check_held_rows();
    const auto limit = static_cast<size_t>(session().parts().settings.copy_atomic_bytes);
    if (own_->size_bytes() > limit)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("the statement writes more than {}", format_bytes(limit)),
                   "All of its rows are one commit, which is limited by copy-atomic-bytes.",
                   "Write fewer rows at a time, or raise copy-atomic-bytes."};
    charge_bytes_ = own_->size_bytes();
    if (charge_.try_resize(charge_bytes_)) return {};
    return session().memory()->refusal("the rows that a statement writes");
  }

  KeysOf keys_of_rows() const {
    return write_->kind == RowsWrite::Kind::Insert || write_->moved_keys > 0
               ? KeysOf::NewRows
               : KeysOf::RowsThatAreThere;
  }
  // Returns the number of columns that the SELECT returns in addition to the columns of the row.
  size_t behind_row() const { return write_->places.size() - write_->row_places().size(); }

  // Deletes the old keys of the rows whose keys have changed. As in PostgreSQL, a row may not get
  // the key of an existing row, even if that row moves, too.
  Status remove_moved(RowBuffer& buffer, std::span<const engine::ColumnPtr> written,
                      std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row,
                      std::span<const int64_t> now) {
    const size_t shown = columns.size() - behind_row(), rows = end_row - first_row;
    std::vector<engine::ColumnPtr> old = TRY(written_columns(
        write_->target->schema, std::span(write_->places).subspan(shown, write_->moved_keys),
        columns.subspan(shown, write_->moved_keys), first_row, end_row, KeysOf::RowsThatAreThere));
    const std::vector<std::string> keys = TRY(buffer.keys_of(written, rows));
    const std::vector<std::string> old_keys = TRY(buffer.keys_of(old, rows));
    std::vector<size_t> moved;
    for (size_t row = 0; row < rows; ++row) {
      if (keys[row] == old_keys[row]) continue;
      if (!columns.back()->is_null(first_row + row) || !keys_.insert(keys[row]).second)
        return Error{ErrorCode::DuplicateKey, "duplicate key value violates unique constraint \"" +
                                                  engine::display_name(write_->target->name) +
                                                  "_pkey\""};
      moved.push_back(row);
    }
    if (moved.empty()) return {};
    for (engine::ColumnPtr& column : old) column = some_rows(column, moved);
    return buffer.remove(old, moved.size(), now.first(moved.size()));
  }

  // Removes the rows that earlier attempts have already written, and returns the number of remaining rows. If
  // RETURNING needs them, also collects the keys of the remaining rows.
  Result<size_t> keep_what_is_left(std::vector<engine::ColumnPtr>& written, size_t rows) {
    const bool tells_keys = !returned_.empty() && !is_plain_insert();
    if (!attempts_->left() && !tells_keys) return rows;
    std::vector<std::string> keys = TRY(own_->keys_of(written, rows));
    std::vector<size_t> kept;
    for (size_t row = 0; row < rows; ++row) {
      if (attempts_->left() && !attempts_->left()->contains(keys[row])) continue;
      kept.push_back(row);
      if (tells_keys) returned_keys_.push_back(std::move(keys[row]));
    }
    if (kept.size() == rows) return rows;
    for (engine::ColumnPtr& column : written) column = some_rows(column, kept);
    return kept.size();
  }

  // Collects the rows of RETURNING. They are sent when all written rows are durable.
  Status tell(std::span<const engine::ColumnPtr> written, size_t rows, size_t about_bytes) {
    if (returned_.empty()) return {};
    constexpr size_t kBytesOfRow = 64;
    told_bytes_ += 2 * about_bytes + kBytesOfRow * rows;
    if (!told_charge_.try_resize(told_bytes_))
      return session().memory()->refusal("the rows of RETURNING");
    const auto values = TRY(planner_->compute_returned(returning_, *write_->target, written, rows));
    for (size_t i = 0; i < returned_.size(); ++i)
      for (size_t row = 0; row < rows; ++row) returned_[i]->append_from(*values[i], row);
    return {};
  }

  void fail(Error error) {
    if (std::exchange(has_failed_, true)) return;
    receiver().on_error(std::move(error));
  }

  const std::shared_ptr<const SqlPrepared> prepared_;
  const std::shared_ptr<const RowsWrite> write_;
  RowBuffer* held_ = nullptr;  // the transaction's buffer; null: own_ is used
  std::unique_ptr<RowBuffer> own_;
  std::optional<LeftOutColumns> left_out_;
  MemoryCharge charge_{session().memory(), MemoryKind::Copy};
  size_t charge_bytes_ = 0;
  std::vector<std::shared_ptr<engine::Column>> returned_;  // the columns of RETURNING
  Returning returning_;
  std::unique_ptr<Planner> planner_;  // plans and computes RETURNING
  MemoryCharge told_charge_{session().memory(), MemoryKind::Results};
  size_t told_bytes_ = 0;
  std::unique_ptr<sql::Execution> select_, append_;
  RowBuffer::Keys keys_;  // the keys so far, if each key may occur only once
  uint64_t rows_ = 0;
  bool has_failed_ = false;
  // The members below are used in a cluster only. `attempts_` is shared with the worker that sorts
  // keys.
  const std::shared_ptr<OptimisticRetry> attempts_ = std::make_shared<OptimisticRetry>();
  // moves sequences past the explicit numbers before the rows are written
  std::optional<SequenceAdvance> passing_;
  std::unique_ptr<sql::Errand> sorting_;
  std::vector<engine::Value> parameters_;
  std::vector<std::string> returned_keys_;  // keys of the rows of returned_
  std::optional<Timer> timer_;              // set until the next attempt
  std::optional<StalledTurns> stalled_;     // set while is_appending_
  int64_t attempts_made_ = 0, give_up_us_ = 0;
  bool is_appending_ = false, is_cancelled_ = false;
};

// Deletes the rows of one table after the other. In a transaction the changes are invisible to
// others until the transaction commits.
class TruncateExecution final : public SqlExecution, private sql::Receiver {
 public:
  TruncateExecution(SqlSession& session, sql::Receiver& receiver,
                    std::shared_ptr<const engine::ParsedStatement> statement)
      : SqlExecution(session, receiver), statement_(std::move(statement)) {}

  Status begin_next() {
    const auto& tables = std::get<engine::Truncate>(statement_->statement).tables;
    if (at_ == tables.size()) {
      receiver().on_done({"TRUNCATE TABLE"});
      return {};
    }
    auto remove = std::make_shared<engine::ParsedStatement>();
    remove->text = statement_->text;
    remove->start = statement_->start;
    engine::DeleteRows rows;
    rows.target = tables[at_++];
    remove->statement = std::move(rows);
    const auto prepared = TRY(session().prepare(std::move(remove), {}));
    former_ = std::move(running_);
    running_ = TRY(session().start_part(prepared, {}, *this));
    return {};
  }

 private:
  void on_rows(std::span<const engine::ColumnPtr>, size_t, size_t) override {}
  void on_notice(sql::Notice notice) override { receiver().on_notice(std::move(notice)); }
  void on_error(Error error) override { receiver().on_error(std::move(error)); }
  // The work is posted to the loop, because this function is called from within the statement that ends, and must
  // not destroy it.
  void on_done(sql::Completion) override {
    session().shard().loop().post(weak_callback().here([this] {
      if (const Status begun = begin_next(); !begun) receiver().on_error(begun.error());
    }));
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  size_t at_ = 0;
  std::unique_ptr<sql::Execution> former_, running_;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_truncate_rows(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement) {
  auto run = std::make_unique<TruncateExecution>(session, receiver, statement);
  TRY(run->begin_next());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

Result<std::unique_ptr<sql::Execution>> run_rows_write(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const SqlPrepared>& prepared, std::vector<engine::Value> parameters) {
  auto run = std::make_unique<RowsWriteExecution>(session, receiver, prepared);
  TRY(run->begin(std::move(parameters)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
