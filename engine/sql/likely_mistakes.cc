#include "engine/sql/likely_mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "engine/sql/time_pattern_mistakes.h"

namespace engine {

namespace {

constexpr size_t kMostMistakes = 4;
// the functions whose second argument is a pattern of Java's DateTimeFormatter
constexpr std::string_view kJavaPatterns[] = {
    "FORMAT_TIMESTAMP",  "PARSE_TIMESTAMP", "FORMAT_DATE",  "PARSE_DATE",
    "FORMAT_TIME",       "PARSE_TIME",      "DATETOSTRING", "TIMESTAMPTOSTRING",
    "STRINGTOTIMESTAMP", "STRINGTODATE"};
// the functions whose second argument is a pattern of to_char()
constexpr std::string_view kToCharPatterns[] = {"TO_CHAR", "TO_TIMESTAMP", "TO_DATE"};
// the columns that are a number of milliseconds in every stream and table
constexpr std::string_view kMilliseconds[] = {"ROWTIME", "WINDOWSTART", "WINDOWEND"};

class Search {
 public:
  // `plan_checks_letters`: the plan of the statement has notices of its own about the letters Y, D and h in patterns.
  explicit Search(bool plan_checks_letters) : plan_checks_letters_(plan_checks_letters) {}

  std::vector<LikelyMistake> found;

  void query(const Query& query) {
    if (!query.values.empty()) return;
    for (const CommonTable& each : query.with)
      if (each.query) this->query(*each.query);
    if (query.combined) {
      this->query(*query.combined->left);
      this->query(*query.combined->right);
    }
    if (query.from && query.from->query) this->query(*query.from->query);
    for (const Join& each : query.joins)
      if (each.source.query) this->query(*each.source.query);
    for (const Expression* each : own_expressions(query)) expression(*each);
  }

  void expression(const Expression& expression) {
    if (found.size() >= kMostMistakes) return;
    if (const auto* comparison = expression.as<Comparison>()) check(*comparison);
    if (const auto* in = expression.as<In>()) check(*in);
    if (const auto* call = expression.as<FunctionCall>()) check(*call);
    if (const auto* subquery = expression.as<Subquery>()) query(*subquery->query);
    for (const Expression* each : children(expression)) this->expression(*each);
  }

  void optional(const ExpressionPtr& expression) {
    if (expression) this->expression(*expression);
  }

  void add(std::optional<LikelyMistake> mistake) {
    if (mistake && std::ranges::find(found, *mistake) == found.end())
      found.push_back(*std::move(mistake));
  }

 private:
  void check(const Comparison& node) {
    if (node.op == ComparisonOp::IsDistinctFrom || node.op == ComparisonOp::IsNotDistinctFrom)
      return;
    const bool left_is_null = node.left->is<NullLiteral>();
    if (left_is_null == node.right->is<NullLiteral>()) return;
    const std::string_view test = node.op == ComparisonOp::NotEqual ? "IS NOT NULL" : "IS NULL";
    add(LikelyMistake{
        "a comparison with NULL is never true",
        fmt::format("Use {} {}.", to_sql(*(left_is_null ? node.right : node.left)), test)});
  }

  void check(const In& node) {
    const auto is_null = [](const ExpressionPtr& each) { return each->is<NullLiteral>(); };
    if (!node.negated || std::ranges::none_of(node.list, is_null)) return;
    add(LikelyMistake{"NOT IN is never true if the list has a NULL",
                      "Remove NULL from the list, and use IS NOT NULL as another condition."});
  }

  void check(const FunctionCall& call) {
    const auto is_one_of = [&](std::span<const std::string_view> names) {
      return std::ranges::find(names, std::string_view(call.name)) != names.end();
    };
    if (call.arguments.size() >= 2) {
      const auto* pattern = call.arguments[1]->as<StringLiteral>();
      if (!pattern) return;
      const bool is_checked =
          plan_checks_letters_ && pattern->value.find_first_of("YDh") != std::string::npos;
      if (is_one_of(kJavaPatterns) && !is_checked) add(mistake_in_java_pattern(pattern->value));
      if (is_one_of(kToCharPatterns)) add(mistake_in_to_char_pattern(pattern->value));
      return;
    }
    if (call.name != "TO_TIMESTAMP" || call.arguments.size() != 1) return;
    const auto* column = call.arguments[0]->as<ColumnRef>();
    if (!column || std::ranges::find(kMilliseconds, std::string_view(column->name.text)) ==
                       std::end(kMilliseconds))
      return;
    const std::string name = to_sql(*call.arguments[0]);
    add(LikelyMistake{
        fmt::format("to_timestamp() reads {} as seconds, and it has milliseconds", name),
        fmt::format("Use FROM_UNIXTIME({}).", name)});
  }

  const bool plan_checks_letters_;
};

}  // namespace

std::vector<LikelyMistake> likely_mistakes(const Statement& statement) {
  Search search(std::holds_alternative<CreateAsSelect>(statement));
  if (const auto* query = std::get_if<Query>(&statement)) search.query(*query);
  if (const auto* create = std::get_if<CreateAsSelect>(&statement)) search.query(create->query);
  if (const auto* view = std::get_if<CreateView>(&statement); view && view->query)
    search.query(*view->query);
  if (const auto* insert = std::get_if<InsertSelect>(&statement)) search.query(insert->query);
  if (const auto* update = std::get_if<UpdateRows>(&statement)) {
    for (const Assignment& each : update->assignments) search.optional(each.value);
    search.optional(update->where);
  }
  if (const auto* removal = std::get_if<DeleteRows>(&statement)) search.optional(removal->where);
  return std::move(search.found);
}

}  // namespace engine
