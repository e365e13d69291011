// Plans INSERT ... ON CONFLICT. The SELECT returns each row to insert together with the existing
// row that has the same key.
#include <fmt/format.h>

#include <algorithm>

#include "engine/expr/assigned.h"
#include "engine/expr/whole_numeric.h"
#include "engine/sql/default_value.h"
#include "engine/sql/parse.h"
#include "engine/sql/public_schema.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"
#include "server/sql/serial/sequence_rows.h"
#include "server/sql/write/write_parts.h"

namespace server {

namespace {

using engine::ColumnDef;
using engine::ColumnRole;
using engine::ExpressionPtr;

constexpr const char* kNew = "EXCLUDED";

ExpressionPtr column_of_source(const engine::Name& source, const std::string& column,
                               TextPosition at) {
  return engine::make_expression(engine::ColumnRef{source, exact(column)}, at);
}

ExpressionPtr both(ExpressionPtr left, ExpressionPtr right, engine::LogicalOp op) {
  if (!left) return right;
  const TextPosition at = right->position;
  return engine::make_expression(engine::Logical{op, std::move(left), std::move(right)}, at);
}

// Makes each column without a source refer to `there`, the existing row, as in PostgreSQL.
Status qualify(ExpressionPtr& expression, const engine::Name& there) {
  if (expression->is<engine::Subquery>())
    return Error{ErrorCode::NotSupported, "a sub-query in ON CONFLICT is not supported yet"}.at(
        expression->position);
  if (auto* column = std::get_if<engine::ColumnRef>(&expression->node); column && !column->source)
    column->source = there;
  for (ExpressionPtr* child : engine::children(*expression))
    if (*child) TRY(qualify(*child, there));
  return {};
}

class Upsert {
 public:
  Upsert(const engine::OnConflict& conflict, const engine::InsertSelect& insert,
         const engine::PlanContext& context, RowsWrite& write)
      : conflict_(conflict),
        context_(context),
        write_(write),
        there_(conflict.alias.value_or(engine::without_public(insert.target))),
        at_(insert.target_position) {}

  Status plan() {
    TRY(put_defaults());
    if (takes_number_as_key()) return {};
    TRY(check_columns());
    TRY(check_assignments());
    TRY(give_values_types());
    engine::Query outer;
    outer.position = at_;
    outer.from = source_of(engine::Name{kNew}, at_);
    for (const size_t place : write_.places)
      outer.from->columns.push_back(exact(columns_[place].name));
    outer.from->query = std::make_shared<const engine::Query>(std::move(write_.rows));
    outer.joins.push_back(join());
    outer.where = does_nothing() ? is_new() : TRY(condition());
    std::vector<size_t> places;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].role == ColumnRole::Headers) continue;
      places.push_back(i);
      if (columns_[i].role == ColumnRole::Key && does_nothing())
        outer.distinct_on.push_back(of_new(i));
      add_item(outer, TRY(value(i)), columns_[i].name);
    }
    write_.rows = std::move(outer);
    write_.places = std::move(places);
    write_.has_each_key_once = !does_nothing();
    write_.is_upsert = true;
    return {};
  }

 private:
  bool does_nothing() const { return conflict_.assignments.empty(); }
  bool is_inserted(size_t place) const {
    return std::ranges::find(write_.places, place) != write_.places.end();
  }

  // Replaces DEFAULT among the values. A column in which every row has DEFAULT becomes an omitted
  // one.
  Status put_defaults() {
    std::vector<engine::ExpressionList>& rows = write_.rows.values;
    for (size_t i = write_.places.size(); i-- > 0;) {
      const auto is_default = [i](const engine::ExpressionList& row) {
        return i < row.size() && engine::is_default_value(*row[i]);
      };
      const ColumnDef& column = columns_[write_.places[i]];
      if (!rows.empty() && std::ranges::all_of(rows, is_default)) {
        for (engine::ExpressionList& row : rows)
          row.erase(row.begin() + static_cast<std::ptrdiff_t>(i));
        write_.places.erase(write_.places.begin() + static_cast<std::ptrdiff_t>(i));
        continue;
      }
      for (engine::ExpressionList& row : rows)
        if (is_default(row)) row[i] = TRY(default_of(column, row[i]->position));
    }
    return {};
  }

  // Returns whether the key comes from a sequence. Then no existing row has the same key, so the
  // statement is a plain INSERT.
  bool takes_number_as_key() const {
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].role == ColumnRole::Key && !is_inserted(i) &&
          (columns_[i].is_serial || has_sequence_default(columns_[i])))
        return true;
    return false;
  }

  Status check_columns() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const ColumnDef& column = columns_[i];
      if (column.role == ColumnRole::Key) {
        if (engine::is_row_id(column)) return no_key();
        if (!is_inserted(i) && column.default_sql.empty())
          return Error{ErrorCode::NullValue,
                       fmt::format("INSERT has no value for key column \"{}\"", column.name)}
              .at(at_);
        keys_.push_back(i);
      }
    }
    if (keys_.empty()) return no_key();
    if (!conflict_.constraint.empty()) return check_constraint();
    if (conflict_.columns.empty()) {
      if (does_nothing()) return {};
      return Error{ErrorCode::SyntaxError,
                   "ON CONFLICT DO UPDATE requires inference specification or constraint name", "",
                   "For example, ON CONFLICT (column_name)."}
          .at(at_);
    }
    std::vector<size_t> named;
    for (const engine::TableName& column : conflict_.columns)
      named.push_back(TRY(find_place(column, *write_.target, context_)));
    std::ranges::sort(named);
    return named == keys_ ? Status{} : no_key();
  }
  // Accepts only the name of the primary key, since tables have no other constraint.
  Status check_constraint() const {
    const std::string key = engine::display_name(write_.target->name) + "_pkey";
    if (conflict_.constraint == key) return {};
    return Error{ErrorCode::UndefinedObject,
                 fmt::format("constraint \"{}\" for table \"{}\" does not exist",
                             conflict_.constraint, engine::display_name(write_.target->name)),
                 "", fmt::format("The primary key is \"{}\".", key)}
        .at(conflict_.position);
  }
  Status no_key() const {
    return Error{ErrorCode::InvalidColumnReference,
                 "there is no unique or exclusion constraint matching the ON CONFLICT "
                 "specification",
                 "", "It must name all columns of the table's primary key."}
        .at(at_);
  }

  Status check_assignments() {
    assigned_.resize(columns_.size());
    for (const engine::Assignment& each : conflict_.assignments) {
      const size_t place = TRY(find_place(each.column, *write_.target, context_));
      if (columns_[place].role == ColumnRole::Key && is_itself(*each.value, place)) continue;
      if (columns_[place].role == ColumnRole::Key)
        return Error{ErrorCode::NotSupported, "UPDATE of a primary key is not supported yet"}.at(
            each.column.position);
      if (assigned_[place])
        return Error{
            ErrorCode::SyntaxError,
            fmt::format("multiple assignments to same column \"{}\"", columns_[place].name)}
            .at(each.column.position);
      assigned_[place] = engine::is_default_value(*each.value)
                             ? TRY(default_of(columns_[place], each.column.position))
                             : engine::clone(*each.value);
      TRY(qualify(assigned_[place], there_));
    }
    return {};
  }

  // Returns whether the value is exactly the key column, of the inserted row or of the existing row. Both rows have the
  // same key, so such an assignment changes nothing.
  bool is_itself(const engine::Expression& value, size_t place) const {
    const auto* column = value.as<engine::ColumnRef>();
    return column && column->name.text == columns_[place].name;
  }

  // Converts the values to the types of their columns, because EXCLUDED refers to the converted
  // values. Parameters get these types.
  Status give_values_types() {
    for (engine::ExpressionList& row : write_.rows.values) {
      if (row.size() > write_.places.size())
        return Error{ErrorCode::SyntaxError, "INSERT has more expressions than target columns"}.at(
            at_);
      for (size_t i = 0; i < row.size(); ++i)
        row[i] = engine::assigned(std::move(row[i]), columns_[write_.places[i]].type,
                                  columns_[write_.places[i]].name);
      if (row.size() != write_.rows.values.front().size())
        return Error{ErrorCode::SyntaxError, "VALUES lists must all be the same length"}.at(at_);
      write_.places.resize(row.size());
    }
    if (write_.rows.values.empty()) {
      write_.selected = {std::make_shared<const engine::Query>(clone(write_.rows)), write_.places};
      read_rows([this](size_t i) { return is_rounded(i); });
    }
    return add_left_out();
  }
  bool is_rounded(size_t item) const {
    return engine::is_numeric_alone(columns_[write_.places[item]].type) &&
           !engine::names_number(write_.rows, item);
  }

  // Puts the rows into a sub-query, so that an outer query converts them to the types of the
  // columns. `is_rounded` returns for a column whether its numbers are rounded to the digits of a
  // NUMERIC.
  template <class IsRounded>
  void read_rows(const IsRounded& is_rounded) {
    engine::Query around;
    around.position = at_;
    around.from = source_of(engine::Name{kRowsToWrite}, at_);
    for (size_t i = 0; i < write_.places.size(); ++i) {
      const ColumnDef& column = columns_[write_.places[i]];
      around.from->columns.push_back(exact(column.name));
      ExpressionPtr value = column_of(column.name, at_);
      add_item(around,
               is_rounded(i) ? as_type(std::move(value), column.type)
                             : engine::assigned(std::move(value), column.type),
               column.name);
    }
    around.from->query = std::make_shared<const engine::Query>(std::move(write_.rows));
    write_.rows = std::move(around);
  }

  // Adds the DEFAULT of each omitted column, since EXCLUDED shows these columns, too. The DEFAULT
  // is added once to the query, not to each row of VALUES.
  Status add_left_out() {
    std::vector<size_t> left_out;
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].role != ColumnRole::Headers && !is_inserted(i)) left_out.push_back(i);
    if (left_out.empty()) return {};
    if (!write_.rows.values.empty()) read_rows([](size_t) { return false; });
    for (const size_t place : left_out) {
      const ColumnDef& column = columns_[place];
      add_item(write_.rows,
               engine::assigned(TRY(default_of(column, at_)), column.type, column.name),
               column.name);
      write_.places.push_back(place);
    }
    return {};
  }

  ExpressionPtr of_new(size_t place) const {
    return column_of_source(engine::Name{kNew}, columns_[place].name, at_);
  }
  ExpressionPtr of_old(size_t place) const {
    return column_of_source(there_, columns_[place].name, at_);
  }
  ExpressionPtr is_new() const {
    return engine::make_expression(engine::IsNull{of_old(keys_.front())}, at_);
  }

  engine::Join join() const {
    engine::Join join{engine::JoinType::Left, {}, std::nullopt, nullptr, at_};
    join.source.name = exact(write_.target->name);
    join.source.alias = there_;
    join.source.position = at_;
    for (const size_t key : keys_)
      join.on =
          both(std::move(join.on),
               engine::make_expression(
                   engine::Comparison{engine::ComparisonOp::Equal, of_new(key), of_old(key)}, at_),
               engine::LogicalOp::And);
    return join;
  }

  Result<ExpressionPtr> condition() const {
    if (!conflict_.where) return ExpressionPtr();
    ExpressionPtr where = engine::clone(*conflict_.where);
    TRY(qualify(where, there_));
    return both(is_new(), std::move(where), engine::LogicalOp::Or);
  }

  Result<ExpressionPtr> value(size_t place) {
    const engine::SqlType& type = columns_[place].type;
    ExpressionPtr inserted =
        is_inserted(place) ? of_new(place)
                           : as_type(engine::make_expression(engine::NullLiteral{}, at_), type);
    if (columns_[place].role == ColumnRole::Key || does_nothing()) return inserted;
    ExpressionPtr changed = assigned_[place] ? std::move(assigned_[place]) : of_old(place);
    if (type.kind() == engine::TypeKind::Integer && changed->is<engine::Arithmetic>()) {
      // As in UPDATE, INT arithmetic is computed as BIGINT, so that it does not wrap around.
      widen(changed, TRY(engine::parse_type("BIGINT")));
      inserted = as_type(std::move(inserted), engine::TypeKind::Bigint);
    } else {
      const bool is_named = engine::names_number(*changed);
      changed = as_taken(std::move(changed), type, is_named, columns_[place].name);
    }
    engine::Case by_row;
    by_row.branches.push_back({is_new(), std::move(inserted)});
    by_row.otherwise = std::move(changed);
    return engine::make_expression(std::move(by_row), at_);
  }

  const engine::OnConflict& conflict_;
  const engine::PlanContext& context_;
  RowsWrite& write_;
  const engine::Name there_;  // the name of the existing row
  const TextPosition at_;
  const std::vector<ColumnDef>& columns_ = write_.target->schema.columns;
  std::vector<size_t> keys_;             // positions of the key columns in the schema
  std::vector<ExpressionPtr> assigned_;  // new value of each column of the schema; null: unchanged
};

}  // namespace

Status plan_on_conflict(const engine::OnConflict& conflict, const engine::InsertSelect& insert,
                        const engine::PlanContext& context, RowsWrite& write) {
  return Upsert(conflict, insert, context, write).plan();
}

}  // namespace server
