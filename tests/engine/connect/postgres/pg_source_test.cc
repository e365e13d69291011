// Checks the records, the positions and the properties of a PostgreSQL source.
#include <gtest/gtest.h>

#include "engine/connect/postgres/pg_records.h"
#include "engine/connect/postgres/position.h"
#include "engine/connect/postgres/source_properties.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"

namespace engine {
namespace {

PgCell text(std::string_view value) { return {PgCell::State::Text, value}; }

PgTable table() {
  PgTable table{.schema = "public", .name = "t"};
  table.columns = {
      {.name = "id", .type = {.kind = PgKind::Int32}, .is_nullable = false, .key_position = 1},
      {.name = "v", .type = {.kind = PgKind::Text}}};
  return table;
}

struct Maker {
  PgRecordForm form{
      .prefix = "shop", .database = "db", .has_key_schemas = false, .has_value_schemas = false};
  std::vector<PgRecord> records(const PgChange& change) {
    const PgRecordMaker maker(form, table());
    std::vector<PgRecord> records;
    EXPECT_TRUE(maker.add(change, {.ts_us = 1'500, .lsn = 7}, 2'000, records));
    return records;
  }
};

TEST(PgRecords, AnEnvelopeHasTheRowsAndTheirOrigin) {
  Maker maker;
  const auto records = maker.records({.op = 'c', .after = {text("1"), text("a")}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].key, R"({"id":1})");
  EXPECT_EQ(
      records[0].value,
      R"({"before":null,"after":{"id":1,"v":"a"},"source":{"version":"millrace",)"
      R"("connector":"postgresql","name":"shop","ts_ms":1,"snapshot":"false","db":"db",)"
      R"("sequence":"[null,\"7\"]","ts_us":1500,"ts_ns":1500000,"schema":"public","table":"t",)"
      R"("txId":null,"lsn":7,"xmin":null},"transaction":null,"op":"c","ts_ms":2,"ts_us":2000,)"
      R"("ts_ns":2000000})");
}

TEST(PgRecords, AChangedKeyIsADeleteATombstoneAndAnInsert) {
  Maker maker;
  maker.form.is_unwrapped = false;
  const auto records = maker.records({'u', PgOldRow::Key, {text("1"), {}}, {text("2"), text("a")}});
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].key, R"({"id":1})");
  EXPECT_NE(records[0].value->find(R"("op":"d")"), std::string::npos);
  EXPECT_EQ(records[1].key, R"({"id":1})");
  EXPECT_FALSE(records[1].value);
  EXPECT_EQ(records[2].key, R"({"id":2})");
  EXPECT_NE(records[2].value->find(R"("op":"c")"), std::string::npos);
}

TEST(PgRecords, AnUnwrappedRecordIsTheRowOrATombstone) {
  Maker maker;
  maker.form.is_unwrapped = true;
  EXPECT_EQ(maker.records({.op = 'r', .after = {text("1"), {}}})[0].value, R"({"id":1,"v":null})");
  const auto deleted = maker.records({'d', PgOldRow::Key, {text("1"), {}}, {}});
  ASSERT_EQ(deleted.size(), 1U);
  EXPECT_FALSE(deleted[0].value);
}

TEST(PgRecords, AValueThatWasNotSentIsThatOfTheWholeOldRow) {
  Maker maker;
  maker.form.is_unwrapped = true;
  const PgCell unsent{PgCell::State::Unsent};
  EXPECT_EQ(maker.records({'u', PgOldRow::None, {}, {text("1"), unsent}})[0].value,
            R"({"id":1,"v":"__debezium_unavailable_value"})");
  EXPECT_EQ(
      maker.records({'u', PgOldRow::Row, {text("1"), text("old")}, {text("1"), unsent}})[0].value,
      R"({"id":1,"v":"old"})");
}

TEST(PgRecords, SchemasAreJsonAroundThePayload) {
  Maker maker;
  maker.form.has_key_schemas = maker.form.has_value_schemas = true;
  const auto records = maker.records({.op = 'c', .after = {text("1"), text("a")}});
  EXPECT_EQ(
      records[0].key,
      R"({"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],)"
      R"("optional":false,"name":"shop.public.t.Key"},"payload":{"id":1}})");
  const auto value = parse_json_tree(*records[0].value);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(value->find("schema")->text_of("name"), "shop.public.t.Envelope");
  EXPECT_EQ(value->find("payload")->text_of("op"), "c");
}

TEST(PgPosition, PositionsAreCanonicalAndReadBack) {
  const PgLogPosition log{.processed = 100, .commit_lsn = 120, .changes = 3, .in_snapshot = true};
  const PgCopy copy{.segments = {{std::nullopt, 10}, {std::vector<std::string>{"5", "x"}, 20}},
                    .last_key = std::vector<std::string>{"7", "\"y\""},
                    .is_done = false};
  PgPositions read;
  for (const auto& [partition, offset] :
       {std::pair(pg_log_partition("crm"), pg_log_offset(log)),
        std::pair(pg_copy_partition("crm", "public.t"), pg_copy_offset(copy))}) {
    EXPECT_EQ(canonical_json_object(partition).value(), partition);
    EXPECT_EQ(canonical_json_object(offset).value(), offset);
    EXPECT_TRUE(read_pg_position("crm", partition, offset, read));
    EXPECT_TRUE(read_pg_position("other", partition, offset, read));
  }
  EXPECT_EQ(read.log, log);
  ASSERT_EQ(read.copies.size(), 1U);
  EXPECT_EQ(read.copies[0].second, copy);
  EXPECT_FALSE(read_pg_position("crm", pg_log_partition("crm"), R"({"lsn":1})", read));
}

ConnectorProperties properties() {
  return {{"connector.class", "x"}, {"database.hostname", "h"},
          {"database.user", "u"},   {"database.dbname", "d"},
          {"topic.prefix", "p"},    {"table.include.list", "public\\.a.*"}};
}

TEST(PostgresProperties, ListsMatchWholeNames) {
  const auto read =
      read_postgres_source(PropertyValues(postgres_source_rows(), properties())).source;
  EXPECT_TRUE(read.tables.takes("public.abc"));
  EXPECT_TRUE(read.tables.takes("PUBLIC.A"));
  EXPECT_FALSE(read.tables.takes("public.b"));
  EXPECT_FALSE(read.tables.takes("my_public.a"));
  EXPECT_TRUE(read.columns.takes("public.a.x"));
  EXPECT_EQ(read.slot, "debezium");
  EXPECT_FALSE(read.takes_truncates);
}

TEST(PostgresProperties, UnsupportedPropertiesOfDebeziumAreNamed) {
  const auto wrong_with = [](const std::string& name, const std::string& value) {
    ConnectorProperties config = properties();
    config[name] = value;
    const auto wrong = read_postgres_source(PropertyValues(postgres_source_rows(), config)).wrong;
    return wrong.empty() ? std::string() : wrong.front().name;
  };
  EXPECT_EQ(wrong_with("converters", "mine"), "converters");
  EXPECT_EQ(wrong_with("snapshot.max.threads", "1"), "");
  EXPECT_EQ(wrong_with("snapshot.max.threads", "4"), "snapshot.max.threads");
  EXPECT_EQ(wrong_with("column.mask.with.5.chars", "a"), "column.mask.with.5.chars");
  EXPECT_EQ(wrong_with("slot.name", "My Slot"), "slot.name");
  EXPECT_EQ(wrong_with("table.exclude.list", "x"), "table.exclude.list");
  EXPECT_EQ(wrong_with("schema.include.list", "("), "schema.include.list");
  EXPECT_EQ(wrong_with("skipped.operations", "x"), "skipped.operations");
}

TEST(PostgresProperties, TheFirstTransformMayUnwrapRecords) {
  ConnectorProperties config = properties();
  config["transforms"] = "unwrap, route";
  config["transforms.unwrap.type"] = "io.debezium.transforms.ExtractNewRecordState";
  config["transforms.route.type"] = "x";
  const auto read = read_postgres_source(PropertyValues(postgres_source_rows(), config));
  EXPECT_TRUE(read.wrong.empty());
  EXPECT_TRUE(read.source.form.is_unwrapped);
  const ConnectorProperties rest = without_unwrapping(config);
  EXPECT_EQ(rest.at("transforms"), "route");
  EXPECT_FALSE(rest.contains("transforms.unwrap.type"));
  config["transforms"] = "route,unwrap";
  const auto later = read_postgres_source(PropertyValues(postgres_source_rows(), config));
  ASSERT_EQ(later.wrong.size(), 1U);
  EXPECT_EQ(later.wrong[0].name, "transforms.unwrap.type");
}

}  // namespace
}  // namespace engine
