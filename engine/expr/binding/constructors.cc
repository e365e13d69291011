// Binds CASE and the constructors of arrays, maps and structs.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/expr/bind.h"
#include "engine/expr/binder.h"
#include "engine/expr/labels.h"
#include "engine/types/coercion.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

BoundExpression constructor(BoundKind kind, SqlType type, std::vector<BoundExpression> children) {
  BoundExpression bound;
  bound.kind = kind;
  bound.type = std::move(type);
  bound.children = std::move(children);
  bound.absorbs_errors = true;
  return bound;
}

std::vector<BoundExpression> bound_of(std::vector<BoundItem> items) {
  std::vector<BoundExpression> bound;
  for (BoundItem& item : items) bound.push_back(std::move(item.bound));
  return bound;
}

// Returns the common type of those results of a CASE that are not text literals; Null if they have no common type.
SqlType type_of_results(std::span<const BoundItem> results) {
  SqlType type;
  for (const BoundItem& result : results) {
    if (result.source->is<StringLiteral>() || result.bound.type.is_null()) continue;
    const auto shared = common_type(type, result.bound.type);
    if (!shared) return {};
    type = *shared;
  }
  return type;
}

// Numbers the volatile calls in the operand of a CASE, because calls with the same number are computed once. The
// operand is written once and compared with each WHEN, so the calls must return the same value each time. The numbers
// depend on the place in the text, so that another CASE has other numbers.
void number_changing_calls(BoundExpression& operand, TextPosition place, uint32_t& count) {
  using enum BoundKind;
  // Parts of these expressions are computed only for some rows, so their calls have no common value.
  if (operand.kind == Case || operand.kind == And || operand.kind == Or || operand.kind == Lambda)
    return;
  if (operand.kind == Call && !operand.is_deterministic && operand.index == 0)
    operand.index = 1 + ((place.line << 16 ^ place.column << 6) + count++);
  for (BoundExpression& child : operand.children) number_changing_calls(child, place, count);
}

}  // namespace

Result<BoundExpression> Binder::bind_case(const Case& node, TextPosition position) {
  BoundExpression bound;
  bound.kind = BoundKind::Case;
  for (const CaseBranch& branch : node.branches) {
    if (node.operand) {
      BoundItem operand{node.operand.get(), TRY(bind_open(*node.operand))};
      uint32_t changing_calls = 0;
      number_changing_calls(operand.bound, node.operand->position, changing_calls);
      BoundItem when{branch.when.get(), TRY(bind_open(*branch.when))};
      bound.children.push_back(TRY(compare(ComparisonOp::Equal, std::move(operand), std::move(when),
                                           branch.when->position)));
    } else {
      bound.children.push_back(TRY(bind_condition(*branch.when, "WHEN")));
    }
    bound.children.push_back(TRY(bind_open(*branch.then)));
  }
  bound.children.push_back(node.otherwise ? TRY(bind_open(*node.otherwise))
                                          : literal_expression({}, {}));
  // The children are conditions and results in turn, followed by the result of ELSE.
  std::vector<BoundExpression*> results;
  for (size_t i = 1; i < bound.children.size(); i += 2) results.push_back(&bound.children[i]);
  results.push_back(&bound.children.back());
  if (scope_.texts_take_types) {  // a text literal is read as a value of the other results' type
    std::vector<BoundItem> items;
    for (size_t i = 0; i < node.branches.size(); ++i)
      items.push_back({node.branches[i].then.get(), std::move(*results[i])});
    if (node.otherwise) items.push_back({node.otherwise.get(), std::move(*results.back())});
    const SqlType type = type_of_results(items);
    for (size_t i = 0; i < items.size(); ++i) {
      TRY(keep_digits_beside(items[i], type));
      TRY(read_text_as(items[i], type));
      *results[i] = std::move(items[i].bound);
    }
  }
  for (const BoundExpression* result : results) {
    const bool is_default = result == results.back();
    if (result->type.is_null()) continue;
    if (bound.type.is_null()) bound.type = result->type;
    if (result->type == bound.type) {
      bound.type = common_type(bound.type, result->type).value_or(bound.type);
      continue;
    }
    if (scope_.texts_take_types)
      if (const auto shared = common_type(bound.type, result->type)) {
        bound.type = *shared;
        continue;
      }
    return with_ksqldb(
               ErrorCode::TypeMismatch,
               "the branches of a CASE must have one type, not " + shown(bound.type) + " and " +
                   shown(result->type),
               invalid_detail(
                   is_default
                       ? "Invalid Case expression. Type for the default clause should be the same "
                         "as for 'THEN' clauses.\nTHEN type: " +
                             in_ksqldb(bound.type) + ".\nDEFAULT type: " + in_ksqldb(result->type) +
                             "."
                       : "Invalid Case expression. Type for all 'THEN' clauses should be the "
                         "same."))
        .with_hint("CAST the branches to one type.")
        .at(position);
  }
  const bool has_parameter = std::ranges::any_of(
      results, [](const auto* result) { return result->kind == BoundKind::Parameter; });
  if (bound.type.is_null() && has_parameter)
    bound.type = open_type((*std::ranges::find(results, BoundKind::Parameter, [](const auto* each) {
                             return each->kind;
                           }))->type);
  if (bound.type.is_null() && scope_.texts_take_types) bound.type = TypeKind::String;
  if (bound.type.is_null())
    return with_ksqldb(ErrorCode::TypeMismatch, "all branches of the CASE are NULL",
                       invalid_detail("Invalid Case expression. All case branches have NULL type"))
        .at(position);
  for (BoundExpression* result : results) *result = TRY(coerce_to(std::move(*result), bound.type));
  return bound;
}

Result<BoundExpression> Binder::bind_array(const ArrayConstructor& node, TextPosition position) {
  if (node.elements.empty() && scope_.texts_take_types)
    return Error{ErrorCode::UnknownDataType, "cannot determine type of empty array"}
        .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
        .at(position);
  if (node.elements.empty())
    return Error{ErrorCode::InvalidStatement,
                 "Array constructor cannot be empty. Please supply at least one element (see "
                 "https://github.com/confluentinc/ksql/issues/4239)."}
        .at(position);
  std::vector<BoundItem> items;
  for (const ExpressionPtr& element : node.elements)
    items.push_back({element.get(), TRY(bind_open(*element))});
  if (scope_.texts_take_types) {  // a text literal gets the type of the other items
    const SqlType type = type_of_results(items);
    for (BoundItem& item : items) TRY(read_text_as(item, type));
  }
  SqlType element = TRY(unify(items));
  if (element.is_null())
    return Error{ErrorCode::TypeMismatch,
                 "Cannot construct an array with all NULL elements (see "
                 "https://github.com/confluentinc/ksql/issues/4239). As a workaround, you may "
                 "cast a NULL value to the desired type."}
        .at(position);
  return constructor(BoundKind::Array, SqlType::array(std::move(element)),
                     bound_of(std::move(items)));
}

Result<BoundExpression> Binder::bind_map(const MapConstructor& node, TextPosition position) {
  if (node.entries.empty())
    return Error{ErrorCode::InvalidStatement,
                 "Map constructor cannot be empty. Please supply at least one key value pair (see "
                 "https://github.com/confluentinc/ksql/issues/4239)."}
        .at(position);
  std::vector<BoundItem> keys, values;
  for (const MapEntry& entry : node.entries) {
    keys.push_back({entry.key.get(), TRY(bind_open(*entry.key))});
    values.push_back({entry.value.get(), TRY(bind_open(*entry.value))});
  }
  SqlType key = TRY(unify(keys));
  SqlType value = TRY(unify(values));
  if (key.is_null() || value.is_null())
    return Error{ErrorCode::TypeMismatch,
                 std::string("Cannot construct a map with all NULL ") +
                     (key.is_null() ? "keys" : "values") +
                     " (see https://github.com/confluentinc/ksql/issues/4239). As a workaround, "
                     "you may cast a NULL key to the desired type."}
        .at(position);
  std::vector<BoundExpression> children;
  for (size_t i = 0; i < keys.size(); ++i) {
    children.push_back(std::move(keys[i].bound));
    children.push_back(std::move(values[i].bound));
  }
  return constructor(BoundKind::Map, SqlType::map(std::move(key), std::move(value)),
                     std::move(children));
}

Result<BoundExpression> Binder::bind_struct(const StructConstructor& node, TextPosition position) {
  std::vector<Field> fields;
  std::vector<BoundExpression> children;
  std::set<std::string> names;
  for (const StructField& field : node.fields) {
    BoundExpression value = TRY(bind(*field.value));
    if (!names.insert(field.name.text).second)
      return Error{ErrorCode::DuplicateColumn,
                   "Duplicate field names found in STRUCT: '" + field.name.text + "'"}
          .at(position);
    if (value.type.is_null())
      return Error{ErrorCode::TypeMismatch,
                   "Can't infer a type of null. Please explicitly cast it to a required type, "
                   "e.g. CAST(null AS VARCHAR)."}
          .at(field.value->position);
    fields.push_back({field.name.text, value.type});
    children.push_back(std::move(value));
  }
  return constructor(BoundKind::Struct, SqlType::structure(std::move(fields)), std::move(children));
}

}  // namespace engine
