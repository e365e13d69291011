#include "engine/query/point_look_up.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/types/postgres_types.h"

namespace engine {

namespace {

constexpr size_t kUnset = SIZE_MAX;

bool is_whole_number(const SqlType& type) {
  const bool is_plain = type.label() == label::kNone || type.label() == label::kInt2;
  return is_plain && (type.kind() == TypeKind::Integer || type.kind() == TypeKind::Bigint);
}
bool is_text(const SqlType& type) {
  const bool is_plain = type.label() == label::kNone || type.label() == label::kVarchar;
  return is_plain && type.kind() == TypeKind::String;
}

// Returns whether equal values of the two types have equal bytes as keys.
bool fit(const SqlType& key, const SqlType& parameter) {
  return (is_whole_number(key) && is_whole_number(parameter)) ||
         (is_text(key) && is_text(parameter));
}

// Finds for each key column the parameter that the condition compares it with. Returns false if the
// condition has another form.
bool find_parameters(const Expression& condition, std::span<const ColumnDef> keys,
                     std::span<const SqlType> types, std::vector<size_t>& parameter_of) {
  if (const auto* logical = condition.as<Logical>())
    return logical->op == LogicalOp::And &&
           find_parameters(*logical->left, keys, types, parameter_of) &&
           find_parameters(*logical->right, keys, types, parameter_of);
  const auto* comparison = condition.as<Comparison>();
  if (!comparison || comparison->op != ComparisonOp::Equal) return false;
  const auto* column = comparison->left->as<ColumnRef>();
  const auto* parameter = comparison->right->as<Parameter>();
  if (!column || !parameter) {
    column = comparison->right->as<ColumnRef>();
    parameter = comparison->left->as<Parameter>();
  }
  if (!column || !parameter) return false;
  const auto key = std::ranges::find(keys, column->name.text, &ColumnDef::name);
  const auto number = static_cast<size_t>(parameter->index) - 1;
  if (key == keys.end() || number >= types.size() || !fit(key->type, types[number])) return false;
  size_t& place = parameter_of[static_cast<size_t>(key - keys.begin())];
  return std::exchange(place, number) == kUnset;
}

// Returns whether the expression can be computed on a loop, without the values of parameters. A call
// of a function may take too long for a loop.
bool is_plain(const BoundExpression& expression) {
  return expression.kind != BoundKind::Parameter && expression.function == nullptr &&
         std::ranges::all_of(expression.children, is_plain);
}

std::optional<Value> as_whole_number(const Value& value, TypeKind kind) {
  int64_t number = 0;
  if (const auto* small = std::get_if<int32_t>(&value.payload()))
    number = *small;
  else if (const auto* large = std::get_if<int64_t>(&value.payload()))
    number = *large;
  else
    return std::nullopt;
  if (kind == TypeKind::Bigint) return Value::bigint(number);
  if (number != static_cast<int32_t>(number)) return std::nullopt;
  return Value::integer(static_cast<int32_t>(number));
}

}  // namespace

std::unique_ptr<PointLookUp> PointLookUp::make(const Query& query, const PullPlan& plan,
                                               std::span<const SqlType> parameters) {
  const DataSource& table = *plan.table;
  if (table.kind != SourceKind::Table || table.window || !query.where || query.limit ||
      query.offset || !std::ranges::all_of(plan.columns, is_plain))
    return nullptr;
  const std::vector<ColumnDef> keys = table.schema.keys();
  std::vector<size_t> parameter_of(keys.size(), kUnset);
  if (!find_parameters(*query.where, keys, parameters, parameter_of) ||
      std::ranges::find(parameter_of, kUnset) != parameter_of.end() ||
      parameters.size() != keys.size())
    return nullptr;
  auto writer = make_writer(identity_format(table.key_format), keys, Side::Key);
  if (!writer) return nullptr;
  PullPlan unfiltered{.table = plan.table,
                      .keys = {},
                      .windows = {},
                      .filter = {},
                      .columns = plan.columns,
                      .result = plan.result,
                      .limit = {}};
  return std::unique_ptr<PointLookUp>(
      new PointLookUp(std::move(unfiltered), std::move(parameter_of), std::move(writer).take()));
}

PointLookUp::PointLookUp(PullPlan plan, std::vector<size_t> parameter_of,
                         std::unique_ptr<Writer> writer)
    : plan_(std::move(plan)),
      parameter_of_(std::move(parameter_of)),
      writer_(std::move(writer)),
      shaper_(plan_) {}

std::optional<std::string> PointLookUp::key_of(std::span<const Value> parameters) {
  std::vector<Column> columns;
  columns.reserve(parameter_of_.size());
  std::vector<const Column*> pointers;
  const auto& all = plan_.table->schema.columns;
  auto key = all.begin();
  for (const size_t number : parameter_of_) {
    while (key->role != ColumnRole::Key) ++key;
    const Value& value = parameters[number];
    Column& column = columns.emplace_back(key->type);
    if (key->type.kind() == TypeKind::String) {
      if (value.is_null()) return std::nullopt;
      column.append_value(value);
    } else {
      const auto whole = as_whole_number(value, key->type.kind());
      if (!whole) return std::nullopt;
      column.append_value(*whole);
    }
    pointers.push_back(&column);
    ++key;
  }
  encoded_.clear();
  writer_->write(pointers, {0, 1}, nullptr, encoded_);
  if (encoded_.size() != 1 || !encoded_[0]) return std::nullopt;
  return std::string(*encoded_[0]);
}

}  // namespace engine
