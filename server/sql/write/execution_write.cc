#include <fmt/format.h>

#include <set>

#include "engine/functions/session_zone.h"
#include "server/sql/access/unchecked_rights.h"
#include "server/sql/execution.h"

namespace server {

namespace {

// Appends several records of which readers see all or none, see append_as_one(). `here` is the
// caller's loop, see ClusterTopics::append().
void append_as_one_from(Loop* here, SqlParts& parts, storage::AppendRequest request,
                        storage::AppendDone done);

class DefinitionExecution final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  void begin(std::shared_ptr<const engine::ParsedStatement> statement) {
    statement_ = std::move(statement);
    find_dropped();
    const auto* alter = std::get_if<engine::AlterSequence>(&statement_->statement);
    if (!alter) return submit();
    session().parts().sequences.give_back(alter->name.name.text, on_loop([this] { submit(); }));
  }

 private:
  void submit() {
    session().parts().definitions.submit(
        session().temporary().translate(statement_),
        engine::without_session_forms(session().properties()),
        on_loop([this](Result<DefinitionOutcome> outcome) { end(std::move(outcome)); }),
        session().asker(), session().defining_transaction());
  }

  void find_dropped() {
    const MetadataImagePtr image = session().parts().definitions.image();
    const auto add = [&](const engine::DropSource& drop) {
      const auto source = session().find_source(*image, drop.name);
      if (!source) return;
      dropped_.push_back(source->name);
      if (source->owns_topic && !source->is_temporary && !drop.delete_topic)
        owned_topics_.insert(source->topic);
    };
    const engine::Statement& defined = statement_->statement;
    if (const auto* drop = std::get_if<engine::DropSource>(&defined)) add(*drop);
    if (const auto* drops = std::get_if<engine::DropSources>(&defined))
      for (const engine::DropSource& each : drops->drops) add(each);
  }

  void end(Result<DefinitionOutcome> outcome) {
    if (!outcome) return receiver().on_error(std::move(outcome).error());
    for (const std::string& source : dropped_) session().forget_held(source);
    session().temporary().note(statement_->statement);
    for (std::string& notice : outcome->notices)
      receiver().on_notice({sql::NoticeLevel::Notice, std::move(notice)});
    if (auto warning =
            sql::warning_about_unchecked_rights(statement_->statement, session().asker()))
      receiver().on_notice(*std::move(warning));
    tell_dropped_topics();
    receiver().on_done({std::move(outcome->tag), {}, std::move(outcome->query_id)});
  }

  // Sends a notice for each topic that was deleted with its source. Its level is Log, since
  // PostgreSQL's clients expect no message about a DROP unless they ask for it.
  void tell_dropped_topics() {
    const auto& topics = *session().parts().definitions.image()->topics;
    for (const std::string& topic : owned_topics_)
      if (topics.find(topic) == nullptr)
        receiver().on_notice(
            {sql::NoticeLevel::Log,
             fmt::format("topic \"{}\", which was created for it, is deleted, too", topic)});
  }

  std::shared_ptr<const engine::ParsedStatement> statement_;
  std::set<std::string> owned_topics_;  // topics that are deleted with the dropped sources
  std::vector<std::string> dropped_;    // dropped sources of which the transaction may hold rows
};

class AppendExecution final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  // Holds the table locks until the rows are durable, even if the client disconnects.
  void begin(storage::AppendRequest request, std::string command, std::optional<uint64_t> rows,
             std::vector<engine::ColumnPtr> returned, WriterTurns turns) {
    returned_ = std::move(returned);
    if (request.parts.empty()) return end(command, rows);
    storage::AppendDone done =
        [turns = std::move(turns),
         told = on_loop([this, command, rows](Result<storage::Appended> appended) {
           if (!appended) return receiver().on_error(std::move(appended).error());
           session().note_written(appended->batches);
           end(command, rows);
         })](Result<storage::Appended> appended) { told(std::move(appended)); };
    // A single record needs no lock, since readers see it as a whole or not at all.
    Loop& here = session().shard().loop();
    if (rows == 1)
      session().parts().cluster->append(std::move(request), AppendTo::Topics, &here,
                                        std::move(done));
    else
      append_as_one_from(&here, session().parts(), std::move(request), std::move(done));
  }

 private:
  void end(const std::string& command, std::optional<uint64_t> rows) {
    if (!returned_.empty()) receiver().on_rows(returned_, 0, rows.value_or(0));
    receiver().on_done({command, rows});
  }

  std::vector<engine::ColumnPtr> returned_;
};

// An append that waits until the readers of its tables have begun their scans. It continues even if
// its session ends.
struct WaitingAppend {
  storage::AppendRequest request;
  storage::AppendDone done;
  OwnedCharge charge;
};

void append_as_one_from(Loop* here, SqlParts& parts, storage::AppendRequest request,
                        storage::AppendDone done) {
  std::set<std::string> topics;
  for (const auto& part : request.parts) topics.insert(part.partition.topic.to_string());
  auto waiting = std::make_shared<WaitingAppend>(WaitingAppend{
      std::move(request), std::move(done), OwnedCharge(parts.memory, MemoryKind::Queues)});
  const auto append = [here, &parts, waiting](TableLocks::Hold hold) {
    waiting->charge.resize(0);
    parts.cluster->append(std::move(waiting->request), AppendTo::Topics, here,
                          [hold = std::move(hold), done = std::move(waiting->done)](
                              Result<storage::Appended> appended) mutable {
                            // The lock is released before the client gets its answer, so that the
                            // client's next read does not wait for the lock.
                            hold = nullptr;
                            done(std::move(appended));
                          });
  };
  TableLocks::Asked asked = parts.commits.ask(std::move(topics), TableLocks::Mode::Writers, append);
  if (asked.hold) return append(std::move(asked.hold));
  asked.place.stay();
}

}  // namespace

Status check_are_there(const MetadataImage& image, const storage::AppendRequest& request) {
  for (const auto& part : request.parts) TRY(check_is_there(image, part.partition.topic));
  return {};
}

Status check_is_there(const MetadataImage& image, const Uuid& topic) {
  TRY(check_not_dropped(topic, image));
  if (image.topics->find(topic)) return {};
  return Error{ErrorCode::UnknownTopic,
               "the stream or table was dropped, emptied or recreated while rows for it were "
               "collected"};
}

void append_when_room(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done,
                      AppendTo to) {
  parts.cluster->append(std::move(request), to, nullptr, std::move(done));
}

void append_as_one(SqlParts& parts, storage::AppendRequest request, storage::AppendDone done) {
  append_as_one_from(nullptr, parts, std::move(request), std::move(done));
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
                                           std::optional<uint64_t> rows,
                                           std::vector<engine::ColumnPtr> returned,
                                           WriterTurns turns) {
  auto run = std::make_unique<AppendExecution>(session, receiver);
  run->begin(std::move(request), std::move(command), rows, std::move(returned), std::move(turns));
  return run;
}

}  // namespace server
