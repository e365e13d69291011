#include "engine/query/select_names.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

#include "engine/expr/window_times.h"
#include "engine/functions/session_zone.h"
#include "engine/sql/default_value.h"
#include "engine/sql/qualifier.h"
#include "engine/sql/result_name.h"
#include "engine/types/ascii.h"

namespace engine {

SelectSource table_source(const AnalysedSource& found) {
  const DataSource& table = *found.source;
  SelectSource source{&table, found.alias, input_layout(table, found.alias), {}, found.position};
  source.shown = names_of_star(table);
  return source;
}

Status rename_columns(const AliasedSource& named, SelectSource& source) {
  if (named.columns.size() > source.shown.size())
    return Error{
        ErrorCode::InvalidStatement,
        fmt::format("{} has {} columns available but {} columns specified",
                    shown(named.visible_name()), source.shown.size(), named.columns.size())}
        .at(named.position);
  // All columns must be found before the first column is renamed, because a new name may be the old name of another
  // column.
  std::vector<LayoutColumn*> renamed;
  for (size_t i = 0; i < named.columns.size(); ++i)
    renamed.push_back(&*std::ranges::find(source.columns, source.shown[i], &LayoutColumn::name));
  for (size_t i = 0; i < renamed.size(); ++i)
    renamed[i]->name = source.shown[i] = named.columns[i].text;
  return {};
}

namespace {

// Columns with equal names can be shown by `*`, but a statement cannot refer to them: their
// internal names contain this character, which no name in a statement contains.
constexpr char kNumberOfSame = '\x08';

}  // namespace

Result<SelectSource> query_source(const AliasedSource& named, const std::string& alias,
                                  const std::vector<Name>& names, const Schema& rows) {
  if (names.size() > rows.columns.size())
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("{} has {} columns available but {} columns specified",
                             shown(Name{alias}), rows.columns.size(), names.size())}
        .at(named.position);
  SelectSource source{nullptr, alias, {}, {}, named.position};
  source.is_function = named.is_function;
  std::map<std::string_view, size_t> times;
  const auto name_at = [&](size_t i) -> const std::string& {
    return i < names.size() ? names[i].text : rows.columns[i].name;
  };
  for (size_t i = 0; i < rows.columns.size(); ++i) ++times[name_at(i)];
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    const ColumnDef& column = rows.columns[i];
    std::string name = name_at(i);
    if (times[name] > 1) name += fmt::format("{}{}", kNumberOfSame, i);
    source.columns.push_back({alias, std::move(name), column.type});
    // `SELECT *` does not show columns of the outer rows, whose names begin with \x01 (select_outer_rows.cc).
    if (!source.columns.back().name.starts_with('\x01'))
      source.shown.push_back(source.columns.back().name);
  }
  return source;
}

namespace {

enum class RowNames : bool { None, Columns };
// Returns the value that the name of a table stands for: its row, or NULL if an outer join has no row. For a function
// with one column, the value is that of this column. With RowNames::Columns, the row has the names of the columns, as
// JSON needs them.
ExpressionPtr whole_row(const SelectSource& source, TextPosition position,
                        RowNames names = RowNames::None) {
  if (source.is_function && source.shown.size() == 1)
    return make_expression(ColumnRef{Name{source.alias}, Name{source.shown.front()}}, position);
  FunctionCall row{"ROW", {}};
  StructConstructor named;
  ExpressionPtr is_none;
  for (const std::string& name : source.shown) {
    const auto column = [&] {
      return make_expression(ColumnRef{Name{source.alias}, Name{name}}, position);
    };
    if (names == RowNames::Columns)
      named.fields.push_back({Name{name}, column()});
    else
      row.arguments.push_back(column());
    auto is_null = make_expression(IsNull{column()}, position);
    is_none = is_none
                  ? make_expression(Logical{LogicalOp::And, std::move(is_none), std::move(is_null)},
                                    position)
                  : std::move(is_null);
  }
  Case choice;
  choice.branches.push_back({std::move(is_none), make_expression(NullLiteral{}, position)});
  choice.otherwise = names == RowNames::Columns ? make_expression(std::move(named), position)
                                                : make_expression(std::move(row), position);
  return make_expression(std::move(choice), position);
}

}  // namespace

Result<SelectNames> SelectNames::of(const Query& query, std::vector<SelectSource> sources,
                                    const PlanContext& context) {
  SelectNames names(context);
  for (SelectSource& source : sources) {
    for (const SelectSource& known : names.sources_)
      if (known.alias == source.alias)
        return Error{
            ErrorCode::DuplicateAlias,
            fmt::format("table name \"{}\" specified more than once", shown(Name{source.alias})),
            {},
            "Give each its own alias: FROM t a JOIN t b ON ..."}
            .at(source.position);
    names.first_columns_.push_back(names.layout_.size());
    names.layout_.insert(names.layout_.end(), source.columns.begin(), source.columns.end());
    names.sources_.push_back(std::move(source));
  }
  names.first_columns_.push_back(names.layout_.size());
  TRY(names.merge_columns(query));
  return names;
}

ExpressionPtr SelectNames::reference(uint32_t column, TextPosition position) const {
  return make_expression(ColumnRef{Name{layout_[column].source}, Name{layout_[column].name}},
                         position);
}

// Returns the value of a column of USING. For FULL JOIN, this is the value of the side that has a row.
ExpressionPtr SelectNames::value_of(const Merged& merged, TextPosition position) const {
  if (!merged.is_either) return reference(merged.column, position);
  FunctionCall either{"COALESCE", {}};
  either.arguments.push_back(reference(merged.column, position));
  for (const uint32_t other : merged.others) either.arguments.push_back(reference(other, position));
  return make_expression(std::move(either), position);
}

// Returns the columns of the join's USING. For NATURAL they are the columns that `*` shows of both sides, in the
// order of the left side.
std::vector<Name> SelectNames::merged_names(const Join& join, size_t right) const {
  if (!join.natural) return join.columns;
  std::vector<Name> names;
  const std::vector<std::string>& others = sources_[right].shown;
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(others, name) != others.end() &&
        std::ranges::find(names, name, &Name::text) == names.end())
      names.push_back(Name{name});
  };
  for (const Merged& merged : merged_) add(merged.name);
  for (size_t left = 0; left < right; ++left)
    for (const std::string& name : sources_[left].shown) add(name);
  return names;
}

Status SelectNames::merge_columns(const Query& query) {
  using_equalities_.resize(query.joins.size());
  for (size_t i = 0; i < query.joins.size(); ++i) {
    const Join& join = query.joins[i];
    const auto end = static_cast<ptrdiff_t>(first_columns_[i + 1]);
    const Layout left(layout_.begin(), layout_.begin() + end);
    const std::vector<Name> names = merged_names(join, i + 1);
    for (const Name& name : names) {
      auto known = std::ranges::find(merged_, name.text, &Merged::name);
      const SelectSource& right = sources_[i + 1];
      const uint32_t first =
          known != merged_.end()
              ? known->column
              : TRY(resolve_column({std::nullopt, name}, join.position, scope(left, "USING")));
      const auto found = std::ranges::find(right.columns, layout_[first].name, &LayoutColumn::name);
      if (found == right.columns.end())
        return Error{ErrorCode::UndefinedColumn, fmt::format("column \"{}\" of USING is not in {}",
                                                             shown(name), shown(Name{right.alias}))}
            .at(join.position);
      const auto second = static_cast<uint32_t>(first_columns_[i + 1] +
                                                static_cast<size_t>(found - right.columns.begin()));
      if (known == merged_.end()) {
        merged_.push_back({layout_[first].name, first, {}});
        known = merged_.end() - 1;
      }
      using_equalities_[i].push_back(
          make_expression(Comparison{ComparisonOp::Equal, value_of(*known, join.position),
                                     reference(second, join.position)},
                          join.position));
      known->others.push_back(second);
      known->is_either = known->is_either || join.type == JoinType::Full;
      if (join.type == JoinType::Right) {
        std::swap(known->column, known->others.back());
        known->is_either = false;
      }
    }
    // The loop moves the columns of this join to the front, because `*` shows the columns merged by the last join
    // first.
    for (const Name& name : std::views::reverse(names)) {
      const auto merged = std::ranges::find(merged_, name.text, &Merged::name);
      if (merged != merged_.end()) std::rotate(merged_.begin(), merged, merged + 1);
    }
  }
  return {};
}

size_t SelectNames::source_of(uint32_t column) const {
  const auto behind = std::ranges::upper_bound(first_columns_, size_t{column});
  return static_cast<size_t>(behind - first_columns_.begin()) - 1;
}

Scope SelectNames::scope(const Layout& layout, std::string_view clause) const {
  Scope scope(layout, clause);
  if (sources_.size() == 1 && sources_.front().table) {
    const DataSource& source = *sources_.front().table;
    scope.source =
        fmt::format("{} {}", source.kind == SourceKind::Table ? "table" : "stream", source.name);
  }
  scope.source_names = names_of_first(sources_.size());
  scope.custom_types = &context_.catalog.types;
  scope.fold_quoted_names = context_.fold_quoted_names;
  scope.parameters = context_.parameters;
  scope.texts_take_types = true;
  scope.forms = session_forms(context_.properties);
  return scope;
}

std::vector<std::string> SelectNames::names_of_first(size_t sources) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < sources; ++i) {
    if (!sources_[i].is_bracketed) {
      names.push_back(sources_[i].alias);
      continue;
    }
    for (const LayoutColumn& column : sources_[i].columns)
      if (std::ranges::find(names, column.source) == names.end()) names.push_back(column.source);
  }
  return names;
}

Result<ExpressionPtr> SelectNames::canonical(const Expression& expression,
                                             std::string_view clause) const {
  ExpressionPtr copy = clone(expression);
  std::vector<std::string> parameters;
  TRY(rewrite(*copy, scope(layout_, clause), parameters));
  return copy;
}

Result<ExpressionPtr> SelectNames::canonical_among(const Expression& expression,
                                                   std::string_view clause, size_t sources) const {
  const Layout seen(layout_.begin(),
                    layout_.begin() + static_cast<ptrdiff_t>(first_columns_[sources]));
  ExpressionPtr copy = clone(expression);
  std::vector<std::string> parameters;
  Scope of_these = scope(seen, clause);
  of_these.source_names = names_of_first(sources);
  TRY(rewrite(*copy, of_these, parameters));
  return copy;
}

// Expands ROW(a, t.*) to the columns of t.
Status SelectNames::write_columns_out(FunctionCall& row) const {
  ExpressionList arguments = std::exchange(row.arguments, {});
  for (ExpressionPtr& argument : arguments) {
    const auto* columns = argument->as<FunctionCall>();
    const auto* named = columns && columns->name == kColumnsCall
                            ? columns->arguments.front()->as<ColumnRef>()
                            : nullptr;
    if (!named) {
      row.arguments.push_back(std::move(argument));
      continue;
    }
    const auto source = std::ranges::find(sources_, named->name.text, &SelectSource::alias);
    if (source == sources_.end())
      return Error{ErrorCode::UndefinedSource,
                   fmt::format("there is no source \"{}\" here", shown(named->name))}
          .at(argument->position);
    for (const std::string& name : source->shown)
      row.arguments.push_back(
          make_expression(ColumnRef{Name{source->alias}, Name{name}}, argument->position));
  }
  return {};
}

Status SelectNames::rewrite(Expression& expression, const Scope& scope,
                            std::vector<std::string>& parameters) const {
  if (auto* column = std::get_if<ColumnRef>(&expression.node)) {
    if (!column->source && std::ranges::find(parameters, column->name.text) != parameters.end())
      return {};
    const auto merged = column->source
                            ? merged_.end()
                            : std::ranges::find(merged_, column->name.text, &Merged::name);
    if (merged != merged_.end()) {
      expression = std::move(*value_of(*merged, expression.position));
      return {};
    }
    const auto index = resolve_column(*column, expression.position, scope);
    if (!index) {
      if (ExpressionPtr call = call_of_word(*column, expression.position);
          call && index.error().code == ErrorCode::UndefinedColumn) {
        expression = std::move(*call);
        return {};
      }
      if (ExpressionPtr time = window_bound_as_time(*column, expression.position);
          time && index.error().code == ErrorCode::UndefinedColumn &&
          rewrite(*time, scope, parameters)) {
        expression = std::move(*time);
        return {};
      }
      const auto source = std::ranges::find(sources_, column->name.text, &SelectSource::alias);
      const bool is_whole_row =
          index.error().code == ErrorCode::UndefinedColumn && !column->source &&
          source != sources_.end() &&
          std::ranges::find(scope.source_names, source->alias) != scope.source_names.end();
      const auto is_one_of_same = [&](const LayoutColumn& each) {
        return (!column->source || column->source->text == each.source) &&
               each.name.starts_with(column->name.text + kNumberOfSame);
      };
      if (!is_whole_row && std::ranges::any_of(layout_, is_one_of_same))
        return Error{ErrorCode::AmbiguousColumn, fmt::format("column reference \"{}\" is ambiguous",
                                                             display_name(column->name.text))}
            .at(expression.position);
      if (!is_whole_row) return index.error();
      expression = std::move(*whole_row(*source, expression.position));
      return {};
    }
    column->source = Name{layout_[*index].source};
    column->name = Name{layout_[*index].name};
    return {};
  }
  if (auto* row = std::get_if<FunctionCall>(&expression.node); row && row->name == "ROW")
    TRY(write_columns_out(*row));
  if (auto* call = std::get_if<FunctionCall>(&expression.node);
      call && call->name == "TO_JSON" && call->arguments.size() == 1) {
    const auto* column = call->arguments.front()->as<ColumnRef>();
    const auto source = column && !column->source
                            ? std::ranges::find(sources_, column->name.text, &SelectSource::alias)
                            : sources_.end();
    if (source != sources_.end() && !resolve_column(*column, expression.position, scope))
      call->arguments.front() = whole_row(*source, expression.position, RowNames::Columns);
  }
  size_t added = 0;
  if (const auto* lambda = std::get_if<Lambda>(&expression.node)) {
    added = lambda->parameters.size();
    parameters.insert(parameters.end(), lambda->parameters.begin(), lambda->parameters.end());
  }
  for (ExpressionPtr* child : children(expression)) TRY(rewrite(**child, scope, parameters));
  parameters.resize(parameters.size() - added);
  return {};
}

// --- The SELECT list

Result<std::vector<AnalysedItem>> SelectNames::items(const Query& query) const {
  TRY(check_item_count(query));
  std::vector<AnalysedItem> items;
  for (const SelectItem& item : query.items) {
    if (item.kind == SelectItemKind::AllColumns) {
      TRY(expand_star(item, items));
    } else if (item.kind == SelectItemKind::StructFields) {
      TRY(expand_fields(item, items));
    } else {
      ExpressionPtr expression = TRY(canonical(*item.expression, "SELECT"));
      std::string name = item.alias ? item.alias->text : result_name(*item.expression);
      items.push_back({std::move(expression), std::move(name), !item.alias, false, item.position});
    }
  }
  if (items.size() <= kMaxResultColumns) return items;
  return Error{ErrorCode::LimitExceeded,
               fmt::format("a result can have at most {} columns", kMaxResultColumns),
               fmt::format("The SELECT list has {}.", items.size())}
      .at(query.position);
}

Status SelectNames::expand_star(const SelectItem& item, std::vector<AnalysedItem>& out) const {
  const auto is_exact = [&](const SelectSource& source) {
    if (!source.is_bracketed) return source.alias == item.source->text;
    return std::ranges::find(source.columns, item.source->text, &LayoutColumn::source) !=
           source.columns.end();
  };
  const bool folds =
      context_.fold_quoted_names && item.source && std::ranges::none_of(sources_, is_exact);
  const auto is_meant = [&](const std::string& alias) {
    return !item.source || item.source->text == alias ||
           (folds && is_folded_alias(*item.source, alias));
  };
  const auto show = [&](const std::string& alias, const std::string& name) {
    out.push_back({make_expression(ColumnRef{Name{alias}, Name{name}}, item.position),
                   name.substr(0, name.find(kNumberOfSame)), false, true, item.position});
  };
  const auto is_merged = [&](const std::string& alias, const std::string& name) {
    const auto is_it = [&](uint32_t column) {
      return layout_[column].source == alias && layout_[column].name == name;
    };
    return std::ranges::any_of(merged_, [&](const Merged& merged) {
      return is_it(merged.column) || std::ranges::any_of(merged.others, is_it);
    });
  };
  // Columns merged by USING precede the others, and each is shown once.
  if (!item.source)
    for (const Merged& merged : merged_)
      out.push_back({value_of(merged, item.position), merged.name, false, true, item.position});
  bool found = false;
  for (const SelectSource& source : sources_) {
    if (source.is_bracketed) {
      for (const LayoutColumn& column : source.columns) {
        if (item.source ? !is_meant(column.source) : is_merged(column.source, column.name))
          continue;
        found = true;
        show(column.source, column.name);
      }
      continue;
    }
    if (!is_meant(source.alias)) continue;
    found = true;
    for (const std::string& name : source.shown)
      if (item.source || !is_merged(source.alias, name)) show(source.alias, name);
  }
  if (found) return {};
  if (!item.source)
    return Error{ErrorCode::InvalidStatement, "SELECT * with no tables specified is not valid"}.at(
        item.position);
  return Error{ErrorCode::UndefinedSource,
               fmt::format("there is no source \"{}\" here", item.source->text)}
      .at(item.position);
}

Status SelectNames::expand_fields(const SelectItem& item, std::vector<AnalysedItem>& out) const {
  const ExpressionPtr whole = TRY(canonical(*item.expression, "SELECT"));
  const BoundExpression bound = TRY(bind(*whole, scope(layout_, "SELECT")));
  if (bound.type.kind() != TypeKind::Struct)
    return Error{ErrorCode::TypeMismatch,
                 fmt::format("->* needs a STRUCT, not {}", bound.type.to_string())}
        .at(item.position);
  for (const auto& field : bound.type.fields())
    out.push_back({make_expression(Dereference{clone(*whole), Name{field.name}}, item.position),
                   field.name, false, true, item.position});
  return {};
}

}  // namespace engine
