#include "server/join/serial_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/formats/format.h"
#include "engine/types/ascii.h"
#include "records/batch.h"
#include "server/join/topic_records.h"

namespace server {

namespace {

using engine::ColumnDef;
using engine::Side;

// Reads the SERIAL columns in the key or in the value of a table's records.
class Numbers {
 public:
  static Result<std::optional<Numbers>> make(const engine::DataSource& table, Side side,
                                             const engine::SchemaLookup* schemas) {
    Numbers numbers(side);
    const auto role = side == Side::Key ? engine::ColumnRole::Key : engine::ColumnRole::Value;
    for (const ColumnDef& column : table.schema.columns)
      if (column.role == role) numbers.columns_.push_back(column);
    std::vector<bool> needed;
    for (const ColumnDef& column : numbers.columns_) needed.push_back(column.is_serial);
    if (std::ranges::none_of(needed, std::identity())) return std::optional<Numbers>();
    numbers.reader_ =
        TRY(engine::make_reader(side == Side::Key ? table.key_format : table.value_format,
                                numbers.columns_, side, std::move(needed), schemas));
    return std::optional(std::move(numbers));
  }

  // Reads the numbers of a row. A row that cannot be read is skipped, because readers of the table
  // cannot see its number either.
  void read(const std::vector<std::optional<std::string_view>>& keys,
            const std::vector<std::optional<std::string_view>>& values,
            std::map<std::string, int64_t>& greatest) {
    std::vector<std::unique_ptr<engine::Column>> columns;
    std::vector<engine::Column*> outs;
    for (const ColumnDef& column : columns_) {
      columns.push_back(column.is_serial ? std::make_unique<engine::Column>(column.type) : nullptr);
      outs.push_back(columns.back().get());
    }
    engine::RowStatus status;
    reader_->read(side_ == Side::Key ? keys : values, outs, status);
    for (size_t i = 0; i < columns_.size(); ++i)
      for (size_t row = 0; columns[i] && row < columns[i]->size(); ++row) {
        const engine::Value value = columns[i]->value_at(row);
        if (value.is_null()) continue;
        const bool is_bigint = columns_[i].type.kind() == engine::TypeKind::Bigint;
        const int64_t number = is_bigint ? value.as_int64() : int64_t{value.as_int32()};
        if (number <= 0) continue;
        int64_t& known = greatest[columns_[i].name];
        known = std::max(known, number);
      }
  }

 private:
  explicit Numbers(Side side) : side_(side) {}

  Side side_;
  std::vector<ColumnDef> columns_;
  std::unique_ptr<engine::Reader> reader_;
};

Status read_batch(std::string_view bytes, std::vector<Numbers>& sides,
                  std::map<std::string, int64_t>& greatest) {
  const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::Shape));
  if (batch.header.is_control()) return {};
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  std::vector<std::optional<std::string_view>> keys, values;
  for (records::RecordView record; reader.next(record);) {
    keys.push_back(record.key);
    values.push_back(record.value);
  }
  TRY(reader.status());
  for (Numbers& side : sides) side.read(keys, values, greatest);
  return {};
}

Status read_table(storage::Log& log, const MetadataImage& image, const engine::DataSource& table,
                  std::map<std::string, int64_t>& greatest) {
  const storage::TopicInfo* topic = image.topics->find(table.topic);
  if (topic == nullptr) return {};
  std::vector<Numbers> sides;
  for (const Side side : {Side::Key, Side::Value})
    if (auto numbers = TRY(Numbers::make(table, side, image.schemas.get())))
      sides.push_back(*std::move(numbers));
  return for_each_batch(log, *topic,
                        [&](std::string_view bytes) { return read_batch(bytes, sides, greatest); });
}

}  // namespace

Result<SerialSurvey> serials_in(storage::Log& log, const MetadataImage& image) {
  SerialSurvey survey;
  for (const auto& [name, table] : image.catalog->sources()) {
    if (std::ranges::none_of(table->schema.columns, &ColumnDef::is_serial)) continue;
    // The schemas of an external registry are not available here.
    if (engine::names_schema(table->key_format) || engine::names_schema(table->value_format)) {
      survey.unreadable.push_back(fmt::format(
          "the numbers of SERIAL columns of {}, whose records name schemas: copy the rows to a "
          "table in another format, and drop it",
          engine::display_name(name)));
      continue;
    }
    TRY(read_table(log, image, *table, survey.greatest[name]));
  }
  return survey;
}

}  // namespace server
