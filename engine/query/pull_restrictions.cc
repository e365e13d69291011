#include "engine/query/pull_restrictions.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace engine {

namespace {

constexpr std::string_view kTableScan = "ksql.query.pull.table.scan.enabled",
                           kRangeScan = "ksql.query.pull.range.scan.enabled",
                           kLimitClause = "ksql.query.pull.limit.clause.enabled";
// Limit for the number of alternatives of a condition, because the alternatives are checked one by one.
constexpr size_t kMaxDisjuncts = 1000;

bool is_set(const PlanContext& context, std::string_view setting, std::string_view value) {
  const auto found = context.properties.find(std::string(setting));
  return found != context.properties.end() && found->second == value;
}
bool is_off(const PlanContext& context, std::string_view setting) {
  return is_set(context, setting, "false");
}

// Returns whether a range of keys counts as a look-up. ksqlDB's store finds a range by seeking, so ksqlDB's default
// allows ranges even if scans are forbidden. In Millrace a range needs a scan, so a session must allow ranges
// explicitly.
bool allows_ranges(const PlanContext& context) {
  return context.settings.ksqldb_compat ? !is_off(context, kRangeScan)
                                        : is_set(context, kRangeScan, "true");
}

// ---- Pseudo columns

bool is_pseudo_column(const Expression& expression) {
  const auto* column = expression.as<ColumnRef>();
  return column && (column->name.text == kRowPartition || column->name.text == kRowOffset);
}

void collect_pseudo_columns(const Expression& expression, std::set<std::string>& names) {
  if (is_pseudo_column(expression)) names.insert("`" + expression.as<ColumnRef>()->name.text + "`");
  for (const Expression* child : children(expression)) collect_pseudo_columns(*child, names);
}

Status refuse_columns(const std::set<std::string>& names, std::string_view clause,
                      TextPosition position) {
  if (names.empty()) return {};
  return Error{ErrorCode::NotSupported,
               fmt::format("Pull queries don't support the following columns in {} clauses: {}",
                           clause, absl::StrJoin(names, ", "))}
      .at(position);
}

// ---- Conditions

using Conjuncts = std::vector<const Expression*>;

// Returns the alternatives of a condition, each as a list of conjuncts; nullopt if there would be too many.
std::optional<std::vector<Conjuncts>> disjuncts_of(const Expression& condition) {
  const auto* logical = condition.as<Logical>();
  if (!logical) return std::vector<Conjuncts>{{&condition}};
  auto left = disjuncts_of(*logical->left);
  const auto right = disjuncts_of(*logical->right);
  if (!left || !right) return std::nullopt;
  if (logical->op == LogicalOp::Or) {
    left->insert(left->end(), right->begin(), right->end());
    return left->size() > kMaxDisjuncts ? std::nullopt : left;
  }
  if (left->size() * right->size() > kMaxDisjuncts) return std::nullopt;
  std::vector<Conjuncts> both;
  for (const Conjuncts& a : *left)
    for (const Conjuncts& b : *right) {
      both.push_back(a);
      both.back().insert(both.back().end(), b.begin(), b.end());
    }
  return both;
}

bool has_columns(const Expression& expression) {
  return expression.is<ColumnRef>() ||
         std::ranges::any_of(children(expression),
                             [](const Expression* child) { return has_columns(*child); });
}

class LookUpCheck {
 public:
  LookUpCheck(const DataSource& table, bool allows_ranges, TextPosition position)
      : keys_(table.schema.keys()),
        // A range is possible only for texts: the store keeps the keys in the order of their bytes, which is the
        // order of texts but not of numbers.
        allows_ranges_(allows_ranges && keys_.size() == 1 && !table.window &&
                       keys_.front().type.kind() == TypeKind::String),
        position_(position) {}

  Status check(const Expression* where) const {
    if (!where) return refuse("missing WHERE clause");
    const auto disjuncts = disjuncts_of(*where);
    if (!disjuncts) return refuse("WHERE has too many alternatives");
    for (const Conjuncts& disjunct : *disjuncts) TRY(check(disjunct, disjuncts->size()));
    return {};
  }

 private:
  Status refuse(std::string why) const {
    return Error{ErrorCode::NotSupported, std::move(why),
                 "Full table scans are disabled: ksql.query.pull.table.scan.enabled is false.",
                 "Restrict the keys: WHERE key = ... or IN (...)."}
        .at(position_);
  }

  const ColumnDef* key_of(const Expression& expression) const {
    const auto* column = expression.as<ColumnRef>();
    if (!column) return nullptr;
    const auto found = std::ranges::find(keys_, column->name.text, &ColumnDef::name);
    return found == keys_.end() ? nullptr : &*found;
  }

  static bool is_bound(ComparisonOp op) {
    using enum ComparisonOp;
    return op == Less || op == LessOrEqual || op == Greater || op == GreaterOrEqual;
  }

  Status check(const Conjuncts& disjunct, size_t alternatives) const {
    std::set<std::string> seen;
    bool is_range = false, needs_scan = false;
    for (const Expression* conjunct : disjunct) {
      const ColumnDef* key = nullptr;
      if (const auto* comparison = conjunct->as<Comparison>()) {
        key = key_of(*comparison->left);
        const Expression* other = comparison->right.get();
        if (!key) {
          key = key_of(*comparison->right);
          other = comparison->left.get();
        }
        if (key && has_columns(*other)) return refuse(std::string(kUnresolvable));
        if (key && is_bound(comparison->op))
          is_range = true;
        else if (key && comparison->op != ComparisonOp::Equal)
          needs_scan = true;
      } else if (const auto* in = conjunct->as<In>(); in && !in->negated) {
        key = key_of(*in->value);
        for (const ExpressionPtr& item : in->list)
          if (key && has_columns(*item)) return refuse(std::string(kUnresolvable));
      }
      if (key && !seen.insert(key->name).second)
        return refuse(
            "A comparison condition on the key column cannot be combined with other comparisons "
            "such as an IN predicate");
    }
    if (seen.empty())
      return refuse("WHERE clause missing key column for disjunct: " + text_of(disjunct));
    if (seen.size() < keys_.size())
      return refuse("Multi-column sources must specify every key in the WHERE clause. Specified: " +
                    absl::StrJoin(seen, ", "));
    // ksqlDB finds one range by seeking, but needs a scan for several ranges.
    if (needs_scan || (is_range && (!allows_ranges_ || alternatives > 1)))
      return refuse("Query requires table scan to be enabled");
    return {};
  }

  static std::string text_of(const Conjuncts& disjunct) {
    std::vector<std::string> texts;
    for (const Expression* conjunct : disjunct) texts.push_back(to_sql(*conjunct));
    return absl::StrJoin(texts, " AND ");
  }

  static constexpr std::string_view kUnresolvable =
      "A comparison must be between a key column and a resolvable expression.";
  const std::vector<ColumnDef> keys_;
  const bool allows_ranges_;
  const TextPosition position_;
};

// Rejects texts in an IN list for a key that is a number.
Status check_lists(const Expression& condition, const DataSource& table) {
  if (const auto* in = condition.as<In>())
    if (const auto* column = in->value->as<ColumnRef>())
      for (const ColumnDef& key : table.schema.keys()) {
        const bool is_number = key.type.kind() == TypeKind::Integer ||
                               key.type.kind() == TypeKind::Bigint ||
                               key.type.kind() == TypeKind::Double;
        if (key.name != column->name.text || !is_number) continue;
        for (const ExpressionPtr& item : in->list)
          if (item->is<StringLiteral>())
            return Error{ErrorCode::TypeMismatch,
                         fmt::format("{} can not be converted to the type of the key column: {} {} "
                                     "KEY",
                                     to_sql(*item), key.name, key.type.to_string())}
                .at(item->position);
      }
  for (const Expression* child : children(condition)) TRY(check_lists(*child, table));
  return {};
}

}  // namespace

Status check_pull_use(const Query& query, const PlanContext& context) {
  const TextPosition limit_at = query.positions.limit.value_or(query.position);
  if (query.limit && is_off(context, kLimitClause)) {
    Error error{ErrorCode::NotSupported,
                "LIMIT in queries without EMIT CHANGES is disabled",
                {},
                "Use SET 'ksql.query.pull.limit.clause.enabled' = 'true' to enable it."};
    error.ksqldb =
        "LIMIT clause in pull queries is currently disabled. You can enable them by setting "
        "ksql.query.pull.limit.clause.enabled=true. See https://cnfl.io/queries for more info.\n"
        "Add EMIT CHANGES if you intended to issue a push query.";
    return std::move(error).at(limit_at);
  }
  if (query.limit && !query.limit->is<Parameter>())
    if (const auto limit = TRY(read_limit(query.limit.get())); limit && *limit < 0) {
      Error error{ErrorCode::NegativeLimit,
                  "Pull queries don't support negative integers in the LIMIT clause."};
      error.ksqldb =
          "Pull queries don't support negative integers in the LIMIT clause. See "
          "https://cnfl.io/queries for more info.";
      return std::move(error).at(limit_at);
    }
  if (!context.settings.ksqldb_compat) return {};
  std::set<std::string> names;
  for (const SelectItem& item : query.items)
    if (item.expression) collect_pseudo_columns(*item.expression, names);
  TRY(refuse_columns(names, "SELECT", query.position));
  if (query.where) collect_pseudo_columns(*query.where, names);
  return refuse_columns(names, "WHERE", query.position);
}

Status check_look_up(const Analysis& analysis, const DataSource& table, const PlanContext& context,
                     TextPosition position) {
  if (context.settings.ksqldb_compat && analysis.where) TRY(check_lists(*analysis.where, table));
  if (!is_off(context, kTableScan)) return {};
  return LookUpCheck(table, allows_ranges(context), position).check(analysis.where.get());
}

Status check_look_up_result(const Schema& result, const DataSource& table,
                            const PlanContext& context, TextPosition position) {
  if (!context.settings.ksqldb_compat) return {};
  std::set<std::string_view> names;
  for (const ColumnDef& column : result.columns)
    if (!names.insert(column.name).second)
      return Error{ErrorCode::DuplicateColumn,
                   fmt::format("Duplicate value columns found in schema: `{}` {}", column.name,
                               column.type.to_string())}
          .at(position);
  if (!table.created_by.empty() || table.read_only) return {};
  Error error{
      ErrorCode::NotSupported,
      fmt::format("table {} cannot be queried, because no query keeps its rows", table.name)};
  error.ksqldb = fmt::format(
      "The `{0}` table isn't queryable. To derive a queryable table, you can do 'CREATE TABLE "
      "QUERYABLE_{0} AS SELECT * FROM {0}'. See https://cnfl.io/queries for more info.",
      table.name);
  return std::move(error).at(position);
}

Status check_constants(const BoundExpression& condition, const EvalContext& eval) {
  using enum BoundKind;
  // Operands that the evaluation may skip are not checked: branches of CASE, arguments of functions, and the operands
  // of AND and OR that follow a constant.
  if (condition.kind == Case || condition.function != nullptr) return {};
  const bool is_logical = condition.kind == And || condition.kind == Or;
  for (const BoundExpression& child : condition.children) {
    TRY(check_constants(child, eval));
    if (is_logical && is_constant(child)) return {};
  }
  const bool is_operation = condition.kind == Call && condition.can_fail;
  if (is_operation && is_constant(condition)) TRY(evaluate_constant(condition, eval));
  return {};
}

}  // namespace engine
