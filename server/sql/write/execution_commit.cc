// Commits of transactions: their rows are written first, then their definitions become permanent
// (docs/adr/0059).
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "server/sql/execution.h"
#include "server/sql/stalled_turns.h"
#include "server/sql/write/append_changes.h"

namespace server {

namespace {

using Begun = sql::SessionBackend::Begun;

// Limit for the size of a request with rows of a transaction. The rows for one partition are sent
// as one request up to this size, so that they become visible together.
constexpr size_t kMostOfRequest = 1 << 20;

// Returns the error for a transaction whose rows were changed by another writer after the
// transaction had read them. Clients receive FencedTask as PostgreSQL's 40001.
Error was_overtaken() {
  return {ErrorCode::FencedTask, "could not serialize access due to concurrent update",
          "A session of another node, or a row that was written without having been read, was "
          "first. Nothing of the transaction was written.",
          "Repeat the transaction."};
}

// A COMMIT if ClusterTopics::appends_conditionally() is true. It succeeds only if no other writer
// has changed the rows that the transaction has read and changed.
class ChangesCommit final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  // Appends the rows of one partition as one request.
  void begin(ClusterTopics::Change change, WriterTurns turns) {
    std::vector<ClusterTopics::Change> changes;
    changes.push_back(std::move(change));
    append_changes(
        session().parts(), std::move(changes),
        [turns = hold(std::move(turns)),
         told = on_loop([this](ClusterTopics::Changed changed) {
           if (changed.was_overtaken()) return receiver().on_error(was_overtaken());
           if (!changed.appended) return receiver().on_error(std::move(changed.appended).error());
           end({*changed.appended});
         })](std::vector<ClusterTopics::Changed> changed) { told(std::move(changed.front())); });
  }
  // Appends the rows of several partitions in one Kafka transaction.
  void begin(std::vector<ClusterTopics::Change> changes, WriterTurns turns) {
    commit_changes(session().parts(), std::move(changes),
                   [turns = hold(std::move(turns)),
                    told = on_loop([this](const Committed& committed) {
                      if (committed) return end(*committed);
                      receiver().on_error(committed.error().code == ErrorCode::ObjectState
                                              ? was_overtaken()
                                              : committed.error());
                    })](const Committed& committed) { told(committed); });
  }

 private:
  using Committed = Result<std::vector<storage::AppendedBatch>>;
  // Holds the table locks until the rows are written, or until StalledTurns releases them for other
  // statements.
  std::shared_ptr<WriterTurns> hold(WriterTurns turns) {
    auto held = std::make_shared<WriterTurns>(std::move(turns));
    stalled_.emplace(session(), held);
    return held;
  }
  void end(const std::vector<storage::AppendedBatch>& written) {
    session().note_written(written);
    receiver().on_done({"COMMIT"});
  }

  std::optional<StalledTurns> stalled_;
};

// Joins the rows for each partition into one change, since several tables may share a topic.
std::vector<ClusterTopics::Change> by_partition(storage::AppendRequest request,
                                                const ReadEnds& read) {
  std::vector<ClusterTopics::Change> changes;
  std::map<storage::TopicPartition, size_t> places;
  for (storage::PartitionBatches& part : request.parts) {
    const auto [known, is_new] = places.emplace(part.partition, changes.size());
    if (!is_new) {
      changes[known->second].batches += part.batches;
      continue;
    }
    ClusterTopics::Change& change = changes.emplace_back(part.partition, std::move(part.batches));
    if (const auto end = read.find(part.partition); end != read.end()) change.read_to = end->second;
  }
  return changes;
}

// Appends the rows of a transaction if no other writer has changed the rows that they were computed
// from. The statements of one message without BEGIN also form a transaction. Its rows are appended
// like the rows of one statement, unless they were computed from rows that the transaction has
// read.
std::unique_ptr<sql::Execution> append_on_conditions(SqlSession& session, sql::Receiver& receiver,
                                                     storage::AppendRequest request, Begun by,
                                                     const ReadEnds& read, WriterTurns turns) {
  std::vector<ClusterTopics::Change> changes = by_partition(std::move(request), read);
  const bool has_read =
      std::ranges::any_of(changes, [](const auto& change) { return change.read_to.has_value(); });
  const bool is_one_request =
      changes.size() == 1 && changes.front().batches.size() <= kMostOfRequest;
  if (is_one_request) changes.front().batches = joined_batches(changes.front().batches);
  if (!has_read && (is_one_request || by == Begun::ByMessage)) {
    storage::AppendRequest together;
    for (ClusterTopics::Change& change : changes)
      together.parts.push_back({change.partition, std::move(change.batches)});
    return run_append(session, receiver, std::move(together), "COMMIT", std::nullopt, {},
                      std::move(turns));
  }
  auto run = std::make_unique<ChangesCommit>(session, receiver);
  if (is_one_request)
    run->begin(std::move(changes.front()), std::move(turns));
  else
    run->begin(std::move(changes), std::move(turns));
  return run;
}

std::unique_ptr<sql::Execution> append_held(SqlSession& session, sql::Receiver& receiver,
                                            storage::AppendRequest request, Begun by,
                                            const ReadEnds& read, WriterTurns turns) {
  if (session.parts().cluster->appends_conditionally() && !request.parts.empty())
    return append_on_conditions(session, receiver, std::move(request), by, read, std::move(turns));
  return run_append(session, receiver, std::move(request), "COMMIT", std::nullopt, {},
                    std::move(turns));
}

class CommitExecution final : public SqlExecution, private sql::Receiver {
 public:
  CommitExecution(SqlSession& session, sql::Receiver& receiver, DefiningTransactionPtr transaction)
      : SqlExecution(session, receiver), transaction_(std::move(transaction)) {}
  // If the client disconnects after COMMIT, the rows may still be written, so the definitions of
  // the transaction become permanent.
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
    // Another node may have undone the definitions of the transaction already, so that its tables no longer exist.
    // In this case the error is the reason for that (transaction_->undone).
    end(TransactionEnd::Rollback, [this, error](const Status&) {
      receiver().on_error(transaction_->undone.value_or(error));
    });
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

std::unique_ptr<sql::Execution> run_await_undo(SqlSession& session, sql::Receiver& receiver,
                                               std::shared_ptr<Undoing> undoing) {
  auto run = std::make_unique<UndoExecution>(session, receiver);
  run->begin(std::move(undoing));
  return run;
}

}  // namespace server
