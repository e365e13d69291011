#include "server/pg/statement_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "engine/pgsql/catalog_functions.h"
#include "engine/pgsql/parse_postgres.h"
#include "engine/sql/half_clause.h"
#include "engine/sql/parse.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"
#include "server/pg/setting_calls.h"

namespace server::pg {

using engine::ParsedStatement;

namespace {

template <class... Kinds>
bool is_one_of(const engine::Statement& statement) {
  return (std::holds_alternative<Kinds>(statement) || ...);
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Whether the text may refer to PostgreSQL's catalog, or to a function of the catalog, of arrays or
// of JSON that the dialect lacks or defines otherwise. The catalog is recognized by
// information_schema, or by a word that begins with pg_ or reg (regclass, ...).
bool names_catalog(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view name : {"pg_",
                                      "information_schema",
                                      "reg",
                                      "has_",
                                      "current_schemas",
                                      "array_",
                                      "cardinality",
                                      "quote_",
                                      "format_type",
                                      "generate_subscripts",
                                      "obj_description",
                                      "col_description",
                                      "to_reg",
                                      "json",
                                      "to_json",
                                      "row_to_json",
                                      "string_to_table",
                                      "tableoid",
                                      "scale(",
                                      "min_scale(",
                                      "num_nulls(",
                                      "num_nonnulls(",
                                      "inet_client_",
                                      "inet_server_",
                                      "row_security_active(",
                                      "txid_current_snapshot(",
                                      "getdatabaseencoding(",
                                      "oidvectortypes(",
                                      "shobj_description(",
                                      "acldefault(",
                                      "aclexplode(",
                                      "date_trunc("})
    for (size_t at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1))
      if (at == 0 || !is_word(lower[at - 1])) return true;
  return false;
}

// Whether the word is WITHIN before GROUP, which is PostgreSQL's syntax. WITHIN before any other word is syntax of the
// dialect.
bool is_within_group(std::string_view text, size_t begin, size_t end) {
  if (!engine::equals_ignoring_case(text.substr(begin, end - begin), "WITHIN")) return false;
  const size_t next = text.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && engine::starts_ignoring_case(text.substr(next), "GROUP");
}

// Returns the position after the literal, quoted name or comment that begins at `at`; returns `at`
// if none begins there.
size_t behind_quoted(std::string_view text, size_t at) {
  struct Quotes {
    std::string_view begin, end;
  };
  constexpr Quotes kQuotes[] = {{"'", "'"}, {"\"", "\""}, {"--", "\n"}, {"/*", "*/"}, {"$$", "$$"}};
  for (const Quotes& quotes : kQuotes) {
    if (!text.substr(at).starts_with(quotes.begin)) continue;
    const size_t end = text.find(quotes.end, at + quotes.begin.size());
    return end == std::string_view::npos ? text.size() : end + quotes.end.size();
  }
  return at;
}

// Returns whether the text has a word that only the dialect has. PostgreSQL's parser would treat
// some of these words as names. After AS and before a dot, such a word is a name in both syntaxes.
bool is_of_dialect(std::string_view text) {
  constexpr std::string_view kWords[] = {"EMIT",   "TUMBLING", "HOPPING",   "SESSION",
                                         "WITHIN", "GRACE",    "PARTITIONS"};
  std::string_view previous;
  for (size_t at = 0; at < text.size();) {
    // at a literal, quoted name or comment
    if (const size_t behind = behind_quoted(text, at); behind != at) {
      at = behind;
      continue;
    }
    const auto is_part = [&](size_t i) { return i < text.size() && is_word(text[i]); };
    size_t end = at;
    while (is_part(end)) ++end;
    const std::string_view word = text.substr(at, end - at);
    const bool is_name =
        engine::equals_ignoring_case(previous, "AS") || text.substr(end).starts_with('.');
    if (!is_name && !is_within_group(text, at, end) &&
        std::ranges::any_of(kWords, [&](std::string_view each) {
          return engine::equals_ignoring_case(each, word);
        }))
      return true;
    if (!word.empty()) previous = word;
    at = std::max(end, at + 1);
  }
  return false;
}

using Statements = Result<std::vector<ParsedStatement>>;

// Whether a text with this error of the dialect may be in PostgreSQL's syntax. This includes errors
// that the dialect reports for statements of other databases by their first word, and long chains
// of AND and OR, which are deep in the dialect's tree and flat in PostgreSQL's.
bool may_be_postgres(const Error& error) {
  return error.code == ErrorCode::SyntaxError || error.code == ErrorCode::NotSupported ||
         (error.code == ErrorCode::LimitExceeded &&
          error.message.starts_with("statement is nested"));
}

// Chooses between the syntax errors of the two parsers. PostgreSQL's parser knows more options of columns. So if
// its error has a later position in the text, its error shows the real mistake: in CREATE TABLE t (a INT NOT NULL,
// b INTT ARRAY[) the dialect's parser already stops at NOT. If the dialect's error has a hint about another system,
// it is returned regardless of its position.
Error farther_error(Error dialect, const Error& postgres) {
  const bool is_vague = dialect.hint.empty() || dialect.hint.starts_with("Expected ");
  if (!is_vague || !dialect.position || !postgres.position ||
      postgres.position->offset <= dialect.position->offset)
    return dialect;
  constexpr std::string_view kAt = "syntax error at or near ";
  dialect.hint.clear();
  dialect.position = postgres.position;
  dialect.message = postgres.message.starts_with(kAt)
                        ? "syntax error at " + postgres.message.substr(kAt.size())
                        : postgres.message;
  return dialect;
}

// Returns whether a CREATE TABLE in PostgreSQL's syntax has a property of the dialect in WITH. Only tables without such
// properties have PostgreSQL's options and constraints, and the parser does not keep the values in WITH.
bool has_source_properties(const std::vector<ParsedStatement>& statements) {
  constexpr std::string_view kNames[] = {"KAFKA_TOPIC",  "FORMAT",   "KEY_FORMAT",
                                         "VALUE_FORMAT", "REPLICAS", "RETENTION_MS",
                                         "TIMESTAMP",    "GENERATOR"};
  return std::ranges::any_of(statements, [&](const ParsedStatement& each) {
    const auto* create = std::get_if<engine::CreateSource>(&each.statement);
    return create && std::ranges::any_of(create->properties, [&](const engine::Property& property) {
             return std::ranges::count(kNames, std::string_view(property.name)) > 0;
           });
  });
}

// Parses the text in PostgreSQL's syntax. If that fails, too, the error of the dialect is returned.
Statements parse_otherwise(std::string_view text, Statements failed) {
  if (!may_be_postgres(failed.error()) || is_of_dialect(text)) return failed;
  Statements others = engine::parse_postgres(text, engine::PublicPrefix::Kept);
  if (others) return has_source_properties(*others) ? std::move(failed) : std::move(others);
  // The dialect's parser stops at the first word that only PostgreSQL has, and its hint would lead
  // away from the mistake. So PostgreSQL's error is returned if it is about EMIT or FINAL.
  const std::string_view hint = others.error().hint;
  if (!hint.empty() &&
      (hint == engine::half_clause_hint("EMIT") || hint == engine::half_clause_hint("CHANGES") ||
       hint == engine::half_clause_hint("FINAL")))
    return others;
  const ErrorCode code = others.error().code;
  const bool is_too_much =
      code == ErrorCode::LimitExceeded && text.size() > engine::kShortPostgresText;
  const bool is_known =
      is_too_much || (code != ErrorCode::SyntaxError && code != ErrorCode::LimitExceeded);
  if (failed.error().code != ErrorCode::NotSupported) {
    if (is_known) return others;
    return code == ErrorCode::SyntaxError ? farther_error(std::move(failed).error(), others.error())
                                          : std::move(failed);
  }
  // Only PostgreSQL's syntax has UPDATE, DELETE and TRUNCATE, so for these statements its error is returned. For other
  // statements the dialect's error is better, since it has a hint.
  const std::string_view said = failed.error().message;
  const bool is_others =
      said.starts_with("UPDATE") || said.starts_with("DELETE") || said.starts_with("TRUNCATE");
  return is_others ? std::move(others) : std::move(failed);
}

// Parses each statement of a short script in its own syntax. The text before a statement is
// replaced by blanks, so that positions are those in the script.
Statements parse_each(std::string_view text, std::span<const engine::ScriptPart> parts,
                      const std::atomic<bool>* is_cancelled) {
  std::vector<ParsedStatement> all;
  std::string alone(text);
  size_t blank_end = 0;
  for (const engine::ScriptPart& part : parts) {
    for (; blank_end < part.begin; ++blank_end)
      if (alone[blank_end] != '\n') alone[blank_end] = ' ';
    const std::string_view cut = std::string_view(alone).substr(0, part.begin + part.size);
    Statements parsed = engine::parse_script(cut, is_cancelled);
    if (!parsed) parsed = parse_otherwise(cut, std::move(parsed));
    if (!parsed) return parsed;
    std::ranges::move(*parsed, std::back_inserter(all));
  }
  return all;
}

// Whether the statement would return rows forever.
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
                   Deallocate, Maintain, Listen, Unlisten, Notify, SetProperty, UnsetProperty,
                   DefineVariable, UndefineVariable>(statement.statement) ||
         is_setting_query(statement.statement) || explains_execute(statement.statement);
}

bool explains_execute(const engine::Statement& statement) {
  const auto* explain = std::get_if<engine::Explain>(&statement);
  return explain && explain->statement &&
         std::holds_alternative<engine::ExecutePrepared>(explain->statement->statement);
}

std::vector<sql::ResultColumn> explained_columns(const engine::Explain& explain) {
  const engine::SqlType text = engine::TypeKind::String;
  const bool is_json = explain.format == engine::ExplainFormat::Json;
  return {{"QUERY PLAN", is_json ? text.labelled(engine::label::kJson) : text}};
}

bool may_stand_in_group(const ParsedStatement& statement) {
  using namespace engine;
  if (const auto* transaction = std::get_if<Transaction>(&statement.statement))
    return transaction->action != TransactionAction::Commit;
  return is_one_of<SetSetting, SetTransaction, ShowSetting, ResetSetting, SetProperty,
                   UnsetProperty, DefineVariable, UndefineVariable, Prepare, Deallocate>(
             statement.statement) ||
         is_setting_query(statement.statement);
}

bool can_always_be_undone(const engine::Statement& statement) {
  const auto* create = std::get_if<engine::CreateSource>(&statement);
  return (create && !create->or_replace) ||
         is_one_of<engine::CreateType, engine::CreateSequence, engine::CreateSchema>(statement);
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
  if (!is_own_syntax && may_be_postgres(statements.error())) {
    const std::vector<engine::ScriptPart> parts = engine::split_postgres(text);
    statements = parts.size() > 1 ? parse_each(text, parts, is_cancelled)
                                  : parse_otherwise(text, std::move(statements));
    if (!statements) return statements;
  }
  if (!statements) return statements;
  // longer texts are parsed by PostgreSQL's parser only
  const bool is_short = text.size() <= engine::kShortPostgresText;
  if (!is_own_syntax || (is_short && names_catalog(text)))
    for (ParsedStatement& each : *statements)
      TRY(engine::expand_catalog_functions(each.statement, text));
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

Error in_failed_transaction() {
  return {ErrorCode::FailedTransaction,
          "current transaction is aborted, commands ignored until end of transaction block"};
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
  // psql shows rows only when the last one has arrived, which never happens for an endless query.
  const bool is_bounded = !is_endless(statement.parsed->statement) ||
                          settings.get_number("push.max_rows") > 0 ||
                          settings.get_ms("push.timeout") > 0;
  return is_for_person && !is_bounded ? PushOutput::Table : PushOutput::Rows;
}

}  // namespace server::pg
