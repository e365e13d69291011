#include "server/sql/execution.h"

namespace server {

namespace {

class DefinitionExecution final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  void begin(std::shared_ptr<const engine::ParsedStatement> statement) {
    session().parts().definitions.submit(
        std::move(statement), session().properties(),
        on_loop([this](Result<DefinitionOutcome> outcome) { end(std::move(outcome)); }),
        session().asker());
  }

 private:
  void end(Result<DefinitionOutcome> outcome) {
    if (!outcome) return receiver().on_error(std::move(outcome).error());
    for (std::string& notice : outcome->notices)
      receiver().on_notice({sql::NoticeLevel::Notice, std::move(notice)});
    receiver().on_done({std::move(outcome->tag), {}, std::move(outcome->query_id)});
  }
};

class AppendExecution final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  void begin(storage::AppendRequest request, std::string command, std::optional<uint64_t> rows) {
    if (request.parts.empty()) return receiver().on_done({std::move(command), rows});
    append_when_room(session().parts(), std::move(request),
                     on_loop([this, command, rows](Result<storage::Appended> appended) {
                       if (!appended) return receiver().on_error(std::move(appended).error());
                       session().note_written(appended->batches);
                       receiver().on_done({command, rows});
                     }));
  }
};

// What the log has no room for. It outlives its session.
struct WaitingAppend {
  storage::AppendRequest request;
  storage::AppendDone done;
  OwnedCharge charge;
};

// The log's callback must be copyable, so what waits is shared with it.
void wait_for_room(storage::Log& log, const std::shared_ptr<WaitingAppend>& waiting) {
  log.when_room([&log, waiting] {
    if (!log.try_append(waiting->request, waiting->done)) wait_for_room(log, waiting);
  });
}

}  // namespace

void append_when_room(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done) {
  if (parts.log.try_append(request, done)) return;
  OwnedCharge charge(parts.memory, MemoryKind::Queues);
  if (!charge.try_resize(storage::size_of(request)))
    return done(charge.refusal("rows that wait for the disk"));
  wait_for_room(parts.log, std::make_shared<WaitingAppend>(WaitingAppend{
                               std::move(request), std::move(done), std::move(charge)}));
}

std::unique_ptr<sql::Execution> run_rows(SqlSession& session, sql::Receiver& receiver,
                                         std::vector<engine::ColumnPtr> columns, size_t rows) {
  if (rows > 0) receiver.on_rows(columns, 0, rows);
  receiver.on_done({"SELECT"});
  return std::make_unique<SqlExecution>(session, receiver);
}

std::unique_ptr<sql::Execution> run_definition(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement) {
  auto run = std::make_unique<DefinitionExecution>(session, receiver);
  run->begin(std::move(statement));
  return run;
}

std::unique_ptr<sql::Execution> run_append(SqlSession& session, sql::Receiver& receiver,
                                           storage::AppendRequest request, std::string command,
                                           std::optional<uint64_t> rows) {
  auto run = std::make_unique<AppendExecution>(session, receiver);
  run->begin(std::move(request), std::move(command), rows);
  return run;
}

}  // namespace server
