#include "server/metadata/definition.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/sql/parse.h"

namespace server {
namespace {

// What can be told of a image, as text.
std::string text_of(const MetadataImage& image) {
  std::string text = fmt::format("revision {}\n", image.revision.value());
  for (const auto& [name, topic] : image.topics->by_name())
    text += fmt::format("topic {} {} {}\n", name, topic.id.to_string(), topic.partition_count);
  for (const auto& [name, source] : image.catalog->sources)
    text += fmt::format("source {} ({}) in {} by {}: {}\n", name, source->schema.to_string(),
                        source->topic, source->created_by, source->sql);
  for (const auto& [id, query] : image.queries) {
    text += fmt::format("query {} {} -> {}", id, fmt::join(query->query->sources, ","),
                        query->query->sink);
    if (query->query->state == engine::DesiredState::Paused) text += " paused";
    for (const Uuid& exchange : query->exchange_ids) text += " through " + exchange.to_string();
    for (const StartPosition& start : query->starts)
      text += fmt::format(" from {}", start.offset.value());
    for (const auto& [name, topic] : query->topic_ids) text += " on " + topic.to_string();
    text += fmt::format(" in {} stages\n", query->plan->stages.size());
  }
  text += fmt::format("next query {}\n", image.catalog->next_query_number);
  return text;
}

class DefinitionTest : public testing::Test {
 protected:
  DefinitionTest() {
    auto empty = std::make_shared<MetadataImage>();
    empty->topics = topics_.snapshot();
    image_ = empty;
  }

  // Plans, logs and applies; what it changed, or the error.
  Result<ImageChange> define(const std::string& sql) {
    const std::vector<engine::ParsedStatement> parsed = TRY(engine::parse_script(sql));
    EXPECT_TRUE(is_definition(parsed.front().statement)) << sql;
    const DefinitionSources sources{
        [this] {
          Uuid id;
          id.bytes[15] = ++ids_;
          return id;
        },
        [](const Uuid&, PartitionId partition) { return Offset(100 + partition.value()); }};
    const PlannedDefinition planned =
        TRY(plan_definition(parsed.front(), *image_, settings_, properties_, sources));
    ImageChange change;
    change.next = image_;
    if (planned.is_nothing) return change;
    log_.push_back(TRY(storage::decode_metadata_command(storage::encode(planned.command))));
    change = TRY(apply_command(*image_, topics_, Revision(static_cast<int64_t>(log_.size())),
                               log_.back(), settings_));
    image_ = change.next;
    return change;
  }
  ImageChange must(const std::string& sql) {
    auto change = define(sql);
    EXPECT_TRUE(change) << sql << ": " << change.error().message;
    return change ? *std::move(change) : ImageChange{};
  }

  // What a restart makes of the log.
  std::string replayed() const {
    storage::TopicTable topics;
    auto image = std::make_shared<const MetadataImage>();
    for (size_t i = 0; i < log_.size(); ++i) {
      auto change =
          apply_command(*image, topics, Revision(static_cast<int64_t>(i + 1)), log_[i], settings_);
      EXPECT_TRUE(change) << change.error().message;
      if (!change) return "";
      image = change->next;
    }
    return text_of(*image);
  }

  storage::TopicTable topics_;
  MetadataImagePtr image_;
  std::vector<storage::MetadataCommand> log_;
  engine::EngineSettings settings_;
  engine::Properties properties_;
  uint8_t ids_ = 0;
};

TEST_F(DefinitionTest, a_replayed_log_gives_the_same_world) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR, amount INT);");
  must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  properties_["auto.offset.reset"] = "latest";
  must("CREATE STREAM large AS SELECT * FROM orders WHERE amount > 10;");
  properties_.clear();
  must("CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR);");
  must("CREATE TYPE address AS STRUCT<street VARCHAR, zip INT>;");
  must("CREATE STREAM moves (who INT, there address);");
  must("ALTER STREAM orders ADD COLUMN note VARCHAR;");
  must("PAUSE CSAS_LARGE_1;");
  EXPECT_EQ(replayed(), text_of(*image_));
  must("DROP STREAM moves DELETE TOPIC;");
  must("TERMINATE CTAS_BY_CITY_0;");
  must("DROP TABLE by_city;");
  must("INSERT INTO orders SELECT * FROM orders;");
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(DefinitionTest, a_query_is_started_with_all_that_it_needs) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 2);");
  const auto change =
      must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  ASSERT_EQ(change.started.size(), 1u);
  const DefinedQuery& started = *change.started.front();
  EXPECT_EQ(started.query->id, "CTAS_BY_CITY_0");
  EXPECT_EQ(started.exchange_ids.size(), 1u);
  EXPECT_TRUE(started.starts.empty());
  EXPECT_EQ(started.topic_ids.size(), 2u);
  EXPECT_EQ(image_->keeper_of(*image_->catalog->find_source("BY_CITY")), &started);
}

TEST_F(DefinitionTest, a_query_from_the_latest_records_knows_where_these_were) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 2);");
  properties_["auto.offset.reset"] = "latest";
  const auto change = must("CREATE STREAM copied AS SELECT * FROM orders;");
  ASSERT_EQ(change.started.front()->starts.size(), 2u);
  EXPECT_EQ(change.started.front()->starts[1].offset, Offset(101));
}

TEST_F(DefinitionTest, a_declared_table_has_a_keeper_that_goes_with_it) {
  const auto made = must("CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR);");
  ASSERT_EQ(made.started.size(), 1u);
  EXPECT_EQ(made.started.front()->query->kind, engine::QueryKind::SourceTable);
  EXPECT_TRUE(image_->catalog->queries.empty());
  const auto dropped = must("DROP TABLE users;");
  ASSERT_EQ(dropped.ended.size(), 1u);
  EXPECT_TRUE(image_->queries.empty());
  EXPECT_TRUE(dropped.dropped_topics.empty());
}

TEST_F(DefinitionTest, a_table_can_be_asked_when_its_query_was_terminated) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;");
  const auto ended = must("TERMINATE CTAS_COUNTS_0;");
  EXPECT_EQ(ended.ended.size(), 1u);
  const DefinedQuery* keeper = image_->keeper_of(*image_->catalog->find_source("COUNTS"));
  ASSERT_NE(keeper, nullptr);
  EXPECT_EQ(keeper->query->kind, engine::QueryKind::SourceTable);
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(DefinitionTest, pause_and_resume_keep_the_plan) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM copied AS SELECT * FROM orders;");
  const auto plan = image_->queries.at("CSAS_COPIED_0")->plan;
  EXPECT_EQ(must("PAUSE CSAS_COPIED_0;").paused, std::vector<std::string>{"CSAS_COPIED_0"});
  EXPECT_TRUE(must("PAUSE CSAS_COPIED_0;").paused.empty());
  EXPECT_EQ(must("RESUME ALL;").resumed, std::vector<std::string>{"CSAS_COPIED_0"});
  EXPECT_EQ(image_->queries.at("CSAS_COPIED_0")->plan, plan);
}

TEST_F(DefinitionTest, a_dropped_topic_is_told) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  const Uuid id = image_->topics->find("orders")->id;
  EXPECT_EQ(must("DROP STREAM orders DELETE TOPIC;").dropped_topics, std::vector<Uuid>{id});
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  EXPECT_NE(image_->topics->find("orders")->id, id);
}

TEST_F(DefinitionTest, what_changes_nothing_is_not_logged) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM IF NOT EXISTS orders (id INT KEY);");
  must("DROP STREAM IF EXISTS nothing;");
  EXPECT_EQ(log_.size(), 1u);
  EXPECT_FALSE(define("CREATE STREAM orders (id INT KEY, city VARCHAR);"));
  EXPECT_EQ(log_.size(), 1u);
}

TEST_F(DefinitionTest, a_command_that_does_not_fit_is_refused) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  storage::MetadataCommand damaged = log_.front();
  for (storage::MetadataPart& part : damaged.parts)
    if (part.type == kSqlPart) part.bytes.resize(part.bytes.size() / 2);
  storage::TopicTable topics;
  const MetadataImage empty;
  EXPECT_FALSE(apply_command(empty, topics, Revision(1), damaged, settings_));
}

}  // namespace
}  // namespace server
