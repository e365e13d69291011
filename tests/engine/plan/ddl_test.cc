#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class DdlTest : public PlanTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(create("CREATE STREAM A (V INT);"));
    ASSERT_TRUE(create("CREATE STREAM B (V INT);"));
  }
};

TEST_F(DdlTest, a_source_that_a_query_reads_cannot_be_dropped) {
  add_query("CSAS_B_0", "B", {"A"});
  EXPECT_EQ(change_error("DROP STREAM A;"),
            "Cannot drop A. \nThe following queries read from this source: [CSAS_B_0].\n"
            "The following queries write into this source: [].\n"
            "You need to terminate them before dropping A.");
}

TEST_F(DdlTest, a_few_of_many_queries_are_named) {
  for (int i = 0; i < 2'000; ++i) add_query("CSAS_B_" + std::to_string(i), "B", {"A"});
  const std::string refused = change_error("DROP STREAM A;");
  EXPECT_LT(refused.size(), 500) << refused;
  EXPECT_NE(refused.find(" and 1980 more]"), std::string::npos) << refused;
}

TEST_F(DdlTest, dropping_a_sink_ends_the_query_that_made_it) {
  add_query("CSAS_B_0", "B", {"A"});
  const auto dropped = change("DROP STREAM B DELETE TOPIC;");
  ASSERT_TRUE(dropped) << dropped.error().message;
  EXPECT_EQ(dropped->ended_queries, std::vector<std::string>{"CSAS_B_0"});
  EXPECT_EQ(dropped->dropped_topic, "b");
  EXPECT_EQ(catalog_->find_source("B"), nullptr);
  EXPECT_TRUE(change("DROP STREAM A;"));
}

TEST_F(DdlTest, a_missing_source_cannot_be_dropped) {
  EXPECT_EQ(change_error("DROP STREAM X;"), "stream \"x\" does not exist");
  EXPECT_EQ(change_error("DROP TABLE A;"),
            "Incompatible data source type is STREAM, but statement was DROP TABLE");
  const auto skipped = change("DROP STREAM IF EXISTS X;");
  ASSERT_TRUE(skipped);
  EXPECT_EQ(skipped->notices, std::vector<std::string>{"stream X does not exist, skipping"});
}

TEST_F(DdlTest, the_topic_of_a_read_only_source_stays) {
  ASSERT_TRUE(create("CREATE SOURCE TABLE T (K INT PRIMARY KEY);"));
  EXPECT_EQ(change_error("DROP TABLE T DELETE TOPIC;"),
            "Cannot delete topic for read-only source: T");
  EXPECT_EQ(change_error("ALTER TABLE T ADD COLUMN X INT;"),
            "Cannot alter table 'T': ALTER operations are not supported on source tables.");
}

TEST_F(DdlTest, the_topic_of_a_table_that_owns_it_goes_with_it) {
  ASSERT_TRUE(create("CREATE TABLE T (K INT PRIMARY KEY, V INT);"));
  const auto dropped = change("DROP TABLE T;");
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->dropped_topic, "t");
  EXPECT_TRUE(dropped->notices.empty());  // as in PostgreSQL
}

TEST_F(DdlTest, the_topic_of_a_table_stays_where_others_have_it_too) {
  ASSERT_TRUE(create("CREATE TABLE T (K INT PRIMARY KEY, V INT);"));
  add_topic("t", 4);
  ASSERT_TRUE(create("CREATE STREAM S (K INT KEY, V INT) WITH (KAFKA_TOPIC='t');"));
  const DropSource drop{SourceKind::Table, false, false, {"T", Quoting::None}, {}};
  const auto with_stream = plan_drop_source(drop, catalog_, {"S", "T"});
  ASSERT_TRUE(with_stream);
  EXPECT_EQ(with_stream->dropped_topic, "t");
  const auto alone = plan_drop_source(drop, catalog_);
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->dropped_topic, std::nullopt);
  EXPECT_EQ(alone->notices,
            std::vector<std::string>{"topic \"t\" is kept, because stream S uses it, too"});
}

TEST_F(DdlTest, alter_appends_value_columns) {
  ASSERT_TRUE(change("ALTER STREAM A ADD COLUMN W STRING, ADD X BIGINT;"));
  EXPECT_EQ(source("A").schema.to_string(), "`V` INTEGER, `W` STRING, `X` BIGINT");
  EXPECT_EQ(change_error("ALTER STREAM A ADD COLUMN V INT;"),
            "Cannot add column `V` to schema. A column with the same name already exists.");
  EXPECT_EQ(change_error("ALTER TABLE A ADD COLUMN Y INT;"),
            "Incompatible data source type is STREAM, but statement was ALTER TABLE");
  add_query("CSAS_B_0", "B", {"A"});
  EXPECT_EQ(change_error("ALTER STREAM B ADD COLUMN Y INT;"),
            "ALTER command is not supported for CREATE ... AS statements.");
}

TEST_F(DdlTest, types_are_known_by_name) {
  ASSERT_TRUE(change("CREATE TYPE address AS STRUCT<street STRING, zip INT>;"));
  EXPECT_EQ(change_error("CREATE TYPE address AS INT;"),
            "Cannot register custom type 'ADDRESS' since it is already registered with type: "
            "STRUCT<`STREET` STRING, `ZIP` INTEGER>");
  EXPECT_TRUE(change("CREATE TYPE IF NOT EXISTS address AS INT;"));
  ASSERT_TRUE(create("CREATE STREAM S (A ARRAY<address>);"));
  EXPECT_EQ(source("S").schema.to_string(), "`A` ARRAY<STRUCT<`STREET` STRING, `ZIP` INTEGER>>");
  EXPECT_TRUE(change("DROP TYPE address;"));
  EXPECT_EQ(change_error("DROP TYPE address;"), "Type ADDRESS does not exist.");
}

TEST_F(DdlTest, queries_are_paused_resumed_and_ended) {
  add_query("CSAS_B_0", "B", {"A"});
  ASSERT_TRUE(change("PAUSE CSAS_B_0;"));
  EXPECT_EQ(catalog_->find_query("CSAS_B_0")->state, DesiredState::Paused);
  ASSERT_TRUE(change("RESUME ALL;"));
  EXPECT_EQ(catalog_->find_query("CSAS_B_0")->state, DesiredState::Running);
  const auto ended = change("TERMINATE CSAS_B_0;");
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->ended_queries, std::vector<std::string>{"CSAS_B_0"});
  EXPECT_NE(catalog_->find_source("B"), nullptr);
  EXPECT_EQ(change_error("TERMINATE CSAS_B_0;"), "Unknown queryId: CSAS_B_0");
}

}  // namespace
}  // namespace engine
