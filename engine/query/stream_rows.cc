#include "engine/query/stream_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace engine {

Result<StreamRows> plan_stream_rows(const PullPlan& stream, const PlanContext& context,
                                    DecodedColumns decoded) {
  const Layout layout = input_layout(*stream.table, "");
  std::vector<BoundExpression> read = stream.columns;
  // COUNT(*) counts the rows that SELECT * returns. SELECT * leaves out a record if one of its columns cannot be
  // read, so COUNT(*) reads all columns, too. If the stream has no columns, its first pseudo column is read.
  const bool counts_whole_rows = decoded == DecodedColumns::All || referenced_columns(read).empty();
  if (stream.filter) read.push_back(*stream.filter);
  std::vector<uint32_t> used = referenced_columns(read);
  const auto columns = static_cast<uint32_t>(stream.table->schema.columns.size());
  for (uint32_t column = 0; counts_whole_rows && column < columns; ++column)
    if (std::ranges::find(used, column) == used.end()) used.push_back(column);
  if (used.empty()) used.push_back(columns);

  StreamRows rows;
  rows.places.resize(layout.size());
  for (const LayoutColumn& column : layout) rows.types.push_back(column.type);
  Query query;
  query.from.emplace();
  query.from->name = Name{stream.table->name, Quoting::Back};
  for (const uint32_t column : used) {
    rows.places[column] = query.items.size();
    ExpressionPtr named =
        make_expression(ColumnRef{std::nullopt, Name{layout[column].name, Quoting::Back}}, {});
    // The column gets an alias, because a result column may not have the name of a pseudo column.
    query.items.push_back({SelectItemKind::Expression,
                           std::move(named),
                           Name{fmt::format("C{}", column), Quoting::Back},
                           std::nullopt,
                           {}});
  }
  rows.query = TRY(plan_push_query(query, context));
  return rows;
}

std::vector<ColumnPtr> rows_in_layout(const StreamRows& stream, std::span<const ColumnPtr> columns,
                                      size_t rows) {
  std::vector<ColumnPtr> laid_out;
  for (size_t i = 0; i < stream.places.size(); ++i) {
    if (const auto place = stream.places[i]) {
      // The columns are copied, because the values of a record may point into a page of the log,
      // which will be released.
      laid_out.push_back(std::make_shared<const Column>(columns[*place]->copy()));
      continue;
    }
    Column unused(stream.types[i]);
    unused.resize(rows);
    laid_out.push_back(std::make_shared<const Column>(std::move(unused)));
  }
  return laid_out;
}

}  // namespace engine
