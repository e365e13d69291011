#include "server/sql/written_rows.h"

#include <memory>

namespace server {

std::vector<engine::ColumnPtr> written_columns(const engine::Schema& schema,
                                               std::span<const size_t> places,
                                               std::span<const engine::ColumnPtr> columns,
                                               size_t first_row, size_t end_row) {
  std::vector<engine::ColumnPtr> written(schema.columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    auto part = std::make_shared<engine::Column>(schema.columns[places[i]].type);
    for (size_t row = first_row; row < end_row; ++row) part->append_from(*columns[i], row);
    written[places[i]] = std::move(part);
  }
  return written;
}

}  // namespace server
