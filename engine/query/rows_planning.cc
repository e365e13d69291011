#include "engine/query/rows_planning.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/expr/assigned.h"
#include "engine/expr/written_text.h"
#include "engine/functions/session_zone.h"
#include "engine/query/rows_recursion.h"
#include "engine/query/stream_rows.h"
#include "engine/query/system_rows.h"
#include "engine/types/ascii.h"
#include "engine/types/declared_lengths.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

// Limits of a plan. They are needed because a table in WITH may be planned at each reference, which may double the
// plan at each level.
constexpr size_t kMaxTables = 64, kMaxQueries = 256;

Error too_many(std::string_view what, size_t most, TextPosition position) {
  return Error{ErrorCode::LimitExceeded,
               fmt::format("a statement can read at most {} {}", most, what)}
      .at(position);
}

std::string_view word(SetOperator op) {
  switch (op) {
    case SetOperator::Union:
      return "UNION";
    case SetOperator::Intersect:
      return "INTERSECT";
    case SetOperator::Except:
      return "EXCEPT";
  }
  return "";
}

Layout layout_of(const Schema& schema) {
  Layout layout;
  for (const ColumnDef& column : schema.columns) layout.push_back({"", column.name, column.type});
  return layout;
}

// Converts the rows to exactly the columns and types of the schema.
Result<RowsNodePtr> coerce_rows(PlannedRows rows, const Schema& schema) {
  const size_t width = schema.columns.size();
  const auto is_alike = [&](size_t i) {
    return are_kept_alike(rows.result.columns[i].type, schema.columns[i].type);
  };
  bool are_alike = rows.root->layout.size() == width;
  for (size_t i = 0; i < width; ++i) are_alike = are_alike && is_alike(i);
  if (are_alike) return std::move(rows.root);
  ComputeColumns step{std::move(rows.root), {}};
  for (size_t i = 0; i < width; ++i) {
    BoundExpression column =
        column_expression(rows.result.columns[i].type, static_cast<uint32_t>(i));
    step.columns.push_back(TRY(in_shared_type(std::move(column), schema.columns[i].type)));
  }
  return make_node(std::move(step), layout_of(schema));
}

// Widens the numeric columns of `first`, the columns of a recursion's first query, to the digits of the same
// columns in `rounds`, the columns of its repeated query. Returns whether a column was widened. In PostgreSQL, a
// NUMERIC without a precision may get more digits with each round of a recursion. In this server it keeps the scale
// of the first round. If the rounds have more digits, it gets at least the scale of computed numerics.
bool are_wider_numbers(Schema& first, const Schema& rounds) {
  bool is_changed = false;
  for (size_t i = 0; i < std::min(first.columns.size(), rounds.columns.size()); ++i) {
    SqlType& type = first.columns[i].type;
    const SqlType& next = rounds.columns[i].type;
    if (type.kind() != TypeKind::Decimal || !next.is_numeric() || type.is_identical(next)) continue;
    if (next.kind() == TypeKind::Double) continue;
    const int digits = next.kind() == TypeKind::Decimal ? next.scale() : 0;
    const int scale = digits <= type.scale() ? type.scale() : std::max(digits, kScaleOfNumeric);
    type = SqlType::decimal(kMaxDecimalPrecision, scale);
    is_changed = true;
  }
  return is_changed;
}
// Casts the numeric columns to the types of the schema.
Status cast_numbers(PlannedRows& rows, const Schema& schema) {
  ComputeColumns step{nullptr, {}};
  for (size_t i = 0; i < rows.result.columns.size(); ++i) {
    SqlType& type = rows.result.columns[i].type;
    BoundExpression column = column_expression(type, static_cast<uint32_t>(i));
    if (i < schema.columns.size() && type.is_numeric() &&
        schema.columns[i].type.kind() == TypeKind::Decimal) {
      type = schema.columns[i].type;
      column = TRY(cast(std::move(column), type));
    }
    step.columns.push_back(std::move(column));
  }
  step.input = std::move(rows.root);
  rows.root = make_node(std::move(step), layout_of(rows.result));
  return {};
}

// Returns the type for a literal text in a set operation: `type`, which is the type of the other side, but with at
// least as many digits after the point as the text, so that the value keeps all its digits.
SqlType with_digits_of(std::string_view text, const SqlType& type) {
  if (type.kind() != TypeKind::Decimal) return type;
  const size_t point = text.find('.');
  const size_t exponent = std::min(text.find_first_of("eE"), text.size());
  if (point == std::string_view::npos || exponent < point) return type;
  const int digits = static_cast<int>(std::min<size_t>(exponent - point - 1, kMaxDecimalPrecision));
  if (digits <= type.scale()) return type;
  const int whole = std::max(type.precision() - type.scale(), static_cast<int>(point));
  return SqlType::decimal(std::min(whole + digits, kMaxDecimalPrecision), digits);
}

// Returns the query with the literal texts and nulls among its items cast to the types of the other side; null if it
// has no such item.
std::shared_ptr<const Query> with_texts_cast(const Query& query, const Schema& own,
                                             const Schema& other) {
  if (query.combined || query.items.size() != own.columns.size()) return nullptr;
  std::shared_ptr<Query> changed;
  for (size_t i = 0; i < query.items.size() && i < other.columns.size(); ++i) {
    const ExpressionPtr& item = query.items[i].expression;
    const SqlType& type = other.columns[i].type;
    const auto* text = item ? item->as<StringLiteral>() : nullptr;
    const bool is_open = text || (item && item->is<NullLiteral>());
    if (!is_open || (type.kind() == TypeKind::String && !is_normalized(type))) continue;
    const SqlType read =
        with_digits_of(text ? std::string_view(text->value) : "", without_declared_lengths(type));
    if (!changed) changed = std::make_shared<Query>(clone(query));
    SelectItem& cast = changed->items[i];
    if (!cast.alias) cast.alias = Name{own.columns[i].name, Quoting::Back};
    cast.expression =
        make_expression(Cast{std::move(cast.expression), type_name_of(read)}, item->position);
  }
  return changed;
}

// Returns the set operation, in which the text literals of both sides are cast to the types of the other side; nullopt
// if neither side has such literals.
std::optional<SetOperation> texts_read_as(const SetOperation& both, const Schema& left,
                                          const Schema& right) {
  const auto first = with_texts_cast(*both.left, left, right);
  const auto second = with_texts_cast(*both.right, right, left);
  if (!first && !second) return std::nullopt;
  SetOperation read = both;
  if (first) read.left = first;
  if (second) read.right = second;
  return read;
}

size_t times_read(const Query& query, const std::string& name);

size_t times_read(const AliasedSource& source, const std::string& name) {
  if (source.query) return times_read(*source.query, name);
  return !source.schema && source.name.text == name ? 1 : 0;
}
size_t times_read(const Expression& expression, const std::string& name) {
  size_t times = 0;
  if (const auto* subquery = expression.as<Subquery>()) times += times_read(*subquery->query, name);
  for (const Expression* child : children(expression)) times += times_read(*child, name);
  return times;
}
// Counts how often the query and its sub-queries name this source.
size_t times_read(const Query& query, const std::string& name) {
  size_t times = 0;
  const auto add = [&](const auto& part) {
    if (part) times += times_read(*part, name);
  };
  for (const Expression* each : own_expressions(query)) times += times_read(*each, name);
  if (query.combined) {
    add(query.combined->left);
    add(query.combined->right);
  }
  add(query.from);
  for (const Join& join : query.joins) times += times_read(join.source, name);
  for (const CommonTable& table : query.with) add(table.query);
  return times;
}
bool reads(const Query& query, const std::string& name) { return times_read(query, name) > 0; }
bool is_recursion(const CommonTable& table) {
  return table.recursive && reads(*table.query, table.name.text);
}

}  // namespace

Result<std::optional<size_t>> ordinal(const Expression& expression, std::string_view clause,
                                      size_t items) {
  const auto* number = expression.as<IntegerLiteral>();
  if (!number) return std::optional<size_t>();
  if (number->value >= 1 && static_cast<size_t>(number->value) <= items)
    return std::optional<size_t>(static_cast<size_t>(number->value) - 1);
  return Error{ErrorCode::InvalidColumnReference,
               fmt::format("{} position {} is not in the SELECT list", clause, number->value)}
      .at(expression.position);
}

SortKey sort_key(const OrderItem& item, size_t column) {
  const bool nulls_first =
      item.nulls == NullsOrder::Default ? item.descending : item.nulls == NullsOrder::First;
  return {column, item.descending, nulls_first};
}

Status check_ordered(const SqlType& type, TextPosition position) {
  if (type.kind() == TypeKind::Array) return check_ordered(type.element(), position);
  if (type.kind() == TypeKind::Struct) {
    for (const Field& field : type.fields()) TRY(check_ordered(field.type, position));
    return {};
  }
  if (type.is_nested())
    return Error{ErrorCode::TypeMismatch, fmt::format("{} has no order", type.to_string())}.at(
        position);
  if (order_of(type) == LabelOrder::Total) return {};
  return Error{ErrorCode::NotSupported,
               fmt::format("ordering by {} is not supported yet", postgres_type_name(type)),
               {},
               "CAST it to a number, or to a type that is ordered like its text."}
      .at(position);
}

Status check_distinct(const SqlType& type, TextPosition position) {
  if (type.kind() == TypeKind::Array) return check_distinct(type.element(), position);
  if (order_of(type) != LabelOrder::None) return {};
  return Error{
      ErrorCode::UndefinedFunction,
      fmt::format("could not identify an equality operator for type {}", postgres_type_name(type)),
      {},
      "CAST it to VARCHAR to compare its text."}
      .at(position);
}

namespace {

// Returns whether the expression contains a parameter without a value.
bool is_open(const Expression& expression, std::span<const ParameterSlot> slots) {
  if (const auto* parameter = expression.as<Parameter>()) {
    const auto at = static_cast<size_t>(parameter->index) - 1;
    return at >= slots.size() || !slots[at].value;
  }
  return std::ranges::any_of(children(expression),
                             [&](const Expression* child) { return is_open(*child, slots); });
}

}  // namespace

void RowsPlanning::set_count_type(const Expression& count) const {
  const auto* parameter = count.as<Parameter>();
  if (!parameter || !context_.parameters) return;
  auto& slots = *context_.parameters;
  const auto at = static_cast<size_t>(parameter->index) - 1;
  if (slots.size() <= at) slots.resize(at + 1);
  if (slots[at].type.is_null()) slots[at].type = TypeKind::Bigint;
}

Result<std::optional<size_t>> RowsPlanning::read_count(const Expression* count,
                                                       std::string_view clause) const {
  if (!count) return std::optional<size_t>();
  if (has_subquery(count))
    return Error{
        ErrorCode::NotSupported,
        fmt::format("a sub-query in {} of a correlated sub-query is not supported yet", clause),
        {},
        fmt::format("Write a number after {}, or number the rows with row_number() and "
                    "compare the numbers in WHERE.",
                    clause)}
        .at(count->position);
  const Layout nothing;
  Scope scope(nothing, clause);
  scope.texts_take_types = true;
  scope.forms = session_forms(context_.properties);
  scope.custom_types = &context_.catalog.types;
  scope.parameters = context_.parameters;
  set_count_type(*count);
  if (is_open(*count, context_.parameters ? *context_.parameters : std::vector<ParameterSlot>())) {
    TRY(bind(*count, scope));
    return std::optional<size_t>(0);  // the value is unknown: the statement is only described
  }
  const auto number = evaluate_constant(*count, TypeKind::Bigint, scope, eval_);
  if (!number && number.error().code == ErrorCode::TypeMismatch)
    return Error{ErrorCode::InvalidParameter, fmt::format("{} must be a number", clause)}.at(
        count->position);
  if (!number) return number.error();
  if (number->is_null()) return std::optional<size_t>();
  if (number->as_int64() < 0)
    return Error{clause == "OFFSET" ? ErrorCode::NegativeOffset : ErrorCode::NegativeLimit,
                 fmt::format("{} must not be negative", clause)}
        .at(count->position);
  return std::optional<size_t>(static_cast<size_t>(number->as_int64()));
}

Result<RowLimits> RowsPlanning::read_limits(const Query& query) const {
  RowLimits limits;
  limits.limit = TRY(read_count(query.limit.get(), "LIMIT"));
  limits.offset = TRY(read_count(query.offset.get(), "OFFSET")).value_or(0);
  return limits;
}

RowsNodePtr sort_and_cut(RowsNodePtr rows, std::vector<SortKey> keys, const RowLimits& limits) {
  if (!keys.empty()) rows = put_on(SortRows{{}, std::move(keys), limits.most()}, std::move(rows));
  if (limits.limit || limits.offset > 0)
    rows = put_on(CutRows{{}, limits.offset, limits.limit}, std::move(rows));
  return rows;
}

Result<PlannedRows> RowsPlanning::plan(const Query& query) {
  if (!query.combined && ++queries_ > kMaxQueries)
    return too_many("queries", kMaxQueries, query.position);
  if (query.emit != Emit::None)
    return Error{ErrorCode::InvalidStatement, "EMIT is not supported in a nested SELECT"}.at(
        query.positions.emit.value_or(query.position));
  const size_t outer = common_tables_.size();
  for (const CommonTable& table : query.with) {
    for (size_t i = outer; i < common_tables_.size(); ++i)
      if (common_tables_[i]->name.text == table.name.text)
        return Error{
            ErrorCode::DuplicateAlias,
            fmt::format("WITH query name \"{}\" specified more than once", shown(table.name))}
            .at(table.position);
    common_tables_.push_back(&table);
    // The rows of a recursion are not shared, because only the LIMIT of a reader may end the recursion.
    if (times_read(query, table.name.text) > 1 && !is_recursion(table))
      read_often_.emplace(&table, std::nullopt);
  }
  Result<PlannedRows> planned = plan_body(query);
  common_tables_.resize(outer);
  for (const CommonTable& table : query.with) read_often_.erase(&table);
  return planned;
}

void RowsPlanning::drop_tables_from(size_t count) {
  tables_.resize(count);
  for (auto& [table, plan] : read_often_)
    if (plan && plan->end_of_tables > count) plan.reset();
}

// Plans a table in WITH. As in PostgreSQL, a table that is read several times is computed once, which random() and
// nextval() make visible.
Result<PlannedRows> RowsPlanning::plan_common_table(const CommonTable& table) {
  const auto often = read_often_.find(&table);
  if (often != read_often_.end() && often->second) return often->second->rows;
  Result<PlannedRows> planned = is_recursion(table) ? plan_recursive(table) : plan(*table.query);
  if (!planned) return planned.error();
  PlannedRows rows = *std::move(planned);
  // Rows that read outer rows are not shared, because they may differ between the rounds of a recursion.
  if (often == read_often_.end() || reads_outer_rows(*rows.root)) return rows;
  RowsNode shared = *rows.root;
  shared.is_shared = true;
  rows.root = std::make_shared<const RowsNode>(std::move(shared));
  often->second = SharedRows{rows, tables_.size()};
  return rows;
}

Result<PlannedRows> RowsPlanning::plan_body(const Query& query) {
  if (has_subquery(query.limit.get()) || has_subquery(query.offset.get()))
    return cut_by_subqueries(query);
  if (query.combined) return combine(query);
  if (!query.values.empty()) return write_down(query);
  return plan_one_select(query, *this);
}

Result<PlannedSource> RowsPlanning::plan_source(const AliasedSource& named) {
  if (named.query && named.name.text.empty()) return plan_bracketed(named);
  if (named.query) {
    PlannedRows rows = TRY(plan(*named.query));
    return PlannedSource{
        TRY(query_source(named, named.visible_name().text, named.columns, rows.result)),
        std::move(rows.root)};
  }
  const auto found =
      std::find_if(common_tables_.rbegin(), common_tables_.rend(), [&](const CommonTable* table) {
        return !named.schema && table->name.text == named.name.text;
      });
  if (found == common_tables_.rend()) return plan_named(named);
  // A table in WITH may read only the tables before itself, so the other tables are hidden while this table is planned.
  const CommonTable& table = **found;
  const std::vector<const CommonTable*> all = common_tables_;
  common_tables_.resize(static_cast<size_t>(common_tables_.rend() - found) - 1);
  Result<PlannedRows> rows = plan_common_table(table);
  common_tables_ = all;
  if (!rows) return rows.error();
  std::vector<Name> columns = named.columns;  // override the names that WITH gives
  for (size_t i = columns.size(); i < table.columns.size(); ++i)
    columns.push_back(table.columns[i]);
  return PlannedSource{TRY(query_source(named, named.visible_name().text, columns, rows->result)),
                       std::move(rows->root)};
}

// Plans a join in parentheses. Its columns keep the names of the sources in the parentheses.
Result<PlannedSource> RowsPlanning::plan_bracketed(const AliasedSource& named) {
  PlannedRows rows = TRY(plan(*named.query));
  // The alias has a character that no identifier of a statement can have, so no other source has this alias.
  SelectSource source{nullptr, fmt::format("\x04{}", bracketed_++), {}, {}, named.position};
  source.is_bracketed = true;
  for (size_t i = 0; i < rows.result.columns.size(); ++i) {
    const ColumnDef& column = rows.result.columns[i];
    source.columns.push_back({rows.sources[i], column.name, column.type});
    source.shown.push_back(column.name);
  }
  return PlannedSource{std::move(source), std::move(rows.root)};
}

// Plans a table of WITH RECURSIVE. In its second query, the table's own name refers to the rows of the previous
// round.
Result<PlannedRows> RowsPlanning::plan_recursive(const CommonTable& table) {
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("recursive query \"{}\" {}", shown(table.name), why)}
        .at(table.position);
  };
  const Query& query = *table.query;
  if (!query.combined || query.combined->op != SetOperator::Union)
    return refuse("does not have the form non-recursive-term UNION [ALL] recursive-term");
  if (!query.order_by.empty()) return refuse("has an ORDER BY, which is not supported yet");
  if (query.limit || query.offset)
    return refuse(
        "has a LIMIT or OFFSET, which is not supported yet; the SELECT that reads it may");
  if (reads(*query.combined->left, table.name.text))
    return refuse("must not read itself within its non-recursive term");
  // A WITH of the recursive query is visible in both of its queries. In the second query, the tables of this WITH may
  // read the rows of the previous round.
  const size_t outer = common_tables_.size();
  const auto plan_within = [&](const Query& part) {
    for (const CommonTable& each : query.with) common_tables_.push_back(&each);
    Result<PlannedRows> planned = plan(part);
    common_tables_.resize(outer);
    return planned;
  };
  PlannedRows first = TRY(plan_within(*query.combined->left));
  Schema columns;
  size_t number = 0;
  const size_t tables = tables_.size();
  const auto plan_rounds = [&] {
    columns = first.result;
    for (size_t i = 0; i < std::min(columns.columns.size(), table.columns.size()); ++i)
      columns.columns[i].name = table.columns[i].text;
    number = add_outer_rows(columns);
    auto rounds = std::make_shared<Query>();
    rounds->items.push_back(
        {SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, table.position});
    rounds->from.emplace();
    rounds->from->name = Name{outer_name(number)};
    own_rounds_.push_back({table.name, {}, std::move(rounds), table.position});
    common_tables_.push_back(&own_rounds_.back());
    for (const CommonTable& each : query.with) common_tables_.push_back(&each);
    Result<PlannedRows> planned = plan(*query.combined->right);
    common_tables_.resize(outer);
    return planned;
  };
  Result<PlannedRows> step = plan_rounds();
  if (Schema wide = first.result; step && are_wider_numbers(wide, step->result)) {
    TRY(cast_numbers(first, wide));
    drop_tables_from(tables);
    step = plan_rounds();
    if (step) TRY(cast_numbers(*step, wide));
  }
  if (!step) return step.error();
  const auto& types = first.result.columns;
  if (step->result.columns.size() != types.size())
    return Error{ErrorCode::SyntaxError, "each UNION query must have the same number of columns"}
        .at(query.combined->position);
  for (size_t i = 0; i < types.size(); ++i) {
    const auto type = shared_type(types[i].type, step->result.columns[i].type);
    if (!type || !are_kept_alike(*type, types[i].type))
      return Error{ErrorCode::TypeMismatch,
                   fmt::format("recursive query \"{}\" column {} has type {} in non-recursive term "
                               "but type {} overall",
                               shown(table.name), i + 1, types[i].type.to_string(),
                               step->result.columns[i].type.to_string()),
                   {},
                   "Cast the output of the non-recursive term to the correct type."}
          .at(table.position);
  }
  auto first_rows = TRY(coerce_rows(std::move(first), columns));
  auto step_rows = TRY(coerce_rows(*std::move(step), columns));
  RecursiveRows rows{std::move(first_rows), std::move(step_rows), number, query.combined->all};
  Layout layout = layout_of(columns);
  return PlannedRows{make_node(std::move(rows), std::move(layout)), std::move(columns)};
}

// Plans a source that has a name. A system table never hides a stream or table, unless its schema is given.
Result<PlannedSource> RowsPlanning::plan_named(const AliasedSource& named) {
  // Names in the SELECT of a view refer to the relations that they had when the view was created. A
  // temporary table of the session with the same name is ignored.
  if (!open_views_.empty() && !named.schema && find_temporary(named.name, context_)) {
    AliasedSource in_public = named;
    in_public.schema = Name{"PUBLIC", Quoting::Back};
    return plan_named(in_public);
  }
  const std::string& alias = named.visible_name().text;
  const auto of_rows = [&](const Schema& columns, auto step) -> Result<PlannedSource> {
    return PlannedSource{TRY(query_source(named, alias, named.columns, columns)),
                         make_node(std::move(step), layout_of(columns))};
  };
  for (size_t number = 0; number < outer_rows_.size(); ++number)
    if (named.name.text == outer_name(number))
      return of_rows(outer_rows_[number], OuterRows{number});
  if (const View* view = find_view(named, context_)) return plan_view(named, *view);
  const SystemTable* table = find_system_table(named, context_);
  if (!table) {
    SelectSource source = table_source(TRY(resolve_source(named, context_)));
    TRY(rename_columns(named, source));
    return PlannedSource{std::move(source), nullptr};
  }
  system_tables_.push_back(table);
  PlannedSource planned = TRY(of_rows(table->columns, ReadSystemTable{table}));
  // Columns with hidden names are not shown. A statistics view has no system columns, so its column xmin is its own and
  // must be shown.
  const bool has_system_columns = table->columns.index_of(kRowPlace) >= 0;
  std::erase_if(planned.source.shown, [&](const std::string& name) {
    return is_hidden_column(name) && (has_system_columns || name.starts_with(kHiddenColumns));
  });
  return planned;
}

// Plans the SELECT of a view. The SELECT cannot read the tables of the WITH around the view's name. Errors get the
// position of the name, since the text of the view is not part of the statement.
Result<PlannedSource> RowsPlanning::plan_view(const AliasedSource& named, const View& view) {
  if (!view.query)
    return Error{
        ErrorCode::IncompatibleFormat,
        fmt::format("view \"{}\" cannot be read: {}", display_name(view.name), view.unreadable),
        {},
        "CREATE OR REPLACE VIEW gives it a SELECT that this version reads."}
        .at(named.position);
  if (std::ranges::find(open_views_, &view) != open_views_.end())
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("view \"{}\" reads itself", display_name(view.name))}
        .at(named.position);
  if (std::ranges::find(views_, view.name) == views_.end()) views_.push_back(view.name);
  const auto around = std::exchange(common_tables_, {});
  open_views_.push_back(&view);
  Result<PlannedRows> rows = plan(*view.query);
  open_views_.pop_back();
  common_tables_ = around;
  if (!rows) {
    Error error = std::move(rows).error();
    if (error.detail.empty())
      error.detail = fmt::format("The SELECT of view \"{}\" fails.", display_name(view.name));
    return std::move(error).at(named.position);
  }
  std::vector<Name> columns = named.columns;  // take precedence over the names in CREATE VIEW
  for (size_t i = columns.size(); i < view.column_names.size(); ++i)
    columns.push_back({view.column_names[i], Quoting::Back});
  return PlannedSource{TRY(query_source(named, named.visible_name().text, columns, rows->result)),
                       std::move(rows->root)};
}

size_t RowsPlanning::add_outer_rows(Schema columns) {
  outer_rows_.push_back(std::move(columns));
  return outer_rows_.size() - 1;
}

// The name contains a character that no identifier of a statement contains, so no other source has it.
std::string RowsPlanning::outer_name(size_t number) { return fmt::format("\x01{}", number); }

Result<size_t> RowsPlanning::add_table(PullPlan table, TextPosition position) {
  if (tables_.size() == kMaxTables) return too_many("tables", kMaxTables, position);
  tables_.push_back(std::move(table));
  return tables_.size() - 1;
}

std::vector<std::shared_ptr<const PullPlan>> RowsPlanning::take_tables() {
  std::vector<std::shared_ptr<const PullPlan>> tables;
  const bool is_one_of_several = tables_.size() > 1;
  for (PullPlan& table : tables_) {
    // A stream is read from its beginning, so its keys are not used. A windowed table is scanned if the query reads
    // several tables as of one moment: a look-up by key keeps the tasks of these tables stopped until it has found all
    // rows, and a key may have many windows; a scan stops the tasks only until it has begun. The filter contains the
    // condition on the keys, too.
    if (table.table->kind == SourceKind::Stream || (is_one_of_several && table.table->window))
      table.keys.reset();
    tables.push_back(std::make_shared<const PullPlan>(std::move(table)));
  }
  return tables;
}

Result<PlannedRows> RowsPlanning::combine(const Query& query) {
  const SetOperation& both = *query.combined;
  const size_t tables = table_count();
  PlannedRows left = TRY(plan(*both.left)), right = TRY(plan(*both.right));
  // A text literal gets the type of the column on the other side.
  if (const auto read = texts_read_as(both, left.result, right.result)) {
    drop_tables_from(tables);
    Query typed;
    typed.position = query.position;
    typed.combined = *read;
    for (const OrderItem& item : query.order_by)
      typed.order_by.push_back({clone(*item.expression), item.descending, item.nulls});
    if (query.limit) typed.limit = clone(*query.limit);
    if (query.offset) typed.offset = clone(*query.offset);
    return combine(typed);
  }
  const size_t width = left.result.columns.size();
  if (right.result.columns.size() != width)
    return Error{ErrorCode::SyntaxError,
                 fmt::format("each {} query must have the same number of columns", word(both.op))}
        .at(both.position);
  Schema result;
  for (size_t i = 0; i < width; ++i) {
    const SqlType& first = left.result.columns[i].type;
    const SqlType& second = right.result.columns[i].type;
    auto type = shared_type(first, second);
    // As in PostgreSQL, a text column gets the type name if the column of the first query has this type.
    if (first.label() == label::kName && second == SqlType(TypeKind::String) &&
        second.label() == label::kNone)
      type = first;
    if (!type)
      return Error{ErrorCode::TypeMismatch,
                   fmt::format("{} types {} and {} of column {} cannot be matched", word(both.op),
                               first.to_string(), second.to_string(), i + 1)}
          .at(both.position);
    result.columns.push_back({left.result.columns[i].name, *type});
  }
  auto first_rows = TRY(coerce_rows(std::move(left), result));
  auto second_rows = TRY(coerce_rows(std::move(right), result));
  CombineRows step{both.op, both.all, std::move(first_rows), std::move(second_rows)};
  Layout layout = layout_of(result);
  return order_and_cut(query, {make_node(std::move(step), std::move(layout)), std::move(result)});
}

Result<PlannedRows> RowsPlanning::write_down(const Query& query) {
  const Layout nothing;
  Scope scope(nothing, "VALUES");
  scope.texts_take_types = true;
  scope.forms = session_forms(context_.properties);
  scope.custom_types = &context_.catalog.types;
  scope.fold_quoted_names = context_.fold_quoted_names;
  scope.parameters = context_.parameters;
  // Type that a NUMERIC without precision gets when it is combined with other numbers.
  const SqlType kComputed = SqlType::decimal(kMaxDecimalPrecision, kScaleOfNumeric);
  WrittenRows step;
  std::vector<SqlType> types(query.values.front().size());
  for (const ExpressionList& row : query.values) {
    if (row.size() != types.size())
      return Error{ErrorCode::SyntaxError, "VALUES lists must all be the same length"}.at(
          row.front()->position);
    std::vector<BoundExpression>& bound = step.rows.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) {
      bound.push_back(TRY(bind(*row[i], scope)));
      if (bound.back().type.is_null()) continue;
      // A text literal gets the type of the values in the other rows.
      if (row[i]->is<StringLiteral>()) continue;
      const bool meets_number = types[i].is_numeric() || bound.back().type.is_numeric();
      for (SqlType* one : {&types[i], &bound.back().type})
        if (meets_number && one->label() == label::kNumeric && !one->is_null()) {
          if (one != &types[i]) bound.back() = TRY(cast(std::move(bound.back()), kComputed));
          *one = kComputed;
        }
      const auto type = types[i].is_null() ? std::optional(bound.back().type)
                                           : shared_type(types[i], bound.back().type);
      if (!type)
        return Error{ErrorCode::TypeMismatch,
                     fmt::format("VALUES types {} and {} cannot be matched", types[i].to_string(),
                                 bound.back().type.to_string())}
            .at(row[i]->position);
      types[i] = *type;
    }
  }
  for (const ExpressionList& row : query.values)
    for (size_t i = 0; i < types.size(); ++i)
      if (const auto* text = row[i]->as<StringLiteral>())
        types[i] = with_digits_of(text->value, types[i]);
  Schema result;
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].is_null()) types[i] = TypeKind::String;
    result.columns.push_back({fmt::format("COLUMN{}", i + 1), types[i]});
  }
  for (size_t at = 0; at < step.rows.size(); ++at)
    for (size_t i = 0; i < types.size(); ++i) {
      std::vector<BoundExpression>& row = step.rows[at];
      const auto* written = query.values[at][i]->as<StringLiteral>();
      if (written && (types[i].kind() == TypeKind::Date || types[i].kind() == TypeKind::Timestamp ||
                      has_forms(types[i]))) {
        row[i] = TRY(bind_written_text(*written, types[i], scope));
        continue;
      }
      const bool is_text = row[i].type.label() == label::kNumeric && types[i].is_numeric();
      row[i] = is_text ? TRY(cast(std::move(row[i]), types[i]))
                       : TRY(in_shared_type(std::move(row[i]), types[i]));
      row[i].knows_unknown = true;
    }
  Layout layout = layout_of(result);
  return order_and_cut(query, {make_node(std::move(step), std::move(layout)), std::move(result)});
}

Result<PlannedRows> RowsPlanning::order_and_cut(const Query& query, PlannedRows rows) const {
  const auto place = [&](const Expression& expression) -> Result<size_t> {
    const auto& columns = rows.result.columns;
    if (const auto found = TRY(ordinal(expression, "ORDER BY", columns.size()))) return *found;
    if (const auto* column = expression.as<ColumnRef>(); column && !column->source)
      for (size_t i = 0; i < columns.size(); ++i)
        if (columns[i].name == column->name.text) return i;
    return Error{ErrorCode::NotSupported,
                 "ORDER BY of UNION, INTERSECT and EXCEPT takes the result's columns only",
                 {},
                 "For expressions: SELECT * FROM (... UNION ...) AS t ORDER BY ..."}
        .at(expression.position);
  };
  std::vector<SortKey> keys;
  for (const OrderItem& item : query.order_by) {
    keys.push_back(sort_key(item, TRY(place(*item.expression))));
    TRY(check_ordered(rows.result.columns[keys.back().column].type, item.expression->position));
  }
  rows.root = sort_and_cut(std::move(rows.root), std::move(keys), TRY(read_limits(query)));
  return rows;
}

void RowsPlanning::note_aggregate(const FunctionCall& call, const BoundAggregate& bound) {
  if (call.star ||
      std::ranges::all_of(bound.arguments, [](const auto& each) { return is_constant(each); }))
    decoded_columns_ = DecodedColumns::All;
}

const SystemTable* find_system_table(const AliasedSource& named, const PlanContext& context) {
  if (!context.system_tables || named.query) return nullptr;
  if (!named.schema && find_source(named.name, context)) return nullptr;
  return context.system_tables->find(named.schema, named.name);
}

Result<SelectRowsPlan> plan_select_rows(const Query& query, const PlanContext& context,
                                        const EvalContext& eval) {
  RowsPlanning planning(context, eval);
  PlannedRows planned = TRY(planning.plan(query));
  SelectRowsPlan plan{planning.take_tables(),        {},
                      planning.take_system_tables(), planning.take_views(),
                      std::move(planned.root),       std::move(planned.result)};
  for (const auto& table : plan.tables)
    plan.streams.push_back(table->table->kind == SourceKind::Stream
                               ? std::make_shared<const StreamRows>(TRY(
                                     plan_stream_rows(*table, context, planning.decoded_columns())))
                               : nullptr);
  return plan;
}

}  // namespace engine
