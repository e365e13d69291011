#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/pgsql/catalog_functions.h"
#include "engine/pgsql/convert.h"
#include "engine/pgsql/result_name.h"
#include "engine/sql/records_call.h"
#include "engine/sql/records_source.h"
#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"
#include "engine/types/text_number.h"

namespace engine::pgsql {

Name name_of(std::string_view text) {
  // A name with other characters than these must have been written in quotes.
  const auto is_bare = [](char c) {
    return (c >= 'a' && c <= 'z') || is_ascii_digit(c) || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  if (!std::ranges::all_of(text, is_bare)) return {std::string(text), Quoting::Double};
  return {upper_case(text), Quoting::None};
}

Error not_supported(std::string_view what, TextPosition position) {
  return Error{ErrorCode::NotSupported, fmt::format("{} not supported yet", what)}.at(position);
}

namespace {

std::vector<Name> names_of(const Fields& fields, std::string_view list) {
  std::vector<Name> names;
  for (const std::string& each : strings(fields, list)) names.push_back(name_of(each));
  return names;
}

Result<JoinType> join_type(std::string_view word, TextPosition position) {
  if (word == "JOIN_INNER") return JoinType::Inner;
  if (word == "JOIN_LEFT") return JoinType::Left;
  if (word == "JOIN_RIGHT") return JoinType::Right;
  if (word == "JOIN_FULL") return JoinType::Full;
  return not_supported("this kind of join is", position);
}

bool has_inner_joins_only(const Node& node) {
  if (node.kind != "JoinExpr") return true;
  const auto left = child(node.fields, "larg"), right = child(node.fields, "rarg");
  return node.fields.text("jointype") == "JOIN_INNER" && !node.fields.has("usingClause") &&
         !node.fields.flag("isNatural") && left && right && has_inner_joins_only(*left) &&
         has_inner_joins_only(*right);
}

// Returns whether the left join may be taken apart after a comma. FROM a, u LEFT JOIN b ON ... then
// becomes (a CROSS JOIN u) LEFT JOIN b. This has the same meaning if USING or NATURAL does not
// merge a column with a column of a.
bool may_follow_comma(const Node& node) {
  if (node.kind != "JoinExpr") return true;
  if (has_inner_joins_only(node)) return true;
  const auto left = child(node.fields, "larg");
  return node.fields.text("jointype") == "JOIN_LEFT" && !node.fields.has("usingClause") &&
         !node.fields.flag("isNatural") && !node.fields.has("alias") && left &&
         may_follow_comma(*left);
}

// Makes generate_series() in the SELECT list of a query over the catalog return rows, as in PostgreSQL. The dialect's
// function with that name, which returns an array, is not used over the catalog.
void spread_series_of_catalog(Query& query) {
  const bool is_of_catalog = query.from && query.from->schema &&
                             equals_ignoring_case(query.from->schema->text, "pg_catalog");
  if (!is_of_catalog) return;
  for (SelectItem& item : query.items) {
    auto* call = item.expression ? std::get_if<FunctionCall>(&item.expression->node) : nullptr;
    if (call && call->name == "GENERATE_SERIES") call->name = "PG_GENERATE_SERIES";
  }
}

bool names_columns(const Expression& expression) {
  return expression.is<ColumnRef>() ||
         std::ranges::any_of(children(expression),
                             [](const Expression* child) { return names_columns(*child); });
}

// Returns whether the query consists only of VALUES rows, which may refer to columns of the
// enclosing sources.
bool are_rows_of_others(const Query& query) {
  if (query.values.empty() || !query.with.empty() || !query.order_by.empty() || query.limit ||
      query.offset)
    return false;
  const auto is_as_long = [&](const ExpressionList& row) {
    return row.size() == query.values.front().size();
  };
  return std::ranges::all_of(query.values, is_as_long) &&
         std::ranges::any_of(query.values, [](const ExpressionList& row) {
           return std::ranges::any_of(row, [](const auto& value) { return names_columns(*value); });
         });
}

// Converts LATERAL (VALUES (t.a), (t.b)) to unnest(ARRAY[t.a, t.b]).
void take_rows_as_arrays(Query rows, AliasedSource& source) {
  Query body;
  body.position = rows.position;
  for (size_t i = 0; i < rows.values.front().size(); ++i) {
    ArrayConstructor column;
    for (ExpressionList& row : rows.values) column.elements.push_back(std::move(row[i]));
    FunctionCall unnest{"UNNEST", {}};
    unnest.arguments.push_back(make_expression(std::move(column), source.position));
    body.items.push_back({SelectItemKind::Expression,
                          make_expression(std::move(unnest), source.position), std::nullopt,
                          std::nullopt, source.position});
    if (source.columns.size() <= i) source.columns.push_back(Name{fmt::format("COLUMN{}", i + 1)});
  }
  source.is_function = true;
  source.query = std::make_shared<const Query>(std::move(body));
}

// A function whose columns have fixed names: VALUE, and KEY before it if `names` is set.
struct JsonRows {
  std::string_view function, names = {}, values = {};
};
constexpr JsonRows kJsonRows[] = {
    {"JSON_ARRAY_ELEMENTS"},
    {"JSON_ARRAY_ELEMENTS_TEXT"},
    {"JSONB_ARRAY_ELEMENTS"},
    {"JSONB_ARRAY_ELEMENTS_TEXT"},
    {"JSON_EACH", "PG_JSON_NAMES", "PG_JSON_VALUES"},
    {"JSONB_EACH", "PG_JSONB_NAMES", "PG_JSONB_VALUES"},
    {"JSON_EACH_TEXT", "PG_JSON_NAMES", "PG_JSON_VALUE_TEXTS"},
    {"JSONB_EACH_TEXT", "PG_JSONB_NAMES", "PG_JSONB_VALUE_TEXTS"},
};

}  // namespace

Converter::Converter(std::string_view text, PublicPrefix prefix) : text_(text), prefix_(prefix) {
  TextPosition at;
  positions_.reserve(text.size() + 1);
  for (const char c : text) {
    positions_.push_back(at);
    ++at.offset;
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n') {
      ++at.line;
      at.column = 1;
    } else if ((byte & 0xc0) != 0x80) {
      ++at.column;
    }
  }
  positions_.push_back(at);
}

TextPosition Converter::position(int64_t offset) const {
  return positions_[std::min(static_cast<size_t>(std::max<int64_t>(offset, 0)),
                             positions_.size() - 1)];
}

Result<ExpressionList> Converter::expressions(const Fields& fields, std::string_view name) const {
  ExpressionList list;
  for (const Node& each : pgsql::children(fields, name)) list.push_back(TRY(expression(each)));
  return list;
}

Result<Query> Converter::query(const Fields& select) const {
  Query query;
  TRY(add_with(select, query));
  const size_t windows_around = windows_.size();
  if (!select.text("op").empty() && select.text("op") != "SETOP_NONE")
    query.combined = TRY(combined(select));
  for (const Node& row : pgsql::children(select, "valuesLists"))
    query.values.push_back(TRY(expressions(row.fields, "items")));
  if (const auto distinct = pgsql::children(select, "distinctClause"); !distinct.empty()) {
    query.distinct = distinct.front().kind.empty();
    if (!query.distinct) query.distinct_on = TRY(expressions(select, "distinctClause"));
  }
  TRY(name_windows(select));
  TRY(add_items(select, query));
  TRY(add_from(select, query));
  spread_series_of_catalog(query);
  if (select.has("whereClause")) query.where = TRY(condition_of(select, "whereClause"));
  TRY(add_groups(select, query));
  if (select.has("havingClause")) query.having = TRY(child_of(select, "havingClause"));
  if (select.has("intoClause"))
    return not_supported("SELECT INTO is", query.position)
        .with_hint(
            "Use CREATE TABLE t AS SELECT ..., or CREATE STREAM t AS SELECT ... for the rows of a "
            "stream.");
  TRY(note_row_locks(select, query));
  query.order_by = TRY(order(select));
  windows_.resize(windows_around);
  if (select.text("limitOption") == "LIMIT_OPTION_WITH_TIES")
    return not_supported("WITH TIES is", query.position);
  query.limit = TRY(count(select, "limitCount"));
  query.offset = TRY(count(select, "limitOffset"));
  return query;
}

Status Converter::add_with(const Fields& select, Query& query) const {
  const auto with = select.part("withClause");
  if (!with) return {};
  const TextPosition at = position(with->number("location"));
  for (const Node& each : pgsql::children(*with, "ctes")) {
    const auto body = child(each.fields, "ctequery");
    if (!body || body->kind != "SelectStmt") return not_supported("WITH of no SELECT is", at);
    query.with.push_back({name_of(each.fields.text("ctename")),
                          names_of(each.fields, "aliascolnames"),
                          std::make_shared<const Query>(TRY(this->query(body->fields))),
                          position(each.fields.number("location")), with->flag("recursive")});
    if (each.fields.has("search_clause") || each.fields.has("cycle_clause"))
      return not_supported("SEARCH and CYCLE of WITH are", at);
  }
  return {};
}

// Converts GROUP BY. GROUPING SETS, ROLLUP and CUBE may be combined with plain expressions, and nested.
Status Converter::add_groups(const Fields& select, Query& query) const {
  const std::vector<Node> nodes = pgsql::children(select, "groupClause");
  if (std::ranges::none_of(nodes, [](const Node& each) { return each.kind == "GroupingSet"; })) {
    query.group_by = TRY(expressions(select, "groupClause"));
    return {};
  }
  std::vector<GroupingItem> items;
  for (const Node& each : nodes) items.push_back(TRY(grouping(each)));
  if (select.flag("groupDistinct")) return not_supported("GROUP BY DISTINCT is", query.position);
  return set_grouping(std::move(items), query);
}

Result<GroupingItem> Converter::grouping(const Node& node) const {
  GroupingItem sets;
  const TextPosition at = position(node.fields.number("location"));
  if (node.kind == "RowExpr") {  // a row such as (a, b)
    sets.push_back(TRY(expressions(node.fields, "args")));
    return sets;
  }
  if (node.kind != "GroupingSet") {
    sets.emplace_back().push_back(TRY(expression(node)));
    return sets;
  }
  const std::string_view kind = node.fields.text("kind");
  if (kind == "GROUPING_SET_EMPTY") {
    sets.emplace_back();
    return sets;
  }
  std::vector<ExpressionList> parts;
  for (const Node& each : pgsql::children(node.fields, "content")) {
    GroupingItem item = TRY(grouping(each));
    for (ExpressionList& set : item) parts.push_back(std::move(set));
  }
  if (kind == "GROUPING_SET_ROLLUP") return rollup_of(std::move(parts));
  if (kind == "GROUPING_SET_CUBE") return cube_of(std::move(parts), at);
  return parts;
}

Result<SetOperation> Converter::combined(const Fields& select) const {
  const std::string_view word = select.text("op");
  SetOperation both{word == "SETOP_UNION"       ? SetOperator::Union
                    : word == "SETOP_INTERSECT" ? SetOperator::Intersect
                                                : SetOperator::Except,
                    select.flag("all"),
                    {},
                    {},
                    {}};
  const auto side = [&](std::string_view name) -> Result<std::shared_ptr<const Query>> {
    const auto part = select.part(name);
    if (!part) return Error{ErrorCode::SyntaxError, "a side of UNION is missing"};
    return std::make_shared<const Query>(TRY(query(*part)));
  };
  both.left = TRY(side("larg"));
  both.right = TRY(side("rarg"));
  return both;
}

Status Converter::add_items(const Fields& select, Query& query, std::string_view list) const {
  for (const Node& target : pgsql::children(select, list)) {
    const auto value = child(target.fields, "val");
    if (!value) continue;
    const TextPosition at = position(target.fields.number("location"));
    const std::string_view alias = target.fields.text("name");
    if (value->kind == "ColumnRef") {
      const std::vector<Node> parts = pgsql::children(value->fields, "fields");
      if (!parts.empty() && parts.back().kind == "A_Star") {
        SelectItem item{SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, at};
        if (parts.size() > 1) item.source = name_of(parts[parts.size() - 2].fields.text("sval"));
        query.items.push_back(std::move(item));
        continue;
      }
    }
    ExpressionPtr shown = TRY(expression(*value));
    // The conversion may replace functions and casts by the dialect's own; the column keeps the
    // name that PostgreSQL would give it.
    const std::string name =
        !alias.empty() || shown->is<ColumnRef>() ? std::string(alias) : result_name_of(*value);
    query.items.push_back({SelectItemKind::Expression, std::move(shown),
                           name.empty() ? std::nullopt : std::optional(name_of(name)), std::nullopt,
                           at});
  }
  return {};
}

Status Converter::add_from(const Fields& select, Query& query, std::string_view list) const {
  for (const Node& each : pgsql::children(select, list)) TRY(add_first(each, query));
  return {};
}

// Adds an item of FROM, or the left side of a join in one. A left join after a comma is taken apart if
// may_follow_comma(); otherwise add_source() adds the join as one source.
Status Converter::add_first(const Node& node, Query& query) const {
  if (!query.from || node.kind != "JoinExpr" || has_inner_joins_only(node) ||
      !may_follow_comma(node))
    return add_source(node, JoinType::Inner, query);
  return add_join(node.fields, query, JoinType::Left);
}

// Joins a source to the sources before it. In the tree of the engine all joins associate to the left. So the join of b
// and c in FROM a, b RIGHT JOIN c ... becomes one source (bracketed()); otherwise its left side would be the join of a
// and b.
Status Converter::add_source(const Node& node, JoinType type, Query& query) const {
  if (node.kind == "JoinExpr") {
    const auto kind = TRY(join_type(node.fields.text("jointype"), query.position));
    // After other sources, a join that must not be taken apart becomes one source (bracketed()).
    if (!node.fields.has("alias") &&
        (!query.from || (type == JoinType::Inner && has_inner_joins_only(node)))) {
      return add_join(node.fields, query, kind);
    }
  }
  AliasedSource named =
      TRY(node.kind == "JoinExpr" ? bracketed(node, query.position) : source(node));
  if (!query.from) {
    query.from = std::move(named);
    return {};
  }
  const TextPosition at = named.position;
  query.joins.push_back({type, std::move(named), std::nullopt, nullptr, at});
  return {};
}

// Converts the join in brackets of FROM a LEFT JOIN (b JOIN c ON ...) ON ... to a SELECT * whose sources keep their
// names.
Result<AliasedSource> Converter::bracketed(const Node& node, TextPosition at) const {
  Query body;
  body.position = at;
  body.items.push_back({SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, at});
  const JoinType type = TRY(join_type(node.fields.text("jointype"), at));
  TRY(add_join(node.fields, body, type));
  AliasedSource named;
  named.position = at;
  if (const auto alias = node.fields.part("alias")) {  // the alias hides the names of the sources
    named.name = name_of(alias->text("aliasname"));
    named.alias = named.name;
    named.columns = names_of(*alias, "colnames");
  }
  named.query = std::make_shared<const Query>(std::move(body));
  return named;
}

Status Converter::add_join(const Fields& join, Query& query, JoinType type) const {
  const auto left = child(join, "larg"), right = child(join, "rarg");
  if (!left || !right) return Error{ErrorCode::SyntaxError, "a side of a join is missing"};
  TRY(add_first(*left, query));
  TRY(add_source(*right, type, query));
  Join& made = query.joins.back();
  made.columns = names_of(join, "usingClause");
  made.natural = join.flag("isNatural");
  if (!join.has("quals")) return {};
  ExpressionPtr on = TRY(child_of(join, "quals"));
  made.on = made.on ? make_expression(Logical{LogicalOp::And, std::move(made.on), std::move(on)},
                                      made.position)
                    : std::move(on);
  return {};
}

namespace {

// Returns the percentage if the argument is a number from 0 to 100.
std::optional<double> percentage_of(const Expression& argument) {
  std::optional<double> value;
  if (const auto* whole = argument.as<IntegerLiteral>()) value = whole->value;
  if (const auto* decimal = argument.as<DecimalLiteral>()) value = parse_double(decimal->text);
  if (const auto* number = argument.as<DoubleLiteral>()) value = number->value;
  return value && *value >= 0 && *value <= 100 ? value : std::nullopt;
}

}  // namespace

// Converts FROM t TABLESAMPLE BERNOULLI (percentage) to (SELECT * FROM t WHERE random() < percentage / 100) AS t.
Result<AliasedSource> Converter::sample(const Fields& fields) const {
  const TextPosition at = position(fields.number("location"));
  const std::vector<std::string> methods = strings(fields, "method");
  const auto relation = child(fields, "relation");
  if (methods.empty() || !relation)
    return Error{ErrorCode::SyntaxError, "TABLESAMPLE without a method"}.at(at);
  if (methods.back() != "bernoulli" && methods.back() != "system")
    return Error{ErrorCode::UndefinedObject,
                 fmt::format("tablesample method {} does not exist", methods.back()),
                 {},
                 "The methods are BERNOULLI and SYSTEM."}
        .at(at);
  if (fields.has("repeatable"))
    return not_supported("REPEATABLE of TABLESAMPLE is", at)
        .with_hint(
            "A condition over the key selects the same rows each time, for example a tenth: "
            "WHERE get_byte(decode(md5(id::text), 'hex'), 0) < 26.");
  const ExpressionList arguments = TRY(expressions(fields, "args"));
  const auto percentage =
      arguments.size() == 1 ? percentage_of(*arguments.front()) : std::optional<double>();
  if (!percentage)
    return Error{ErrorCode::InvalidParameter, "sample percentage must be between 0 and 100",
                 "TABLESAMPLE takes one constant number."}
        .at(at);
  AliasedSource sampled = TRY(source(*relation));
  AliasedSource outer;
  outer.position = sampled.position;
  outer.name = sampled.visible_name();
  outer.alias = outer.name;
  outer.columns = std::move(sampled.columns);
  sampled.columns.clear();
  Query rows;
  rows.position = at;
  rows.items.push_back({SelectItemKind::AllColumns, nullptr, std::nullopt, std::nullopt, at});
  rows.from = std::move(sampled);
  rows.where = make_expression(
      Comparison{ComparisonOp::Less, make_expression(FunctionCall{"RANDOM", {}}, at),
                 make_expression(
                     DoubleLiteral{*percentage / 100, fmt::format("{:e}", *percentage / 100)}, at)},
      at);
  outer.query = std::make_shared<const Query>(std::move(rows));
  return outer;
}

Result<AliasedSource> Converter::source(const Node& node) const {
  AliasedSource named;
  const Fields& fields = node.fields;
  named.position = position(fields.number("location"));
  if (const auto alias = fields.part("alias")) {
    named.alias = name_of(alias->text("aliasname"));
    named.columns = names_of(*alias, "colnames");
  }
  if (node.kind == "RangeVar") {
    named.name = name_of(fields.text("relname"));
    if (const auto schema = fields.text("schemaname"); !schema.empty())
      named.schema = name_of(schema);
    return named;
  }
  if (node.kind == "RangeSubselect") {
    const auto body = child(fields, "subquery");
    if (!body || body->kind != "SelectStmt") return not_supported("this source is", named.position);
    named.lateral = fields.flag("lateral");
    if (!named.alias)
      return Error{ErrorCode::SyntaxError,
                   "subquery in FROM must have an alias",
                   {},
                   "For example, FROM (SELECT ...) [AS] foo."}
          .at(named.position);
    Query rows = TRY(query(body->fields));
    named.name = *named.alias;
    if (are_rows_of_others(rows))
      take_rows_as_arrays(std::move(rows), named);
    else
      named.query = std::make_shared<const Query>(std::move(rows));
    return named;
  }
  if (node.kind == "RangeFunction") return row_function(fields, std::move(named));
  if (node.kind == "RangeTableSample") return sample(fields);
  return not_supported("this source is", named.position);
}

namespace {

// Returns whether the call names columns. In FROM they can only be columns of the sources before it.
bool has_column(ExpressionPtr& call) {
  bool has = false;
  const Status visited = rewrite_expression(
      call,
      [&has](ExpressionPtr& part) -> Status {
        has = has || part->is<ColumnRef>();
        return {};
      },
      RewriteOrder::ParentsFirst);
  return visited && has;
}

}  // namespace

// Converts f(x) AS name to (SELECT UNNEST(...)) AS name. The arguments may refer to columns of the
// sources before it. A function that returns no rows, such as upper(a), becomes a LATERAL query.
Result<AliasedSource> Converter::row_function(const Fields& fields, AliasedSource named) const {
  const std::vector<Node> functions = pgsql::children(fields, "functions");
  const auto list = functions.size() == 1 ? pgsql::children(functions.front().fields, "items")
                                          : std::vector<Node>();
  if (list.empty() || list.front().kind != "FuncCall")
    return not_supported("ROWS FROM is", named.position);
  ExpressionPtr call = TRY(expression(list.front()));
  auto* function = std::get_if<FunctionCall>(&call->node);
  if (!function) return not_supported("this function in FROM is", named.position);
  if (function->name == kRecordsTable && !fields.flag("ordinality"))
    return records_source(*function, std::move(named));
  const Name name{function->name};
  if (!named.alias) named.alias = name;
  named.name = name;
  // the function returns a table
  if (function->arguments.empty() && function->name.starts_with("PG_")) {
    named.schema = Name{"PG_CATALOG"};
    return named;
  }
  named.is_function = true;
  Query body;
  // The lists of privileges in the catalog are NULL, so aclexplode() returns no rows.
  if (function->name == "ACLEXPLODE" && function->arguments.size() == 1 &&
      is_list_of_privileges(*function->arguments.front()) && !fields.flag("ordinality")) {
    TypeName number, text{.kind = TypeKind::String}, truth{.kind = TypeKind::Boolean};
    number.custom_name = "OID";
    const std::pair<std::string_view, const TypeName*> columns[] = {{"GRANTOR", &number},
                                                                    {"GRANTEE", &number},
                                                                    {"PRIVILEGE_TYPE", &text},
                                                                    {"IS_GRANTABLE", &truth}};
    for (const auto& [column, type] : columns) {
      TypeName array{.kind = TypeKind::Array, .parts = {*type}};
      FunctionCall rows{"UNNEST", {}};
      rows.arguments.push_back(make_expression(
          Cast{make_expression(NullLiteral{}, named.position), std::move(array)}, named.position));
      body.items.push_back({SelectItemKind::Expression,
                            make_expression(std::move(rows), named.position),
                            Name{std::string(column)}, std::nullopt, named.position});
    }
    named.query = std::make_shared<const Query>(std::move(body));
    return named;
  }
  ExpressionPtr places;
  const auto add = [&](ExpressionPtr item, std::optional<Name> alias) {
    body.items.push_back({SelectItemKind::Expression, std::move(item), std::move(alias),
                          std::nullopt, named.position});
  };
  // UNNEST of several arrays in parallel becomes several calls in the SELECT list, which are also parallel. Programs
  // use it to send rows by columns.
  if (function->name == "UNNEST" && function->arguments.size() > 1) {
    FunctionCall all{"PG_ORDINALITY", {}};
    for (ExpressionPtr& array : function->arguments) {
      FunctionCall one{"UNNEST", {}};
      one.arguments.push_back(std::move(array));
      add(make_expression(std::move(one), named.position), std::nullopt);
      all.arguments.push_back(clone(*body.items.back().expression));
    }
    if (fields.flag("ordinality"))
      add(make_expression(std::move(all), named.position), Name{"ORDINALITY"});
    named.query = std::make_shared<const Query>(std::move(body));
    return named;
  }
  if (fields.flag("ordinality")) {
    // WITH ORDINALITY adds the numbers 1, 2, ..., one for each row of the function.
    FunctionCall subscripts{"PG_ORDINALITY", {}};
    subscripts.arguments.push_back(clone(*call));
    places = make_expression(std::move(subscripts), named.position);
  }
  // GENERATE_SERIES is the only function whose name has another meaning in the dialect, where it returns an array.
  if (function->name == "GENERATE_SERIES") function->name = "PG_GENERATE_SERIES";
  const auto json = std::ranges::find(kJsonRows, function->name, &JsonRows::function);
  if (json != std::end(kJsonRows) && !json->names.empty()) {
    FunctionCall names{std::string(json->names), {}};
    names.arguments.push_back(clone(*function->arguments.front()));
    add(make_expression(std::move(names), named.position), Name{"KEY"});
    function->name = json->values;
  }
  const auto* made = call->as<FunctionCall>();
  if (!places && !(made && made->name == "UNNEST")) named.lateral = has_column(call);
  // The column of a one-column function takes the alias of the function.
  add(std::move(call), json != std::end(kJsonRows) ? Name{"VALUE"} : *named.alias);
  if (places) add(std::move(places), Name{"ORDINALITY"});
  named.query = std::make_shared<const Query>(std::move(body));
  return named;
}

Result<std::vector<OrderItem>> Converter::order(const Fields& select,
                                                std::string_view clause) const {
  std::vector<OrderItem> items;
  for (const Node& each : pgsql::children(select, clause)) {
    const std::string_view direction = each.fields.text("sortby_dir");
    const std::string_view nulls = each.fields.text("sortby_nulls");
    OrderItem item{TRY(child_of(each.fields, "node")), direction == "SORTBY_DESC",
                   nulls == "SORTBY_NULLS_FIRST"  ? NullsOrder::First
                   : nulls == "SORTBY_NULLS_LAST" ? NullsOrder::Last
                                                  : NullsOrder::Default};
    if (direction == "SORTBY_USING") {
      const std::vector<std::string> op = strings(each.fields, "useOp");
      if (op.size() != 1 || (op.front() != "<" && op.front() != ">"))
        return not_supported("ORDER BY USING of this operator is", item.expression->position);
      item.descending = op.front() == ">";
    }
    items.push_back(std::move(item));
  }
  return items;
}

Result<ExpressionPtr> Converter::count(const Fields& select, std::string_view clause) const {
  if (!select.has(clause)) return ExpressionPtr();
  ExpressionPtr number = TRY(child_of(select, clause));
  if (number->is<NullLiteral>()) return ExpressionPtr();  // LIMIT ALL means no limit
  return number;
}

}  // namespace engine::pgsql
