#include "engine/plan/analysis.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/suggest.h"
#include "engine/catalog/visible_names.h"
#include "engine/expr/member_hints.h"
#include "engine/expr/window_times.h"
#include "engine/functions/json/json_path.h"
#include "engine/functions/registry.h"
#include "engine/plan/join_analysis.h"
#include "engine/plan/topic_name.h"
#include "engine/plan/view_target.h"
#include "engine/sql/marked_cast.h"
#include "engine/sql/public_schema.h"
#include "engine/sql/qualifier.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::string_view kCatalogRelations =
    "The catalog is that of PostgreSQL 15: SELECT table_schema, table_name FROM "
    "information_schema.tables lists its relations.";

// Returns the hint for an unknown name with a schema; empty if it has none, or none that helps.
std::string qualified_hint(const std::string& name, const Catalog& catalog) {
  const size_t dot = name.rfind('.');
  const bool is_catalog = name.starts_with("PG_") || name.starts_with("INFORMATION_SCHEMA.");
  if (dot == std::string::npos) return is_catalog ? std::string(kCatalogRelations) : std::string();
  const std::string schema = name.substr(0, dot), relation = name.substr(dot + 1);
  const DataSource* known = catalog.find_source(relation);
  const bool is_known = known && is_visible(*known);
  if (schema == "PG_TEMP")
    return fmt::format("This session has no temporary table {0}; CREATE TEMP TABLE makes one.{1}",
                       relation,
                       is_known ? fmt::format(" {0} without pg_temp is another relation.", relation)
                                : std::string());
  if (is_catalog) return std::string(kCatalogRelations);
  // Statements that were written for other databases have the name of a database or schema before the table:
  // shop.orders, dbo.orders.
  return is_known ? fmt::format("Leave out the schema: {}.", relation) : std::string();
}

Error unknown_source(const std::string& name, const Catalog& catalog, TextPosition position) {
  // A view that is found here cannot be read. In a SELECT without EMIT, the view was replaced by
  // its SELECT before; other statements and continuous SELECTs cannot read views.
  if (catalog.views.get(name))
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("\"{}\" is a view, which a SELECT without EMIT reads and no other "
                             "statement",
                             display_name(name)),
                 {},
                 "Name the streams and tables that it reads; pg_get_viewdef() shows its SELECT."}
        .at(position);
  Error error{ErrorCode::UndefinedSource,
              fmt::format("relation \"{}\" does not exist", display_name(name))};
  error.ksqldb = fmt::format("{} does not exist.", name);
  error.hint = qualified_hint(name, catalog);
  if (error.hint.empty())
    error.hint = did_you_mean(name, visible_sources(catalog),
                              "SHOW STREAMS and SHOW TABLES list the existing streams and tables.");
  return std::move(error).at(position);
}

bool has_column(const AnalysedSource& source, const std::string& name) {
  if (source.source->schema.index_of(name) >= 0) return true;
  if (name == kRowTime || name == kRowPartition || name == kRowOffset) return true;
  return source.source->window && (name == kWindowStart || name == kWindowEnd);
}

// `member` is the name after the dot, as it was written; it is empty for *.
Error unknown_qualifier(const std::string& name, const std::string& member,
                        std::span<const AnalysedSource> sources) {
  const std::string message = fmt::format("'{}' is not a valid stream/table name or alias.", name);
  Error error{.code = ErrorCode::UndefinedSource,
              .message = message,
              .ksqldb = "Failed to prepare statement: " + message};
  for (const AnalysedSource& source : sources)
    for (const ColumnDef& column : source.source->schema.columns)
      if (column.name == name && column.type.kind() == TypeKind::Struct)
        error.hint = fmt::format("To select a field of a STRUCT, use {}->field.", name);
      else if (column.name == name && column.type.kind() == TypeKind::String && !member.empty())
        error.hint = hint_for_members(name, {&member, 1});
  if (!error.hint.empty()) return error;
  std::vector<std::string> aliases;
  for (const AnalysedSource& source : sources) aliases.push_back(source.alias);
  error.hint = fmt::format("The names after FROM and JOIN are {}.", join_words(aliases, "and"));
  return error;
}

// Converts the references in the expressions of one query to their canonical form.
class Canonical {
 public:
  Canonical(const std::vector<AnalysedSource>& sources, const Query& query,
            const PlanContext& context)
      : sources_(sources),
        fold_quoted_names_(context.fold_quoted_names),
        makes_windows_(query.window.has_value()),
        knows_bounds_as_times_(!context.settings.ksqldb_compat) {}

  // Returns the source that the qualifier means, or null.
  const AnalysedSource* find_source(const Name& name) const {
    auto found = std::ranges::find(sources_, name.text, &AnalysedSource::alias);
    if (found == sources_.end() && fold_quoted_names_)
      found = std::ranges::find_if(sources_, [&](const AnalysedSource& source) {
        return is_folded_alias(name, source.alias);
      });
    return found == sources_.end() ? nullptr : &*found;
  }

  // Converts all references in the expression. `clause` is the clause that contains the expression, for error messages.
  Status rewrite(Expression& expression, std::string_view clause) {
    clause_ = clause;
    TRY(check_qualifiers(expression));
    return rewrite_node(expression);
  }
  Status rewrite_all(ExpressionList& list, std::string_view clause) {
    for (ExpressionPtr& expression : list) TRY(rewrite(*expression, clause));
    return {};
  }

 private:
  // Checks all qualifiers before any bare name, because the error about an unknown source is more helpful.
  Status check_qualifiers(const Expression& expression) const {
    const auto* column = expression.as<ColumnRef>();
    if (column && column->source && !find_source(*column->source))
      return unknown_qualifier(column->source->text, shown(column->name), sources_)
          .at(expression.position);
    for (const Expression* child : children(expression)) TRY(check_qualifiers(*child));
    return {};
  }

  Status rewrite_node(Expression& expression) {
    if (auto* column = std::get_if<ColumnRef>(&expression.node)) {
      ExpressionPtr time = bound_as_time(*column, expression.position);
      if (!time) return rewrite_column(*column, expression.position);
      expression = std::move(*time);
    }
    if (auto* lambda = std::get_if<Lambda>(&expression.node)) {
      for (const std::string& parameter : lambda->parameters) parameters_.insert(parameter);
    }
    for (ExpressionPtr* child : children(expression)) TRY(rewrite_node(**child));
    return {};
  }

  // Returns the expression for WINDOW_START and WINDOW_END, as in a SELECT without EMIT; null for other names, and if the
  // clause has no bounds of windows. The windows that the query itself makes have bounds in SELECT and HAVING only.
  ExpressionPtr bound_as_time(const ColumnRef& column, TextPosition position) const {
    if (!knows_bounds_as_times_ || parameters_.contains(column.name.text)) return nullptr;
    const bool has_bounds = (makes_windows_ && (clause_ == "SELECT" || clause_ == "HAVING")) ||
                            std::ranges::any_of(sources_, [](const AnalysedSource& each) {
                              return each.source->window.has_value();
                            });
    if (!has_bounds || !owners_of(column.name.text, sources_).empty()) return nullptr;
    return window_bound_as_time(column, position);
  }

  // Removes the qualifier of a column of the only source. Fails if the source has no such column, because later steps
  // no longer have the qualifier and could not report it.
  Status drop_qualifier(ColumnRef& column, TextPosition position) const {
    const AnalysedSource& source = sources_.front();
    // A name in double quotes may refer to a column whose name is in upper case. bind() reports the name if it does
    // not.
    const bool is_known = has_column(source, column.name.text) ||
                          is_system_column(column.name.text) ||
                          (source.source->window && window_bound_as_time(column, position)) ||
                          column.name.quoting == Quoting::Double;
    if (!is_known) {
      const std::string name = column.source->text + "." + column.name.text;
      Error error{ErrorCode::UndefinedColumn,
                  fmt::format("column {}.{} does not exist", display_name(column.source->text),
                              display_name(column.name.text))};
      error.ksqldb = fmt::format("Line: {}, Col: {}: {} column '{}' cannot be resolved.",
                                 position.line, position.column, clause_, name);
      std::vector<std::string> names;
      for (const ColumnDef& known : source.source->schema.columns) names.push_back(known.name);
      return std::move(error).at(position).with_hint(did_you_mean(
          column.name.text, names, fmt::format("Columns: {}.", fmt::join(names, ", "))));
    }
    column.source.reset();
    return {};
  }

  static std::vector<std::string> owners_of(const std::string& column,
                                            std::span<const AnalysedSource> sources) {
    std::vector<std::string> owners;
    for (const AnalysedSource& source : sources)
      if (has_column(source, column)) owners.push_back(source.alias);
    return owners;
  }

  void fold(Name& name) const {
    if (fold_quoted_names_ && name.quoting == Quoting::Double)
      name.text = absl::AsciiStrToUpper(name.text);
  }

  Status rewrite_column(ColumnRef& column, TextPosition position) {
    if (column.source && sources_.size() == 1) return drop_qualifier(column, position);
    if (column.source) {
      const AnalysedSource& source = *find_source(*column.source);
      column.source->text = source.alias;  // the qualifier may be a quoted form of the alias
      if (owners_of(column.name.text, {&source, 1}).empty()) fold(column.name);
      return {};
    }
    if (sources_.size() == 1 || parameters_.contains(column.name.text)) return {};
    if (owners_of(column.name.text, sources_).empty()) fold(column.name);
    const std::vector<std::string> owners = owners_of(column.name.text, sources_);
    if (owners.size() > 1) {
      std::vector<std::string> choices;
      for (const std::string& owner : owners) choices.push_back(owner + "." + column.name.text);
      Error error{ErrorCode::AmbiguousColumn,
                  fmt::format("Column '{}' is ambiguous. Could be {}.", column.name.text,
                              join_words(choices, "or"))};
      error.ksqldb = fmt::format("Exception while preparing statement: Line: {}, Col: {}: {}",
                                 position.line, position.column, error.message);
      error.hint = fmt::format("The name of the source precedes the column: {}.", choices.front());
      return std::move(error).at(position);
    }
    if (owners.size() == 1) column.source = Name{owners.front()};
    return {};
  }

  const std::vector<AnalysedSource>& sources_;
  const bool fold_quoted_names_;
  const bool makes_windows_, knows_bounds_as_times_;
  std::set<std::string> parameters_;
  std::string_view clause_;
};

// Generates the names that items without an alias get in ksqlDB.
class ItemNames {
 public:
  explicit ItemNames(const std::vector<AnalysedSource>& sources, const Query& query)
      : sources_(sources) {
    for (const AnalysedSource& source : sources)
      for (const ColumnDef& column : source.source->schema.columns) taken_.insert(column.name);
    for (const SelectItem& item : query.items)
      if (item.alias) taken_.insert(item.alias->text);
  }

  std::string name_of(const Expression& expression, bool& is_generated) {
    if (const auto* column = expression.as<ColumnRef>()) return column_name(*column);
    if (const auto* part = expression.as<Dereference>()) return field_name(part->field.text);
    is_generated = true;
    for (;; ++next_) {
      std::string name = fmt::format("KSQL_COL_{}", next_);
      if (taken_.contains(name)) continue;
      ++next_;
      return name;
    }
  }

 private:
  // Returns the name of a column. In a join, a column that several sources have gets the name of its source as a
  // prefix.
  std::string column_name(const ColumnRef& column) const {
    if (sources_.size() == 1 || !column.source) return column.name.text;
    const auto owners = std::ranges::count_if(sources_, [&](const AnalysedSource& source) {
      return has_column(source, column.name.text);
    });
    return owners > 1 ? column.source->text + "_" + column.name.text : column.name.text;
  }
  std::string field_name(const std::string& field) {
    std::string name = field;
    for (int i = 1; taken_.contains(name); ++i) name = fmt::format("{}_{}", field, i);
    taken_.insert(name);
    return name;
  }

  const std::vector<AnalysedSource>& sources_;
  std::set<std::string> taken_;
  int next_ = 0;
};

ExpressionPtr reference(const AnalysedSource& source, const std::string& name, bool qualified,
                        TextPosition position) {
  ColumnRef column{std::nullopt, Name{name}};
  if (qualified) column.source = Name{source.alias};
  return make_expression(std::move(column), position);
}

// Expands `*` and `source.*`.
Status expand_star(const SelectItem& item, const std::vector<AnalysedSource>& sources,
                   const Canonical& canonical, QueryUse use,
                   const std::optional<std::string>& join_key, std::vector<AnalysedItem>& out) {
  const bool is_join = sources.size() > 1;
  const AnalysedSource* meant = item.source ? canonical.find_source(*item.source) : nullptr;
  if (item.source && !meant)
    return unknown_qualifier(item.source->text, {}, sources).at(item.position);
  if (!item.source && join_key)
    out.push_back({make_expression(ColumnRef{std::nullopt, Name{*join_key}}, item.position),
                   *join_key, false, true, item.position});
  for (const AnalysedSource& source : sources) {
    if (meant && &source != meant) continue;
    std::vector<std::string> names;
    if (use == QueryUse::Persistent) {  // the columns of the result, keys first, as stored
      for (const ColumnDef& column : source.source->schema.columns) names.push_back(column.name);
    } else {
      names = names_of_star(*source.source);
    }
    for (const std::string& name : names)
      out.push_back({reference(source, name, is_join, item.position),
                     is_join ? source.alias + "_" + name : name, false, true, item.position});
  }
  return {};
}

// Expands `*` under PARTITION BY to the new key, the values, and the columns of the old key.
void expand_partitioned_star(const SelectItem& item, const Analysis& analysis, ItemNames& names,
                             std::vector<AnalysedItem>& out) {
  std::set<std::string> in_key;
  for (const ExpressionPtr& key : analysis.partition_by) {
    if (key->is<NullLiteral>()) continue;
    if (const auto* column = key->as<ColumnRef>()) in_key.insert(column->name.text);
    AnalysedItem made{clone(*key), {}, false, true, item.position};
    made.name = names.name_of(*key, made.is_generated);
    out.push_back(std::move(made));
  }
  const Schema& schema = analysis.sources.front().source->schema;
  for (const bool keys : {false, true}) {
    for (const ColumnDef& column : schema.columns) {
      if ((column.role == ColumnRole::Key) != keys || in_key.contains(column.name)) continue;
      out.push_back({reference(analysis.sources.front(), column.name, false, item.position),
                     column.name, false, true, item.position});
    }
  }
}

// Fails if a written column has the name of a system column. Only the system column itself may have this name, and
// only in a query that a client reads.
Status check_item_name(const SelectItem& item, const std::string& name, QueryUse use) {
  if (!is_system_column(name)) return {};
  const auto* column = item.expression->as<ColumnRef>();
  const bool is_itself = column && column->name == name;
  if (is_itself && use != QueryUse::Persistent) return {};
  return Error{
      ErrorCode::InvalidStatement,
      is_itself
          ? fmt::format("Reserved column name in select: `{}`. Please remove or alias the column.",
                        name)
          : fmt::format("`{}` is a reserved column name. You cannot use it as an alias for a "
                        "column.",
                        name)}
      .at(item.position);
}

Status analyse_items(const Query& query, QueryUse use, Canonical& canonical, Analysis& out) {
  if (use != QueryUse::Persistent) TRY(check_item_count(query));
  ItemNames names(out.sources, query);
  for (const SelectItem& item : query.items) {
    if (item.kind == SelectItemKind::AllColumns) {
      if (out.sources.size() == 1 && !out.partition_by.empty() && use == QueryUse::Persistent)
        expand_partitioned_star(item, out, names, out.items);
      else
        TRY(expand_star(item, out.sources, canonical, use, synthetic_join_key(out), out.items));
      continue;
    }
    AnalysedItem analysed{clone(*item.expression), {}, false, false, item.position};
    TRY(canonical.rewrite(*analysed.expression, "SELECT"));
    if (item.kind == SelectItemKind::StructFields) {
      // The fields are known only when the expression has a type. Until then a dereference with the name `*` stands
      // for all fields.
      analysed.expression =
          make_expression(Dereference{std::move(analysed.expression), Name{"*"}}, item.position);
      analysed.name = "*";
    } else {
      // WINDOW_START is replaced by an expression, and its column keeps the name.
      const auto* written = item.expression->as<ColumnRef>();
      analysed.name = item.alias ? item.alias->text
                      : written && !analysed.expression->is<ColumnRef>()
                          ? upper_case(written->name.text)
                          : names.name_of(*analysed.expression, analysed.is_generated);
      TRY(check_item_name(item, analysed.name, use));
    }
    out.items.push_back(std::move(analysed));
  }
  return {};
}

// Fails if the clause is present, because a continuous query has neither an order nor an end, which the clause needs.
Status refuse(bool is_present, std::string_view clause, QueryUse use, TextPosition position) {
  if (!is_present) return {};
  // A CREATE ... AS is always continuous, so the hint about EMIT would not help there.
  const bool is_created = use == QueryUse::Persistent;
  const std::string instead =
      clause == "SELECT DISTINCT"
          ? "GROUP BY has one row for each value: SELECT a, COUNT(*) AS n FROM s GROUP BY a. "
          : "";
  const std::string hint =
      !is_created ? fmt::format("{}{} requires a SELECT without EMIT.", instead, clause)
      : instead.empty()
          ? fmt::format("Leave it out here. The SELECT that reads the result takes {}.", clause)
          : instead.substr(0, instead.size() - 1);
  return Error{ErrorCode::NotSupported,
               fmt::format("{} is not supported in a continuous query", clause)}
      .with_hint(hint)
      .at(position);
}

struct ContinuousInstead {
  std::string_view what, hint;  // `what` is a name of BeyondDialect
};
constexpr ContinuousInstead kContinuousInstead[] = {
    {"WITH",
     "CREATE STREAM x AS SELECT ... makes a stream of the query in WITH, which the next query "
     "reads."},
    {"UNION",
     "CREATE STREAM u AS SELECT ... FROM a has the first part, and INSERT INTO u SELECT ... FROM b "
     "adds the records of the second stream."},
    {"INTERSECT", "A join finds the rows of both: FROM a JOIN b ON a.id = b.id."},
    {"EXCEPT",
     "A join finds the rows without a partner: FROM a LEFT JOIN b ON a.id = b.id WHERE b.id IS "
     "NULL."},
    {"VALUES", "INSERT INTO s VALUES (1, 'a'), (2, 'b') writes rows to a stream."},
    {"DISTINCT ON", "Use GROUP BY with these columns, and LATEST_BY_OFFSET of the others."},
    {"GROUPING SETS", "Create a query for each of the sets."},
    {"a SELECT in FROM",
     "CREATE STREAM s AS SELECT ... gives the inner SELECT a name, which the query reads."},
    {"a list of names for a source's columns",
     "AS in the SELECT renames a column: SELECT a AS b FROM s."},
    {"a join without ON", "ON compares one expression of each side: JOIN b ON a.id = b.id."},
    {"a sub-query",
     "A join with a table has the same effect: FROM s JOIN t ON s.id = t.id keeps the records of s "
     "whose id is a key of t."},
    {"a window function",
     "Use GROUP BY with aggregates such as MAX, or LATEST_BY_OFFSET for the last value."},
};

// Returns advice on how to replace a part of a query that continuous queries do not support.
std::string continuous_instead(std::string_view what, QueryUse use) {
  const auto* found = std::ranges::find(kContinuousInstead, what, &ContinuousInstead::what);
  const std::string hint(found == std::end(kContinuousInstead) ? "" : found->hint);
  if (use == QueryUse::Persistent && !hint.empty()) return hint;
  return hint + (hint.empty() ? "" : " ") +
         "A SELECT without EMIT CHANGES supports it, over streams and tables.";
}

bool any_table_function(const Expression& expression) {
  if (const auto* call = expression.as<FunctionCall>())
    if (Registry::instance().is_table_function(call->name)) return true;
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return any_table_function(*child); });
}

// Fails at a percentile or MODE with WITHIN GROUP. These functions are not in the registry, because only a SELECT and a
// view have them.
Status check_within_group(const FunctionCall& call, TextPosition position) {
  constexpr std::string_view kOrderedSets[] = {"PERCENTILE_CONT", "PERCENTILE_DISC", "MODE"};
  if (!call.within_group || std::ranges::count(kOrderedSets, std::string_view(call.name)) == 0)
    return {};
  return Error{
      ErrorCode::NotSupported,
      fmt::format("WITHIN GROUP with {} requires a SELECT without EMIT, or a view", call.name)}
      .with_hint("CREATE VIEW name AS SELECT ... runs the SELECT at each read.")
      .at(position);
}

// Fails if a function does not exist. This check precedes the check whether a function is allowed at its place, because
// the error about an unknown function is more helpful.
Status check_functions(const Expression& expression) {
  if (const auto* call = expression.as<FunctionCall>()) {
    const Registry& registry = Registry::instance();
    TRY(check_within_group(*call, expression.position));
    // bind() computes PG_TYPEOF itself.
    if (registry.find(call->name).empty() && marked_cast(*call) == nullptr &&
        call->name != "PG_TYPEOF")
      return unknown_function(call->name).at(expression.position);
    if (call->star && !registry.is_aggregate(call->name))
      if (Result<Resolution> resolved = registry.resolve(call->name, {}); !resolved)
        return std::move(resolved).error().at(expression.position);
  }
  for (const Expression* child : children(expression)) TRY(check_functions(*child));
  return {};
}

// Fails if a literal JSON path cannot be parsed, because EXTRACTJSONFIELD would return NULL for every record.
Status check_json_paths(const Expression& expression) {
  const auto* call = expression.as<FunctionCall>();
  if (call && call->name == "EXTRACTJSONFIELD" && call->arguments.size() == 2)
    if (const auto* path = call->arguments[1]->as<StringLiteral>())
      if (const auto steps = parse_json_path(path->value); !steps)
        return Error(steps.error())
            .with_hint(path->value.starts_with('$')
                           ? "Use brackets and quotes for names with other characters: $['a.b']."
                           : fmt::format("A path begins with $: '$.{}'.", path->value))
            .at(call->arguments[1]->position);
  for (const Expression* child : children(expression)) TRY(check_json_paths(*child));
  return {};
}

Status check_json_paths(const Analysis& analysis) {
  for (const AnalysedItem& item : analysis.items) TRY(check_json_paths(*item.expression));
  for (const ExpressionList* list : {&analysis.group_by, &analysis.partition_by})
    for (const ExpressionPtr& each : *list) TRY(check_json_paths(*each));
  for (const ExpressionPtr* each : {&analysis.where, &analysis.having})
    if (*each) TRY(check_json_paths(**each));
  return {};
}

Status check_all_functions(const Analysis& analysis) {
  for (const AnalysedItem& item : analysis.items) TRY(check_functions(*item.expression));
  for (const ExpressionPtr& expression : analysis.group_by) TRY(check_functions(*expression));
  for (const ExpressionPtr& expression : analysis.partition_by) TRY(check_functions(*expression));
  if (analysis.where) TRY(check_functions(*analysis.where));
  if (analysis.having) TRY(check_functions(*analysis.having));
  return {};
}

Status note_functions(Analysis& out) {
  out.has_aggregates = !out.group_by.empty();
  std::vector<const FunctionCall*> aggregates;
  for (const AnalysedItem& item : out.items) {
    TRY(find_aggregates(*item.expression, aggregates));
    out.has_table_functions |= any_table_function(*item.expression);
  }
  if (out.having) TRY(find_aggregates(*out.having, aggregates));
  out.has_aggregates |= !aggregates.empty();
  return {};
}

}  // namespace

Result<std::optional<int64_t>> read_limit(const Expression* limit) {
  if (!limit) return std::optional<int64_t>{};
  if (const auto* number = limit->as<IntegerLiteral>())
    return std::optional<int64_t>(number->value);
  if (const auto* number = limit->as<BigintLiteral>()) return std::optional<int64_t>(number->value);
  return Error{ErrorCode::InvalidParameter, "LIMIT must be a number"}.at(limit->position);
}

Status check_no_aggregates(const Analysis& analysis) {
  if (!analysis.has_aggregates) return {};
  return Error{
      ErrorCode::NotSupported,
      "aggregate functions in a query without EMIT CHANGES are not supported yet",
      {},
      "Use CREATE TABLE ... AS SELECT ... GROUP BY ..., and query the table. With EMIT CHANGES the "
      "query returns running values."};
}

Status check_item_count(const Query& query) {
  if (query.items.size() <= kMaxResultColumns) return {};
  return Error{ErrorCode::LimitExceeded,
               fmt::format("a result can have at most {} columns", kMaxResultColumns),
               fmt::format("The SELECT list has {}.", query.items.size())}
      .at(query.items[kMaxResultColumns].position);
}

const std::pair<const std::string, std::string>* find_temporary(const Name& name,
                                                                const PlanContext& context) {
  if (!context.temporary) return nullptr;
  // Only a name that is not in backquotes can mean a temporary table. An UPDATE, which is planned as a SELECT,
  // writes the name of its target in backquotes, so that it means exactly this table.
  if (!may_name_temporary(name)) return nullptr;
  auto found = context.temporary->find(name.text);
  if (found == context.temporary->end() && name.quoting == Quoting::Double)
    found = context.temporary->find(absl::AsciiStrToUpper(name.text));
  return found == context.temporary->end() ? nullptr : &*found;
}

namespace {

// Returns whether the source is a temporary table of another session. Such a table is invisible, whatever its name in
// the catalog.
bool is_anothers(const DataSource& source, const PlanContext& context) {
  return source.is_temporary &&
         (!context.temporary || std::ranges::none_of(*context.temporary, [&](const auto& own) {
           return own.second == source.name;
         }));
}

}  // namespace

const DataSource* find_source(const Name& name, const PlanContext& context) {
  if (is_in_public(name)) {
    PlanContext without_temporary = context;
    without_temporary.temporary = nullptr;
    return find_source(without_public(name), without_temporary);
  }
  if (const auto* temporary = find_temporary(name, context))
    if (const DataSource* source = context.catalog.find_source(temporary->second)) return source;
  const DataSource* source = context.catalog.find_source(name.text);
  if (source && is_anothers(*source, context)) return nullptr;
  if (source || !context.fold_quoted_names || name.quoting == Quoting::Back) return source;
  if (name.quoting == Quoting::Double)
    return context.catalog.find_source(absl::AsciiStrToUpper(name.text));
  // PostgreSQL's parser does not report whether a name in lower case was quoted, so the name in lower case is
  // looked up, too. This look-up finds only tables, because streams are created in the dialect, where a bare name
  // is folded to upper case.
  if (context.settings.ksqldb_compat) return nullptr;
  source = context.catalog.find_source(absl::AsciiStrToLower(name.text));
  const bool is_table = source && source->kind == SourceKind::Table;
  return is_table && !is_anothers(*source, context) ? source : nullptr;
}

namespace {

// Returns the name qualified by its schema; nullopt for the schema public, whose tables have no
// prefix.
std::optional<Name> name_in_schema(const AliasedSource& named, const Catalog& catalog) {
  if (!named.schema) return std::nullopt;
  const std::string upper = absl::AsciiStrToUpper(named.schema->text);
  if (upper == "PUBLIC") return std::nullopt;
  const std::string& schema =
      catalog.schemas.contains(named.schema->text) ? named.schema->text : upper;
  return Name{schema + "." + named.name.text, named.name.quoting};
}

// Returns the context for the name of a source: temporary tables are in pg_temp, so a name in `public` never means one.
PlanContext context_of_schema(const AliasedSource& named, const PlanContext& context) {
  PlanContext own = context;
  if (named.schema) own.temporary = nullptr;
  return own;
}

}  // namespace

const View* find_view(const AliasedSource& named, const PlanContext& context) {
  if (named.query || context.catalog.views.empty() || context.settings.ksqldb_compat)
    return nullptr;
  if (const auto qualified = name_in_schema(named, context.catalog))
    return view_named(*qualified, context.catalog, context.fold_quoted_names);
  return find_source(named.name, context_of_schema(named, context))
             ? nullptr
             : view_named(named.name, context.catalog, context.fold_quoted_names);
}

Result<AnalysedSource> resolve_source(const AliasedSource& named, const PlanContext& context) {
  if (const auto qualified = name_in_schema(named, context.catalog)) {
    AliasedSource whole{std::nullopt, *qualified, named.alias ? named.alias : named.name,
                        named.position};
    return resolve_source(whole, context);
  }
  const PlanContext own = context_of_schema(named, context);
  const DataSource* source = find_source(named.name, own);
  if (!source) {
    Error unknown = unknown_source(named.name.text, context.catalog, named.position);
    // Newcomers often select from a topic without declaring a stream over it, so the hint shows the declaration.
    const bool is_internal = named.name.text.starts_with("__");
    if (const auto topic = find_topic(named.name, context.topics);
        topic && !is_internal && is_visible_topic(topic->name) &&
        unknown.code == ErrorCode::UndefinedSource && !unknown.hint.starts_with("Did you mean"))
      unknown.hint = fmt::format(
          "Topic \"{0}\" exists. CREATE STREAM {1} (a VARCHAR, b INT) WITH (KAFKA_TOPIC = '{0}', "
          "VALUE_FORMAT = 'JSON') makes a stream of its records; the columns are the fields of a "
          "record. PRINT '{0}' shows the records.",
          topic->name, display_name(named.name.text));
    return unknown;
  }
  if (context.may_read)
    if (Status allowed = (*context.may_read)(*source); !allowed)
      return std::move(allowed).error().at(named.position);
  const auto* temporary = find_temporary(named.name, own);
  const std::string& name = temporary ? temporary->first : source->name;
  return AnalysedSource{source, named.alias ? named.alias->text : name, named.position};
}

Result<Analysis> analyse(const Query& query, const PlanContext& context, QueryUse use) {
  if (const auto more = beyond_dialect(query))
    return Error{ErrorCode::NotSupported,
                 fmt::format("{} is not supported yet in a continuous query", more->what),
                 {},
                 continuous_instead(more->what, use)}
        .at(more->position);
  if (!query.from)
    return Error{ErrorCode::InvalidStatement, "a query needs a FROM clause"}
        .with_hint("A continuous query reads a stream or a table: SELECT a FROM s.")
        .at(query.position);
  TRY(refuse(query.distinct, "SELECT DISTINCT", use, query.position));
  TRY(refuse(!query.order_by.empty(), "ORDER BY", use,
             query.positions.order_by.value_or(query.position)));
  TRY(refuse(query.offset != nullptr, "OFFSET", use, query.position));

  Analysis out;
  out.sources.push_back(TRY(resolve_source(*query.from, context)));
  for (const Join& join : query.joins)
    out.sources.push_back(TRY(resolve_source(join.source, context)));
  Canonical canonical(out.sources, query, context);
  std::vector<Join> joins;
  for (const Join& join : query.joins) {
    joins.push_back(clone(join));
    TRY(canonical.rewrite(*joins.back().on, "JOIN ON"));
  }
  out.joins = TRY(analyse_joins(std::move(joins), out.sources, context.settings.ksqldb_compat));
  out.partition_by = clone(query.partition_by);
  TRY(canonical.rewrite_all(out.partition_by, "PARTITION BY"));
  TRY(analyse_items(query, use, canonical, out));
  if (query.where) {
    out.where = clone(*query.where);
    TRY(canonical.rewrite(*out.where, "WHERE"));
  }
  if (query.having) {
    out.having = clone(*query.having);
    TRY(canonical.rewrite(*out.having, "HAVING"));
  }
  out.group_by = clone(query.group_by);
  TRY(canonical.rewrite_all(out.group_by, "GROUP BY"));
  out.window = query.window;
  out.emit = query.emit;
  out.use = use;
  out.limit = TRY(read_limit(query.limit.get()));
  TRY(check_all_functions(out));
  if (!context.settings.ksqldb_compat) TRY(check_json_paths(out));
  TRY(note_functions(out));
  return out;
}

Layout input_layout(const DataSource& source, const std::string& qualifier) {
  Layout layout;
  for (const ColumnDef& column : source.schema.columns)
    layout.push_back({qualifier, column.name, column.type});
  layout.push_back({qualifier, std::string(kRowTime), TypeKind::Bigint});
  layout.push_back({qualifier, std::string(kRowPartition), TypeKind::Integer});
  layout.push_back({qualifier, std::string(kRowOffset), TypeKind::Bigint});
  if (source.window) {
    layout.push_back({qualifier, std::string(kWindowStart), TypeKind::Bigint});
    layout.push_back({qualifier, std::string(kWindowEnd), TypeKind::Bigint});
  }
  return layout;
}

bool is_aggregate_call(const Expression& expression) {
  const auto* call = expression.as<FunctionCall>();
  return call && !call->over &&
         (call->within_group || Registry::instance().is_aggregate(call->name));
}

bool contains_aggregate(const Expression& expression) {
  if (is_aggregate_call(expression)) return true;
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return contains_aggregate(*child); });
}

Status find_aggregates(const Expression& expression, std::vector<const FunctionCall*>& found) {
  if (is_aggregate_call(expression)) {
    for (const Expression* argument : children(expression)) {
      std::vector<const FunctionCall*> inner;
      TRY(find_aggregates(*argument, inner));
      if (inner.empty()) continue;
      Error error{ErrorCode::GroupingError,
                  fmt::format("Aggregate functions can not be nested: {}", to_sql(expression))};
      error.ksqldb = fmt::format("Aggregate functions can not be nested: {}({}())",
                                 expression.as<FunctionCall>()->name, inner.front()->name);
      return std::move(error).at(expression.position);
    }
    found.push_back(expression.as<FunctionCall>());
    return {};
  }
  for (const Expression* child : children(expression)) TRY(find_aggregates(*child, found));
  return {};
}

void mark_used(const Expression& expression, const Layout& layout, std::vector<bool>& used) {
  if (const auto* column = expression.as<ColumnRef>()) {
    for (size_t i = 0; i < layout.size(); ++i)
      if (layout[i].name == column->name.text &&
          (!column->source || layout[i].source == column->source->text))
        used[i] = true;
  }
  for (const Expression* child : children(expression)) mark_used(*child, layout, used);
}

std::string join_words(const std::vector<std::string>& words, std::string_view last) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != 0) text += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace engine
