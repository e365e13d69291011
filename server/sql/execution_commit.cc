// The ends of transactions: rows first, then what was defined (docs/adr/0059).
#include <algorithm>
#include <utility>

#include "server/sql/append_changes.h"
#include "server/sql/execution.h"

namespace server {

namespace {

using Begun = sql::SessionBackend::Begun;

// In a cluster the rows of a transaction are one request, as far as they fit into one: so they are there together.
constexpr size_t kMostOfRequest = 1 << 20;

// In a cluster, of one partition: only as long as nobody has changed the rows that the transaction has read and changed.
class ChangesCommit final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  void begin(storage::PartitionBatches part, Offset read_to, WriterTurns turns) {
    std::vector<ClusterTopics::Change> changes;
    changes.push_back({part.partition, std::move(part.batches), read_to});
    append_changes(
        session().parts(), std::move(changes),
        [turns = std::move(turns),
         told = on_loop([this](ClusterTopics::Changed changed) { end(std::move(changed)); })](
            std::vector<ClusterTopics::Changed> changed) { told(std::move(changed.front())); });
  }

 private:
  void end(ClusterTopics::Changed changed) {
    // FencedTask is PostgreSQL's 40001 for them: somebody else has gone on from what they have read.
    if (changed.was_overtaken())
      return receiver().on_error({ErrorCode::FencedTask,
                                  "could not serialize access due to concurrent update",
                                  "A session of another node, or a row that was written without "
                                  "having been read, came first. Nothing of the transaction was "
                                  "written.",
                                  "Begin it anew."});
    if (!changed.appended) return receiver().on_error(std::move(changed.appended).error());
    session().note_written({*changed.appended});
    receiver().on_done({"COMMIT"});
  }
};

Error not_in_cluster(std::string what) {
  return {ErrorCode::NotSupported, std::move(what) + " is not supported in a cluster yet",
          "Nothing of it was written.",
          "Write outside of a transaction: each statement is then acknowledged when "
          "all of its rows are there."};
}

std::unique_ptr<sql::Execution> refuse(SqlSession& session, sql::Receiver& receiver, Error error) {
  receiver.on_error(std::move(error));
  return std::make_unique<SqlExecution>(session, receiver);
}

std::unique_ptr<sql::Execution> append_in_cluster(SqlSession& session, sql::Receiver& receiver,
                                                  storage::AppendRequest request, Begun by,
                                                  const ReadEnds& read, WriterTurns turns) {
  if (request.parts.size() > 1) {
    const bool has_read = std::ranges::any_of(
        request.parts, [&](const auto& part) { return read.contains(part.partition); });
    if (by == Begun::ByClient || has_read) return refuse(session, receiver, spans_partitions());
    return run_append(session, receiver, std::move(request), "COMMIT", std::nullopt, {},
                      std::move(turns));
  }
  storage::PartitionBatches& part = request.parts.front();
  const bool is_one_request = part.batches.size() <= kMostOfRequest;
  if (is_one_request) part.batches = joined_batches(part.batches);
  const auto read_to = read.find(part.partition);
  if (read_to == read.end())
    return run_append(session, receiver, std::move(request), "COMMIT", std::nullopt, {},
                      std::move(turns));
  if (!is_one_request)
    return refuse(
        session, receiver,
        not_in_cluster("a transaction that changes what it has read, of more than 1 MB,"));
  auto run = std::make_unique<ChangesCommit>(session, receiver);
  run->begin(std::move(part), read_to->second, std::move(turns));
  return run;
}

std::unique_ptr<sql::Execution> append_held(SqlSession& session, sql::Receiver& receiver,
                                            storage::AppendRequest request, Begun by,
                                            const ReadEnds& read, WriterTurns turns) {
  if (session.parts().cluster != nullptr && !request.parts.empty())
    return append_in_cluster(session, receiver, std::move(request), by, read, std::move(turns));
  return run_append(session, receiver, std::move(request), "COMMIT", std::nullopt, {},
                    std::move(turns));
}

class CommitExecution final : public SqlExecution, private sql::Receiver {
 public:
  CommitExecution(SqlSession& session, sql::Receiver& receiver, DefiningTransactionPtr transaction)
      : SqlExecution(session, receiver), transaction_(std::move(transaction)) {}
  // A client that has left after COMMIT: the rows are on their way, and so what they are in stays.
  ~CommitExecution() override {
    if (!has_ended_)
      session().parts().definitions.end(transaction_, TransactionEnd::Commit, [](const Status&) {});
  }

  void begin(storage::AppendRequest request, Begun by, const ReadEnds& read, WriterTurns turns) {
    append_ = append_held(session(), *this, std::move(request), by, read, std::move(turns));
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
                                           storage::AppendRequest request, Begun by,
                                           const ReadEnds& read, WriterTurns turns,
                                           DefiningTransactionPtr transaction) {
  if (!transaction)
    return append_held(session, receiver, std::move(request), by, read, std::move(turns));
  auto run = std::make_unique<CommitExecution>(session, receiver, std::move(transaction));
  run->begin(std::move(request), by, read, std::move(turns));
  return run;
}

Error spans_partitions() {
  return not_in_cluster("a transaction that writes to several partitions");
}

std::unique_ptr<sql::Execution> run_await_undo(SqlSession& session, sql::Receiver& receiver,
                                               std::shared_ptr<Undoing> undoing) {
  auto run = std::make_unique<UndoExecution>(session, receiver);
  run->begin(std::move(undoing));
  return run;
}

}  // namespace server
