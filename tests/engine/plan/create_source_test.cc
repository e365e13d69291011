#include <fmt/format.h>

#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

using CreateSourceTest = PlanTest;

TEST_F(CreateSourceTest, without_with_everything_has_a_default) {
  const auto planned = create("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  ASSERT_TRUE(planned) << planned.error().message;
  const DataSource& orders = source("ORDERS");
  EXPECT_EQ(orders.topic, "orders");
  EXPECT_EQ(orders.partitions, 4);
  EXPECT_EQ(orders.key_format.name, "KAFKA");
  EXPECT_EQ(orders.value_format.name, "JSON");
  EXPECT_EQ(orders.schema.to_string(), "`ID` INTEGER KEY, `CITY` STRING");
  EXPECT_EQ(planned->new_topic->config.at("cleanup.policy"), "delete");
  EXPECT_EQ(planned->notices,
            std::vector<std::string>{
                "topic \"orders\" created with 4 partitions, key KAFKA, value JSON"});
}

TEST_F(CreateSourceTest, ksqldb_has_no_such_defaults) {
  settings_.ksqldb_compat = true;
  settings_.default_value_format.clear();
  EXPECT_EQ(create_error("CREATE STREAM s (v INT) WITH (kafka_topic='s');"),
            "Statement is missing the 'VALUE_FORMAT' property from the WITH clause. Either provide "
            "one or set a default via the 'ksql.persistence.default.format.value' config.");
  EXPECT_EQ(create_error("CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON');"),
            "Topic 's' does not exist. If you want to create a new topic for the stream/table "
            "please re-run the statement providing the required 'PARTITIONS' configuration in the "
            "WITH clause (and optionally 'REPLICAS').");
  session_["ksql.persistence.default.format.value"] = "delimited";
  add_topic("s", 3);
  EXPECT_TRUE(create("CREATE STREAM s (v INT) WITH (kafka_topic='s');"));
  EXPECT_EQ(source("S").partitions, 3);
  EXPECT_EQ(source("S").value_format.name, "DELIMITED");
}

// ksqlDB writes the topic of a sink in upper case. If a topic with exactly that name exists, it is
// used.
TEST_F(CreateSourceTest, a_name_in_upper_case_means_the_topic_of_that_query) {
  ASSERT_TRUE(create("CREATE STREAM detected (A INT);"));
  add_query("CSAS_DETECTED_0", "DETECTED", {});
  add_topic("detected", 4);
  const auto raw = create("CREATE STREAM raw (A INT) WITH (kafka_topic='DETECTED');");
  ASSERT_TRUE(raw);
  EXPECT_EQ(source("RAW").topic, "detected");
  ASSERT_EQ(raw->notices.size(), 1U);
  EXPECT_EQ(raw->notices.front(),
            "topic \"DETECTED\" does not exist: topic \"detected\" of stream DETECTED is used");
  add_topic("DETECTED", 4);
  ASSERT_TRUE(create("CREATE STREAM other (A INT) WITH (kafka_topic='DETECTED');"));
  EXPECT_EQ(source("OTHER").topic, "DETECTED");
  ASSERT_TRUE(create("CREATE STREAM own (A INT) WITH (kafka_topic='UNKNOWN');"));
  EXPECT_EQ(source("OWN").topic, "UNKNOWN");
}

// Two topics of Kafka may have names that differ only in letter case.
TEST_F(CreateSourceTest, a_topic_in_another_case_is_another_topic) {
  ASSERT_TRUE(create("CREATE STREAM orders (A INT);"));
  add_topic("orders", 4);
  EXPECT_EQ(create_error("CREATE STREAM raw (A INT) WITH (kafka_topic='ORDERS');"),
            "topic \"ORDERS\" does not exist");
  EXPECT_EQ(create_error("CREATE STREAM raw (A INT) WITH (kafka_topic='Orders');"),
            "topic \"Orders\" does not exist");
  ASSERT_TRUE(create("CREATE STREAM raw (A INT) WITH (kafka_topic='ORDERS', partitions=1);"));
  EXPECT_EQ(source("RAW").topic, "ORDERS");
}

TEST_F(CreateSourceTest, limits_that_are_not_checked_are_reported) {
  const auto limited = create(
      "CREATE STREAM limited (A INT KEY, B SMALLINT, C VARCHAR(3), D VARCHAR) "
      "WITH (partitions=1);");
  ASSERT_TRUE(limited);
  ASSERT_EQ(limited->notices.size(), 2U);
  EXPECT_EQ(limited->notices.front(),
            "lengths of types are not checked: C VARCHAR(3) is stored as STRING");
  const auto enforced = create("CREATE TABLE enforced (A INT PRIMARY KEY, C VARCHAR(3));");
  ASSERT_TRUE(enforced);
  EXPECT_TRUE(enforced->notices.empty());
}

TEST_F(CreateSourceTest, a_pattern_of_times_that_is_none_is_refused_at_once) {
  const auto refused =
      create("CREATE STREAM S (T STRING) WITH (timestamp='t', timestamp_format='yyyy-bb');");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().ksqldb.starts_with(
      "Invalid datetime format for config:TIMESTAMP_FORMAT, reason:"))
      << refused.error().ksqldb;
}

TEST_F(CreateSourceTest, tables_in_words_of_the_dialect_have_a_primary_key) {
  EXPECT_EQ(create_error("CREATE TABLE T (ID INT) WITH (VALUE_FORMAT='JSON');"),
            "Tables require a PRIMARY KEY. Please define the PRIMARY KEY.");
  settings_.ksqldb_compat = true;
  EXPECT_EQ(create_error("CREATE TABLE T (ID INT);"),
            "Tables require a PRIMARY KEY. Please define the PRIMARY KEY.");
  EXPECT_EQ(create_error("CREATE TABLE T (ID INT) WITH (FILLFACTOR=100);"),
            "Invalid config variable(s) in the WITH clause: FILLFACTOR");
}

TEST_F(CreateSourceTest, tables_without_a_key_have_row_ids) {
  ASSERT_TRUE(create("CREATE TABLE T (ID INT, V STRING) WITH (FILLFACTOR=100);"));
  EXPECT_EQ(source("T").schema.to_string(), "`__ROWID` BYTES KEY, `ID` INTEGER, `V` STRING");
  EXPECT_EQ(source("T").partitions, 1);
  EXPECT_TRUE(source("T").owns_topic);
  EXPECT_FALSE(source("T").is_temporary);
  EXPECT_EQ(create_error("CREATE TABLE U (__ROWID INT);"),
            "'__ROWID' is a reserved column name. You cannot use it as a name for a column.");
  ASSERT_TRUE(create("CREATE TABLE N (ID BIGSERIAL PRIMARY KEY, V STRING);"));
  EXPECT_TRUE(source("N").schema.columns[0].is_serial);
  EXPECT_EQ(source("N").schema.to_string(), "`ID` BIGINT KEY, `V` STRING");
  add_topic("taken", 1);
  EXPECT_EQ(create_error("CREATE TABLE TAKEN (ID INT);"),
            "topic \"taken\" already exists, and its records have keys of their own");
}

TEST_F(CreateSourceTest, tables_own_topics_without_a_given_name) {
  const auto created = create("CREATE TABLE T (ID INT PRIMARY KEY, V STRING);");
  ASSERT_TRUE(created);
  EXPECT_TRUE(source("T").owns_topic);
  EXPECT_TRUE(created->notices.empty());
  ASSERT_TRUE(create("CREATE TABLE F (ID INT PRIMARY KEY, V INT) WITH (VALUE_FORMAT='AVRO');"));
  EXPECT_TRUE(source("F").owns_topic);
  ASSERT_TRUE(create("CREATE TABLE N (ID SERIAL PRIMARY KEY) WITH (KAFKA_TOPIC='n');"));
  EXPECT_FALSE(source("N").owns_topic);
  add_topic("before", 1);
  ASSERT_TRUE(create("CREATE TABLE BEFORE (ID INT PRIMARY KEY, V STRING);"));
  EXPECT_FALSE(source("BEFORE").owns_topic);
  ASSERT_TRUE(create("CREATE SOURCE TABLE R (ID INT PRIMARY KEY, V STRING);"));
  EXPECT_FALSE(source("R").owns_topic);
  ASSERT_TRUE(create("CREATE STREAM S (ID INT KEY, V STRING);"));
  EXPECT_FALSE(source("S").owns_topic);
}

TEST_F(CreateSourceTest, a_replaced_table_owns_its_topic_as_before) {
  ASSERT_TRUE(create("CREATE TABLE T (ID INT PRIMARY KEY, V STRING);"));
  add_topic("t", 4);
  ASSERT_TRUE(create("CREATE OR REPLACE TABLE T (ID INT PRIMARY KEY, V STRING, W INT);"));
  EXPECT_TRUE(source("T").owns_topic);
  ASSERT_TRUE(create(
      "CREATE OR REPLACE TABLE T (ID INT PRIMARY KEY, V STRING, W INT) WITH (KAFKA_TOPIC='t');"));
  EXPECT_FALSE(source("T").owns_topic);
}

TEST_F(CreateSourceTest, names_of_columns_are_checked) {
  EXPECT_EQ(create_error("CREATE STREAM S (A INT, A STRING);"), "Duplicate column names: A");
  EXPECT_EQ(create_error("CREATE STREAM S (ROWTIME INT);"),
            "'ROWTIME' is a reserved column name. You cannot use it as a name for a column.");
  EXPECT_EQ(create_error("CREATE STREAM S (A NO_SUCH_TYPE);"),
            "Cannot resolve unknown type: NO_SUCH_TYPE");
  EXPECT_EQ(create_error("CREATE STREAM S;"), "The statement does not define any columns.");
}

TEST_F(CreateSourceTest, the_number_of_fields_in_a_row_is_bounded) {
  const auto columns = [](const char* prefix, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += fmt::format("{}{}{} INT", i ? ", " : "", prefix, i);
    return text;
  };
  const std::string refused = "a row can have at most 4096 columns and fields of STRUCTs";
  EXPECT_EQ(create_error("CREATE STREAM S (" + columns("C", 4'097) + ");"), refused);
  EXPECT_EQ(create_error("CREATE STREAM S (A STRUCT<" + columns("C", 4'096) + ">);"), refused);
  ASSERT_TRUE(create("CREATE STREAM S (" + columns("C", 4'096) + ");"));
  EXPECT_EQ(change_error("ALTER STREAM S ADD COLUMN D INT;"), refused);
}

TEST_F(CreateSourceTest, types_that_double_at_each_step_end_soon) {
  ASSERT_TRUE(change("CREATE TYPE T0 AS STRUCT<A INT, B INT>;"));
  int made = 0;
  std::string refused = "no error";
  while (refused == "no error" && made < 100) {
    refused = change_error(
        fmt::format("CREATE TYPE T{0} AS STRUCT<A T{1}, B MAP<STRING, T{1}>>;", made + 1, made));
    ++made;
  }
  EXPECT_EQ(refused, "a row can have at most 4096 columns and fields of STRUCTs");
  EXPECT_LT(made, 13);
}

TEST_F(CreateSourceTest, keys_come_first_in_the_schema) {
  ASSERT_TRUE(create("CREATE STREAM S (V INT, K STRING KEY, W INT);"));
  EXPECT_EQ(source("S").schema.to_string(), "`K` STRING KEY, `V` INTEGER, `W` INTEGER");
}

TEST_F(CreateSourceTest, headers_columns_have_one_type) {
  ASSERT_TRUE(create("CREATE STREAM S (V INT, H ARRAY<STRUCT<key STRING, value BYTES>> HEADERS);"));
  EXPECT_EQ(create_error("CREATE STREAM S2 (H BYTES HEADERS);"),
            "Invalid type for HEADERS column: expected ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>>, "
            "got BYTES");
  EXPECT_EQ(create_error("CREATE STREAM S2 (H INT HEADER('key'));"),
            "Invalid type for HEADER('key') column: expected BYTES, got INTEGER");
  EXPECT_EQ(create_error("CREATE STREAM S2 (A BYTES HEADER('k'), B BYTES HEADER('k'));"),
            "Schema already contains a HEADER('k') column.");
}

TEST_F(CreateSourceTest, with_knows_its_properties) {
  EXPECT_EQ(create_error("CREATE STREAM S (A INT) WITH (foo='1', bar='2');"),
            "Invalid config variable(s) in the WITH clause: FOO, BAR");
  EXPECT_EQ(create_error("CREATE STREAM S (A INT) WITH (partitions='many');"),
            "invalid value \"many\" of property PARTITIONS");
  EXPECT_EQ(create_error("CREATE STREAM S (A INT) WITH (format='JSON', key_format='JSON');")
                .substr(0, 52),
            "Cannot supply both 'KEY_FORMAT' and 'FORMAT' propert");
  EXPECT_EQ(create_error("CREATE STREAM S (A INT) WITH (value_format='FOO');"),
            "Unknown format: FOO");
  EXPECT_EQ(
      create_error("CREATE STREAM S (A INT) WITH (value_format='JSON', value_delimiter='|');"),
      "JSON does not support the following configs: [delimiter]");
}

TEST_F(CreateSourceTest, formats_must_hold_the_columns) {
  EXPECT_EQ(create_error("CREATE STREAM S (K DECIMAL(21,19) KEY, V INT);"),
            "Key format does not support schema.\nformat: KAFKA\n"
            "schema: Persistence{columns=[`K` DECIMAL(21, 19) KEY], features=[]}\n"
            "reason: The 'KAFKA' format does not support type 'DECIMAL'");
  EXPECT_EQ(create_error("CREATE STREAM S (A INT, B INT) WITH (wrap_single_value=true);"),
            "'WRAP_SINGLE_VALUE' is only valid for single-field value schemas");
  EXPECT_EQ(create_error("CREATE STREAM S (K MAP<STRING, INT> KEY, V INT) WITH (format='AVRO');")
                .substr(0, 40),
            "Map keys, including types that contain m");
}

TEST_F(CreateSourceTest, windowed_sources_declare_their_windows) {
  ASSERT_TRUE(
      create("CREATE STREAM S (K INT KEY) WITH (window_type='tumbling', "
             "window_size='30 seconds');"));
  EXPECT_EQ(source("S").window, (SourceWindow{WindowType::Tumbling, 30'000}));
  EXPECT_EQ(create_error("CREATE STREAM T (K INT KEY) WITH (window_type='hopping', "
                         "window_size='30 bobs');"),
            "Configuration WINDOW_SIZE is invalid: Invalid duration: '30 bobs'. Unknown time unit: "
            "'BOBS'");
  EXPECT_EQ(create_error("CREATE STREAM T (V INT) WITH (window_type='session');"),
            "Windowed sources require a key column.");
}

TEST_F(CreateSourceTest, the_timestamp_column_must_be_a_time) {
  EXPECT_EQ(create_error("CREATE STREAM S (A INT) WITH (timestamp='b');"),
            "The TIMESTAMP column set in the WITH clause does not exist in the schema: 'B'");
  EXPECT_EQ(create_error("CREATE STREAM S (A STRING) WITH (timestamp='a');"),
            "A String timestamp field has been specified without also specifying the "
            "timestamp_format");
  EXPECT_EQ(create_error("CREATE STREAM S (A BIGINT) WITH (timestamp='a', timestamp_format='y');"),
            "'TIMESTAMP_FORMAT' set in the WITH clause can only be used when the timestamp column "
            "is of type STRING.");
  ASSERT_TRUE(create("CREATE STREAM S (A STRING) WITH (timestamp='a', timestamp_format='y');"));
  EXPECT_EQ(source("S").timestamp, (TimestampColumn{"A", "y"}));
}

// Names are parts of the ids of tasks, and storage limits the length of an id.
TEST_F(CreateSourceTest, the_length_of_a_name_is_bounded) {
  const std::string longest(249, 'N');
  EXPECT_TRUE(create("CREATE STREAM " + longest + " (A INT);"));
  const auto refused = create("CREATE STREAM s" + longest + " (A INT) WITH (kafka_topic='t');");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(refused.error().message,
            "the names of streams, tables and queries are limited to 249 bytes, but this one has "
            "250");
  EXPECT_EQ(refused.error().position->column, 15u);
}

TEST_F(CreateSourceTest, an_existing_name_is_kept_refused_or_replaced) {
  ASSERT_TRUE(create("CREATE STREAM S (A INT);"));
  add_topic("s", 4);
  EXPECT_EQ(create_error("CREATE STREAM S (A INT);"),
            "Cannot add stream 'S': A stream with the same name already exists");
  const auto kept = create("CREATE STREAM IF NOT EXISTS S (B INT);");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->source, nullptr);
  ASSERT_TRUE(create("CREATE OR REPLACE STREAM S (A INT, B INT);"));
  EXPECT_EQ(create_error("CREATE OR REPLACE STREAM S (B INT);"),
            "Cannot upgrade data source: DataSource '`S`' has schema = `A` INTEGER, `B` INTEGER "
            "which is not upgradeable to `B` INTEGER. (The following columns are changed, missing "
            "or reordered: [`A` INTEGER, `B` INTEGER])");
  EXPECT_EQ(create_error("CREATE OR REPLACE SOURCE STREAM S (A INT);"),
            "Cannot add stream 'S': CREATE OR REPLACE is not supported on source streams.");
}

}  // namespace
}  // namespace engine
