#include "engine/sql/sequence_call.h"

#include <algorithm>
#include <utility>

namespace engine {

namespace {

const Cast* as_regclass(const Expression& expression) {
  const auto* cast = expression.as<Cast>();
  return cast && cast->type.custom_name == "REGCLASS" ? cast : nullptr;
}

void collect(const Expression& expression, std::vector<std::string>& names) {
  if (const auto* call = expression.as<FunctionCall>();
      call && is_sequence_call(*call) && !call->arguments.empty()) {
    const Expression* named = call->arguments.front().get();
    while (const auto* cast = named->as<Cast>()) named = cast->operand.get();
    if (const auto* text = named->as<StringLiteral>()) names.push_back(text->value);
  }
  for (const Expression* child : children(expression)) collect(*child, names);
}

}  // namespace

bool is_sequence_call(const FunctionCall& call) {
  return call.name == "NEXTVAL" || call.name == "CURRVAL" || call.name == "SETVAL" ||
         call.name == "LASTVAL" || call.name == "TXID_CURRENT";
}

bool calls_sequence(const Expression& expression) {
  if (const auto* call = expression.as<FunctionCall>(); call && is_sequence_call(*call))
    return true;
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return calls_sequence(*child); });
}

bool calls_sequence(const Query& query) {
  const auto calls = [](const ExpressionPtr& expression) {
    return expression && calls_sequence(*expression);
  };
  return calls(query.where) || std::ranges::any_of(query.items, calls, &SelectItem::expression);
}

bool names_by_regclass(const FunctionCall& call) {
  return is_sequence_call(call) && !call.arguments.empty() && as_regclass(*call.arguments.front());
}

void take_sequence_name(FunctionCall& call) {
  if (!names_by_regclass(call)) return;
  ExpressionPtr& named = call.arguments.front();
  while (as_regclass(*named)) named = ExpressionPtr(std::move(std::get<Cast>(named->node).operand));
}

std::vector<std::string> sequences_named_in(const Expression& expression) {
  std::vector<std::string> names;
  collect(expression, names);
  return names;
}

}  // namespace engine
