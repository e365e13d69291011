#include "server/pg/setting_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_type.h"
#include "engine/types/text_number.h"
#include "server/pg/wire_types.h"
#include "server/sql/session_settings.h"

namespace server::pg {

namespace {

using engine::Expression;
using Text = SettingActions::Text;

bool ends_sessions(const engine::FunctionCall& call) {
  return call.name == "PG_CANCEL_BACKEND" || call.name == "PG_TERMINATE_BACKEND";
}

// Whether this is a hash function, whose values programs use as lock keys. The numbers are not
// specified, but equal texts have equal numbers.
bool is_hash(const engine::FunctionCall& call) {
  return (call.name == "HASHTEXT" && call.arguments.size() == 1) ||
         (call.name == "HASHTEXTEXTENDED" && call.arguments.size() == 2);
}

// Whether the result is shown as a boolean. The lock functions that wait return void, which is
// shown as an empty text.
bool is_truth(const engine::FunctionCall& call) {
  const auto lock = advisory_call(call);
  return ends_sessions(call) || (lock && (lock->does == AdvisoryCall::Does::TryLock ||
                                          lock->does == AdvisoryCall::Does::Unlock));
}

bool is_setting_call(const engine::FunctionCall& call) {
  if (call.over || call.filter || call.distinct || call.star || !call.order_by.empty())
    return false;
  const size_t count = call.arguments.size();
  return (call.name == "SET_CONFIG" && count == 3) || (call.name == "PG_NOTIFY" && count == 2) ||
         (ends_sessions(call) && count == 1) || advisory_call(call) || is_hash(call) ||
         (call.name == "CURRENT_SETTING" && (count == 1 || count == 2));
}

// Whether the session can compute the expression. Sets `has_call` if it contains a call other than
// a hash function.
bool is_answered(const Expression& expression, bool& has_call) {
  if (const auto* cast = expression.as<engine::Cast>())
    return is_answered(*cast->operand, has_call);
  if (const auto* call = expression.as<engine::FunctionCall>()) {
    if (!is_setting_call(*call)) return false;
    has_call |= !is_hash(*call);
    return std::ranges::all_of(
        call->arguments, [&](const auto& argument) { return is_answered(*argument, has_call); });
  }
  return expression.is<engine::NullLiteral>() || expression.is<engine::BooleanLiteral>() ||
         expression.is<engine::IntegerLiteral>() || expression.is<engine::BigintLiteral>() ||
         expression.is<engine::StringLiteral>() || expression.is<engine::Parameter>();
}

// ---- SELECT set_config(...) FROM pg_settings

bool is_column(const Expression& expression, std::string_view name) {
  const auto* column = expression.as<engine::ColumnRef>();
  return column && engine::equals_ignoring_case(column->name.text, name);
}
// Whether this is a column of pg_settings whose value a call of the session may use.
bool is_setting_column(const Expression& expression) {
  return is_column(expression, "name") || is_column(expression, "setting");
}

bool reads_settings_alone(const engine::Query& query) {
  if (!query.from || query.from->query || !query.from->columns.empty() || !query.joins.empty())
    return false;
  const engine::AliasedSource& source = *query.from;
  const bool is_of_catalog =
      !source.schema || engine::equals_ignoring_case(source.schema->text, "pg_catalog");
  return is_of_catalog && (engine::equals_ignoring_case(source.name.text, "pg_settings") ||
                           engine::equals_ignoring_case(source.name.text, "pg_show_all_settings"));
}

// Whether the condition compares columns of pg_settings with texts.
bool chooses_settings(const Expression& condition) {
  if (const auto* both = condition.as<engine::Logical>())
    return chooses_settings(*both->left) && chooses_settings(*both->right);
  const auto* comparison = condition.as<engine::Comparison>();
  if (!comparison || (comparison->op != engine::ComparisonOp::Equal &&
                      comparison->op != engine::ComparisonOp::NotEqual))
    return false;
  const Expression &left = *comparison->left, &right = *comparison->right;
  return (is_setting_column(left) && right.is<engine::StringLiteral>()) ||
         (is_setting_column(right) && left.is<engine::StringLiteral>());
}
// Whether the setting meets a condition that chooses_settings().
bool is_chosen(const sql::SessionSettings::Entry& setting, const Expression& condition) {
  if (const auto* both = condition.as<engine::Logical>()) {
    const bool is_left = is_chosen(setting, *both->left);
    const bool is_right = is_chosen(setting, *both->right);
    return both->op == engine::LogicalOp::And ? is_left && is_right : is_left || is_right;
  }
  const auto& comparison = *condition.as<engine::Comparison>();
  const auto text = [&](const Expression& side) {
    if (const auto* literal = side.as<engine::StringLiteral>()) return literal->value;
    return is_column(side, "name") ? setting.name : setting.value;
  };
  return (text(*comparison.left) == text(*comparison.right)) ==
         (comparison.op == engine::ComparisonOp::Equal);
}

// Whether the item of a SELECT from pg_settings consists of columns, constants, and calls that read
// or set values. Sets `sets` if it sets a value.
bool is_item_of_settings(const Expression& expression, bool& sets) {
  if (const auto* cast = expression.as<engine::Cast>())
    return is_item_of_settings(*cast->operand, sets);
  if (const auto* call = expression.as<engine::FunctionCall>()) {
    if (!is_setting_call(*call) || (call->name != "SET_CONFIG" && call->name != "CURRENT_SETTING"))
      return false;
    sets |= call->name == "SET_CONFIG";
    return std::ranges::all_of(call->arguments, [&](const auto& argument) {
      return is_item_of_settings(*argument, sets);
    });
  }
  bool has_call = false;
  return is_setting_column(expression) || is_answered(expression, has_call);
}

bool sets_chosen_settings(const engine::Query& query) {
  if (!reads_settings_alone(query) || (query.where && !chooses_settings(*query.where)))
    return false;
  bool sets = false;
  return std::ranges::all_of(query.items,
                             [&](const engine::SelectItem& item) {
                               return item.kind == engine::SelectItemKind::Expression &&
                                      is_item_of_settings(*item.expression, sets);
                             }) &&
         sets;
}

engine::ExpressionList items_of(const engine::Query& query,
                                const sql::SessionSettings::Entry* setting) {
  engine::ExpressionList items;
  const engine::RewriteVisitor write_out = [&](engine::ExpressionPtr& each) -> Status {
    if (!is_setting_column(*each)) return {};
    const std::string& text = is_column(*each, "name") ? setting->name : setting->value;
    each = engine::make_expression(engine::StringLiteral{text}, each->position);
    return {};
  };
  for (const engine::SelectItem& item : query.items) {
    items.push_back(engine::clone(*item.expression));
    // The result is ignored, since the visitor never fails.
    if (setting)
      std::ignore =
          engine::rewrite_expression(items.back(), write_out, engine::RewriteOrder::ParentsFirst);
  }
  return items;
}

// Returns the type of a cast. A type that is stored as a text, such as regclass and name, is shown as a text; so is a
// type that is unknown here, because it was made by CREATE TYPE.
engine::SqlType type_of_cast(const engine::Cast& cast) {
  const auto type = engine::resolve_type(cast.type);
  return type && type->kind() != engine::TypeKind::String ? *type : engine::TypeKind::String;
}

// Returns the type of an item. `declared`: the types of the parameters.
engine::SqlType type_of_item(const Expression& item, std::span<const uint32_t> declared) {
  if (const auto* cast = item.as<engine::Cast>()) return type_of_cast(*cast);
  if (item.is<engine::BooleanLiteral>()) return engine::TypeKind::Boolean;
  if (item.is<engine::IntegerLiteral>()) return engine::TypeKind::Integer;
  if (item.is<engine::BigintLiteral>()) return engine::TypeKind::Bigint;
  if (const auto* parameter = item.as<engine::Parameter>()) {
    const auto at = static_cast<size_t>(parameter->index) - 1;
    const auto type = at < declared.size() ? type_of_oid(declared[at]) : std::nullopt;
    if (type && type->kind() != engine::TypeKind::String) return *type;
  }
  const auto* call = item.as<engine::FunctionCall>();
  if (call && is_truth(*call)) return engine::TypeKind::Boolean;
  if (call && is_hash(*call))
    return call->arguments.size() == 1 ? engine::TypeKind::Integer : engine::TypeKind::Bigint;
  return engine::TypeKind::String;
}

// Collects the types of the parameters. `type`: the type that the place of the expression requires.
void find_parameters(const Expression& expression, uint32_t type, std::vector<uint32_t>& types) {
  if (const auto* parameter = expression.as<engine::Parameter>()) {
    const auto at = static_cast<size_t>(parameter->index) - 1;
    if (types.size() <= at) types.resize(at + 1, oid::kText);
    types[at] = type;
  }
  if (const auto* cast = expression.as<engine::Cast>())
    find_parameters(*cast->operand, wire_type(type_of_cast(*cast)).oid, types);
  if (const auto* call = expression.as<engine::FunctionCall>()) {
    const bool is_lock = advisory_call(*call).has_value();
    const uint32_t of_lock = call->arguments.size() == 1 ? oid::kInt8 : oid::kInt4;
    for (const auto& argument : call->arguments)
      find_parameters(*argument, is_lock ? of_lock : oid::kText, types);
  }
}

std::optional<bool> truth(const std::string& text) {
  const std::string word = engine::lower_case(text);
  for (const std::string_view yes : {"t", "true", "on", "yes", "1"})
    if (word == yes) return true;
  for (const std::string_view no : {"f", "false", "off", "no", "0"})
    if (word == no) return false;
  return std::nullopt;
}

using FinishedCalls = std::map<const Expression*, Text>;

struct Run {
  std::span<const engine::Value> parameters;
  const SettingActions& actions;
  FinishedCalls& finished;
  // set if a call has to wait for a lock; the evaluation then stops with an error that is not
  // reported
  bool waits = false;

  Result<Text> value_of(const Expression& expression) {
    if (const auto* cast = expression.as<engine::Cast>()) return value_of(*cast->operand);
    if (const auto* literal = expression.as<engine::BooleanLiteral>())
      return Text(literal->value ? "true" : "false");
    if (const auto* literal = expression.as<engine::IntegerLiteral>())
      return Text(fmt::format("{}", literal->value));
    if (const auto* literal = expression.as<engine::BigintLiteral>())
      return Text(fmt::format("{}", literal->value));
    if (const auto* literal = expression.as<engine::StringLiteral>()) return Text(literal->value);
    if (const auto* parameter = expression.as<engine::Parameter>()) {
      const auto at = static_cast<size_t>(parameter->index) - 1;
      if (at >= parameters.size())
        return Error{ErrorCode::UndefinedObject,
                     fmt::format("there is no parameter ${}", parameter->index)}
            .at(expression.position);
      return parameters[at].is_null() ? Text() : Text(std::string(parameters[at].as_string()));
    }
    if (const auto* call = expression.as<engine::FunctionCall>()) {
      if (const auto known = finished.find(&expression); known != finished.end())
        return known->second;
      auto result = call->name == "SET_CONFIG"  ? set(*call)
                    : call->name == "PG_NOTIFY" ? notify(*call)
                    : ends_sessions(*call)      ? end(*call)
                    : advisory_call(*call)      ? lock(*call, *advisory_call(*call))
                    : is_hash(*call)            ? hash(*call)
                                                : get(*call);
      if (!result) return std::move(result).error().at(expression.position);
      finished.emplace(&expression, *result);
      return result;
    }
    return Text();
  }

  Result<bool> flag(const Expression& expression) {
    const Text text = TRY(value_of(expression));
    const auto value = text ? truth(*text) : std::optional(false);
    if (value) return *value;
    return Error{ErrorCode::InvalidText,
                 fmt::format("invalid input syntax for type boolean: \"{}\"", *text)};
  }

  Result<Text> set(const engine::FunctionCall& call) {
    const Text name = TRY(value_of(*call.arguments[0]));
    if (!name) return Error{ErrorCode::NullValue, "SET requires parameter name"};
    const Text value = TRY(value_of(*call.arguments[1]));
    const bool is_local = TRY(flag(*call.arguments[2]));
    TRY(actions.set(*name, value, is_local));
    // Outside of a transaction a local value is discarded at once, so get() cannot return it.
    return actions.get(*name).has_value() ? actions.get(*name) : value;
  }

  // Executes pg_notify(). Its result is void, shown as an empty text.
  Result<Text> notify(const engine::FunctionCall& call) {
    const Text channel = TRY(value_of(*call.arguments[0]));
    const Text payload = TRY(value_of(*call.arguments[1]));
    if (!channel || channel->empty())
      return Error{ErrorCode::InvalidParameter, "channel name cannot be empty"};
    TRY(actions.notify(*channel, payload.value_or("")));
    return Text("");
  }

  Result<Text> end(const engine::FunctionCall& call) {
    const Text number = TRY(value_of(*call.arguments[0]));
    if (!number) return Text();
    int32_t process_id = 0;
    const char* const last = number->data() + number->size();
    const auto [read, error] = std::from_chars(number->data(), last, process_id);
    if (error != std::errc() || read != last)
      return Error{ErrorCode::InvalidText,
                   fmt::format("invalid input syntax for type integer: \"{}\"", *number)};
    const bool is_ended =
        TRY(actions.end(process_id, call.name == "PG_CANCEL_BACKEND" ? SessionEnd::Statement
                                                                     : SessionEnd::Connection));
    return Text(is_ended ? "t" : "f");
  }

  // Executes a call for an advisory lock. With a NULL number the result is NULL and no lock is
  // taken.
  Result<Text> lock(const engine::FunctionCall& call, const AdvisoryCall& what) {
    std::string key;
    for (const auto& argument : call.arguments) {
      const Text text = TRY(value_of(*argument));
      if (!text) return Text();
      const auto number = engine::parse_bigint(*text);
      const bool is_one_of_two = call.arguments.size() == 2;
      if (!number)
        return Error{ErrorCode::InvalidText,
                     fmt::format("invalid input syntax for type {}: \"{}\"",
                                 is_one_of_two ? "integer" : "bigint", *text)};
      if (is_one_of_two && *number != static_cast<int32_t>(*number))
        return Error{ErrorCode::OutOfRange, "integer out of range"};
      // A pair of numbers is a different key than any single number, as in PostgreSQL.
      key += fmt::format("{}{}", key.empty() ? (is_one_of_two ? "2:" : "") : ":", *number);
    }
    std::optional<Text> answer = TRY(actions.lock(what, std::move(key)));
    if (answer) return *std::move(answer);
    waits = true;
    return Error{ErrorCode::LockTimeout, "the lock is not granted yet"};
  }

  Result<Text> hash(const engine::FunctionCall& call) {
    std::string all;
    for (const auto& argument : call.arguments) {
      const Text text = TRY(value_of(*argument));
      if (!text) return Text();
      all = *text + all;
    }
    uint64_t sum = 0xcbf29ce484222325;  // offset basis of FNV-1a
    for (const char c : all) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return Text(call.arguments.size() == 1
                    ? fmt::format("{}", static_cast<int32_t>(sum ^ (sum >> 32)))
                    : fmt::format("{}", static_cast<int64_t>(sum)));
  }

  Result<Text> get(const engine::FunctionCall& call) {
    const Text name = TRY(value_of(*call.arguments[0]));
    if (!name) return Text();
    Text value = actions.get(*name);
    if (value) return value;
    const bool may_be_missing = call.arguments.size() > 1 && TRY(flag(*call.arguments[1]));
    if (may_be_missing) return Text();
    return sql::unknown_setting(*name);
  }
};

}  // namespace

std::optional<SessionEnd> what_it_ends(const Expression& expression) {
  const auto* call = expression.as<engine::FunctionCall>();
  if (!call || !ends_sessions(*call) || !is_setting_call(*call)) return std::nullopt;
  return call->name == "PG_CANCEL_BACKEND" ? SessionEnd::Statement : SessionEnd::Connection;
}

bool is_setting_query(const engine::Statement& statement) {
  const auto* query = std::get_if<engine::Query>(&statement);
  if (!query || query->items.empty() || query->having || query->combined || query->limit ||
      query->offset || query->distinct || !query->with.empty() || !query->values.empty() ||
      !query->group_by.empty() || !query->order_by.empty() || !query->distinct_on.empty() ||
      query->emit != engine::Emit::None)
    return false;
  if (query->from) return sets_chosen_settings(*query);
  if (query->where) return false;
  bool has_call = false;
  return std::ranges::all_of(query->items,
                             [&](const engine::SelectItem& item) {
                               return item.kind == engine::SelectItemKind::Expression &&
                                      is_answered(*item.expression, has_call);
                             }) &&
         has_call;
}

std::vector<sql::ResultColumn> columns_of_settings(const engine::Query& query,
                                                   std::span<const uint32_t> parameter_types) {
  std::vector<sql::ResultColumn> columns;
  for (const engine::SelectItem& item : query.items) {
    const Expression* named = item.expression.get();
    while (const auto* cast = named->as<engine::Cast>()) named = cast->operand.get();
    const auto* call = named->as<engine::FunctionCall>();
    std::string name = item.alias                     ? engine::display_name(item.alias->text)
                       : call                         ? engine::lower_case(call->name)
                       : is_column(*named, "name")    ? "name"
                       : is_column(*named, "setting") ? "setting"
                                                      : "?column?";
    columns.push_back({std::move(name), type_of_item(*item.expression, parameter_types)});
  }
  return columns;
}

std::vector<uint32_t> parameters_of_settings(const engine::Query& query) {
  std::vector<uint32_t> types;
  for (const engine::SelectItem& item : query.items)
    find_parameters(*item.expression, oid::kText, types);
  return types;
}

SettingRun::SettingRun(const engine::Query& query, std::span<const engine::Value> parameters,
                       SettingActions actions,
                       std::span<const sql::SessionSettings::Entry> settings)
    : parameters_(parameters.begin(), parameters.end()), actions_(std::move(actions)) {
  if (!query.from) rows_.push_back(items_of(query, nullptr));
  if (!query.from) return;
  for (const sql::SessionSettings::Entry& each : settings)
    if (!query.where || is_chosen(each, *query.where)) rows_.push_back(items_of(query, &each));
}

Result<std::optional<std::vector<SettingRun::Row>>> SettingRun::advance() {
  Run run{parameters_, actions_, finished_};
  std::vector<Row> rows;
  for (const engine::ExpressionList& items : rows_) {
    Row& row = rows.emplace_back();
    for (const engine::ExpressionPtr& item : items) {
      Result<Text> value = run.value_of(*item);
      if (run.waits) return std::optional<std::vector<Row>>();
      row.push_back(TRY(std::move(value)));
    }
  }
  return std::optional(std::move(rows));
}

}  // namespace server::pg
