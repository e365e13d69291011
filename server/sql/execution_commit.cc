// The ends of transactions: rows first, then what was defined (docs/adr/0059).
#include "server/sql/execution.h"

namespace server {

namespace {

class CommitExecution final : public SqlExecution, private sql::Receiver {
 public:
  CommitExecution(SqlSession& session, sql::Receiver& receiver, DefiningTransactionPtr transaction)
      : SqlExecution(session, receiver), transaction_(std::move(transaction)) {}
  // A client that has left after COMMIT: the rows are on their way, and so what they are in stays.
  ~CommitExecution() override {
    if (!has_ended_)
      session().parts().definitions.end(transaction_, TransactionEnd::Commit, [](const Status&) {});
  }

  void begin(storage::AppendRequest request, WriterTurns turns) {
    append_ = run_append(session(), *this, std::move(request), "COMMIT", std::nullopt, {},
                         std::move(turns));
  }

 private:
  void on_rows(std::span<const engine::ColumnPtr>, size_t, size_t) override {}
  void on_notice(sql::Notice notice) override { receiver().on_notice(std::move(notice)); }
  void on_done(sql::Completion completion) override {
    end(TransactionEnd::Commit, [this, completion](const Status& ended) {
      if (!ended) return receiver().on_error(ended.error());
      receiver().on_done(completion);
    });
  }
  void on_error(Error error) override {
    end(TransactionEnd::Rollback, [this, error](const Status&) { receiver().on_error(error); });
  }
  template <class Done>
  void end(TransactionEnd how, Done done) {
    has_ended_ = true;
    session().parts().definitions.end(transaction_, how,
                                      on_loop([done](const Status& status) { done(status); }));
  }

  const DefiningTransactionPtr transaction_;
  std::unique_ptr<sql::Execution> append_;
  bool has_ended_ = false;
};

class UndoExecution final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  ~UndoExecution() override {
    if (undoing_) undoing_->told = nullptr;
  }
  void begin(std::shared_ptr<Undoing> undoing) {
    if (undoing->is_done) return receiver().on_done({"ROLLBACK"});
    undoing_ = std::move(undoing);
    undoing_->told = [this] { receiver().on_done({"ROLLBACK"}); };
  }

 private:
  std::shared_ptr<Undoing> undoing_;
};

}  // namespace

std::unique_ptr<sql::Execution> run_commit(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request, WriterTurns turns,
                                           DefiningTransactionPtr transaction) {
  if (session.parts().cluster != nullptr && request.parts.size() > 1) {
    receiver.on_error(Error{ErrorCode::NotSupported,
                            "a transaction that writes to several partitions is not supported in a "
                            "cluster yet",
                            "Nothing of it was written.",
                            "Write outside of a transaction: each statement is then acknowledged when "
                            "all of its rows are there."});
    return std::make_unique<SqlExecution>(session, receiver);
  }
  if (!transaction)
    return run_append(session, receiver, std::move(request), "COMMIT", std::nullopt, {},
                      std::move(turns));
  auto run = std::make_unique<CommitExecution>(session, receiver, std::move(transaction));
  run->begin(std::move(request), std::move(turns));
  return run;
}

std::unique_ptr<sql::Execution> run_await_undo(SqlSession& session, sql::Receiver& receiver,
                                               std::shared_ptr<Undoing> undoing) {
  auto run = std::make_unique<UndoExecution>(session, receiver);
  run->begin(std::move(undoing));
  return run;
}

}  // namespace server
