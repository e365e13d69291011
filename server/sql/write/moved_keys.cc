// Plans UPDATE of a primary key. The SELECT returns each new row together with its old key, and
// with the existing row that already has the new key, if any.
#include <utility>

#include "engine/expr/assigned.h"
#include "server/sql/write/write_parts.h"

namespace server {

namespace {

constexpr const char *kMoved = "MOVED_ROWS", *kThere = "ROWS_THERE";

std::string old_name(const std::string& column) { return "\x01" + column; }

engine::ExpressionPtr column_in(const char* source, const std::string& column, TextPosition at) {
  return engine::make_expression(engine::ColumnRef{engine::Name{source}, exact(column)}, at);
}

}  // namespace

void plan_moved_keys(RowsWrite& write, TextPosition at) {
  const std::vector<engine::ColumnDef>& columns = write.target->schema.columns;
  std::vector<size_t> keys;
  for (size_t i = 0; i < write.places.size(); ++i) {
    const engine::ColumnDef& column = columns[write.places[i]];
    if (column.role != engine::ColumnRole::Key) continue;
    keys.push_back(write.places[i]);
    engine::ExpressionPtr& value = write.rows.items[i].expression;
    value = engine::assigned(std::move(value), column.type, column.name);
  }
  for (const size_t key : keys)
    add_item(write.rows, own_column(write.rows, columns[key].name, at),
             old_name(columns[key].name));

  engine::Query outer;
  outer.position = at;
  for (const size_t place : write.places)
    add_item(outer, column_in(kMoved, columns[place].name, at), columns[place].name);
  for (const size_t key : keys)
    add_item(outer, column_in(kMoved, old_name(columns[key].name), at),
             old_name(columns[key].name));
  add_item(outer, column_in(kThere, columns[keys.front()].name, at), "\x01\x01");
  outer.from = source_of(engine::Name{kMoved}, at);
  outer.from->query = std::make_shared<const engine::Query>(std::move(write.rows));
  engine::Join join{engine::JoinType::Left, source_of(engine::Name{kThere}, at), std::nullopt,
                    nullptr, at};
  join.source.name = exact(write.target->name);
  for (const size_t key : keys) {
    const std::string& name = columns[key].name;
    engine::ExpressionPtr same = engine::make_expression(
        engine::Comparison{engine::ComparisonOp::Equal, column_in(kThere, name, at),
                           column_in(kMoved, name, at)},
        at);
    join.on =
        join.on
            ? engine::make_expression(
                  engine::Logical{engine::LogicalOp::And, std::move(join.on), std::move(same)}, at)
            : std::move(same);
  }
  outer.joins.push_back(std::move(join));
  write.rows = std::move(outer);
  write.places.insert(write.places.end(), keys.begin(), keys.end());
  write.places.push_back(keys.front());
  write.moved_keys = keys.size();
}

}  // namespace server
