// INSERT ... SELECT into a table, UPDATE and DELETE: the rows of a SELECT as of one commit, appended in one commit.
#include <fmt/format.h>

#include "server/sql/execution.h"
#include "server/sql/written_rows.h"

namespace server {

namespace {

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
    select_ = TRY(session().start(prepared_->rows, std::move(parameters), *this));
    return {};
  }
  // What is on its way to the log cannot be called back.
  void cancel() override {
    if (append_ || has_failed_) return;
    select_.reset();
    fail({ErrorCode::QueryCanceled, "canceling statement due to user request"});
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
    const std::string_view tag = write_->kind == RowsWrite::Kind::Insert   ? "INSERT 0"
                                 : write_->kind == RowsWrite::Kind::Update ? "UPDATE"
                                                                           : "DELETE";
    storage::AppendRequest request;
    if (own_) own_->take(request);
    append_ =
        run_append(session(), receiver(), std::move(request), std::string(tag), rows_,
                   {returned_.begin(), returned_.end()}, held_ ? WriterTurns() : session().turns());
  }

  Status take(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row) {
    const size_t rows = end_row - first_row;
    std::vector<engine::ColumnPtr> written =
        TRY(written_columns(write_->target->schema, write_->places, columns, first_row, end_row,
                            write_->kind == RowsWrite::Kind::Insert ? KeysOf::NewRows
                                                                    : KeysOf::RowsThatAreThere));
    if (write_->kind != RowsWrite::Kind::Delete) TRY(left_out_->fill(written, rows));
    const std::vector<int64_t> now(rows, session().parts().clock.wall_ms());
    RowBuffer& buffer = held_ ? *held_ : *own_;
    const size_t size_before = buffer.size_bytes();
    if (write_->kind == RowsWrite::Kind::Delete)
      TRY(buffer.remove(written, rows, now));
    else
      TRY(buffer.add(written, rows, now, {}, write_->has_each_key_once ? &keys_ : nullptr));
    rows_ += rows;
    TRY(tell(written, rows, buffer.size_bytes() - size_before));
    if (held_) return session().check_held_rows();
    const auto limit = static_cast<size_t>(session().parts().settings.copy_atomic_bytes);
    if (own_->size_bytes() > limit)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("the statement writes more than {}", format_bytes(limit)),
                   "Its rows are one commit, up to copy-atomic-bytes.",
                   "Write fewer rows at a time, or raise copy-atomic-bytes."};
    if (charge_.try_resize(own_->size_bytes())) return {};
    return session().memory()->refusal("the rows that a statement writes");
  }

  // What RETURNING tells, when all is durable.
  Status tell(std::span<const engine::ColumnPtr> written, size_t rows, size_t about_bytes) {
    if (returned_.empty()) return {};
    constexpr size_t kBytesOfRow = 64;
    told_bytes_ += 2 * about_bytes + kBytesOfRow * rows;
    if (!told_charge_.try_resize(told_bytes_))
      return session().memory()->refusal("the rows that RETURNING tells");
    for (size_t i = 0; i < returned_.size(); ++i) {
      const engine::ColumnPtr& from = written[prepared_->returning[i]];
      for (size_t row = 0; row < rows; ++row)
        from ? returned_[i]->append_from(*from, row) : returned_[i]->append_null();
    }
    return {};
  }

  void fail(Error error) {
    if (std::exchange(has_failed_, true)) return;
    receiver().on_error(std::move(error));
  }

  const std::shared_ptr<const SqlPrepared> prepared_;
  const std::shared_ptr<const RowsWrite> write_;
  RowBuffer* held_ = nullptr;  // the transaction's
  std::unique_ptr<RowBuffer> own_;
  std::optional<LeftOutColumns> left_out_;
  MemoryCharge charge_{session().memory(), MemoryKind::Copy};
  std::vector<std::shared_ptr<engine::Column>> returned_;  // of RETURNING
  MemoryCharge told_charge_{session().memory(), MemoryKind::Results};
  size_t told_bytes_ = 0;
  std::unique_ptr<sql::Execution> select_, append_;
  RowBuffer::Keys keys_;  // where each comes once
  uint64_t rows_ = 0;
  bool has_failed_ = false;
};

// One table after the other; nothing of it is seen before the transaction commits.
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
    running_ = TRY(session().start(prepared, {}, *this));
    return {};
  }

 private:
  void on_rows(std::span<const engine::ColumnPtr>, size_t, size_t) override {}
  void on_notice(sql::Notice notice) override { receiver().on_notice(std::move(notice)); }
  void on_error(Error error) override { receiver().on_error(std::move(error)); }
  // Not within a call of the one that ends.
  void on_done(sql::Completion) override {
    session().shard().loop().post(interest().here([this] {
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
