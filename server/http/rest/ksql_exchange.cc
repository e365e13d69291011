#include "server/http/rest/ksql_exchange.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "engine/json/json_writer.h"
#include "server/http/rest/command_log.h"
#include "server/http/rest/sql_errors.h"

namespace server::http {

namespace {

std::string_view kind_of(engine::SourceKind kind) {
  return kind == engine::SourceKind::Stream ? "stream" : "table";
}

struct CommandName {
  std::string_view query_id;
  static std::string of(std::string_view type, std::string_view name, std::string_view action) {
    return fmt::format("{}/`{}`/{}", type, name, action);
  }
  std::string operator()(const engine::CreateSource& create) const {
    return of(kind_of(create.kind), create.name.text, "create");
  }
  std::string operator()(const engine::CreateAsSelect& create) const {
    return of(kind_of(create.kind), create.name.text, "create");
  }
  std::string operator()(const engine::InsertSelect& insert) const {
    return of("stream", insert.target.text, "create");
  }
  std::string operator()(const engine::DropSource& drop) const {
    return of(kind_of(drop.kind), drop.name.text, "drop");
  }
  std::string operator()(const engine::AlterSource& alter) const {
    return of(kind_of(alter.kind), alter.name.text, "alter");
  }
  std::string operator()(const engine::CreateType& create) const {
    return of("type", create.name.text, "create");
  }
  std::string operator()(const engine::DropType& drop) const {
    return of("type", drop.name.text, "drop");
  }
  std::string operator()(const engine::ControlQuery& control) const {
    constexpr std::string_view kActions[] = {"terminate", "pause", "resume"};
    return fmt::format("{}/{}/execute", kActions[static_cast<size_t>(control.action)],
                       control.query_id ? control.query_id->text : "ALL");
  }
  std::string operator()(const auto&) const { return "statement/SYSTEM/execute"; }
};

// Builds ksqlDB's messages, such as "Stream created".
struct CommandMessage {
  std::string_view query_id;
  std::string made(engine::SourceKind kind, std::string_view what) const {
    if (!query_id.empty()) return fmt::format("Created query with ID {}", query_id);
    return fmt::format("{} {}", kind == engine::SourceKind::Stream ? "Stream" : "Table", what);
  }
  std::string operator()(const engine::CreateSource& create) const {
    return made(create.kind, "created");
  }
  std::string operator()(const engine::CreateAsSelect& create) const {
    return made(create.kind, "created and running");
  }
  std::string operator()(const engine::InsertSelect&) const {
    return made(engine::SourceKind::Stream, "created and running");
  }
  std::string operator()(const engine::DropSource& drop) const {
    return fmt::format("Source `{}` was dropped.", drop.name.text);
  }
  std::string operator()(const engine::AlterSource& alter) const {
    return made(alter.kind, "altered");
  }
  std::string operator()(const engine::ControlQuery& control) const {
    constexpr std::string_view kDone[] = {"Query terminated.", "Query paused.", "Query resumed."};
    return std::string(kDone[static_cast<size_t>(control.action)]);
  }
  std::string operator()(const engine::CreateType& create) const {
    return fmt::format("Registered custom type with name '{}'", create.name.text);
  }
  std::string operator()(const engine::DropType& drop) const {
    return fmt::format("Dropped type '{}'", drop.name.text);
  }
  std::string operator()(const auto&) const { return "Executed"; }
};

}  // namespace

std::string command_id(const engine::Statement& statement, std::string_view query_id) {
  return std::visit(CommandName{query_id}, statement);
}

void KsqlExchange::on_read() {
  const auto& all = statements().statements;
  for (const auto& statement : all)
    if (std::holds_alternative<engine::Query>(statement->statement) ||
        std::holds_alternative<engine::Print>(statement->statement)) {
      is_done_ = true;
      return responder().answer(statement_error(error_code::kQueryEndpoint,
                                                "send SELECT and PRINT to /query or /query-stream",
                                                statement->text + ";"));
    }
  if (all.size() < 2) return next();
  try_all([this](const std::optional<sql::SessionBackend::Rejection>& rejection) {
    if (!rejection) return next();
    is_done_ = true;
    const std::string& text = statements().statements[rejection->index]->text;
    responder().answer(statement_error(rejection->error, text + ";"));
  });
}

void KsqlExchange::next() {
  if (std::exchange(is_stepping_, true)) return;
  while (!is_done_ && !is_running() && next_ < statements().statements.size()) {
    const auto& statement = statements().statements[next_++];
    if (!run_own(*statement)) {
      if (std::holds_alternative<engine::Show>(statement->statement) ||
          std::holds_alternative<engine::DescribeSource>(statement->statement) ||
          std::holds_alternative<engine::DescribeSources>(statement->statement) ||
          std::holds_alternative<engine::DescribeFunction>(statement->statement) ||
          std::holds_alternative<engine::DescribeConnector>(statement->statement) ||
          std::holds_alternative<engine::DescribeLink>(statement->statement) ||
          std::holds_alternative<engine::Explain>(statement->statement))
        begin_entity(statement);
      else
        begin(statement);
      break;  // the end of the statement arrives by a callback
    }
  }
  is_stepping_ = false;
  if (is_done_ || is_running() || next_ < statements().statements.size() || has_ended()) return;
  is_done_ = true;
  responder().answer(json_response(fmt::format("[{}]", entities_)));
}

bool KsqlExchange::run_own(const engine::ParsedStatement& statement) {
  Status status;
  if (const auto* property = std::get_if<engine::SetProperty>(&statement.statement))
    status = set(property->name, property->value);
  else if (const auto* unset = std::get_if<engine::UnsetProperty>(&statement.statement))
    status = settings().reset(sql::SessionSettings::spelling(unset->name));
  else if (const auto* define = std::get_if<engine::DefineVariable>(&statement.statement))
    status = settings().define(define->name, define->value);
  else if (const auto* undefine = std::get_if<engine::UndefineVariable>(&statement.statement))
    settings().undefine(undefine->name);
  else
    return false;
  if (!status) on_statement_failed(status.error());
  return true;
}

bool KsqlExchange::on_prepared(const sql::Prepared&) { return true; }

void KsqlExchange::on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
                           size_t end_row) {
  for (size_t row = first_row; row < end_row; ++row)
    add_entity(columns[0]->data<std::string_view>()[row]);
}

void KsqlExchange::add_entity(std::string_view json) {
  if (!entities_charge_.try_resize(2 * (entities_.size() + json.size())))
    return fail_with(context().memory->refusal("the answers to many statements"));
  if (!entities_.empty()) entities_ += ",\n";
  entities_ += json;
}

void KsqlExchange::add_status(const engine::ParsedStatement& statement,
                              const sql::Completion& completion) {
  const std::string id = command_id(statement.statement, completion.query_id);
  std::string message = std::visit(CommandMessage{completion.query_id}, statement.statement);
  // The text of the DROP does not name the deleted topic of the source. The notices name it, so
  // they are added to the message.
  if (std::holds_alternative<engine::DropSource>(statement.statement))
    for (const sql::Notice& notice : notices()) message += fmt::format(" ({})", notice.message);
  pages().commands.add(id, message);
  engine::JsonWriter json;
  json.begin_object();
  json.member("@type", "currentStatus");
  json.key("statementText");
  json.text(statement.text + ";");
  json.member("commandId", id);
  json.key("commandStatus");
  json.begin_object();
  json.member("status", "SUCCESS");
  json.member("message", message);
  json.key("queryId");
  completion.query_id.empty() ? json.null() : json.text(completion.query_id);
  json.end_object();
  json.member("commandSequenceNumber", pages().revision());
  json.key("warnings");
  json.begin_array();
  for (const sql::Notice& notice : notices())
    if (notice.level == sql::NoticeLevel::Warning) {
      json.begin_object();
      json.member("message", notice.message);
      json.end_object();
    }
  json.end_array();
  json.end_object();
  add_entity(json.json());
}

void KsqlExchange::on_statement_done(const sql::Completion& completion) {
  const engine::Statement& statement = current().statement;
  // ksqlDB returns no entity for a successful INSERT.
  const bool is_definition =
      !std::holds_alternative<engine::InsertValues>(statement) && completion.command != "SELECT";
  if (!completion.entity.empty())
    add_entity(completion.entity);
  else if (is_definition)
    add_status(current(), completion);
  next();
}

void KsqlExchange::on_statement_failed(const Error& error) {
  is_done_ = true;
  responder().answer(statement_error(error, current().text + ";", entities_));
}

void KsqlExchange::on_request_failed(const Error& error, std::string_view text) {
  is_done_ = true;
  responder().answer(statement_error(error, text, {}));
}

}  // namespace server::http
