#include "server/pg/statement_kinds.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/pgsql/catalog_functions.h"
#include "engine/pgsql/parse_postgres.h"
#include "engine/sql/parse.h"

namespace server::pg {

using engine::ParsedStatement;

namespace {

template <class... Kinds>
bool is_one_of(const engine::Statement& statement) {
  return (std::holds_alternative<Kinds>(statement) || ...);
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Whether something of PostgreSQL's catalog may stand in the text: information_schema, a word that begins with pg_ or reg (regclass, ...), set_config.
bool names_catalog(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view name :
       {"pg_", "information_schema", "reg", "set_config", "has_table_privilege"})
    for (size_t at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1))
      if (at == 0 || !is_word(lower[at - 1])) return true;
  return false;
}

// WITHIN GROUP is PostgreSQL's, WITHIN alone the dialect's.
bool is_within_group(std::string_view text, size_t begin, size_t end) {
  const auto is = [](std::string_view word, std::string_view upper) {
    return std::ranges::equal(word, upper, [](char a, char b) {
      return std::toupper(static_cast<unsigned char>(a)) == b;
    });
  };
  if (!is(text.substr(begin, end - begin), "WITHIN")) return false;
  const size_t next = text.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && is(text.substr(next, 5), "GROUP");
}

// Whether the text has a word that only the dialect has: PostgreSQL's parser would take some of them for names.
bool is_of_dialect(std::string_view text) {
  constexpr std::string_view kWords[] = {"EMIT",   "TUMBLING", "HOPPING",   "SESSION",
                                         "WITHIN", "GRACE",    "PARTITIONS"};
  for (size_t at = 0; at < text.size();) {
    const auto is_part = [&](size_t i) { return i < text.size() && is_word(text[i]); };
    size_t end = at;
    while (is_part(end)) ++end;
    const std::string_view word = text.substr(at, end - at);
    if (std::ranges::any_of(kWords,
                            [&](std::string_view each) {
                              return std::ranges::equal(each, word, [](char a, char b) {
                                return a == std::toupper(static_cast<unsigned char>(b));
                              });
                            }) &&
        !is_within_group(text, at, end))
      return true;
    at = end + 1;
  }
  return false;
}

// Whether rows would come for ever with nothing to end them.
bool is_endless(const engine::Statement& statement) {
  if (const auto* query = std::get_if<engine::Query>(&statement))
    return query->emit == engine::Emit::Changes && !query->limit;
  if (const auto* print = std::get_if<engine::Print>(&statement)) return !print->limit;
  return false;
}

}  // namespace

bool is_own_statement(const ParsedStatement& statement) {
  using namespace engine;
  return is_one_of<Transaction, SetSetting, SetTransaction, ShowSetting, ResetSetting, Discard,
                   DeclareCursor, FetchCursor, CloseCursor, Copy, Prepare, ExecutePrepared,
                   Deallocate, Listen, Unlisten, Notify, SetProperty, UnsetProperty, DefineVariable,
                   UndefineVariable>(statement.statement);
}

bool may_end_transaction(const ParsedStatement& statement) {
  const auto* transaction = std::get_if<engine::Transaction>(&statement.statement);
  if (!transaction) return false;
  using enum engine::TransactionAction;
  return transaction->action == Commit || transaction->action == Rollback ||
         transaction->action == RollbackTo;
}

Result<std::vector<ParsedStatement>> parse_statements(std::string_view text,
                                                      const std::atomic<bool>* is_cancelled) {
  if (text.size() > kMaxStatementBytes)
    return Error{ErrorCode::LimitExceeded,
                 "the statement is longer than " + std::to_string(kMaxStatementBytes >> 20) + " MB",
                 "", "Send many rows with COPY, or in several statements."};
  auto statements = engine::parse_script(text, is_cancelled);
  const bool is_own_syntax = statements.has_value();
  if (!is_own_syntax) {
    if (statements.error().code != ErrorCode::SyntaxError || is_of_dialect(text)) return statements;
    auto others = engine::parse_postgres(text);
    // What neither takes is told in the words of the dialect.
    if (!others && others.error().code != ErrorCode::SyntaxError &&
        others.error().code != ErrorCode::LimitExceeded)
      return others;
    if (!others) return statements;
    statements = std::move(others);
  }
  const bool is_short = text.size() <= engine::kMaxPostgresText;  // as what tools send
  if (!is_own_syntax || (is_short && names_catalog(text)))
    for (ParsedStatement& each : *statements) TRY(engine::expand_catalog_functions(each.statement));
  return statements;
}

std::string session_name(const engine::Name& name) {
  std::string text = name.text;
  if (name.quoting != engine::Quoting::None) return text;
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Error cannot_be_executed() {
  return {ErrorCode::NotSupported, "EXECUTE of such a statement is not supported yet"};
}

Error unknown_cursor(std::string_view name) {
  return {ErrorCode::UndefinedCursor, fmt::format("cursor \"{}\" does not exist", name)};
}

std::vector<sql::ResultColumn> show_columns(std::string_view setting) {
  const engine::SqlType text = engine::TypeKind::String;
  if (setting == "all") return {{"name", text}, {"setting", text}, {"description", text}};
  return {{sql::SessionSettings::spelling(setting), text}};
}

PushOutput choose_push_output(const PreparedStatement& statement,
                              const sql::SessionSettings& settings, bool is_for_person) {
  if (statement.plan->kind != sql::ResultKind::PushRows) return PushOutput::Rows;
  const std::string setting = settings.get("push.output").value_or("auto");
  if (setting == "table") return PushOutput::Table;
  if (setting == "copy") return PushOutput::Copy;
  if (setting == "rows") return PushOutput::Rows;
  // Stock psql shows DataRows only when the last one has come, which here is never.
  const bool is_bounded = !is_endless(statement.parsed->statement) ||
                          settings.get_number("push.max_rows") > 0 ||
                          settings.get_ms("push.timeout") > 0;
  return is_for_person && !is_bounded ? PushOutput::Table : PushOutput::Rows;
}

}  // namespace server::pg
