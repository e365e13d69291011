// The rows of millrace_catalog.partitions.
#include <algorithm>
#include <memory>
#include <utility>

#include "server/sql/log_rows/log_rows.h"
#include "server/sql/session.h"
#include "storage/log/log_reader.h"

namespace server {

Result<engine::RowsChunks> LogRows::partitions(const engine::SystemTable& table,
                                               std::span<const engine::SystemTextFilter> wanted,
                                               engine::RowsContext& context) const {
  // Number of partitions that are read from one snapshot of the log. An open snapshot keeps the
  // store from reusing old pages, so it must be short.
  constexpr size_t kPartitionsOfTurn = 256;
  std::vector<std::shared_ptr<engine::Column>> columns;
  for (const engine::ColumnDef& column : table.columns.columns)
    columns.push_back(std::make_shared<engine::Column>(column.type));
  const auto add_number = [&](size_t column, Result<int64_t> number) {
    if (number)
      columns[column]->append(*number);
    else
      columns[column]->append_null();
  };
  const auto reader = TRY(storage::LogReader::open(parts_.log));
  const bool sees_all = is_superuser(*image_->users, asker_);
  const auto topic_filter = std::ranges::find(wanted, size_t{0}, &engine::SystemTextFilter::column);
  size_t in_turn = 0;
  for (const engine::TopicDescription& topic : SnapshotTopics(*image_->topics).all()) {
    if (topic_filter != wanted.end() && topic_filter->text != topic.name) continue;
    if (!sees_all && !check_declare(*image_->users, asker_, topic.name)) continue;
    for (int32_t number = 0; number < topic.partitions; ++number) {
      const storage::TopicPartition id{topic.id, PartitionId{number}};
      if (in_turn++ % kPartitionsOfTurn == 0) {
        if (in_turn > 1) reader->end_turn();
        TRY(context.begin());
        TRY(reader->begin_turn());
      }
      const auto value_of = [](const auto& offset) -> Result<int64_t> {
        if (!offset) return offset.error();
        return offset->value();
      };
      columns[0]->append_copy(topic.name);
      columns[1]->append(number);
      add_number(2, value_of(reader->log_start(id)));
      add_number(3, value_of(reader->readable_end(id)));
      const auto bytes = reader->size_bytes(id);
      add_number(4, bytes ? Result<int64_t>(static_cast<int64_t>(*bytes)) : bytes.error());
      if (const auto leader = parts_.cluster->leader_of(id))
        columns[5]->append(*leader);
      else
        columns[5]->append_null();
    }
  }
  engine::RowsChunks out;
  out.push_back({columns.front()->size(), {columns.begin(), columns.end()}});
  return out;
}

}  // namespace server
