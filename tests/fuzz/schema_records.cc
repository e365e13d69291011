// Fuzz target: decodes one record in AVRO or PROTOBUF, without the id of its schema, into columns of every type. The
// first byte chooses the format, and whether the value is a record or one bare column.
#include <algorithm>

#include "engine/formats/schema/schema_text.h"
#include "tests/fuzz/formats.h"

namespace {

// Returns whether a list is null. A list field of Protobuf is never null, but a column is null if the message has no
// field for it.
bool has_null_list(const fuzz::Rows& rows) {
  return std::ranges::any_of(rows.columns, [](const auto& column) {
    const engine::TypeKind kind = column->type().kind();
    return (kind == engine::TypeKind::Array || kind == engine::TypeKind::Map) && column->is_null(0);
  });
}

// Checks that values which are written and read again do not change.
void check(const engine::FormatSpec& spec, const std::vector<fuzz::ColumnDef>& columns,
           std::string_view bytes) {
  std::string record;
  engine::append_schema_header(record, 0);
  record += bytes;
  const fuzz::ExactBytes exact(record);
  const auto reader = engine::make_reader(spec, columns, engine::Side::Value).value();
  const fuzz::Rows rows = fuzz::read(*reader, columns, {exact.view()});
  if (rows.status.errors > 0) return;
  const auto writer = engine::make_writer(spec, columns, engine::Side::Value).value();
  engine::EncodedRows written;
  const engine::Bitmap all(1, true);
  writer->write(fuzz::pointers<const engine::Column*>(rows.columns), {0, 1}, &all, written);
  if (!written[0]) return;
  if (spec.name == "PROTOBUF" && has_null_list(rows))
    return check(spec, columns, written[0]->substr(engine::kSchemaHeaderSize));
  const fuzz::Rows again = fuzz::read(*reader, columns, {written[0]});
  fuzz::check_same_row(rows, 0, again, 0);
}

std::vector<fuzz::ColumnDef> columns_for(const engine::FormatSpec& spec) {
  std::vector<fuzz::ColumnDef> columns;
  for (const fuzz::ColumnDef& column : fuzz::every_column())
    if (engine::make_writer(spec, std::span(&column, 1), engine::Side::Value))
      columns.push_back(column);
  return columns;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const engine::FormatSpec kAvro{.name = "AVRO"},
      kProtobuf{.name = "PROTOBUF", .nulls = "OPTIONAL"};
  static const std::vector<fuzz::ColumnDef> kAvroColumns = columns_for(kAvro),
                                            kProtobufColumns = columns_for(kProtobuf);
  if (data[0] % 4 == 0) {
    check(kProtobuf, kProtobufColumns, bytes);
  } else if (data[0] % 4 == 1) {
    check(kAvro, kAvroColumns, bytes);
  } else {
    const fuzz::ColumnDef& column = kAvroColumns[data[0] / 4 % kAvroColumns.size()];
    check({.name = "AVRO", .wrap_single = false}, {column}, bytes);
  }
  return 0;
}
