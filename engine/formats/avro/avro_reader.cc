#include "engine/formats/avro/avro.h"
#include "engine/formats/avro/avro_values.h"

namespace engine {

namespace {

class AvroRecordReader final : public SchemaReader {
 public:
  AvroRecordReader(AvroSchemaPtr schema, const ReadColumns& columns)
      : schema_(std::move(schema)), root_(schema_->root().without_null()) {
    is_optional_ = &root_ != &schema_->root();
    null_branch_ = schema_->root().null_branch();
    std::vector<std::string> names;
    for (const ColumnDef& column : columns.columns) names.push_back(column.name);
    column_of_.assign(root_.fields.size(), -1);
    const std::vector<int> fields = match_avro_fields(root_, names);
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i] < 0 || !columns.needed[i]) continue;
      int& taken = column_of_[static_cast<size_t>(fields[i])];
      if (taken >= 0) continue;
      taken = static_cast<int>(values_.size());
      targets_.push_back(i);
      values_.emplace_back(*root_.fields[static_cast<size_t>(fields[i])].type,
                           columns.columns[i].type, columns.columns[i].name);
    }
  }

  bool read(std::string_view payload, std::span<Column* const> outs, size_t row,
            std::string& error) override {
    AvroCursor cursor(payload);
    if (is_optional_ && cursor.whole() == null_branch_) return cursor.at_end() && fill(outs, row);
    for (size_t i = 0; i < column_of_.size(); ++i) {
      const int value = column_of_[i];
      if (value < 0) {
        if (!skip_avro(*root_.fields[i].type, cursor)) return false;
        continue;
      }
      ColumnSlot slot{outs[targets_[static_cast<size_t>(value)]]};
      if (!values_[static_cast<size_t>(value)].read(cursor, slot, error)) return false;
    }
    return cursor.at_end() && !cursor.failed() && fill(outs, row);
  }

 private:
  // Fills the columns that got no value in this row with nulls, because the schema has no field for
  // them.
  static bool fill(std::span<Column* const> outs, size_t row) {
    for (Column* out : outs)
      if (out != nullptr && out->size() == row) out->append_null();
    return true;
  }

  const AvroSchemaPtr schema_;
  const AvroType& root_;
  bool is_optional_ = false;
  int null_branch_ = -1;
  std::vector<AvroValueReader> values_;
  std::vector<size_t> targets_;  // column of each value
  std::vector<int> column_of_;   // index in values_ of each field; -1: skipped
};

class AvroBareReader final : public SchemaReader {
 public:
  AvroBareReader(AvroSchemaPtr schema, const ColumnDef& column)
      : schema_(std::move(schema)), value_(schema_->root(), column.type, column.name) {}

  bool read(std::string_view payload, std::span<Column* const> outs, size_t,
            std::string& error) override {
    AvroCursor cursor(payload);
    if (outs.empty() || outs[0] == nullptr)
      return skip_avro(schema_->root(), cursor) && cursor.at_end();
    ColumnSlot slot{outs[0]};
    return value_.read(cursor, slot, error) && cursor.at_end() && !cursor.failed();
  }

 private:
  const AvroSchemaPtr schema_;
  const AvroValueReader value_;
};

}  // namespace

Result<std::unique_ptr<SchemaReader>> make_avro_schema_reader(const SchemaText& schema,
                                                              const ReadColumns& columns,
                                                              std::string_view) {
  AvroSchemaPtr parsed = TRY(AvroSchema::parse(schema));
  if (columns.wrapped || columns.columns.empty()) {
    if (parsed->root().without_null().kind != AvroKind::Record)
      return Error{ErrorCode::InvalidStatement,
                   "its schema is not a record with fields that can be columns"};
    return std::unique_ptr<SchemaReader>(
        std::make_unique<AvroRecordReader>(std::move(parsed), columns));
  }
  return std::unique_ptr<SchemaReader>(
      std::make_unique<AvroBareReader>(std::move(parsed), columns.columns.front()));
}

}  // namespace engine
