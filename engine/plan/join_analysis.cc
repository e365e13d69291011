#include "engine/plan/join_analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace engine {

namespace {

Error invalid_join_query(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

Status check_sources(const std::vector<AnalysedSource>& sources, bool as_ksqldb) {
  std::set<const DataSource*> seen;
  std::set<std::string> aliases;
  for (const AnalysedSource& source : sources) {
    const std::string& name = source.source->name;
    if (!seen.insert(source.source).second && as_ksqldb)
      return invalid_join_query(
                 sources.size() == 2
                     ? fmt::format("Can not join '{}' to '{}': self joins are not yet "
                                   "supported.",
                                   name, name)
                     : fmt::format("N-way joins do not support multiple occurrences of the "
                                   "same source. Source: '{}'.",
                                   name))
          .at(source.position);
    if (!aliases.insert(source.alias).second)
      return invalid_join_query(
                 fmt::format("two sources of the query have the name {}", source.alias))
          .at(source.position)
          .with_hint("Use AS to give one of them another name.");
  }
  return {};
}

Status check_value_formats(const std::vector<AnalysedSource>& sources) {
  std::vector<std::string> names;
  for (const AnalysedSource& source : sources)
    if (source.source->value_format.name == "KAFKA") names.push_back(source.source->name);
  if (names.empty()) return {};
  return invalid_join_query(
      fmt::format("Source(s) {} are using the 'KAFKA' value format. This format does "
                  "not yet support JOIN.",
                  fmt::join(names, ", ")));
}

// Lists the sources that an expression refers to. Fails for a name without a source, because such a
// name is not a column of any source.
Status list_sources(const Expression& expression, std::set<std::string>& aliases) {
  // A lambda is skipped, because a name without a source may be a parameter of it.
  if (expression.is<Lambda>()) return {};
  if (const auto* column = expression.as<ColumnRef>()) {
    if (column->source) {
      aliases.insert(column->source->text);
      return {};
    }
    const std::string& name = column->name.text;
    Error error{ErrorCode::UndefinedColumn,
                fmt::format("column \"{}\" does not exist in the joined sources", name)};
    error.ksqldb = fmt::format("Line: {}, Col: {}: JOIN ON column '{}' cannot be resolved.",
                               expression.position.line, expression.position.column, name);
    return std::move(error).at(expression.position);
  }
  for (const Expression* child : children(expression)) TRY(list_sources(*child, aliases));
  return {};
}

// Returns the only source that a side of a condition refers to.
Result<size_t> source_of(const Expression& side, const Expression& condition,
                         const std::vector<AnalysedSource>& sources) {
  std::set<std::string> aliases;
  TRY(list_sources(side, aliases));
  if (aliases.size() != 1)
    return invalid_join_query(
               fmt::format("Invalid comparison expression '{}' in join '{}'. Each side of the "
                           "join comparision must contain references from exactly one source.",
                           to_sql(side), to_sql(condition)))
        .at(side.position);
  const auto found = std::ranges::find(sources, *aliases.begin(), &AnalysedSource::alias);
  return static_cast<size_t>(found - sources.begin());
}

Result<Comparison*> comparison_of(Expression& condition) {
  if (condition.is<Logical>())
    return invalid_join_query(
               fmt::format("Invalid join condition: joins on multiple conditions are not yet "
                           "supported. Got {}.",
                           to_sql(condition)))
        .at(condition.position)
        .with_hint("Move the other conditions to WHERE.");
  auto* comparison = std::get_if<Comparison>(&condition.node);
  if (!comparison)
    return invalid_join_query("Unsupported join expression: " + to_sql(condition))
        .at(condition.position);
  if (comparison->op != ComparisonOp::Equal)
    return invalid_join_query("Only equality join criteria is supported.")
        .at(condition.position)
        .with_hint(
            "ON compares one expression of each side: ON a.id = b.id. Other conditions belong in "
            "WHERE. A SELECT without EMIT takes any condition.");
  return comparison;
}

// Analyses a JOIN. `added` is the source that the JOIN adds to the previous sources.
Result<AnalysedJoin> analyse_join(Join join, size_t added,
                                  const std::vector<AnalysedSource>& sources) {
  Comparison& comparison = *TRY(comparison_of(*join.on));
  const size_t first = TRY(source_of(*comparison.left, *join.on, sources));
  const size_t second = TRY(source_of(*comparison.right, *join.on, sources));
  if (first == second)
    return invalid_join_query(
               fmt::format("Each side of the join must reference exactly one source and not "
                           "the same source. Left side references `{}` and right references "
                           "`{}`",
                           sources[first].alias, sources[second].alias))
        .at(join.on->position);
  if (std::max(first, second) > added)
    return invalid_join_query(
               "Cannot build JOIN tree; neither source in the join is the FROM source or "
               "included in a previous JOIN: " +
               to_sql(*join.on))
        .at(join.on->position);
  if (first != added && second != added)
    return invalid_join_query(
               fmt::format("Cannot perform circular join: {} is not compared with anything",
                           sources[added].alias))
        .at(join.on->position);
  AnalysedJoin analysed;
  analysed.type = join.type;
  analysed.position = join.position;
  analysed.is_flipped = first == added;
  analysed.left = analysed.is_flipped ? second : first;
  analysed.right = added;
  analysed.left_key = std::move(analysed.is_flipped ? comparison.right : comparison.left);
  analysed.right_key = std::move(analysed.is_flipped ? comparison.left : comparison.right);
  analysed.within = join.within;
  return analysed;
}

// Sets join.is_foreign if the join compares the primary key of the added table with an expression
// that is not the key of the rows that the previous joins have produced.
void note_foreign(AnalysedJoin& join, const std::vector<AnalysedJoin>& before,
                  const std::vector<AnalysedSource>& sources) {
  const AnalysedSource& first = sources.front();
  if (first.source->kind != SourceKind::Table ||
      sources[join.right].source->kind != SourceKind::Table ||
      !is_key_of(*join.right_key, sources[join.right]))
    return;
  if (!before.empty()) {
    join.is_foreign = !contains(equal_to_join_key(before, before.size()), *join.left_key);
    return;
  }
  join.is_foreign = !is_key_of(*join.left_key, first);
  if (!join.is_foreign) return;
  for (const ColumnDef& key : first.source->schema.keys())
    join.primary_key.push_back(make_expression(ColumnRef{Name{first.alias}, Name{key.name}}));
}

}  // namespace

Result<std::vector<AnalysedJoin>> analyse_joins(std::vector<Join> joins,
                                                const std::vector<AnalysedSource>& sources,
                                                bool as_ksqldb) {
  std::vector<AnalysedJoin> analysed;
  if (joins.empty()) return analysed;
  TRY(check_sources(sources, as_ksqldb));
  for (Join& join : joins) {
    AnalysedJoin one = TRY(analyse_join(std::move(join), analysed.size() + 1, sources));
    note_foreign(one, analysed, sources);
    analysed.push_back(std::move(one));
  }
  TRY(check_value_formats(sources));
  return analysed;
}

bool contains(const std::vector<const Expression*>& list, const Expression& expression) {
  return std::ranges::any_of(list, [&](const Expression* one) { return equals(*one, expression); });
}

std::vector<const Expression*> equal_to_join_key(const std::vector<AnalysedJoin>& joins,
                                                 size_t count) {
  std::vector<const Expression*> keys;
  for (size_t i = 0; i < count; ++i) {
    const AnalysedJoin& join = joins[i];
    if (join.is_foreign) {
      // If the primary key has several columns, none of them alone is the key of the result.
      if (join.primary_key.size() == 1) keys.push_back(join.primary_key.front().get());
      continue;
    }
    // In a FULL join either side may be null, so neither of the two is the key.
    if (join.type == JoinType::Full) {
      keys.clear();
      continue;
    }
    // A join on another expression replaces the key.
    if (!contains(keys, *join.left_key) && !contains(keys, *join.right_key)) keys.clear();
    for (const Expression* key : {join.left_key.get(), join.right_key.get()})
      if (!contains(keys, *key)) keys.push_back(key);
  }
  return keys;
}

std::optional<std::string> synthetic_join_key(const Analysis& analysis) {
  return analysis.joins.empty() ? std::nullopt
                                : synthetic_join_key(analysis.joins, analysis.sources);
}

bool are_all_foreign(const std::vector<AnalysedJoin>& joins) {
  return !joins.empty() && std::ranges::all_of(joins, &AnalysedJoin::is_foreign);
}

std::optional<std::string> synthetic_join_key(const std::vector<AnalysedJoin>& joins,
                                              const std::vector<AnalysedSource>& sources) {
  if (are_all_foreign(joins)) return std::nullopt;
  for (const Expression* key : equal_to_join_key(joins, joins.size()))
    if (key->is<ColumnRef>()) return std::nullopt;
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::any_of(sources, [&](const AnalysedSource& source) {
      return source.source->schema.index_of(name) >= 0;
    });
  };
  std::string name = "ROWKEY";
  for (int i = 1; is_taken(name); ++i) name = fmt::format("ROWKEY_{}", i);
  return name;
}

const Expression* selected_join_key(const Analysis& analysis) {
  for (const Expression* key : equal_to_join_key(analysis.joins, analysis.joins.size())) {
    const auto is_selected = [&](const AnalysedItem& item) {
      return equals(*item.expression, *key);
    };
    if (key->is<ColumnRef>() && std::ranges::any_of(analysis.items, is_selected)) return key;
  }
  return nullptr;
}

bool is_reference(const Expression& expression, const std::string& alias, const std::string& name) {
  const auto* column = expression.as<ColumnRef>();
  return column && column->name == name && column->source && *column->source == alias;
}

bool is_key_of(const Expression& expression, const AnalysedSource& source) {
  const std::vector<ColumnDef> keys = source.source->schema.keys();
  return keys.size() == 1 && is_reference(expression, source.alias, keys.front().name);
}

std::string join_text(const AnalysedJoin& join, const std::vector<AnalysedSource>& sources) {
  constexpr std::string_view kWords[] = {"[INNER] JOIN", "LEFT [OUTER] JOIN", "RIGHT [OUTER] JOIN",
                                         "[FULL] OUTER JOIN"};
  return fmt::format("{} {} {}", sources[join.left].source->name,
                     kWords[static_cast<size_t>(join.type)], sources[join.right].source->name);
}

std::string condition_text(const AnalysedJoin& join) {
  const Expression& first = join.is_flipped ? *join.right_key : *join.left_key;
  const Expression& second = join.is_flipped ? *join.left_key : *join.right_key;
  return fmt::format("{} = {}", to_sql(first), to_sql(second));
}

}  // namespace engine
