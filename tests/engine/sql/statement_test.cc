#include "tests/engine/sql/parse_helpers.h"

namespace engine {
namespace {

TEST(Statement, create_stream_with_all_it_can_have) {
  const auto create = parse_as<CreateSource>(
      "CREATE OR REPLACE SOURCE STREAM IF NOT EXISTS orders (id INT KEY, `v` ARRAY<STRING>, h "
      "BYTES HEADER('k'),"
      " all_headers ARRAY<STRUCT<KEY STRING, VALUE BYTES>> HEADERS)"
      " WITH (kafka_topic = 't', 'partitions' = 4, Wrap_Single_Value = true);");
  EXPECT_EQ(create.kind, SourceKind::Stream);
  EXPECT_TRUE(create.or_replace && create.is_source && create.if_not_exists);
  EXPECT_EQ(create.name, "ORDERS");
  ASSERT_EQ(create.elements.size(), 4u);
  EXPECT_EQ(create.elements[0].constraint, ColumnConstraint::Key);
  EXPECT_EQ(create.elements[1].name, "v");
  EXPECT_EQ(create.elements[1].type.to_string(), "ARRAY<STRING>");
  EXPECT_EQ(create.elements[2].constraint, ColumnConstraint::Header);
  EXPECT_EQ(create.elements[2].header_key, "k");
  EXPECT_EQ(create.elements[3].constraint, ColumnConstraint::Headers);
  ASSERT_EQ(create.properties.size(), 3u);
  EXPECT_EQ(find_property(create.properties, "KAFKA_TOPIC")->text(), "t");
  EXPECT_EQ(find_property(create.properties, "PARTITIONS")->text(), "4");
  EXPECT_EQ(find_property(create.properties, "WRAP_SINGLE_VALUE")->text(), "true");
  EXPECT_EQ(find_property(create.properties, "FORMAT"), nullptr);
}

TEST(Statement, create_table_has_primary_keys) {
  const auto create = parse_as<CreateSource>("create table t (id int primary key)");
  EXPECT_EQ(create.kind, SourceKind::Table);
  EXPECT_EQ(create.elements.at(0).constraint, ColumnConstraint::PrimaryKey);
  EXPECT_TRUE(create.properties.empty());
}

TEST(Statement, the_wrong_kind_of_key_is_reported) {
  const Error error = error_of("CREATE TABLE INPUT (ID INT KEY);");
  EXPECT_EQ(error.message, "Column `ID` is a 'KEY' column: please use 'PRIMARY KEY' for tables");
  EXPECT_EQ(
      error.ksqldb.find(
          "Line: 1, Col: 21: Column `ID` is a 'KEY' column: please use 'PRIMARY KEY' for tables."),
      0u);
  EXPECT_EQ(error.position->column, 21u);
  EXPECT_EQ(error_of("CREATE STREAM s (id INT PRIMARY KEY)").message,
            "Column `ID` is a 'PRIMARY KEY' column: please use 'KEY' for streams");
}

TEST(Statement, create_as_select) {
  const auto create = parse_as<CreateAsSelect>(
      "CREATE OR REPLACE TABLE IF NOT EXISTS t WITH (format = 'JSON') AS SELECT a, COUNT(*) FROM s "
      "GROUP BY a");
  EXPECT_EQ(create.kind, SourceKind::Table);
  EXPECT_TRUE(create.or_replace && create.if_not_exists);
  EXPECT_EQ(create.properties.size(), 1u);
  EXPECT_EQ(create.query.items.size(), 2u);
  EXPECT_EQ(error_of("CREATE STREAM s (a INT) AS SELECT 1").message, "syntax error at \"AS\"");
  EXPECT_EQ(error_of("CREATE SOURCE STREAM s AS SELECT 1").message, "syntax error at \"AS\"");
}

TEST(Statement, drop_and_alter) {
  const auto drop = parse_as<DropSource>("DROP TABLE IF EXISTS t DELETE TOPIC");
  EXPECT_EQ(drop.kind, SourceKind::Table);
  EXPECT_TRUE(drop.if_exists && drop.delete_topic);
  const auto alter = parse_as<AlterSource>("ALTER STREAM s ADD COLUMN a INT, ADD b STRING");
  ASSERT_EQ(alter.added.size(), 2u);
  EXPECT_EQ(alter.added[1].name, "B");
  EXPECT_TRUE(parse_as<CreateType>("CREATE TYPE IF NOT EXISTS address AS STRUCT<street STRING>")
                  .if_not_exists);
  EXPECT_EQ(parse_as<DropType>("DROP TYPE address").name, "ADDRESS");
}

TEST(Statement, insert_select) {
  const auto insert =
      parse_as<InsertSelect>("INSERT INTO s WITH (QUERY_ID = 'q') SELECT * FROM t EMIT CHANGES");
  EXPECT_EQ(insert.target, "S");
  EXPECT_EQ(insert.properties.at(0).text(), "q");
}

TEST(Statement, insert_one_row_and_many) {
  const auto one = parse_as<InsertValues>("INSERT INTO s (a, `b`) VALUES (1, 'x')");
  EXPECT_EQ(one.columns.at(1).name, "b");
  EXPECT_EQ(one.columns.at(1).position.column, 19u);
  ASSERT_EQ(one.rows.size(), 1u);
  const auto many = parse_as<InsertValues>("INSERT INTO s VALUES (1), (2, -3), ($1, NOW(), null)");
  ASSERT_EQ(many.rows.size(), 3u);
  EXPECT_EQ(to_sql(*many.rows[1][1]), "-3");
  EXPECT_EQ(many.rows[2].size(), 3u);
}

TEST(Statement, print) {
  const auto print = parse_as<Print>("PRINT 'my-topic' FROM BEGINNING INTERVAL 2 LIMIT 3");
  EXPECT_EQ(print.topic, "my-topic");
  EXPECT_TRUE(print.from_beginning);
  EXPECT_EQ(print.interval, 2);
  EXPECT_EQ(print.limit, 3);
  EXPECT_EQ(parse_as<Print>("PRINT orders SAMPLE 5").topic, "ORDERS");
}

TEST(Statement, properties_and_variables) {
  EXPECT_EQ(parse_as<SetProperty>("SET 'auto.offset.reset' = 'earliest'").value, "earliest");
  EXPECT_EQ(parse_as<UnsetProperty>("UNSET 'auto.offset.reset'").name, "auto.offset.reset");
  EXPECT_EQ(parse_as<AlterSystem>("ALTER SYSTEM 'a' = 'b'").name, "a");
  EXPECT_EQ(parse_as<DefineVariable>("DEFINE x = '''y'''").value, "'y'");
  EXPECT_EQ(parse_as<UndefineVariable>("UNDEFINE x").name, "X");
  EXPECT_EQ(parse_as<RunScript>("RUN SCRIPT '/tmp/a.sql'").file, "/tmp/a.sql");
}

TEST(Statement, assertions) {
  const auto topic =
      parse_as<AssertTopic>("ASSERT NOT EXISTS TOPIC t WITH (PARTITIONS = 2) TIMEOUT 5 SECONDS");
  EXPECT_FALSE(topic.exists);
  EXPECT_EQ(topic.timeout->to_ms().value(), 5000);
  const auto schema = parse_as<AssertSchema>("ASSERT SCHEMA SUBJECT 't-value' ID 4");
  EXPECT_TRUE(schema.exists);
  EXPECT_EQ(*schema.subject, "t-value");
  EXPECT_EQ(schema.id, 4);
}

TEST(Statement, connectors) {
  const auto create = parse_as<CreateConnector>(
      "CREATE SINK CONNECTOR IF NOT EXISTS c WITH (\"connection.url\" = 'x')");
  EXPECT_EQ(create.kind, ConnectorKind::Sink);
  EXPECT_TRUE(create.if_not_exists && !create.or_replace);
  EXPECT_EQ(create.properties.at(0).written_name, "connection.url");
  EXPECT_TRUE(
      parse_as<CreateConnector>("CREATE OR REPLACE SOURCE CONNECTOR c WITH (a = 1)").or_replace);
  EXPECT_TRUE(parse_as<DropConnector>("DROP CONNECTOR IF EXISTS c").if_exists);
}

TEST(Statement, connector_names_keep_their_case) {
  EXPECT_EQ(parse_as<DescribeConnector>("DESCRIBE CONNECTOR Crm").name, "Crm");
  EXPECT_EQ(parse_as<DropConnector>("DROP CONNECTOR `pg-1`").name, "pg-1");
  EXPECT_EQ(parse_as<ControlConnector>("pause connector \"A b\"").name, "A b");
}

TEST(Statement, alter_connector) {
  using Action = AlterConnector::Action;
  const auto set = parse_as<AlterConnector>("ALTER CONNECTOR c SET (\"a.b\" = 'x', c = 4)");
  EXPECT_EQ(set.action, Action::Set);
  EXPECT_EQ(set.properties.at(1).text(), "4");
  const auto reset = parse_as<AlterConnector>("ALTER CONNECTOR IF EXISTS c RESET (\"a.b\", c)");
  EXPECT_EQ(reset.action, Action::Reset);
  EXPECT_TRUE(reset.if_exists);
  EXPECT_EQ(reset.names, (std::vector<std::string>{"a.b", "c"}));
  EXPECT_EQ(parse_as<AlterConnector>("ALTER CONNECTOR c SNAPSHOT").names.size(), 0u);
  EXPECT_EQ(parse_as<AlterConnector>("ALTER CONNECTOR c SNAPSHOT 'a.b', 'c'").names.size(), 2u);
  EXPECT_EQ(parse_as<AlterConnector>("ALTER CONNECTOR c SET OFFSETS '[]'").text, "[]");
  EXPECT_EQ(parse_as<AlterConnector>("ALTER CONNECTOR c RESET OFFSETS").action,
            Action::ResetOffsets);
  EXPECT_EQ(parse_as<AlterConnector>("ALTER CONNECTOR c OWNER TO Ann").text, "ann");
}

TEST(Statement, control_of_connectors) {
  using Action = ControlConnector::Action;
  EXPECT_EQ(parse_as<ControlConnector>("PAUSE CONNECTOR c").action, Action::Pause);
  EXPECT_EQ(parse_as<ControlConnector>("RESUME CONNECTOR c").action, Action::Resume);
  EXPECT_EQ(parse_as<ControlConnector>("STOP CONNECTOR c").action, Action::Stop);
  EXPECT_EQ(parse_as<ControlConnector>("RESTART CONNECTOR c").task, std::nullopt);
  EXPECT_EQ(parse_as<ControlConnector>("RESTART CONNECTOR c TASK 3").task, 3);
  EXPECT_EQ(parse_as<ControlQuery>("PAUSE connector").query_id->text, "CONNECTOR");
  for (const std::string wrong : {"STOP CONNECTOR c TASK 1", "ALTER CONNECTOR c SET OFFSETS",
                                  "ALTER CONNECTOR c RESET OFFSETS '[]'",
                                  "CREATE OR REPLACE SINK CONNECTOR IF NOT EXISTS c WITH (a = 1)"})
    EXPECT_FALSE(parse_script(wrong)) << wrong;
}

// The text is kept for SHOW, for logs and for the console; the values of properties may be passwords.
TEST(Statement, the_text_of_a_connector_has_no_values_of_properties) {
  const auto shown = [](const std::string& text) { return parse_script(text)->front().text; };
  EXPECT_EQ(shown("CREATE SOURCE CONNECTOR c WITH ('connector.class' = 'X', \"a.password\" = "
                  "'se''cret', n=4)"),
            "CREATE SOURCE CONNECTOR c WITH ('connector.class' = 'X', \"a.password\" = '[string]', "
            "n='[string]')");
  EXPECT_EQ(shown("ALTER CONNECTOR c SET (\"a.password\" = 'secret')"),
            "ALTER CONNECTOR c SET (\"a.password\" = '[string]')");
  EXPECT_EQ(shown("EXPLAIN CREATE SINK CONNECTOR c WITH (a = 'secret')"),
            "EXPLAIN CREATE SINK CONNECTOR c WITH (a = '[string]')");
}

TEST(Statement, show_and_list) {
  const auto topics = parse_as<Show>("SHOW ALL TOPICS EXTENDED");
  EXPECT_EQ(topics.kind, ShowKind::Topics);
  EXPECT_TRUE(topics.all && topics.extended);
  EXPECT_EQ(parse_as<Show>("list streams").kind, ShowKind::Streams);
  EXPECT_EQ(parse_as<Show>("SHOW TABLES").kind, ShowKind::Tables);
  EXPECT_TRUE(parse_as<Show>("SHOW QUERIES EXTENDED").extended);
  EXPECT_EQ(parse_as<Show>("SHOW TASKS").kind, ShowKind::Tasks);
  EXPECT_EQ(parse_as<Show>("SHOW SCHEMAS").kind, ShowKind::Schemas);
  EXPECT_EQ(parse_as<Show>("show server").kind, ShowKind::Server);
  EXPECT_EQ(parse_as<Show>("show cluster").kind, ShowKind::Cluster);
  EXPECT_EQ(parse_as<Show>("SHOW CONSUMER GROUPS").kind, ShowKind::ConsumerGroups);
  EXPECT_EQ(parse_as<Show>("SHOW CONSUMER LAG").kind, ShowKind::ConsumerLag);
  EXPECT_FALSE(parse_as<Show>("SHOW CONSUMER LAG").group);
  EXPECT_EQ(parse_as<Show>("LIST CONSUMER LAG FOR g1").group->text, "G1");
  EXPECT_EQ(parse_as<Show>("SHOW CONSUMER LAG FOR 'my-group'").group->text, "my-group");
  EXPECT_EQ(parse_as<Show>("SHOW FUNCTIONS").kind, ShowKind::Functions);
  EXPECT_EQ(parse_as<Show>("SHOW PROPERTIES").kind, ShowKind::Properties);
  EXPECT_EQ(parse_as<Show>("SHOW TYPES").kind, ShowKind::Types);
  EXPECT_EQ(parse_as<Show>("SHOW VARIABLES").kind, ShowKind::Variables);
  EXPECT_EQ(parse_as<Show>("SHOW SOURCE CONNECTORS").connectors, ConnectorKind::Source);
  EXPECT_EQ(parse_as<Show>("SHOW CONNECTOR PLUGINS").kind, ShowKind::ConnectorPlugins);
  EXPECT_EQ(parse_as<Show>("SHOW CONNECTOR TASKS").kind, ShowKind::ConnectorTasks);
}

TEST(Statement, describe_explain_and_control) {
  EXPECT_TRUE(parse_as<DescribeSource>("DESCRIBE s EXTENDED").extended);
  EXPECT_EQ(parse_as<DescribeSources>("DESCRIBE TABLES").kind, SourceKind::Table);
  EXPECT_EQ(parse_as<DescribeFunction>("DESCRIBE FUNCTION ucase").name, "UCASE");
  EXPECT_EQ(*parse_as<Explain>("EXPLAIN ctas_x_1").query_id, "CTAS_X_1");
  const auto explain = parse_as<Explain>("EXPLAIN SELECT * FROM s EMIT CHANGES");
  ASSERT_TRUE(explain.statement);
  EXPECT_EQ(explain.statement->text, "SELECT * FROM s EMIT CHANGES");
  EXPECT_EQ(explain.statement->start.column, 9u);
  EXPECT_FALSE(parse_as<ControlQuery>("TERMINATE ALL").query_id);
  EXPECT_EQ(parse_as<ControlQuery>("PAUSE csas_a_0").action, QueryAction::Pause);
  EXPECT_EQ(*parse_as<ControlQuery>("RESUME csas_a_0").query_id, "CSAS_A_0");
}

TEST(Statement, a_script_is_split_at_its_semicolons) {
  const auto script = parse_script(
                          ";; -- nothing\nSELECT 1 ;\n/* a; /* nested; */ */ INSERT INTO s VALUES "
                          "(';');SHOW TABLES")
                          .value();
  ASSERT_EQ(script.size(), 3u);
  EXPECT_EQ(script[0].text, "SELECT 1");
  EXPECT_EQ(script[0].start, (TextPosition{2, 1, 14}));
  EXPECT_EQ(script[1].text, "INSERT INTO s VALUES (';')");
  EXPECT_EQ(script[1].start, (TextPosition{3, 24, 48}));
  EXPECT_EQ(script[2].text, "SHOW TABLES");
  EXPECT_TRUE(parse_script(" \n/* */;").value().empty());
}

TEST(Statement, columns_count_characters_and_offsets_count_bytes) {
  const auto query = parse_as<Query>("SELECT 'žluť', a");
  EXPECT_EQ(query.items[1].position, (TextPosition{1, 16, 17}));
}

TEST(Statement, parameters_are_counted_by_the_greatest) {
  EXPECT_EQ(parameter_count(parse_script("SELECT a FROM t WHERE b = $3 OR c IN ($1)").value()[0]),
            3);
  EXPECT_EQ(parameter_count(parse_script("INSERT INTO t VALUES ($1, UCASE($2))").value()[0]), 2);
  EXPECT_EQ(parameter_count(parse_script("SHOW TABLES").value()[0]), 0);
  EXPECT_EQ(error_of("SELECT $0").message, "there is no parameter $0");
  EXPECT_EQ(error_of("SELECT $99999").message, "there is no parameter $99999");
}

TEST(Statement, a_source_name_has_few_characters) {
  EXPECT_EQ(parse_as<CreateSource>("CREATE STREAM `a-b_C1` (x INT)").name, "a-b_C1");
  EXPECT_EQ(error_of("CREATE STREAM `a b` (x INT)").ksqldb,
            "Illegal argument at Line: 1, Col: 15. Source names may only contain alphanumeric "
            "values, '_' or '-'.");
}

}  // namespace
}  // namespace engine
