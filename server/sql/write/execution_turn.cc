// Turns: statements that change rows which they have read, and definitions of their tables, run for
// one session at a time.
#include <algorithm>

#include "server/sql/execution.h"

namespace server {

namespace {

// The longest wait for the turns if lock_timeout is 0.
constexpr int64_t kMostWait_ms = 30'000;

// Waits for the turns, runs the statement and forwards its output. Gives up the turns at the end of
// the statement, unless the session is in a transaction.
class TurnExecution final : public SqlExecution, private sql::Receiver {
 public:
  TurnExecution(SqlSession& session, sql::Receiver& receiver,
                std::shared_ptr<const SqlPrepared> prepared, std::vector<engine::Value> parameters)
      : SqlExecution(session, receiver),
        prepared_(std::move(prepared)),
        parameters_(std::move(parameters)) {}
  // If the statement has not ended, its client is gone.
  ~TurnExecution() override {
    if (!is_over_) give_up_turns();
  }

  Status begin(std::set<std::string> topics) {
    std::erase_if(topics, [this](const std::string& topic) { return session().has_turn(topic); });
    const auto granted = [this, topics](TableLocks::Hold hold) {
      place_ = {};
      timer_.reset();
      session().take_turn(topics, hold);
      start();
    };
    TableLocks::Asked asked = session().parts().turns.ask(topics, TableLocks::Mode::Exclusive,
                                                          on_loop(granted), &session());
    if (asked.is_deadlock) {
      is_over_ = true;
      give_up_turns();
      return Error{ErrorCode::Deadlock, "deadlock detected",
                   "Another transaction waits for a table that this transaction changes, and holds "
                   "the table that this transaction is to change.",
                   "Repeat the transaction. Transactions that change the same tables in the same "
                   "order have no deadlocks."};
    }
    if (asked.hold) {
      session().take_turn(topics, asked.hold);
      return try_start();
    }
    place_ = std::move(asked.place);
    if (wait() != engine::RowLocks::Wait::Blocks) return do_without();
    timer_.emplace(session().shard().loop(), "turns", [this] { time_out(); });
    const int64_t lock_timeout_ms = session().setting_ms("lock_timeout", 0);
    timer_->start_once(lock_timeout_ms > 0 ? lock_timeout_ms : kMostWait_ms);
    return {};
  }

  void pause() override {
    SqlExecution::pause();
    if (running_) running_->pause();
  }
  void resume() override {
    SqlExecution::resume();
    if (running_) running_->resume();
  }
  void cancel() override {
    if (running_) return running_->cancel();
    if (is_over_) return;
    timer_.reset();
    place_ = {};
    fail({ErrorCode::QueryCanceled, "canceling statement due to user request"});
  }

 private:
  // Returns how the statement waits for the tables. A statement that changes rows always waits.
  engine::RowLocks::Wait wait() const {
    const engine::ParsedStatement& statement = *prepared_->statement;
    return std::holds_alternative<engine::Query>(statement.statement)
               ? statement.row_locks.wait
               : engine::RowLocks::Wait::Blocks;
  }
  // Answers SELECT ... NOWAIT with an error and SKIP LOCKED without rows: another session has the
  // tables and thereby all of their rows.
  Status do_without() {
    place_ = {};
    is_over_ = true;
    if (wait() == engine::RowLocks::Wait::NoWait) {
      give_up_turns();
      return Error{ErrorCode::LockTimeout, "could not obtain lock on the rows",
                   "Another transaction has locked or changed rows of the same table.",
                   "A transaction locks all of a table's rows at once."};
    }
    session().shard().loop().post(weak_callback().here([this] {
      give_up_turns();
      receiver().on_done({"SELECT", 0});
    }));
    return {};
  }
  void time_out() {
    place_ = {};
    Error error{ErrorCode::LockTimeout, "canceling statement due to lock timeout"};
    error.detail = "Another transaction changes the same table and has not ended.";
    error.hint =
        "A transaction with UPDATE, DELETE or SELECT ... FOR UPDATE locks the whole table until it "
        "ends.";
    fail(std::move(error));
  }
  Status try_start() {
    auto started = session().start_in_turn(prepared_, std::move(parameters_), *this);
    if (!started) {
      is_over_ = true;
      give_up_turns();
      return std::move(started).error();
    }
    running_ = *std::move(started);
    if (is_paused()) running_->pause();
    return {};
  }
  void start() {
    if (const Status started = try_start(); !started) {
      is_over_ = true;
      SqlExecution::receiver().on_error(started.error());
    }
  }
  void give_up_turns() {
    if (!session().in_transaction()) session().give_up_turns();
  }
  void fail(Error error) {
    is_over_ = true;
    give_up_turns();
    receiver().on_error(std::move(error));
  }

  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override {
    receiver().on_rows(columns, first_row, end_row);
  }
  bool has_room(size_t first_row_bytes) override { return receiver().has_room(first_row_bytes); }
  void on_notice(sql::Notice notice) override { receiver().on_notice(std::move(notice)); }
  void on_done(sql::Completion completion) override {
    is_over_ = true;
    give_up_turns();
    receiver().on_done(std::move(completion));
  }
  void on_error(Error error) override { fail(std::move(error)); }

  const std::shared_ptr<const SqlPrepared> prepared_;
  std::vector<engine::Value> parameters_;
  TableLocks::Place place_;  // set while the statement waits
  std::optional<Timer> timer_;
  std::unique_ptr<sql::Execution> running_;
  bool is_over_ = false;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_in_turn(SqlSession& session, sql::Receiver& receiver,
                                                    std::shared_ptr<const SqlPrepared> prepared,
                                                    std::vector<engine::Value> parameters,
                                                    std::set<std::string> topics) {
  auto run = std::make_unique<TurnExecution>(session, receiver, std::move(prepared),
                                             std::move(parameters));
  TRY(run->begin(std::move(topics)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
