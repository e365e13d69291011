// Table locks: statements that change rows after reading them, and definitions of their tables, run
// for one session at a time.
#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "server/sql/execution.h"

namespace server {

namespace {

// The longest wait for the table locks if lock_timeout is 0.
constexpr int64_t kMostWait_ms = 30'000;

// Waits for the table locks, runs the statement and forwards its output. Releases the locks at the
// end of the statement, unless the session is in a transaction.
class TurnExecution final : public SqlExecution, private sql::Receiver {
 public:
  TurnExecution(SqlSession& session, sql::Receiver& receiver,
                std::shared_ptr<const SqlPrepared> prepared, std::vector<engine::Value> parameters)
      : SqlExecution(session, receiver),
        prepared_(std::move(prepared)),
        parameters_(std::move(parameters)) {}
  // If the statement has not ended, the client has disconnected, so the table locks are released
  // here.
  ~TurnExecution() override {
    if (!is_over_) give_up_turns();
  }

  // `locked`: the topics whose rows the statement locks against the sessions of other nodes, too.
  Status begin(std::set<std::string> topics, std::set<std::string> locked) {
    locked_ = std::move(locked);
    std::erase_if(topics, [this](const std::string& topic) { return session().has_turn(topic); });
    const auto granted = [this, topics](TableLocks::Hold hold) {
      // The locks may have been granted before the request was withdrawn, while this call was still
      // in the mailbox of the loop. The client has its error by then, and `hold` is released.
      if (is_over_) return;
      place_ = {};
      timer_.reset();
      session().take_turn(topics, hold);
      if (const Status begun = lock_rows(); !begun) fail(begun.error());
    };
    TableLocks::Asked asked = session().parts().turns.ask(topics, TableLocks::Mode::Exclusive,
                                                          on_loop(granted), &session());
    if (asked.is_deadlock) {
      is_over_ = true;
      give_up_turns();
      return deadlock();
    }
    if (asked.hold) {
      session().take_turn(topics, asked.hold);
      const Status begun = lock_rows();
      if (begun) return {};
      is_over_ = true;
      give_up_turns();
      return begun.error();
    }
    place_ = std::move(asked.place);
    if (wait() != engine::RowLocks::Wait::Blocks) return do_without();
    start_timer();
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
    asked_ = nullptr;
    row_place_ = nullptr;
    fail({ErrorCode::QueryCanceled, "canceling statement due to user request"});
  }

 private:
  // The answer to a request for a row lock. It may arrive before the function that requests the
  // lock returns.
  struct Asked {
    std::mutex mutex = {};
    std::optional<Result<NamedLocks::HoldPtr>> answer = {};  // guarded by mutex
    bool is_returned = false;                                // guarded by mutex
  };

  static Error deadlock() {
    return {ErrorCode::Deadlock, "deadlock detected",
            "Another transaction waits for a table that this transaction changes, and holds the "
            "table that this transaction is to change.",
            "Repeat the transaction. Transactions that change the same tables in the same order "
            "have no deadlocks."};
  }
  void start_timer() {
    timer_.emplace(session().shard().loop(), "turns", [this] { time_out(); });
    const int64_t lock_timeout_ms = session().setting_ms("lock_timeout", 0);
    timer_->start_once(lock_timeout_ms > 0 ? lock_timeout_ms : kMostWait_ms);
  }

  // Requests the row locks, which exclude sessions of other nodes, one after the other, and then
  // runs the statement. Sessions of this node are already excluded by the table locks.
  Status lock_rows() {
    while (!locked_.empty()) {
      const std::string topic = *locked_.begin();
      if (!session().has_row_lock(topic)) {
        auto answer = ask_row_lock(topic);
        if (!answer) {
          if (!timer_) start_timer();
          return {};
        }
        if (!TRY(take_row_lock(topic, std::move(*answer)))) return do_without();
      }
      locked_.erase(topic);
    }
    timer_.reset();
    return try_start();
  }
  // Requests the lock. Returns the answer if it arrives within the call.
  std::optional<Result<NamedLocks::HoldPtr>> ask_row_lock(const std::string& topic) {
    asked_ = std::make_shared<Asked>();
    const auto wake = on_loop([this, topic](Result<NamedLocks::HoldPtr> hold) {
      if (is_over_ || !asked_) return;
      auto taken = take_row_lock(topic, std::move(hold));
      const Status begun = !taken ? Status(taken.error()) : *taken ? lock_rows() : do_without();
      if (!begun) fail(begun.error());
    });
    const auto answered = [asked = asked_, wake](Result<NamedLocks::HoldPtr> hold) {
      {
        const std::lock_guard lock(asked->mutex);
        if (!asked->is_returned) {
          asked->answer = std::move(hold);
          return;
        }
      }
      wake(std::move(hold));
    };
    row_place_ = session().parts().locks->ask({.name = SqlSession::row_lock(topic),
                                               .waits = wait() == engine::RowLocks::Wait::Blocks,
                                               .owner = &session()},
                                              answered);
    const std::lock_guard lock(asked_->mutex);
    asked_->is_returned = true;
    return std::exchange(asked_->answer, std::nullopt);
  }
  // Returns whether the lock is granted.
  Result<bool> take_row_lock(const std::string& topic, Result<NamedLocks::HoldPtr> answer) {
    asked_ = nullptr;
    row_place_ = nullptr;
    if (!answer && answer.error().code == ErrorCode::Deadlock) return deadlock();
    const NamedLocks::HoldPtr hold = TRY(std::move(answer));
    if (hold) session().take_row_lock(topic, hold);
    return hold != nullptr;
  }

  // Stores the offsets up to which the statement has read the rows that it has locked. If another
  // node changes one of the rows later, the transaction detects it when it writes the row.
  void note_locked_rows() {
    if (!session().in_transaction()) return;
    const MetadataImagePtr image = session().parts().definitions.image();
    for (const engine::TableName& each : prepared_->statement->row_locks.tables)
      if (const auto source = session().find_source(*image, each.name))
        if (const storage::TopicInfo* topic = image->topics->find(source->topic))
          session().note_held_read(topic->id);
  }

  // Returns how the statement waits for the tables. A statement that changes rows always waits.
  engine::RowLocks::Wait wait() const {
    const engine::ParsedStatement& statement = *prepared_->statement;
    return std::holds_alternative<engine::Query>(statement.statement)
               ? statement.row_locks.wait
               : engine::RowLocks::Wait::Blocks;
  }
  // Answers SELECT ... NOWAIT with an error, and SKIP LOCKED without rows, because another session
  // has locked the tables and thereby all of their rows.
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
    asked_ = nullptr;
    row_place_ = nullptr;
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
    note_locked_rows();
    give_up_turns();
    receiver().on_done(std::move(completion));
  }
  void on_error(Error error) override { fail(std::move(error)); }

  const std::shared_ptr<const SqlPrepared> prepared_;
  std::vector<engine::Value> parameters_;
  TableLocks::Place place_;       // set while the statement waits for table locks
  std::set<std::string> locked_;  // topics whose row locks are not taken yet
  // Set while the statement waits for a row lock; shared with the callback of the request.
  std::shared_ptr<Asked> asked_;
  NamedLocks::Place row_place_;
  std::optional<Timer> timer_;
  std::unique_ptr<sql::Execution> running_;
  bool is_over_ = false;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_in_turn(SqlSession& session, sql::Receiver& receiver,
                                                    std::shared_ptr<const SqlPrepared> prepared,
                                                    std::vector<engine::Value> parameters,
                                                    std::set<std::string> topics,
                                                    std::set<std::string> locked) {
  auto run = std::make_unique<TurnExecution>(session, receiver, std::move(prepared),
                                             std::move(parameters));
  TRY(run->begin(std::move(topics), std::move(locked)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

namespace {

class LostLocksExecution final : public SqlExecution {
 public:
  LostLocksExecution(SqlSession& session, sql::Receiver& receiver)
      : SqlExecution(session, receiver) {
    session.rollback();
    session.shard().loop().post(weak_callback().here([this] {
      SqlExecution::receiver().on_error(
          {ErrorCode::FencedTask, "could not serialize access: row locks were lost",
           "This node was frozen, or cut off from the other nodes, so other sessions may have "
           "locked or changed the rows. Nothing was written.",
           "Repeat the transaction."});
    }));
  }
  void cancel() override {}
};

}  // namespace

std::unique_ptr<sql::Execution> run_lost_locks(SqlSession& session, sql::Receiver& receiver) {
  return std::make_unique<LostLocksExecution>(session, receiver);
}

}  // namespace server
