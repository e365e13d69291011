#include "server/pg/session_functions.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>

#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "server/pg/setting_calls.h"
#include "server/pg/wire_types.h"
#include "server/sql/search_path.h"

namespace server::pg {

namespace {

std::string version(const SessionFacts& facts) {
  return "PostgreSQL " + facts.settings.get("server_version").value_or("") +
         // drivers read only the version number of this text
         " on x86_64-pc-linux-gnu, compiled by gcc, 64-bit";
}
std::string database(const SessionFacts& facts) { return facts.database; }
// Returns the first schema of the path that exists; empty if none does.
std::string schema(const SessionFacts& facts) {
  const auto schemas =
      sql::schemas_of_search_path(facts.settings.get("search_path").value_or("public"));
  return schemas.empty() ? "" : schemas.front();
}
std::string user(const SessionFacts& facts) {
  return facts.settings.get("session_authorization").value_or("");
}

std::string encoding(const SessionFacts& facts) {
  return facts.settings.get("client_encoding").value_or("UTF8");
}

struct FunctionRow {
  std::string_view name;
  std::string (*answer)(const SessionFacts& facts);
};
constexpr FunctionRow kFunctions[] = {
    {"VERSION", version},
    {"CURRENT_DATABASE", database},
    {"CURRENT_CATALOG", database},
    {"CURRENT_SCHEMA", schema},
    {"CURRENT_USER", user},
    {"SESSION_USER", user},
    {"CURRENT_ROLE", user},
    {"USER", user},
    {"PG_CLIENT_ENCODING", encoding},
};

// Whether the function, as an item of a SELECT, returns PostgreSQL's type `name`. All functions of
// the table except VERSION() do. In any other place the value is an ordinary text.
bool is_name(std::string_view function) {
  return function != "VERSION" &&
         std::ranges::find(kFunctions, function, &FunctionRow::name) != std::end(kFunctions);
}

struct Answer {
  std::string_view function;
  engine::ExpressionPtr value;
};

std::optional<Answer> answer(const engine::Expression& expression, const SessionFacts& facts) {
  const auto* call = expression.as<engine::FunctionCall>();
  const auto* word = expression.as<engine::ColumnRef>();  // CURRENT_USER has no parentheses
  if (call && call->name == "PG_BACKEND_PID" && call->arguments.empty())
    return Answer{call->name, engine::make_expression(engine::IntegerLiteral{facts.process_id},
                                                      expression.position)};
  if (call && call->name == "CURRENT_SETTING" && !call->arguments.empty()) {
    const auto* cast = call->arguments.front()->as<engine::Cast>();
    const engine::Expression& given = cast ? *cast->operand : *call->arguments.front();
    if (given.is<engine::ColumnRef>() || given.is<engine::Parameter>())
      return Answer{call->name, setting_named(*call->arguments.front(), facts.settings)};
    const auto* name = call->arguments.front()->as<engine::StringLiteral>();
    const auto value = name ? facts.settings.get(name->value) : std::nullopt;
    if (!value) return std::nullopt;
    return Answer{call->name,
                  engine::make_expression(engine::StringLiteral{*value}, expression.position)};
  }
  const bool is_plain = (call && call->arguments.empty()) || (word && !word->source.has_value());
  if (!is_plain) return std::nullopt;
  const std::string_view name = call ? std::string_view(call->name) : word->name.text;
  const auto row = std::ranges::find(kFunctions, name, &FunctionRow::name);
  if (row == std::end(kFunctions)) return std::nullopt;
  std::string value = row->answer(facts);
  if (row->answer == schema && value.empty())
    return Answer{row->name, engine::make_expression(engine::NullLiteral{}, expression.position)};
  return Answer{row->name, engine::make_expression(engine::StringLiteral{std::move(value)},
                                                   expression.position)};
}

// Whether this is a reserved word, which is never a column name unless it is quoted.
bool is_reserved(const engine::Expression& expression) {
  const auto* word = expression.as<engine::ColumnRef>();
  return word && !word->source && word->name.quoting == engine::Quoting::None &&
         (word->name.text.starts_with("CURRENT_") || word->name == "SESSION_USER");
}

bool is_asked(const engine::Query& query);

bool is_asked(const engine::Expression& expression) {
  if (is_reserved(expression)) return true;
  if (const auto* call = expression.as<engine::FunctionCall>();
      call &&
      (call->name == "PG_BACKEND_PID" || call->name == "CURRENT_SETTING" ||
       std::ranges::find(kFunctions, call->name, &FunctionRow::name) != std::end(kFunctions)))
    return true;
  if (const auto* subquery = expression.as<engine::Subquery>();
      subquery && is_asked(*subquery->query))
    return true;
  return std::ranges::any_of(engine::children(expression),
                             [](const engine::Expression* child) { return is_asked(*child); });
}

// Whether the query may contain one of the functions above. Most queries do not, and are then not
// copied.
bool is_asked(const engine::Query& query) {
  const auto in_one = [](const engine::ExpressionPtr& one) { return one && is_asked(*one); };
  const auto in_query = [](const std::shared_ptr<const engine::Query>& one) {
    return one && is_asked(*one);
  };
  return !query.from || in_query(query.from->query) || in_one(query.where) ||
         in_one(query.having) ||
         std::ranges::any_of(query.items, in_one, &engine::SelectItem::expression) ||
         std::ranges::any_of(query.group_by, in_one) ||
         std::ranges::any_of(query.with, in_query, &engine::CommonTable::query) ||
         (query.combined && (in_query(query.combined->left) || in_query(query.combined->right))) ||
         std::ranges::any_of(query.joins, [&](const engine::Join& join) {
           return in_one(join.on) || in_query(join.source.query);
         });
}

}  // namespace

namespace {

// Replaces CURRENT_TIMESTAMP in the values of an INSERT. The values cannot refer to columns, so the
// word is the function.
void answer_times(engine::InsertValues& insert) {
  for (engine::ExpressionList& row : insert.rows)
    for (engine::ExpressionPtr& value : row) {
      const auto* word = value->as<engine::ColumnRef>();
      if (word && !word->source && word->name.quoting == engine::Quoting::None &&
          (word->name == "CURRENT_TIMESTAMP" || word->name == "LOCALTIMESTAMP"))
        value = engine::make_expression(engine::FunctionCall{"NOW", {}}, value->position);
    }
}

}  // namespace

std::string name_of_oid(uint32_t number) {
  if (const uint32_t element = element_oid(number); element != 0)
    return name_of_oid(element) + "[]";
  for (const engine::PostgresLabelRow& row : engine::postgres_labels())
    if (row.oid == number) return std::string(row.sql_name);
  return engine::postgres_type_name(engine::SqlType(engine::kind_of_oid(number)));
}

void answer_session_functions(engine::ParsedStatement& statement, const SessionFacts& facts) {
  if (is_setting_query(statement.statement)) return;
  if (auto* asked = std::get_if<engine::Query>(&statement.statement))
    write_out_session_tables(*asked, statement.text, facts.settings, facts.prepared,
                             facts.statuses);
  if (auto* insert = std::get_if<engine::InsertValues>(&statement.statement)) answer_times(*insert);
  auto* query = std::get_if<engine::Query>(&statement.statement);
  if (!query || !is_asked(*query)) return;
  // If the query has a FROM, a word without parentheses may be the name of a column.
  const bool has_words = !query->from;
  const auto is_answered = [&](const engine::Expression& expression) {
    return has_words || expression.is<engine::FunctionCall>() || is_reserved(expression);
  };
  for (engine::SelectItem& item : query->items) {
    if (!item.expression || !is_answered(*item.expression)) continue;
    if (auto found = answer(*item.expression, facts)) {
      if (!item.alias) item.alias.emplace().text = found->function;
      if (!is_name(found->function)) continue;
      engine::TypeName name;
      name.custom_name = "NAME";
      const TextPosition at = item.expression->position;
      item.expression =
          engine::make_expression(engine::Cast{std::move(found->value), std::move(name)}, at);
    }
  }
  const auto visit = [&](engine::ExpressionPtr& expression) -> Status {
    if (!is_answered(*expression)) return {};
    if (auto found = answer(*expression, facts)) expression = std::move(found->value);
    return {};
  };
  // The result is ignored, since the visitor never fails.
  std::ignore = engine::rewrite_expressions(*query, visit, engine::RewriteOrder::ParentsFirst);
}

}  // namespace server::pg
