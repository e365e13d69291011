#include "server/sql/write/write_plan.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/expr/assigned.h"
#include "engine/expr/whole_numeric.h"
#include "engine/plan/insert_values.h"
#include "engine/plan/view_target.h"
#include "engine/sql/default_value.h"
#include "engine/sql/parse.h"
#include "engine/sql/public_schema.h"
#include "engine/types/ascii.h"
#include "engine/types/declared_lengths.h"
#include "engine/types/postgres_types.h"
#include "server/sql/serial/sequence_rows.h"
#include "server/sql/write/write_parts.h"
#include "server/sql/write/written_rows.h"

namespace server {

engine::Name exact(const std::string& text) { return {text, engine::Quoting::Back}; }

engine::ExpressionPtr column_of(const std::string& name, TextPosition at) {
  engine::ColumnRef reference;
  reference.name = exact(name);
  return engine::make_expression(std::move(reference), at);
}

engine::ExpressionPtr own_column(const engine::Query& rows, const std::string& name,
                                 TextPosition at) {
  engine::ExpressionPtr column = column_of(name, at);
  if (!rows.joins.empty()) std::get<engine::ColumnRef>(column->node).source = rows.from->alias;
  return column;
}

engine::AliasedSource source_of(engine::Name alias, TextPosition at) {
  engine::AliasedSource source;
  source.name = std::move(alias);
  source.alias = source.name;
  source.position = at;
  return source;
}

engine::ExpressionPtr as_taken(engine::ExpressionPtr value, const engine::SqlType& type,
                               bool is_named, std::string_view column) {
  if (is_named && engine::is_numeric_alone(type)) return engine::assigned(std::move(value), type);
  return column.empty()
             ? as_type(std::move(value), type)
             : engine::assigned(std::move(value), engine::without_declared_lengths(type), column);
}

void add_item(engine::Query& query, engine::ExpressionPtr value, const std::string& name) {
  const TextPosition at = value->position;
  query.items.push_back(
      {engine::SelectItemKind::Expression, std::move(value), exact(name), std::nullopt, at});
}

engine::ExpressionPtr as_type(engine::ExpressionPtr value, const engine::SqlType& type) {
  const TextPosition at = value->position;
  engine::TypeName name = engine::type_name_of(engine::without_declared_lengths(type));
  return engine::make_expression(engine::Cast{std::move(value), std::move(name)}, at);
}

bool is_changed_by_rows(const engine::DataSource& source) {
  return source.kind == engine::SourceKind::Table && !source.read_only && !source.window;
}

Result<std::shared_ptr<const engine::DataSource>> find_target(const engine::TableName& table,
                                                              engine::ViewChange change,
                                                              const engine::PlanContext& context) {
  const engine::DataSource* found = engine::find_source(table.name, context);
  if (!found) return engine::no_such_relation(table.name, table.position, change, context.catalog);
  if (!is_changed_by_rows(*found))
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("{} is not a table whose rows can be changed", found->name)}
        .with_hint(found->kind == engine::SourceKind::Stream
                       ? fmt::format("{} is a stream: INSERT a further record. A TABLE has rows "
                                     "that can be changed.",
                                     found->name)
                       : "The rows of a windowed table and of a SOURCE TABLE cannot be changed. "
                         "INSERT into the "
                         "stream from which they come.")
        .at(table.position);
  return context.catalog.sources().at(found->name);
}

Result<size_t> find_place(const engine::TableName& column, const engine::DataSource& target,
                          const engine::PlanContext& context) {
  const engine::InsertColumn named{column.name, column.position};
  const int index = engine::find_insert_column(named, target, context);
  if (index >= 0 && engine::is_written(target.schema.columns[static_cast<size_t>(index)]))
    return static_cast<size_t>(index);
  return engine::no_such_written_column(named, target);
}

void widen(engine::ExpressionPtr& operand, const engine::TypeName& bigint) {
  if (operand->is<engine::Arithmetic>()) {
    for (engine::ExpressionPtr* child : engine::children(*operand)) widen(*child, bigint);
    return;
  }
  const TextPosition at = operand->position;
  operand = engine::make_expression(engine::Cast{std::move(operand), bigint}, at);
}

Result<engine::ExpressionPtr> default_of(const engine::ColumnDef& column, TextPosition at) {
  if (column.is_serial || has_sequence_default(column))
    return Error{ErrorCode::NotSupported,
                 fmt::format("DEFAULT of column \"{}\", which uses a sequence, is not supported "
                             "here yet",
                             engine::display_name(column.name))}
        .at(at);
  if (column.default_sql.empty()) return engine::make_expression(engine::NullLiteral{}, at);
  return engine::parse_expression(column.default_sql);
}

namespace {

using engine::ColumnDef;
using engine::ColumnRole;
using engine::Name;

engine::Query rows_of(const engine::DataSource& target, const engine::TableName& written,
                      const std::optional<Name>& alias, const engine::Query& reads,
                      const engine::ExpressionPtr& where) {
  engine::Query query;
  query.position = written.position;
  query.with = reads.with;
  query.from.emplace();
  query.from->name = exact(target.name);
  query.from->alias = alias ? alias : engine::without_public(written.name);
  // In an expression, the name of a table is written without its schema.
  if (const size_t dot = written.name.text.find('.');
      !alias && written.name.quoting == engine::Quoting::Back && dot != std::string::npos)
    query.from->alias->text = written.name.text.substr(dot + 1);
  query.from->position = written.position;
  for (const engine::Join& join : reads.joins) query.joins.push_back(clone(join));
  if (where) query.where = clone(*where);
  // As in PostgreSQL, if several rows of the other sources join one row of the target, any one of
  // them is used.
  if (!query.joins.empty())
    for (const ColumnDef& column : target.schema.columns)
      if (column.role == ColumnRole::Key)
        query.distinct_on.push_back(own_column(query, column.name, written.position));
  return query;
}

Result<RowsWrite> plan_insert(const engine::InsertSelect& insert,
                              const engine::PlanContext& context) {
  RowsWrite write;
  write.target = TRY(
      find_target({insert.target, insert.target_position}, engine::ViewChange::Insert, context));
  write.rows = clone(insert.query);
  const std::vector<ColumnDef>& columns = write.target->schema.columns;
  for (const engine::TableName& column : insert.columns)
    write.places.push_back(TRY(find_place(column, *write.target, context)));
  if (!insert.columns.empty()) return write;
  for (const size_t index : engine::shown_columns(*write.target))
    if (engine::is_written(columns[index])) write.places.push_back(index);
  return write;
}

Result<RowsWrite> plan_delete(const engine::DeleteRows& remove,
                              const engine::PlanContext& context) {
  RowsWrite write;
  write.kind = RowsWrite::Kind::Delete;
  write.target = TRY(find_target(remove.target, engine::ViewChange::Delete, context));
  write.rows = rows_of(*write.target, remove.target, remove.alias, remove.reads, remove.where);
  const std::vector<ColumnDef>& columns = write.target->schema.columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool is_told = !remove.returning.empty() && columns[i].role != ColumnRole::Headers;
    if (columns[i].role != ColumnRole::Key && !is_told) continue;
    write.places.push_back(i);
    add_item(write.rows, own_column(write.rows, columns[i].name, remove.target.position),
             columns[i].name);
  }
  return write;
}

// Plans (a, b) = (SELECT ...). The SELECT runs once for each row: an inner query returns its
// columns next to the columns of the row.
Status compute_row_values(const engine::UpdateRows& update, RowsWrite& write) {
  const TextPosition at = update.target.position;
  if (!write.rows.joins.empty())
    return Error{ErrorCode::NotSupported,
                 "UPDATE with FROM of several columns by a SELECT is not supported yet", "",
                 "Move the sources of the SELECT to FROM."}
        .at(update.row_values.front()->position);
  for (const ColumnDef& column : write.target->schema.columns)
    if (column.role != ColumnRole::Headers)
      add_item(write.rows, column_of(column.name, at), column.name);
  for (size_t i = 0; i < update.row_values.size(); ++i)
    add_item(write.rows, clone(*update.row_values[i]), fmt::format("{}{}", engine::kRowValue, i));
  engine::Query outer;
  outer.position = at;
  outer.from = source_of(*write.rows.from->alias, at);
  outer.from->query = std::make_shared<const engine::Query>(std::move(write.rows));
  write.rows = std::move(outer);
  return {};
}

Result<RowsWrite> plan_update(const engine::UpdateRows& update,
                              const engine::PlanContext& context) {
  RowsWrite write;
  write.kind = RowsWrite::Kind::Update;
  write.target = TRY(find_target(update.target, engine::ViewChange::Update, context));
  write.rows = rows_of(*write.target, update.target, update.alias, update.reads, update.where);
  const std::vector<ColumnDef>& columns = write.target->schema.columns;
  if (!update.row_values.empty()) TRY(compute_row_values(update, write));
  std::vector<const engine::Expression*> assigned(columns.size());
  bool moves_keys = false;
  for (const engine::Assignment& each : update.assignments) {
    const size_t place = TRY(find_place(each.column, *write.target, context));
    moves_keys = moves_keys || columns[place].role == ColumnRole::Key;
    if (std::exchange(assigned[place], each.value.get()))
      return Error{ErrorCode::SyntaxError,
                   fmt::format("multiple assignments to same column \"{}\"", columns[place].name)}
          .at(each.column.position);
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].role == ColumnRole::Headers) continue;
    write.places.push_back(i);
    engine::ExpressionPtr value =
        assigned[i] ? clone(*assigned[i])
                    : own_column(write.rows, columns[i].name, update.target.position);
    if (engine::is_default_value(*value)) value = TRY(default_of(columns[i], value->position));
    if (value->is<engine::NullLiteral>()) value = as_type(std::move(value), columns[i].type);
    add_item(write.rows, std::move(value), columns[i].name);
  }
  if (moves_keys) plan_moved_keys(write, update.target.position);
  return write;
}

}  // namespace

std::vector<engine::SqlType> RowsWrite::types() const {
  std::vector<engine::SqlType> types;
  for (const size_t place : places) types.push_back(target->schema.columns[place].type);
  return types;
}

bool writes_rows(const engine::Statement& statement, const engine::PlanContext& context) {
  if (std::holds_alternative<engine::UpdateRows>(statement) ||
      std::holds_alternative<engine::DeleteRows>(statement))
    return true;
  const auto* insert = std::get_if<engine::InsertSelect>(&statement);
  if (insert && insert->on_conflict) return true;
  if (!insert || context.settings.ksqldb_compat) return false;
  const engine::DataSource* target = engine::find_source(insert->target, context);
  return target && target->kind == engine::SourceKind::Table;
}

std::span<const engine::SelectItem> returning_of(const engine::Statement& statement) {
  if (const auto* update = std::get_if<engine::UpdateRows>(&statement)) return update->returning;
  if (const auto* remove = std::get_if<engine::DeleteRows>(&statement)) return remove->returning;
  return std::get<engine::InsertSelect>(statement).returning;
}

ReturningNames returning_names(const engine::Statement& statement) {
  const auto names = [](const std::optional<engine::Name>& alias, const engine::Query* reads) {
    ReturningNames made{alias ? alias->text : "", {}};
    if (reads)
      for (const engine::Join& join : reads->joins)
        made.others.push_back(join.source.visible_name().text);
    return made;
  };
  if (const auto* update = std::get_if<engine::UpdateRows>(&statement))
    return names(update->alias, &update->reads);
  if (const auto* remove = std::get_if<engine::DeleteRows>(&statement))
    return names(remove->alias, &remove->reads);
  if (const auto* values = std::get_if<engine::InsertValues>(&statement))
    return names(values->alias, nullptr);
  const auto* insert = std::get_if<engine::InsertSelect>(&statement);
  return names(insert && insert->on_conflict ? insert->on_conflict->alias : std::nullopt, nullptr);
}

Result<RowsWrite> plan_rows_write(const engine::Statement& statement,
                                  const engine::PlanContext& context) {
  if (const auto* update = std::get_if<engine::UpdateRows>(&statement))
    return plan_update(*update, context);
  if (const auto* remove = std::get_if<engine::DeleteRows>(&statement))
    return plan_delete(*remove, context);
  const auto& insert = std::get<engine::InsertSelect>(statement);
  RowsWrite write = TRY(plan_insert(insert, context));
  if (insert.on_conflict) TRY(plan_on_conflict(*insert.on_conflict, insert, context, write));
  return write;
}

Result<bool> add_sequence_defaults(RowsWrite& write, size_t given) {
  const std::vector<ColumnDef>& columns = write.target->schema.columns;
  std::vector<size_t> left_out;
  for (size_t i = 0; i < columns.size() && write.kind == RowsWrite::Kind::Insert; ++i)
    if (std::ranges::find(write.places, i) == write.places.end() &&
        has_sequence_default(columns[i]))
      left_out.push_back(i);
  if (left_out.empty()) return false;
  const TextPosition at = write.rows.position;
  engine::Query outer;
  outer.position = at;
  outer.from = source_of(Name{kRowsToWrite}, at);
  for (size_t i = 0; i < given; ++i) {
    const std::string name = fmt::format("C{}", i + 1);
    outer.from->columns.push_back(Name{name});
    add_item(outer, column_of(name, at), name);
  }
  for (const size_t place : left_out) {
    add_item(outer, TRY(engine::parse_expression(columns[place].default_sql)),
             fmt::format("C{}", outer.items.size() + 1));
    write.places.push_back(place);
  }
  write.numbered = left_out.size();
  outer.from->query = std::make_shared<const engine::Query>(std::move(write.rows));
  write.rows = std::move(outer);
  return true;
}

namespace {

// Whether the expression computes with dates or times. Unlike arithmetic with numbers, their
// differences must not be cast to BIGINT.
bool is_about_times(const engine::Expression& expression, const engine::DataSource& table) {
  if (const auto* cast = expression.as<engine::Cast>())
    return engine::SqlType(cast->type.kind).is_time_like() || is_about_times(*cast->operand, table);
  if (const auto* column = expression.as<engine::ColumnRef>()) {
    const int index = table.schema.index_of(column->name.text);
    return index >= 0 && table.schema.columns[static_cast<size_t>(index)].type.is_time_like();
  }
  if (const auto* call = expression.as<engine::FunctionCall>())
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"NOW", "CURRENT_DATE", "CURRENT_TIMESTAMP",
                                                "TO_DATE", "MAKE_DATE", "TO_TIMESTAMP",
                                                "DATE_TRUNC"},
        [&](std::string_view name) { return call->name == name; });
  return std::ranges::any_of(engine::children(expression), [&](const engine::Expression* child) {
    return is_about_times(*child, table);
  });
}

}  // namespace

Result<bool> widen_arithmetic(RowsWrite& write, std::vector<engine::SqlType>& types) {
  if (write.kind != RowsWrite::Kind::Update) return false;
  const auto bigint = TRY(engine::parse_type("BIGINT"));
  bool has_widened = false;
  for (size_t i = 0; i < write.rows.items.size(); ++i) {
    engine::ExpressionPtr& value = write.rows.items[i].expression;
    if (types[i].kind() != engine::TypeKind::Integer || !value->is<engine::Arithmetic>() ||
        is_about_times(*value, *write.target))
      continue;
    widen(value, bigint);
    types[i] = engine::TypeKind::Bigint;
    has_widened = true;
  }
  return has_widened;
}

bool is_written_alike(const engine::SqlType& from, const engine::SqlType& to) {
  const auto has_no_zone = [](const engine::SqlType& type) {
    return type.label() == engine::label::kTimestamp;
  };
  return from == to &&
         (from.kind() != engine::TypeKind::Timestamp || has_no_zone(from) == has_no_zone(to));
}

Result<engine::Query> with_types(engine::Query query, const std::vector<engine::SqlType>& are,
                                 const std::vector<engine::SqlType>& wanted) {
  if (std::ranges::equal(are, std::span(wanted).first(are.size()), is_written_alike)) return query;
  engine::Query outer;
  outer.position = query.position;
  outer.from = source_of(Name{kRowsToWrite}, query.position);
  for (size_t i = 0; i < are.size(); ++i) {
    const std::string name = fmt::format("C{}", i + 1);
    outer.from->columns.push_back(Name{name});
    engine::ExpressionPtr value = column_of(name, query.position);
    if (!is_written_alike(are[i], wanted[i]) && !is_narrowed(are[i], wanted[i]))
      value = as_taken(std::move(value), wanted[i], engine::names_number(query, i));
    add_item(outer, std::move(value), name);
  }
  outer.from->query = std::make_shared<const engine::Query>(std::move(query));
  return outer;
}

}  // namespace server
