// Tests AVRO, PROTOBUF and JSON_SR: records are read back as they were written, and records of
// other programs are understood.
#include "engine/formats/avro/avro.h"
#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/format.h"
#include "engine/formats/protobuf/protobuf.h"
#include "engine/formats/protobuf/protobuf_schema.h"
#include "tests/engine/formats/format_test_tools.h"

namespace engine {
namespace {

using Columns = std::vector<std::unique_ptr<Column>>;

struct OneSchema final : SchemaLookup {
  int32_t id;
  SchemaText text;
  OneSchema(int32_t of, SchemaText schema) : id(of), text(std::move(schema)) {}
  SchemaTextPtr find_schema(int32_t wanted) const override {
    return wanted == id ? std::make_shared<const SchemaText>(text) : nullptr;
  }
};

// Returns a column of each kind, with a value for it; the tests add a row of nulls.
std::vector<std::pair<ColumnDef, Value>> all_kinds() {
  const SqlType inner = SqlType::structure({{"A", TypeKind::Integer}, {"B", TypeKind::String}});
  return {
      {{"FLAG", TypeKind::Boolean}, Value::boolean(true)},
      {{"I", TypeKind::Integer}, Value::integer(-7)},
      {{"L", TypeKind::Bigint}, Value::bigint(INT64_MIN)},
      {{"D", TypeKind::Double}, Value::number(-0.5)},
      {{"DEC", SqlType::decimal(38, 4)}, Value::decimal(Int128{-123456789}, 4)},
      {{"S", TypeKind::String}, Value::text("zwölf")},
      {{"BIN", TypeKind::Bytes}, Value::text(std::string("\0\xff", 2))},
      {{"DAY", TypeKind::Date}, Value::integer(-10)},
      {{"CLOCK", TypeKind::Time}, Value::integer(86'399'999)},
      {{"AT", TypeKind::Timestamp}, Value::bigint(-1)},
      {{"LIST", SqlType::array(TypeKind::Integer)},
       Value::list({Value::integer(1), Value::integer(2)})},
      {{"M", SqlType::map(TypeKind::String, TypeKind::Bigint)},
       Value::map({{Value::text("k"), Value::bigint(5)}})},
      {{"ST", inner}, Value::list({Value::integer(3), Value::text("x")})},
      {{"STS", SqlType::array(inner)},
       Value::list({Value::list({Value::integer(4), Value::text("y")})})},
      {{"LL", SqlType::array(SqlType::array(TypeKind::String))},
       Value::list({Value::list({Value::text("deep")})})},
  };
}

struct Table {
  std::vector<ColumnDef> defs;
  Columns columns;
};
Table table_of(const std::vector<std::pair<ColumnDef, Value>>& kinds, bool with_nulls) {
  Table table;
  for (const auto& [def, value] : kinds) {
    table.defs.push_back(def);
    table.columns.push_back(std::make_unique<Column>(def.type));
    table.columns.back()->append_value(value);
    if (with_nulls) table.columns.back()->append_null();
  }
  return table;
}

std::vector<Payload> payloads_of(const EncodedRows& rows) {
  std::vector<Payload> payloads;
  for (size_t i = 0; i < rows.size(); ++i) payloads.push_back(rows[i]);
  return payloads;
}

TEST(SchemaFormats, written_records_are_read_back) {
  for (const char* format : {"AVRO", "JSON_SR", "PROTOBUF", "PROTOBUF_NOSR"}) {
    const FormatSpec spec{.name = format, .nulls = "OPTIONAL"};
    const Table table = table_of(all_kinds(), true);
    const EncodedRows written = write_rows(spec, table.defs, table.columns);
    ASSERT_TRUE(written.problems.empty()) << format << ": " << written.problems[0].message;
    const ReadRows read = read_rows(spec, table.defs, payloads_of(written));
    ASSERT_EQ(read.status.errors, 0u) << format << ": " << read.status.problems[0].message;
    for (size_t i = 0; i < table.defs.size(); ++i) {
      EXPECT_EQ(read.at(0, i), table.columns[i]->value_at(0))
          << format << " " << table.defs[i].name;
      const bool is_repeated = table.defs[i].type.kind() == TypeKind::Array ||
                               table.defs[i].type.kind() == TypeKind::Map;
      const bool is_protobuf = std::string_view(format).starts_with("PROTO");
      if (is_repeated && is_protobuf) continue;  // lists in Protobuf are never null
      EXPECT_TRUE(read.at(1, i).is_null()) << format << " " << table.defs[i].name;
    }
  }
}

// At these sizes, bytes are copied by other code, or a length needs one byte more.
TEST(SchemaFormats, texts_of_every_size_come_back) {
  const SqlType inner = SqlType::structure({{"A", TypeKind::String}, {"N", TypeKind::Bigint}});
  for (const char* format : {"AVRO", "JSON_SR", "PROTOBUF"})
    for (const size_t size : {0,  1,  3,   4,   7,   8,   9,   15,     16,     17,    63,
                              64, 65, 123, 124, 127, 128, 129, 16'380, 16'384, 70'000}) {
      std::string text;
      for (size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 26);
      const Value row = Value::list({Value::text(text), Value::bigint(-1)});
      const Table table = table_of({{{"S", TypeKind::String}, Value::text(text)},
                                    {{"ST", inner}, row},
                                    {{"STS", SqlType::array(inner)}, Value::list({row, row})},
                                    {{"BIN", TypeKind::Bytes}, Value::text(text)}},
                                   false);
      const FormatSpec spec{.name = format};
      const EncodedRows written = write_rows(spec, table.defs, table.columns);
      const ReadRows read = read_rows(spec, table.defs, payloads_of(written));
      ASSERT_EQ(read.status.errors, 0u) << format << " " << size;
      for (size_t i = 0; i < table.defs.size(); ++i)
        EXPECT_EQ(read.at(0, i), table.columns[i]->value_at(0)) << format << " " << size;
    }
}

// If a field occurs twice, its last value is used.
TEST(Protobuf, the_last_of_several_values_counts) {
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Bigint}, {"B", TypeKind::String}};
  const FormatSpec spec{.name = "PROTOBUF_NOSR"};
  const ReadRows read = read_rows(spec, columns, {Payload("\x08\x01\x12\x01x\x08\x02\x12\x02yz")});
  ASSERT_EQ(read.status.errors, 0u);
  EXPECT_EQ(read.at(0, 0), Value::bigint(2));
  EXPECT_EQ(read.at(0, 1), Value::text("yz"));
}

TEST(SchemaFormats, columns_that_are_not_needed_are_passed_over) {
  const Table table = table_of(all_kinds(), true);
  std::vector<bool> needed(table.defs.size(), false);
  needed[5] = true;
  for (const char* format : {"AVRO", "JSON_SR", "PROTOBUF"}) {
    const FormatSpec spec{.name = format};
    const EncodedRows written = write_rows(spec, table.defs, table.columns);
    const ReadRows read = read_rows(spec, table.defs, payloads_of(written), Side::Value, needed);
    EXPECT_EQ(read.status.errors, 0u) << format;
    EXPECT_EQ(read.at(0, 5), Value::text("zwölf")) << format;
  }
}

TEST(SchemaFormats, every_cut_of_a_record_is_an_error_or_a_shorter_record) {
  const Table table = table_of(all_kinds(), false);
  for (const char* format : {"AVRO", "JSON_SR", "PROTOBUF"}) {
    const FormatSpec spec{.name = format};
    const EncodedRows written = write_rows(spec, table.defs, table.columns);
    const std::string whole(*written[0]);
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::string cut = whole.substr(0, size);
      const ReadRows read = read_rows(spec, table.defs, {cut});
      for (const auto& column : read.columns) ASSERT_EQ(column->size(), 1u) << format << size;
      if (std::string_view(format) == "PROTOBUF") continue;
      EXPECT_EQ(read.status.errors, 1u) << format << " " << size;
    }
  }
}

TEST(SchemaFormats, a_record_without_a_header_is_refused) {
  for (const char* format : {"AVRO", "JSON_SR", "PROTOBUF"}) {
    const ReadRows read = read_rows({.name = format}, {{"A", TypeKind::Integer}}, {"{\"A\": 1}"});
    ASSERT_EQ(read.status.errors, 1u);
    EXPECT_EQ(read.status.problems[0].message,
              "the record does not begin with a zero byte and the id of its schema: it was not "
              "written by a serializer of this format: it seems to be JSON, which the format JSON "
              "reads");
  }
}

TEST(SchemaFormats, an_unregistered_id_is_named) {
  const ReadRows read = read_rows({.name = "AVRO"}, {{"A", TypeKind::Integer}},
                                  {std::string_view("\0\0\0\0\7\2\2", 7)});
  ASSERT_EQ(read.status.errors, 1u);
  EXPECT_EQ(read.status.problems[0].message, "schema id 7 is not in the schema registry");
}

TEST(Avro, the_derived_schema_is_that_of_ksqldb) {
  EXPECT_EQ(
      derive_schema({.name = "AVRO"}, std::vector<ColumnDef>{{"FOO", TypeKind::Integer}},
                    Side::Value)
          .text,
      R"({"type":"record","name":"KsqlDataSourceSchema","namespace":)"
      R"("io.confluent.ksql.avro_schemas","fields":[{"name":"FOO","type":["null","int"],)"
      R"("default":null}],"connect.name":"io.confluent.ksql.avro_schemas.KsqlDataSourceSchema"})");
  EXPECT_EQ(derive_schema({.name = "AVRO"}, std::vector<ColumnDef>{{"K", SqlType::decimal(4, 2)}},
                          Side::Key)
                .text,
            R"({"type":"bytes","scale":2,"precision":4,"logicalType":"decimal"})");
}

// The record is the example of Avro's specification: {"a": 27, "b": "foo"}.
TEST(Avro, a_record_of_another_program_is_read_by_its_own_schema) {
  const OneSchema schemas(
      3,
      {SchemaKind::Avro,
       R"({"type":"record","name":"test","fields":[{"name":"a","type":"long"},)"
       R"({"name":"skipped","type":{"type":"array","items":"string"}},{"name":"b","type":"string"}]})"});
  const std::vector<ColumnDef> columns = {
      {"B", TypeKind::String}, {"A", TypeKind::Bigint}, {"MORE", TypeKind::Double}};
  const std::string payload(
      "\0\0\0\0\3\x36\x02\x02x\0\x06"
      "foo",
      14);
  auto reader = make_reader({.name = "AVRO"}, columns, Side::Value, {}, &schemas);
  ASSERT_TRUE(reader);
  Column b(TypeKind::String), a(TypeKind::Bigint), more(TypeKind::Double);
  Column* const outs[] = {&b, &a, &more};
  RowStatus status;
  const std::optional<std::string_view> payloads[] = {payload};
  (*reader)->read(payloads, outs, status);
  ASSERT_EQ(status.errors, 0u) << status.problems[0].message;
  EXPECT_EQ(b.value_at(0), Value::text("foo"));
  EXPECT_EQ(a.value_at(0), Value::bigint(27));
  EXPECT_TRUE(more.is_null(0));
}

TEST(Avro, an_incompatible_type_is_reported_with_its_column) {
  const OneSchema schemas(1, {SchemaKind::Avro, R"({"type":"record","name":"t","fields":[)"
                                                R"({"name":"A","type":"string"}]})"});
  auto reader = make_reader({.name = "AVRO"}, std::vector<ColumnDef>{{"A", TypeKind::Integer}},
                            Side::Value, {}, &schemas);
  Column a(TypeKind::Integer);
  Column* const outs[] = {&a};
  RowStatus status;
  const std::optional<std::string_view> payloads[] = {std::string_view("\0\0\0\0\1\2x", 7)};
  (*reader)->read(payloads, outs, status);
  ASSERT_EQ(status.errors, 1u);
  EXPECT_EQ(status.problems[0].message, "column A: expected INTEGER, got Avro's string");
}

TEST(Avro, blocks_that_claim_too_much_are_refused) {
  const OneSchema schemas(1, {SchemaKind::Avro, R"({"type":"array","items":"null"})"});
  auto reader = make_reader({.name = "AVRO", .wrap_single = false},
                            std::vector<ColumnDef>{{"A", SqlType::array(TypeKind::Integer)}},
                            Side::Value, {}, &schemas);
  Column a(SqlType::array(TypeKind::Integer));
  Column* const outs[] = {&a};
  RowStatus status;
  const std::optional<std::string_view> payloads[] = {
      std::string_view("\0\0\0\0\1\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0", 16)};
  (*reader)->read(payloads, outs, status);
  EXPECT_EQ(status.errors, 1u);
}

TEST(Avro, fields_that_only_the_schema_has_get_their_defaults) {
  const SchemaText schema{SchemaKind::Avro,
                          R"({"type":"record","name":"t","fields":[{"name":"c1","type":"int"},)"
                          R"({"name":"c2","type":"int","default":100}]})"};
  const FormatSpec spec{.name = "AVRO", .schema_id = 9, .schema = schema.text};
  Columns columns;
  columns.push_back(std::make_unique<Column>(TypeKind::Integer));
  columns[0]->append(int32_t{4});
  columns[0]->append_null();
  const EncodedRows written = write_rows(spec, {{"c1", TypeKind::Integer}}, columns);
  EXPECT_EQ(written[0], std::string_view("\0\0\0\0\x09\x08\xc8\x01", 8));
  ASSERT_EQ(written.problems.size(), 1u);
  EXPECT_EQ(written.problems[0].message, "column c1 is null, which the schema does not allow");
}

TEST(Avro, schemas_that_are_none_are_refused_with_the_reason) {
  const auto why = [](const char* text) {
    const auto parsed = AvroSchema::parse({SchemaKind::Avro, text});
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(why(R"("in")"), "Invalid Avro schema: Undefined name: \"in\"");
  EXPECT_EQ(why(R"({"type":"record","name":"a"})"), "Invalid Avro schema: record a has no fields");
  EXPECT_EQ(why(R"(["int","int"])"), "Invalid Avro schema: Duplicate in union:int");
  EXPECT_EQ(why(R"({"type":"enum","name":"e","symbols":["A","A"]})"),
            "Invalid Avro schema: Duplicate enum symbol: A");
  const std::string deep(5000, '[');
  EXPECT_NE(why(deep.c_str()), "");
  EXPECT_EQ(why("int"), "");
}

TEST(Avro, a_type_within_itself_is_no_column) {
  const auto parsed =
      AvroSchema::parse({SchemaKind::Avro, R"({"type":"record","name":"node","fields":[)"
                                           R"({"name":"next","type":["null","node"]}]})"});
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(sql_type_of((*parsed)->root(), NameCase::Upper));
}

TEST(Protobuf, the_derived_schema_is_that_of_ksqldb) {
  EXPECT_EQ(derive_schema({.name = "PROTOBUF", .nulls = "WRAPPER"},
                          std::vector<ColumnDef>{{"I", TypeKind::Integer}, {"S", TypeKind::String}},
                          Side::Value)
                .text,
            "syntax = \"proto3\";\n\nimport \"google/protobuf/wrappers.proto\";\n\nmessage "
            "ConnectDefault1 {\n  google.protobuf.Int32Value I = 1;\n  "
            "google.protobuf.StringValue S = 2;\n}\n");
}

TEST(Protobuf, columns_come_out_of_messages_of_any_kind) {
  const SchemaText schema{
      SchemaKind::Protobuf,
      "syntax = \"proto3\"; import \"confluent/type/decimal.proto\"; import "
      "\"google/protobuf/timestamp.proto\"; message M { uint32 u = 1; repeated string names = 2; "
      "map<string, int64> counts = 3; google.protobuf.Timestamp at = 4; enum E { A = 0; B = 1; } E "
      "e "
      "= 5; confluent.type.Decimal d = 6 [(confluent.field_meta) = { params: [{ key: "
      "\"precision\", "
      "value: \"4\" }, { key: \"scale\", value: \"2\" }]}]; message In { float f = 1; } In in = 7; "
      "}"};
  const auto columns = infer_columns({.name = "PROTOBUF"}, schema, Side::Value, NameCase::Upper);
  ASSERT_TRUE(columns) << columns.error().message;
  EXPECT_EQ(Schema{*columns}.to_string(),
            "`U` BIGINT, `NAMES` ARRAY<STRING>, `COUNTS` MAP<STRING, BIGINT>, `AT` TIMESTAMP, `E` "
            "STRING, `D` DECIMAL(4, 2), `IN` STRUCT<`F` DOUBLE>");
}

TEST(Protobuf, text_that_is_no_schema_is_refused_with_its_place) {
  const auto parsed = ProtobufSchema::parse({SchemaKind::Protobuf, "message M { int32 a 1; }"});
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(parsed.error().message.starts_with("Invalid Protobuf schema: line 1, column "));
}

TEST(JsonSr, columns_come_out_of_a_json_schema) {
  const SchemaText schema{
      SchemaKind::Json,
      R"({"type":"object","properties":{"b":{"connect.index":1,"type":"string"},"a":)"
      R"({"connect.index":0,"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int32"}]},)"
      R"("r":{"$ref":"#/definitions/point"}},"definitions":{"point":{"type":"object","properties":)"
      R"({"x":{"type":"number"}}}}})"};
  const auto columns = infer_columns({.name = "JSON_SR"}, schema, Side::Value, NameCase::Exact);
  ASSERT_TRUE(columns) << columns.error().message;
  EXPECT_EQ(Schema{*columns}.to_string(), "`a` INTEGER, `b` STRING, `r` STRUCT<`x` DOUBLE>");
}

}  // namespace
}  // namespace engine
