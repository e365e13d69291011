#include <fmt/format.h>

#include <map>

#include "engine/formats/protobuf/protobuf.h"
#include "engine/formats/protobuf/protobuf_values.h"

namespace engine {

namespace {

std::vector<Field> fields_of(const ReadColumns& columns) {
  std::vector<Field> fields;
  for (const ColumnDef& column : columns.columns) fields.push_back({column.name, column.type});
  return fields;
}

// Reads records of any message of a schema. The columns are bound to a message when it first
// occurs.
class ProtobufReader final : public SchemaReader {
 public:
  ProtobufReader(ProtobufSchemaPtr schema, const ReadColumns& columns)
      : schema_(std::move(schema)), fields_(fields_of(columns)), needed_(columns.needed) {}

  bool read(std::string_view payload, std::span<Column* const> outs, size_t row,
            std::string& error) override {
    if (first_ != nullptr && payload.starts_with('\0'))
      return first_->read(payload.substr(1), outs, row, error);
    ByteReader in(payload);
    constexpr int64_t kMaxDepth = 64;
    const int64_t count = in.signed_varint();
    if (!in.ok() || count < 0 || count > kMaxDepth) return false;
    std::vector<uint32_t> path;
    for (int64_t i = 0; i < count; ++i) path.push_back(static_cast<uint32_t>(in.signed_varint()));
    if (count == 0) path.push_back(0);  // a count of 0 means the first message
    if (!in.ok()) return false;
    const ProtobufMessageReader* reader = find(path, error);
    if (count == 0) first_ = reader;
    return reader != nullptr && reader->read(in.rest(), outs, row, error);
  }

 private:
  const ProtobufMessageReader* find(const std::vector<uint32_t>& path, std::string& error) {
    const auto known = readers_.find(path);
    if (known != readers_.end()) return &known->second;
    const ProtobufMessage* message = schema_->at(path);
    if (message == nullptr) {
      error = "the record is of a message that its schema does not have";
      return nullptr;
    }
    return &readers_.try_emplace(path, *message, fields_, needed_, "").first->second;
  }

  const ProtobufSchemaPtr schema_;
  const std::vector<Field> fields_;
  const std::vector<bool> needed_;
  std::map<std::vector<uint32_t>, ProtobufMessageReader> readers_;
  const ProtobufMessageReader* first_ = nullptr;  // for the schema's first message, the usual one
};

class BareProtobufReader final : public SchemaReader {
 public:
  BareProtobufReader(ProtobufSchemaPtr schema, const ProtobufMessage& message,
                     const ReadColumns& columns)
      : schema_(std::move(schema)), reader_(message, fields_of(columns), columns.needed, "") {}

  bool read(std::string_view payload, std::span<Column* const> outs, size_t row,
            std::string& error) override {
    return reader_.read(payload, outs, row, error);
  }

 private:
  const ProtobufSchemaPtr schema_;  // reader_ points into it
  const ProtobufMessageReader reader_;
};

}  // namespace

Result<std::unique_ptr<SchemaReader>> make_protobuf_schema_reader(const SchemaText& schema,
                                                                  const ReadColumns& columns,
                                                                  std::string_view) {
  ProtobufSchemaPtr parsed = TRY(ProtobufSchema::parse(schema));
  return std::unique_ptr<SchemaReader>(
      std::make_unique<ProtobufReader>(std::move(parsed), columns));
}

Result<std::unique_ptr<SchemaReader>> make_bare_protobuf_reader(const SchemaText& schema,
                                                                const ReadColumns& columns,
                                                                std::string_view full_name) {
  ProtobufSchemaPtr parsed = TRY(ProtobufSchema::parse(schema));
  const ProtobufMessage* message = parsed->find(full_name);
  if (message == nullptr)
    return Error{ErrorCode::InvalidStatement, fmt::format("message {} does not exist", full_name)};
  return std::unique_ptr<SchemaReader>(
      std::make_unique<BareProtobufReader>(std::move(parsed), *message, columns));
}

}  // namespace engine
