#include "server/pg/session_functions.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace server::pg {

namespace {

std::string version(const SessionFacts& facts) {
  return "PostgreSQL " + facts.settings.get("server_version").value_or("") +
         " on x86_64-pc-linux-gnu, compiled by gcc, 64-bit";  // drivers read the number only
}
std::string database(const SessionFacts& facts) { return facts.database; }
std::string schema(const SessionFacts&) { return "public"; }
std::string user(const SessionFacts& facts) {
  return facts.settings.get("session_authorization").value_or("");
}

struct FunctionRow {
  std::string_view name;
  std::string (*answer)(const SessionFacts& facts);
};
constexpr FunctionRow kFunctions[] = {
    {"VERSION", version},          {"CURRENT_DATABASE", database},
    {"CURRENT_CATALOG", database}, {"CURRENT_SCHEMA", schema},
    {"CURRENT_USER", user},        {"SESSION_USER", user},
    {"CURRENT_ROLE", user},        {"USER", user},
};

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
  return Answer{row->name, engine::make_expression(engine::StringLiteral{row->answer(facts)},
                                                   expression.position)};
}

void answer_inside(engine::ExpressionPtr& expression, const SessionFacts& facts) {
  if (auto found = answer(*expression, facts)) {
    expression = std::move(found->value);
    return;
  }
  for (engine::ExpressionPtr* child : engine::children(*expression)) answer_inside(*child, facts);
}

}  // namespace

void answer_session_functions(engine::ParsedStatement& statement, const SessionFacts& facts) {
  auto* query = std::get_if<engine::Query>(&statement.statement);
  if (!query || query->from) return;
  for (engine::SelectItem& item : query->items) {
    if (!item.expression) continue;
    if (const auto found = answer(*item.expression, facts); found && !item.alias) {
      item.alias.emplace();
      item.alias->text = found->function;
    }
    answer_inside(item.expression, facts);
  }
}

}  // namespace server::pg
