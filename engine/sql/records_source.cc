#include "engine/sql/records_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/sql/records_call.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::string_view kRecordsUse =
    "RECORDS('topic', partition => 0, from_offset => 100, from_time => '2024-05-01 09:00', "
    "direction => 'newest' or 'oldest', max_bytes => 1048576); all arguments after the first are "
    "optional.";

Error wrong_call(std::string message, TextPosition position) {
  return Error{
      ErrorCode::InvalidParameter, std::move(message), {}, fmt::format("Use {}", kRecordsUse)}
      .at(position);
}

// Returns the argument as text: the conditions on hidden columns compare texts.
ExpressionPtr text_of_argument(ExpressionPtr value) {
  const TextPosition at = value->position;
  if (value->is<StringLiteral>() || value->is<Parameter>()) return value;
  if (const auto* number = value->as<IntegerLiteral>())
    return make_expression(StringLiteral{std::to_string(number->value)}, at);
  if (const auto* number = value->as<BigintLiteral>())
    return make_expression(StringLiteral{std::to_string(number->value)}, at);
  return make_expression(Cast{std::move(value), TypeName{.kind = TypeKind::String}}, at);
}

ExpressionPtr is_argument(std::string_view argument, ExpressionPtr value) {
  const TextPosition at = value->position;
  ExpressionPtr column =
      make_expression(ColumnRef{std::nullopt, Name{records_column(argument)}}, at);
  return make_expression(Comparison{ComparisonOp::Equal, std::move(column), std::move(value)}, at);
}

}  // namespace

Result<AliasedSource> records_source(FunctionCall& call, AliasedSource named) {
  const TextPosition at = named.position;
  std::vector<std::string_view> given;
  ExpressionPtr where;
  const auto add = [&](std::string_view argument, ExpressionPtr value) {
    ExpressionPtr condition = is_argument(argument, std::move(value));
    where =
        where ? make_expression(Logical{LogicalOp::And, std::move(where), std::move(condition)}, at)
              : std::move(condition);
  };
  bool are_named = false;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    ExpressionPtr value = std::move(call.arguments[i]);
    const TextPosition place = value->position;
    std::string name;
    if (auto* by_name = std::get_if<Lambda>(&value->node)) {
      are_named = true;
      name = by_name->parameters.front();
      ExpressionPtr body = std::move(by_name->body);
      value = std::move(body);
    } else if (are_named) {
      return Error{ErrorCode::SyntaxError, "positional argument cannot follow named argument"}.at(
          place);
    } else if (i < std::size(kRecordsArguments)) {
      name = kRecordsArguments[i];
    } else {
      return wrong_call("RECORDS has at most 6 arguments", place);
    }
    const auto known = std::ranges::find(kRecordsArguments, name);
    if (known == std::end(kRecordsArguments))
      return wrong_call(fmt::format("RECORDS has no argument \"{}\"", lower_case(name)), place);
    if (std::ranges::find(given, *known) != given.end())
      return wrong_call(fmt::format("RECORDS has the argument \"{}\" twice", lower_case(name)),
                        place);
    if (value->is<NullLiteral>()) continue;  // an argument that is NULL means the default
    // If the name of the topic has no quotes, the parser reads it as a column.
    if (const auto* column = value->as<ColumnRef>();
        column && !column->source && *known == kRecordsArguments[0])
      return Error{ErrorCode::InvalidParameter, "the topic of RECORDS is a text"}
          .at(place)
          .with_hint(fmt::format("Write its name in single quotes: RECORDS('{}').",
                                 lower_case(column->name.text)));
    given.push_back(*known);
    add(*known, text_of_argument(std::move(value)));
  }
  if (std::ranges::find(given, kRecordsArguments[0]) == given.end())
    return wrong_call("RECORDS needs the name of a topic", at);
  add(kRecordsGiven, make_expression(StringLiteral{fmt::format("{}", fmt::join(given, ","))}, at));

  Query body;
  body.position = at;
  body.items.push_back({SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, at});
  body.from = AliasedSource{.schema = Name{std::string(kRecordsSchema)},
                            .name = Name{std::string(kRecordsTable)},
                            .alias = std::nullopt,
                            .position = at};
  body.where = std::move(where);
  // A source that is a query has the name of its alias, as SELECTs in FROM have.
  if (!named.alias) named.alias = Name{std::string(kRecordsTable)};
  named.name = *named.alias;
  named.query = std::make_shared<const Query>(std::move(body));
  return named;
}

bool is_records_call(const AliasedSource& source) {
  const auto is = [](const std::optional<Name>& name, std::string_view text) {
    return name && name->text == text;
  };
  return source.query && source.query->from && is(source.query->from->schema, kRecordsSchema) &&
         source.query->from->name.text == kRecordsTable;
}

}  // namespace engine
