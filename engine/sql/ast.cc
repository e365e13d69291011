#include "engine/sql/ast.h"

#include <algorithm>

namespace engine {
namespace {

ExpressionPtr clone_if(const ExpressionPtr& expression) {
  return expression ? clone(*expression) : nullptr;
}

int greatest_parameter(const Query& query);

int greatest_parameter(const Expression& expression) {
  const Parameter* parameter = expression.as<Parameter>();
  int greatest = parameter ? parameter->index : 0;
  if (const auto* subquery = expression.as<Subquery>())
    greatest = greatest_parameter(*subquery->query);
  for (const Expression* child : children(expression))
    greatest = std::max(greatest, greatest_parameter(*child));
  return greatest;
}

int greatest_parameter(const ExpressionPtr& expression) {
  return expression ? greatest_parameter(*expression) : 0;
}

int greatest_parameter(const ExpressionList& list) {
  int greatest = 0;
  for (const ExpressionPtr& expression : list)
    greatest = std::max(greatest, greatest_parameter(*expression));
  return greatest;
}

int greatest_parameter(const std::vector<SelectItem>& items) {
  int greatest = 0;
  for (const SelectItem& item : items)
    greatest = std::max(greatest, greatest_parameter(item.expression));
  return greatest;
}

int greatest_parameter(const Query& query) {
  int greatest = std::max({greatest_parameter(query.items), greatest_parameter(query.distinct_on),
                           greatest_parameter(query.where), greatest_parameter(query.group_by),
                           greatest_parameter(query.partition_by), greatest_parameter(query.having),
                           greatest_parameter(query.limit), greatest_parameter(query.offset)});
  const auto take = [&](const std::shared_ptr<const Query>& part) {
    if (part) greatest = std::max(greatest, greatest_parameter(*part));
  };
  if (query.from) take(query.from->query);
  for (const Join& join : query.joins) {
    greatest = std::max(greatest, greatest_parameter(join.on));
    take(join.source.query);
  }
  for (const CommonTable& table : query.with) take(table.query);
  if (query.combined) {
    take(query.combined->left);
    take(query.combined->right);
  }
  for (const ExpressionList& row : query.values)
    greatest = std::max(greatest, greatest_parameter(row));
  for (const OrderItem& item : query.order_by)
    greatest = std::max(greatest, greatest_parameter(item.expression));
  return greatest;
}

struct ParameterCounter {
  int operator()(const auto&) const { return 0; }
  int operator()(const Query& query) const { return greatest_parameter(query); }
  int operator()(const CreateAsSelect& n) const { return greatest_parameter(n.query); }
  int operator()(const InsertSelect& n) const {
    return std::max(greatest_parameter(n.query), greatest_parameter(n.returning));
  }
  int operator()(const DeclareCursor& n) const { return greatest_parameter(n.query); }
  int operator()(const Copy& n) const { return n.query ? greatest_parameter(*n.query) : 0; }
  int operator()(const Explain& n) const { return n.statement ? parameter_count(*n.statement) : 0; }
  int operator()(const Prepare& n) const { return parameter_count(*n.statement); }
  int operator()(const ExecutePrepared& n) const { return greatest_parameter(n.arguments); }
  int operator()(const InsertValues& n) const {
    int greatest = 0;
    for (const ExpressionList& row : n.rows) greatest = std::max(greatest, greatest_parameter(row));
    return std::max(greatest, greatest_parameter(n.returning));
  }
  int operator()(const DeleteRows& n) const {
    return std::max({greatest_parameter(n.where), greatest_parameter(n.reads),
                     greatest_parameter(n.returning)});
  }
  int operator()(const UpdateRows& n) const {
    int greatest = std::max({greatest_parameter(n.where), greatest_parameter(n.reads),
                             greatest_parameter(n.returning)});
    greatest = std::max(greatest, greatest_parameter(n.row_values));
    for (const Assignment& each : n.assignments)
      greatest = std::max(greatest, greatest_parameter(each.value));
    return greatest;
  }
};

// Returns the milliseconds of a unit; nothing for months and years, whose lengths differ.
std::optional<int64_t> unit_ms(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::Milliseconds:
      return 1;
    case TimeUnit::Seconds:
      return 1'000;
    case TimeUnit::Minutes:
      return 60'000;
    case TimeUnit::Hours:
      return 3'600'000;
    case TimeUnit::Days:
      return 86'400'000;
    case TimeUnit::Weeks:
      return 7 * 86'400'000;
    case TimeUnit::Months:
    case TimeUnit::Years:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Result<int64_t> Duration::to_ms() const {
  const std::optional<int64_t> factor = unit_ms(unit);
  int64_t ms = 0;
  if (factor && !__builtin_mul_overflow(count, *factor, &ms)) return ms;
  Error error{ErrorCode::OutOfRange, "duration of " + std::to_string(count) + " " +
                                         std::string(to_string(unit)) +
                                         " cannot be converted to milliseconds"};
  const int64_t unit_days = unit == TimeUnit::Years ? 365 : unit == TimeUnit::Months ? 30 : 0;
  int64_t days = 0;
  if (unit_days > 0 && !__builtin_mul_overflow(count, unit_days, &days)) {
    error.detail =
        unit == TimeUnit::Years ? "Years have no fixed length." : "Months have no fixed length.";
    error.hint = "Write " + std::to_string(days) + " DAYS.";
  }
  return error;
}

std::string Property::text() const {
  const StringLiteral* string = value->as<StringLiteral>();
  return string ? string->value : to_sql(*value);
}

const Property* find_property(const PropertyList& properties, std::string_view name) {
  const auto found = std::ranges::find(properties, name, &Property::name);
  return found == properties.end() ? nullptr : &*found;
}

Join clone(const Join& join) {
  return {join.type,     join.source,  join.within, join.on ? clone(*join.on) : nullptr,
          join.position, join.columns, join.natural};
}

namespace {

bool is_subquery(const Expression& expression) { return expression.is<Subquery>(); }
bool is_window_call(const Expression& expression) {
  const auto* call = expression.as<FunctionCall>();
  return call && call->over;
}

using IsIt = bool (*)(const Expression&);

std::optional<TextPosition> found_in(const Expression& expression, IsIt is_it) {
  if (is_it(expression)) return expression.position;
  for (const Expression* child : children(expression))
    if (auto found = found_in(*child, is_it)) return found;
  return std::nullopt;
}

std::optional<TextPosition> found_in(const Query& query, IsIt is_it) {
  for (const Expression* each : own_expressions(query))
    if (auto found = found_in(*each, is_it)) return found;
  return std::nullopt;
}

}  // namespace

std::vector<const Expression*> own_expressions(const Query& query) {
  std::vector<const Expression*> own;
  const auto add = [&](const ExpressionPtr& each) {
    if (each) own.push_back(each.get());
  };
  for (const SelectItem& item : query.items) add(item.expression);
  for (const Join& join : query.joins) add(join.on);
  add(query.where);
  for (const ExpressionPtr& each : query.group_by) add(each);
  for (const ExpressionPtr& each : query.partition_by) add(each);
  add(query.having);
  for (const OrderItem& item : query.order_by) add(item.expression);
  for (const ExpressionPtr& each : query.distinct_on) add(each);
  for (const ExpressionList& row : query.values)
    for (const ExpressionPtr& each : row) add(each);
  add(query.limit);
  add(query.offset);
  return own;
}

std::optional<BeyondDialect> beyond_dialect(const Query& query) {
  if (!query.with.empty()) return BeyondDialect{"WITH", query.with.front().position};
  if (query.combined) {
    const SetOperator op = query.combined->op;
    return BeyondDialect{op == SetOperator::Union       ? "UNION"
                         : op == SetOperator::Intersect ? "INTERSECT"
                                                        : "EXCEPT",
                         query.combined->position};
  }
  if (!query.values.empty()) return BeyondDialect{"VALUES", query.position};
  if (!query.distinct_on.empty()) return BeyondDialect{"DISTINCT ON", query.position};
  if (!query.grouping_sets.empty()) return BeyondDialect{"GROUPING SETS", query.position};
  if (query.from && query.from->query)
    return BeyondDialect{"a SELECT in FROM", query.from->position};
  if (query.from && !query.from->columns.empty())
    return BeyondDialect{"a list of names for a source's columns", query.from->position};
  for (const Join& join : query.joins) {
    if (join.source.query) return BeyondDialect{"a SELECT in FROM", join.source.position};
    if (!join.source.columns.empty())
      return BeyondDialect{"a list of names for a source's columns", join.source.position};
    if (!join.on) return BeyondDialect{"a join without ON", join.position};
  }
  if (const auto position = found_in(query, is_subquery))
    return BeyondDialect{"a sub-query", *position};
  if (const auto position = found_in(query, is_window_call))
    return BeyondDialect{"a window function", *position};
  return std::nullopt;
}

Query clone(const Query& query) {
  Query copy;
  copy.with = query.with;
  copy.combined = query.combined;
  for (const ExpressionList& row : query.values) copy.values.push_back(clone(row));
  copy.distinct = query.distinct;
  copy.distinct_on = clone(query.distinct_on);
  for (const SelectItem& item : query.items)
    copy.items.push_back(
        {item.kind, clone_if(item.expression), item.alias, item.source, item.position});
  copy.from = query.from;
  for (const Join& join : query.joins) copy.joins.push_back(clone(join));
  copy.window = query.window;
  copy.where = clone_if(query.where);
  copy.group_by = clone(query.group_by);
  copy.grouping_sets = query.grouping_sets;
  copy.partition_by = clone(query.partition_by);
  copy.having = clone_if(query.having);
  for (const OrderItem& item : query.order_by)
    copy.order_by.push_back({clone(*item.expression), item.descending, item.nulls});
  copy.emit = query.emit;
  copy.limit = clone_if(query.limit);
  copy.offset = clone_if(query.offset);
  copy.position = query.position;
  copy.positions = query.positions;
  return copy;
}

ParsedStatement::ParsedStatement() = default;
ParsedStatement::ParsedStatement(Statement statement_in, std::string text_in, TextPosition start_in,
                                 RowLocks row_locks_in)
    : statement(std::move(statement_in)),
      text(std::move(text_in)),
      start(start_in),
      row_locks(std::move(row_locks_in)) {}
ParsedStatement::ParsedStatement(ParsedStatement&& other) noexcept = default;
ParsedStatement& ParsedStatement::operator=(ParsedStatement&& other) noexcept = default;
ParsedStatement::~ParsedStatement() = default;

int parameter_count(const ParsedStatement& statement) {
  return std::visit(ParameterCounter{}, statement.statement);
}

}  // namespace engine
