#include "engine/query/select_names.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

namespace engine {

Result<SelectNames> SelectNames::of(const Query& query, const PlanContext& context) {
  SelectNames names(context);
  const auto add = [&](const AliasedSource& named) -> Status {
    AnalysedSource source = TRY(resolve_source(named, context));
    for (const AnalysedSource& known : names.sources_)
      if (known.alias == source.alias)
        return Error{
            ErrorCode::DuplicateSource,
            fmt::format("table name \"{}\" is there more than once", shown(Name{source.alias})),
            {},
            "Give each its own alias: FROM t a JOIN t b ON ..."}
            .at(named.position);
    names.first_columns_.push_back(names.layout_.size());
    for (LayoutColumn& column : input_layout(*source.source, source.alias))
      names.layout_.push_back(std::move(column));
    names.sources_.push_back(std::move(source));
    return {};
  };
  TRY(add(*query.from));
  for (const Join& join : query.joins) TRY(add(join.source));
  names.first_columns_.push_back(names.layout_.size());
  return names;
}

size_t SelectNames::source_of(uint32_t column) const {
  const auto behind = std::ranges::upper_bound(first_columns_, size_t{column});
  return static_cast<size_t>(behind - first_columns_.begin()) - 1;
}

Scope SelectNames::scope(const Layout& layout, std::string_view clause) const {
  Scope scope(layout, clause);
  if (sources_.size() == 1) {
    const DataSource& source = *sources_.front().source;
    scope.source =
        fmt::format("{} {}", source.kind == SourceKind::Table ? "table" : "stream", source.name);
  }
  for (const AnalysedSource& source : sources_) scope.source_names.push_back(source.alias);
  scope.custom_types = &context_.catalog.types;
  scope.fold_quoted_names = context_.fold_quoted_names;
  scope.parameters = context_.parameters;
  return scope;
}

Result<ExpressionPtr> SelectNames::canonical(const Expression& expression,
                                             std::string_view clause) const {
  ExpressionPtr copy = clone(expression);
  std::vector<std::string> parameters;
  TRY(rewrite(*copy, scope(layout_, clause), parameters));
  return copy;
}

Status SelectNames::rewrite(Expression& expression, const Scope& scope,
                            std::vector<std::string>& parameters) const {
  if (auto* column = std::get_if<ColumnRef>(&expression.node)) {
    if (!column->source && std::ranges::find(parameters, column->name.text) != parameters.end())
      return {};
    const uint32_t index = TRY(resolve_column(*column, expression.position, scope));
    column->source = Name{layout_[index].source};
    column->name = Name{layout_[index].name};
    return {};
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

std::string result_name(const Expression& expression) {
  if (const auto* column = expression.as<ColumnRef>()) return column->name.text;
  if (const auto* part = expression.as<Dereference>()) return part->field.text;
  if (const auto* call = expression.as<FunctionCall>()) return call->name;
  if (const auto* cast = expression.as<Cast>()) return result_name(*cast->operand);
  if (expression.is<Case>()) return "CASE";
  return "?column?";
}

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

// Keys, the bounds of windows, values: as a look-up of one table shows them.
Status SelectNames::expand_star(const SelectItem& item, std::vector<AnalysedItem>& out) const {
  const auto is_meant = [&](const AnalysedSource& source) {
    if (!item.source || item.source->text == source.alias) return true;
    return context_.fold_quoted_names && item.source->quoting == Quoting::Double &&
           absl::AsciiStrToUpper(item.source->text) == source.alias;
  };
  bool found = false;
  for (const AnalysedSource& source : sources_) {
    if (!is_meant(source)) continue;
    found = true;
    std::vector<std::string> names;
    for (const ColumnDef& column : source.source->schema.keys()) names.push_back(column.name);
    if (source.source->window)
      names.insert(names.end(), {std::string(kWindowStart), std::string(kWindowEnd)});
    for (const ColumnDef& column : source.source->schema.columns)
      if (column.role != ColumnRole::Key) names.push_back(column.name);
    for (std::string& name : names) {
      ColumnRef column{Name{source.alias}, Name{name}};
      out.push_back({make_expression(std::move(column), item.position), std::move(name), false,
                     true, item.position});
    }
  }
  if (found) return {};
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
