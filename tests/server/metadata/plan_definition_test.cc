#include "server/metadata/plan_definition.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/plan/plan_json.h"
#include "engine/sql/parse.h"
#include "server/metadata/apply_command.h"
#include "server/metadata/open_definitions.h"
#include "server/metadata/query_topics.h"
#include "server/metadata/rebuild_step.h"

namespace server {
namespace {

// Returns the contents of an image as text.
std::string text_of(const MetadataImage& image) {
  std::string text = fmt::format("revision {}\n", image.revision.value());
  for (const auto& [name, topic] : image.topics->by_name())
    text += fmt::format("topic {} {} {}\n", name, topic.id.to_string(), topic.partition_count);
  for (const auto& [name, source] : image.catalog->sources())
    text += fmt::format("source {} ({}) in {} by {}: {}\n", name, source->schema.to_string(),
                        source->topic, source->created_by, source->sql);
  for (const auto& [id, query] : image.queries()) {
    text += fmt::format("query {} {} -> {}", id, fmt::join(query->query->sources, ","),
                        query->query->sink);
    if (query->query->state == engine::DesiredState::Paused) text += " paused";
    if (!query->query->rebuilds.empty()) text += " beside " + query->query->rebuilds;
    if (query->rebuilt_sink) text += " as " + query->rebuilt_sink->schema.to_string();
    if (query->stands) text += fmt::format(" standing {}", query->publisher.value());
    for (const Uuid& exchange : query->exchange_ids) text += " through " + exchange.to_string();
    for (const StartPosition& start : query->starts)
      text += fmt::format(" from {}", start.offset.value());
    for (const auto& [name, topic] : query->topic_ids) text += " on " + topic.to_string();
    text += fmt::format(" as {}\n", engine::plan_to_json(*query->plan));
  }
  text += fmt::format("next query {}\n", image.catalog->next_query_number);
  for (const std::string& subject : image.schemas->subjects(true))
    for (const engine::SubjectVersion& each : image.schemas->find_subject(subject)->versions)
      text += fmt::format("schema {} {} {} {}\n", subject, each.id, each.is_deleted,
                          image.schemas->schema(each.id)->text);
  return text;
}

class FactsOfCluster final : public LocalFacts {
 public:
  bool supports(Feature) const override { return false; }
  bool has_replicated_journals() const override { return true; }
};

class FactsOfCapableCluster final : public LocalFacts {
 public:
  explicit FactsOfCapableCluster(storage::FeatureLevel level) : level_(level) {}
  bool has_replicated_journals() const override { return true; }
  storage::FeatureLevel level() const override { return level_; }

 private:
  const storage::FeatureLevel level_;
};

class DefinitionTest : public testing::Test {
 protected:
  DefinitionTest() { image_ = std::make_shared<const MetadataImage>(); }

  // Plans, logs and applies the statement. Returns the change or the error.
  Result<ImageChange> define(const std::string& sql) {
    const std::vector<engine::ParsedStatement> parsed = TRY(engine::parse_script(sql));
    EXPECT_TRUE(is_definition(parsed.front().statement)) << sql;
    const DefinitionSources sources{
        [this] {
          Uuid id;
          id.bytes[15] = ++ids_;
          return id;
        },
        [](const Uuid&, PartitionId partition) { return Offset(100 + partition.value()); },
        nullptr,
        nullptr,
        transaction_,
        *facts_};
    const PlannedDefinition planned =
        TRY(plan_definition(parsed.front(), *image_, settings_, properties_, sources));
    ImageChange change;
    change.next = image_;
    if (planned.is_nothing) return change;
    log_.push_back(TRY(storage::decode_metadata_command(storage::encode(planned.command))));
    change = TRY(
        apply_command(*image_, topics_,
                      read_definitions(Revision(static_cast<int64_t>(log_.size())), log_.back())));
    image_ = change.next;
    return change;
  }
  Result<ImageChange> step(RebuildStep::Kind kind, const std::string& query,
                           ProducerId publisher = ProducerId(42)) {
    log_.push_back(TRY(plan_rebuild_step({kind, query, publisher}, *image_)));
    ImageChange change = TRY(
        apply_command(*image_, topics_,
                      read_definitions(Revision(static_cast<int64_t>(log_.size())), log_.back())));
    image_ = change.next;
    return change;
  }
  ImageChange end(const Uuid& transaction, TransactionEnd how) {
    const auto planned = plan_transaction_end(*image_, transaction, how);
    EXPECT_TRUE(planned);
    log_.push_back(*storage::decode_metadata_command(storage::encode(planned->command)));
    auto change =
        apply_command(*image_, topics_,
                      read_definitions(Revision(static_cast<int64_t>(log_.size())), log_.back()));
    EXPECT_TRUE(change);
    image_ = change->next;
    return *std::move(change);
  }
  // Returns the contents of the image without its revision.
  std::string text() const {
    const std::string whole = text_of(*image_);
    return whole.substr(whole.find('\n'));
  }
  std::string refusal(const std::string& sql) {
    const auto change = define(sql);
    return change ? "none" : change.error().message;
  }
  ImageChange must(const std::string& sql) {
    auto change = define(sql);
    EXPECT_TRUE(change) << sql << ": " << change.error().message;
    return change ? *std::move(change) : ImageChange{};
  }

  // Returns the image that a restart makes from the log, as text.
  std::string replayed() const {
    storage::TopicTable topics;
    auto image = std::make_shared<const MetadataImage>();
    for (size_t i = 0; i < log_.size(); ++i) {
      auto change = apply_command(*image, topics,
                                  read_definitions(Revision(static_cast<int64_t>(i + 1)), log_[i]));
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
  const Uuid* transaction_ = nullptr;  // the transaction of the next definition
  const ClusterFacts* facts_ = &local_facts();
  const FactsOfCluster cluster_;
};

TEST_F(DefinitionTest, a_replayed_log_gives_the_same_image) {
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
  must("CREATE STREAM copies (id INT KEY, city VARCHAR, amount INT, note VARCHAR);");
  must("INSERT INTO copies SELECT * FROM orders;");
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(DefinitionTest, schemas_are_registered_with_their_statement) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (FORMAT = 'AVRO');");
  must(
      "CREATE TABLE by_city WITH (VALUE_FORMAT = 'PROTOBUF') AS "
      "SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  must("ALTER STREAM orders ADD COLUMN note VARCHAR;");
  EXPECT_EQ(*image_->schemas->versions("orders-value"), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(image_->catalog->find_source("ORDERS")->value_format.schema_id,
            image_->schemas->latest("orders-value")->id);
  EXPECT_EQ(replayed(), text_of(*image_));
  must("DROP TABLE by_city DELETE TOPIC;");
  EXPECT_EQ(image_->schemas->subjects(), (std::vector<std::string>{"orders-key", "orders-value"}));
  EXPECT_EQ(replayed(), text_of(*image_));
  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*image_, topics_), topics);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(text_of(*loaded->next), text_of(*image_));
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
  EXPECT_EQ(image_->materializer_of(*image_->catalog->find_source("BY_CITY")), &started);
}

TEST_F(DefinitionTest, a_query_from_the_latest_records_knows_where_these_were) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 2);");
  properties_["auto.offset.reset"] = "latest";
  const auto change = must("CREATE STREAM copied AS SELECT * FROM orders;");
  ASSERT_EQ(change.started.front()->starts.size(), 2u);
  EXPECT_EQ(change.started.front()->starts[1].offset, Offset(101));
}

TEST_F(DefinitionTest, a_replaced_query_keeps_its_id_and_its_state) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR, amount INT) WITH (PARTITIONS = 2);");
  properties_["auto.offset.reset"] = "latest";
  must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  properties_.clear();
  must("PAUSE CTAS_BY_CITY_0;");
  const DefinedQueryPtr old = image_->find_query("CTAS_BY_CITY_0");
  const auto change = must(
      "CREATE OR REPLACE TABLE by_city AS SELECT city, COUNT(*) AS n, COUNT(*) * 2 AS twice FROM "
      "orders WHERE amount > 1 GROUP BY city;");
  ASSERT_EQ(change.started.size(), 1u);
  EXPECT_TRUE(change.ended.empty());
  const DefinedQuery& now = *change.started.front();
  EXPECT_EQ(now.query->id, "CTAS_BY_CITY_0");
  EXPECT_EQ(now.query->state, engine::DesiredState::Paused);
  EXPECT_EQ(now.exchange_ids, old->exchange_ids);
  EXPECT_EQ(now.starts, old->starts);
  EXPECT_EQ(now.topic_ids, old->topic_ids);
  EXPECT_NE(engine::plan_to_json(*now.plan), engine::plan_to_json(*old->plan));
  EXPECT_EQ(image_->catalog->find_source("BY_CITY")->schema.columns.size(), 3u);
  EXPECT_EQ(image_->catalog->queries().size(), 1u);
  EXPECT_EQ(replayed(), text_of(*image_));
}

// The revision of the plan distinguishes its commits from the commits of the old plan (docs/adr/0101).
TEST_F(DefinitionTest, a_query_of_a_cluster_that_is_replaced_stays_where_it_is) {
  facts_ = &cluster_;
  must("CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (PARTITIONS = 2);");
  must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  const DefinedQueryPtr old = image_->find_query("CTAS_BY_CITY_0");
  EXPECT_EQ(old->made_at, image_->revision);
  EXPECT_EQ(old->planned_at, old->made_at);
  must("PAUSE CTAS_BY_CITY_0;");
  const MetadataImagePtr before = image_;
  must(
      "CREATE OR REPLACE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders WHERE id > 1 "
      "GROUP "
      "BY city;");
  const DefinedQueryPtr now = image_->find_query("CTAS_BY_CITY_0");
  EXPECT_EQ(now->journal, old->journal);
  EXPECT_EQ(now->made_at, old->made_at);
  EXPECT_EQ(now->planned_at, image_->revision);
  EXPECT_EQ(replayed(), text_of(*image_));

  // A node that was away too long gets the new plan from a snapshot, together with the query's
  // state.
  storage::TopicTable topics;
  const auto jumped = jump_to_snapshot(*before, snapshot_of(*image_, topics_), topics);
  ASSERT_TRUE(jumped) << jumped.error().message;
  EXPECT_TRUE(jumped->ended.empty());
  ASSERT_EQ(jumped->started.size(), 1u);
  EXPECT_EQ(jumped->started.front()->made_at, now->made_at);
  EXPECT_EQ(jumped->started.front()->planned_at, now->planned_at);
  // A new query with the same name is another query.
  must("DROP TABLE by_city;");
  EXPECT_EQ(jump_to_snapshot(*before, snapshot_of(*image_, topics_), topics)->ended.size(), 1u);
}

TEST_F(DefinitionTest, unsupported_replacements_in_a_cluster_are_refused) {
  facts_ = &cluster_;
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  const auto told = [&](const std::string& sql) {
    const auto refused = define(sql);
    return refused ? "not refused" : refused.error().message + "|" + refused.error().hint;
  };
  EXPECT_EQ(
      told("CREATE OR REPLACE TABLE by_city WITH (REBUILD = true) AS SELECT city, COUNT(id) AS n "
           "FROM orders GROUP BY city;"),
      "rebuilding a table beside the old one is not supported in a cluster yet|DROP it, "
      "and create it again.");
  EXPECT_TRUE(
      told("CREATE OR REPLACE TABLE by_city AS SELECT city, COUNT(id) AS n FROM orders GROUP "
           "BY city;")
          .ends_with("|DROP it, and create it again."));
  must("CREATE STREAM declared (id INT KEY, city VARCHAR);");
  EXPECT_EQ(told("CREATE OR REPLACE STREAM declared AS SELECT * FROM orders;"),
            "replacing a definition that no query writes with a query is not supported in a "
            "cluster yet|DROP it, and create it again.");
}
TEST_F(DefinitionTest, a_query_takes_the_place_of_one_that_was_terminated_or_of_a_declared_table) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM copied AS SELECT * FROM orders;");
  must("TERMINATE CSAS_COPIED_0;");
  const auto again = must("CREATE OR REPLACE STREAM copied AS SELECT * FROM orders;");
  ASSERT_EQ(again.started.size(), 1u);
  EXPECT_EQ(again.started.front()->query->id, "CSAS_COPIED_1");
  must("CREATE TABLE newest (id INT PRIMARY KEY, city VARCHAR);");
  const auto made = must(
      "CREATE OR REPLACE TABLE newest AS SELECT id, LATEST_BY_OFFSET(city) AS city FROM orders "
      "GROUP BY id;");
  ASSERT_EQ(made.ended.size(), 1u);
  EXPECT_EQ(made.ended.front()->query->kind, engine::QueryKind::SourceTable);
  EXPECT_EQ(image_->materializer_of(*image_->catalog->find_source("NEWEST"))->query->kind,
            engine::QueryKind::CreateAs);
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(DefinitionTest, properties_of_the_system_are_kept) {
  must("ALTER SYSTEM 'ksql.streams.auto.offset.reset' = 'latest';");
  must("CREATE STREAM orders (id INT KEY);");
  must("ALTER SYSTEM 'max.windows.per.record' = '5';");
  const engine::Properties expected{{"auto.offset.reset", "latest"},
                                    {"max.windows.per.record", "5"}};
  EXPECT_EQ(image_->catalog->system_properties, expected);
  const auto whole = decode_definition(encode_definition(whole_definition(*image_)));
  ASSERT_TRUE(whole);
  MetadataImage again;
  ImageChange ignored;
  apply_changes(whole->changes, again, ignored);
  EXPECT_EQ(again.catalog->system_properties, expected);
  EXPECT_EQ(define("ALTER SYSTEM 'auto.ofset.reset' = 'latest';").error().code,
            ErrorCode::UndefinedObject);
}

TEST_F(DefinitionTest, a_declared_table_has_a_keeper_that_goes_with_it) {
  const auto made = must("CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR);");
  ASSERT_EQ(made.started.size(), 1u);
  EXPECT_EQ(made.started.front()->query->kind, engine::QueryKind::SourceTable);
  EXPECT_TRUE(image_->catalog->queries().empty());
  const auto dropped = must("DROP TABLE users;");
  ASSERT_EQ(dropped.ended.size(), 1u);
  EXPECT_TRUE(image_->queries().empty());
  // the topic belongs to the table, because no user has named it
  EXPECT_EQ(dropped.topics.size(), 1U);
}

TEST_F(DefinitionTest, a_table_can_be_asked_when_its_query_was_terminated) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;");
  const auto ended = must("TERMINATE CTAS_COUNTS_0;");
  EXPECT_EQ(ended.ended.size(), 1u);
  const DefinedQuery* materializer =
      image_->materializer_of(*image_->catalog->find_source("COUNTS"));
  ASSERT_NE(materializer, nullptr);
  EXPECT_EQ(materializer->query->kind, engine::QueryKind::SourceTable);
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(DefinitionTest, pause_and_resume_keep_the_plan) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM copied AS SELECT * FROM orders;");
  const auto plan = image_->queries().at("CSAS_COPIED_0")->plan;
  EXPECT_EQ(must("PAUSE CSAS_COPIED_0;").paused, std::vector<std::string>{"CSAS_COPIED_0"});
  EXPECT_TRUE(must("PAUSE CSAS_COPIED_0;").paused.empty());
  EXPECT_EQ(must("RESUME ALL;").resumed, std::vector<std::string>{"CSAS_COPIED_0"});
  EXPECT_EQ(image_->queries().at("CSAS_COPIED_0")->plan, plan);
}

TEST_F(DefinitionTest, a_dropped_topic_is_reported) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  const Uuid id = image_->topics->find("orders")->id;
  const auto dropped = must("DROP STREAM orders DELETE TOPIC;");
  ASSERT_EQ(dropped.topics.size(), 1u);
  EXPECT_EQ(dropped.topics.front().before->id, id);
  EXPECT_FALSE(dropped.topics.front().now);
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  EXPECT_NE(image_->topics->find("orders")->id, id);
}

TEST_F(DefinitionTest, a_statement_without_effect_is_not_logged) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM IF NOT EXISTS orders (id INT KEY);");
  must("DROP STREAM IF EXISTS nothing;");
  EXPECT_EQ(log_.size(), 1u);
  EXPECT_FALSE(define("CREATE STREAM orders (id INT KEY, city VARCHAR);"));
  EXPECT_EQ(log_.size(), 1u);
}

// Running queries are not planned again at a start, so they do not depend on settings that have changed.
TEST_F(DefinitionTest, other_settings_change_nothing_that_is_defined) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  must("CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR);");
  const std::string before = text_of(*image_);
  settings_.ksqldb_compat = true;
  settings_.default_value_format.clear();
  settings_.num_partitions = 9;
  EXPECT_EQ(replayed(), before);
}

TEST_F(DefinitionTest, a_snapshot_gives_the_same_image) {
  must("CREATE TYPE address AS STRUCT<street VARCHAR, zip INT>;");
  must("CREATE STREAM orders (id INT KEY, city VARCHAR, there address);");
  must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  must("CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR);");
  must("PAUSE CTAS_BY_CITY_0;");
  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*image_, topics_), topics);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(text_of(*loaded->next), text_of(*image_));
  EXPECT_EQ(topics.snapshot()->by_name(), topics_.snapshot()->by_name());
  EXPECT_EQ(loaded->next->catalog->types, image_->catalog->types);
}

// Returns the bytes of the last definition with one text replaced by another.
std::string with_text(const storage::MetadataCommand& command, std::string_view from,
                      std::string_view to) {
  std::string bytes = command.parts.back().bytes;
  const size_t at = bytes.find(from);
  EXPECT_NE(at, std::string::npos);
  bytes.replace(at, from.size(), to);
  return bytes;
}

TEST_F(DefinitionTest, an_unreadable_query_has_a_reason_and_can_be_dropped) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  // The definition is changed as if a newer version had an aggregate function that this one does
  // not know.
  DefinitionCommand command = *decode_definition(log_.back().parts.back().bytes);
  for (DefinitionChange& change : command.changes) {
    auto* put = std::get_if<PutQuery>(&change);
    if (!put) continue;
    std::string row = log_.back().parts.back().bytes;
    row = row.substr(row.find("\"row\":{\"query\"") + 6);
    row.resize(row.rfind("}]}"));
    const size_t name = row.find("\"function\":\"COUNT\"");
    ASSERT_NE(name, std::string::npos);
    row.replace(name, 18, "\"function\":\"NEWER\"");
    auto changed = std::make_shared<DefinedQuery>(*put->query);
    changed->unread_row = row;
    put->query = std::move(changed);
  }
  log_.back().parts.back().bytes = encode_definition(command);
  storage::TopicTable topics;
  MetadataImagePtr image = std::make_shared<const MetadataImage>();
  for (size_t i = 0; i < log_.size(); ++i) {
    auto change = apply_command(*image, topics,
                                read_definitions(Revision(static_cast<int64_t>(i + 1)), log_[i]));
    ASSERT_TRUE(change) << change.error().message;
    image = change->next;
  }
  const DefinedQueryPtr query = image->find_query("CTAS_BY_CITY_0");
  ASSERT_NE(query, nullptr);
  EXPECT_NE(query->unreadable.find("NEWER"), std::string::npos) << query->unreadable;
  EXPECT_EQ(image->materializer_of(*image->catalog->find_source("BY_CITY")), query.get());
  // A snapshot keeps the definition unchanged.
  storage::TopicTable again;
  const auto loaded = apply_snapshot(snapshot_of(*image, topics), again);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->next->find_query("CTAS_BY_CITY_0")->unread_row, query->unread_row);
  image_ = loaded->next;
  topics_ = again;
  const auto dropped = must("DROP TABLE by_city;");
  ASSERT_EQ(dropped.ended.size(), 1u);
  EXPECT_EQ(dropped.ended.front()->exchange_ids.size(), 1u);
  EXPECT_TRUE(image_->queries().empty());
}

TEST_F(DefinitionTest, the_names_of_a_damaged_definition_stay) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM copied AS SELECT * FROM orders;");
  log_.back().parts.back().bytes =
      with_text(log_.back(), "\"topic\":\"orders\"", "\"topic\":\"0rders\"");
  const auto change =
      apply_command(*image_, topics_, read_definitions(Revision(3), {{log_.back().parts.back()}}));
  ASSERT_TRUE(change);
  EXPECT_NE(change->next->find_query("CSAS_COPIED_0")->unreadable, "");
}

// If even the names in a definition are unreadable, the image cannot contain the stream or table of the definition.
// Only left_out shows that the definition is missing.
TEST_F(DefinitionTest, a_definition_with_unreadable_names_stays_reported) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  storage::MetadataPart damaged = log_.back().parts.back();
  damaged.bytes.resize(damaged.bytes.size() / 2);
  const auto change = apply_command(*image_, topics_, read_definitions(Revision(2), {{damaged}}));
  ASSERT_TRUE(change);
  ASSERT_EQ(change->next->left_out.size(), 1u);
  EXPECT_TRUE(change->next->left_out.front().starts_with("revision 2: "));
  EXPECT_TRUE(image_->left_out.empty());
  const auto next = apply_command(*change->next, topics_,
                                  read_definitions(Revision(3), {{log_.back().parts.back()}}));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->next->left_out, change->next->left_out);
}

TEST_F(DefinitionTest, a_failed_command_changes_nothing) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  storage::TopicTable topics;
  const MetadataImage empty;
  storage::MetadataCommand newer = log_.front();
  newer.parts.back().bytes.front() = 99;
  EXPECT_FALSE(apply_command(empty, topics, read_definitions(Revision(1), newer)));
  EXPECT_TRUE(topics.snapshot()->by_name().empty());
}

class RebuildTest : public DefinitionTest {
 protected:
  RebuildTest() {
    must("CREATE STREAM orders (id INT KEY, city VARCHAR, amount INT) WITH (PARTITIONS = 2);");
    must("CREATE TABLE t AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  }
  using Kind = RebuildStep::Kind;
  static constexpr const char* kRebuild =
      "CREATE OR REPLACE TABLE t WITH (REBUILD = true) AS "
      "SELECT city, SUM(amount) + COUNT(*) AS n, MAX(amount) AS most FROM orders GROUP BY city;";
  std::string materializer() const {
    return image_->materializer_of(*image_->catalog->find_source("T"))->query->id;
  }
};

TEST_F(RebuildTest, the_new_query_has_no_table_until_it_replaces_the_old_one) {
  const auto built = must(kRebuild);
  ASSERT_EQ(built.started.size(), 1u);
  EXPECT_TRUE(built.ended.empty());
  EXPECT_EQ(materializer(), "CTAS_T_0");
  EXPECT_EQ(image_->catalog->find_source("T")->schema.columns.size(), 2u);
  ASSERT_TRUE(image_->topics->find("_rebuild_1"));
  EXPECT_EQ(image_->topics->find("_rebuild_1")->partition_count, 2);
  EXPECT_EQ(built.started.front()->plan->stages.back().output.topic, "_rebuild_1");
  EXPECT_EQ(image_->writers_of("T").size(), 1u);
  EXPECT_EQ(replayed(), text_of(*image_));

  EXPECT_FALSE(step(Kind::Finish, "CTAS_T_1"));
  const auto standing = step(Kind::Stand, "CTAS_T_1");
  ASSERT_TRUE(standing);
  ASSERT_EQ(standing->started.size(), 2u);
  EXPECT_TRUE(standing->started[0]->stands && standing->started[1]->stands);
  EXPECT_EQ(image_->find_query("CTAS_T_1")->publisher, ProducerId(42));
  EXPECT_EQ(materializer(), "CTAS_T_0");
  EXPECT_EQ(replayed(), text_of(*image_));

  const auto finished = step(Kind::Finish, "CTAS_T_1");
  ASSERT_TRUE(finished);
  ASSERT_EQ(finished->ended.size(), 1u);
  EXPECT_EQ(finished->ended.front()->query->id, "CTAS_T_0");
  ASSERT_EQ(finished->started.size(), 1u);
  const DefinedQuery& now = *finished->started.front();
  EXPECT_EQ(now.plan->stages.back().output.topic, "t");
  EXPECT_FALSE(now.stands || now.rebuilt_sink || now.topic_ids.contains("_rebuild_1"));
  EXPECT_FALSE(image_->topics->find("_rebuild_1"));
  EXPECT_EQ(materializer(), "CTAS_T_1");
  EXPECT_EQ(image_->catalog->find_source("T")->created_by, "CTAS_T_1");
  EXPECT_EQ(image_->catalog->find_source("T")->schema.columns.size(), 3u);
  EXPECT_EQ(replayed(), text_of(*image_));
  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*image_, topics_), topics);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(text_of(*loaded->next), text_of(*image_));
  EXPECT_EQ(refusal(kRebuild), "none");  // refused once more
}

// In a rebuild, one node runs the old and the new query. Each step of the rebuild is stored as a new plan of both.
TEST_F(RebuildTest, in_a_cluster_both_share_a_journal_and_steps_are_plans) {
  const FactsOfCapableCluster before(storage::kViewsLevel), facts(storage::kNewestLevel);
  constexpr const char* kRebuildU =
      "CREATE OR REPLACE TABLE u WITH (REBUILD = true) AS "
      "SELECT city, SUM(amount) + COUNT(*) AS n FROM orders GROUP BY city;";
  facts_ = &before;
  must("CREATE TABLE u AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  EXPECT_EQ(refusal(kRebuildU),
            "rebuilding a table needs feature level 6, and the cluster is at 5");
  facts_ = &facts;
  must(kRebuildU);
  const DefinedQueryPtr old = image_->find_query("CTAS_U_1"),
                        built = image_->find_query("CTAS_U_2");
  ASSERT_TRUE(old && built && old->journal);
  EXPECT_EQ(built->journal, old->journal);
  ASSERT_TRUE(step(Kind::Stand, "CTAS_U_2"));
  for (const char* id : {"CTAS_U_1", "CTAS_U_2"})
    EXPECT_EQ(image_->find_query(id)->planned_at, image_->revision) << id;
  // Another node takes over and names its own publisher (43). From then on, steps with the publisher of the former node
  // are refused.
  ASSERT_TRUE(step(Kind::Stand, "CTAS_U_2", ProducerId(43)));
  EXPECT_FALSE(step(Kind::Finish, "CTAS_U_2"));
  EXPECT_FALSE(step(Kind::GoOn, "CTAS_U_2"));
  ASSERT_TRUE(step(Kind::Finish, "CTAS_U_2", ProducerId(43)));
  const DefinedQueryPtr now = image_->find_query("CTAS_U_2");
  EXPECT_EQ(now->planned_at, image_->revision);
  EXPECT_EQ(now->made_at, built->made_at);
  EXPECT_FALSE(image_->find_query("CTAS_U_1"));
}

TEST_F(RebuildTest, it_starts_at_the_beginning_with_any_session_settings) {
  properties_["auto.offset.reset"] = "latest";
  EXPECT_TRUE(must(kRebuild).started.front()->starts.empty());
}

TEST_F(RebuildTest, the_wish_of_the_old_one_goes_on) {
  must(kRebuild);
  must("PAUSE CTAS_T_0;");
  ASSERT_TRUE(step(Kind::Stand, "CTAS_T_1"));
  ASSERT_TRUE(step(Kind::Finish, "CTAS_T_1"));
  EXPECT_EQ(image_->find_query("CTAS_T_1")->query->state, engine::DesiredState::Paused);
}

TEST_F(RebuildTest, a_wish_while_both_stand_is_for_afterwards) {
  must(kRebuild);
  must("PAUSE CTAS_T_0;");
  ASSERT_TRUE(step(Kind::Stand, "CTAS_T_1"));
  const auto resumed = must("RESUME ALL;");
  EXPECT_TRUE(resumed.resumed.empty());
  EXPECT_EQ(replayed(), text_of(*image_));
  ASSERT_TRUE(step(Kind::Finish, "CTAS_T_1"));
  EXPECT_EQ(image_->find_query("CTAS_T_1")->query->state, engine::DesiredState::Running);
}

TEST_F(RebuildTest, both_can_go_on_again) {
  must(kRebuild);
  const std::string before = text_of(*image_);
  ASSERT_TRUE(step(Kind::Stand, "CTAS_T_1"));
  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*image_, topics_), topics);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(text_of(*loaded->next), text_of(*image_));
  ASSERT_TRUE(step(Kind::GoOn, "CTAS_T_1"));
  EXPECT_EQ(text_of(*image_).substr(text_of(*image_).find('\n')), before.substr(before.find('\n')));
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(RebuildTest, statements_meanwhile_are_refused_or_end_it) {
  must(kRebuild);
  EXPECT_EQ(refusal(kRebuild), "T is being rebuilt by query CTAS_T_1");
  EXPECT_EQ(
      refusal("CREATE OR REPLACE TABLE t AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;"),
      "T is being rebuilt by query CTAS_T_1");
  EXPECT_EQ(refusal("CREATE OR REPLACE TABLE t (city VARCHAR PRIMARY KEY, n BIGINT);"),
            "T is being rebuilt by query CTAS_T_1");
  EXPECT_EQ(refusal("TERMINATE CTAS_T_0;"), "query CTAS_T_0 is being rebuilt by CTAS_T_1");
  ASSERT_TRUE(step(Kind::Stand, "CTAS_T_1"));
  for (const char* sql : {"DROP TABLE t;", "TERMINATE CTAS_T_1;", "TERMINATE ALL;"})
    EXPECT_TRUE(refusal(sql).ends_with("takes part in a rebuild that is just ending")) << sql;
  ASSERT_TRUE(step(Kind::GoOn, "CTAS_T_1"));
  must("TERMINATE CTAS_T_1;");
  EXPECT_FALSE(image_->topics->find("_rebuild_1"));
  EXPECT_EQ(materializer(), "CTAS_T_0");
  EXPECT_FALSE(step(Kind::Stand, "CTAS_T_1"));
  must(kRebuild);
  const auto dropped = must("DROP TABLE t;");
  EXPECT_EQ(dropped.ended.size(), 2u);
  EXPECT_FALSE(image_->topics->find("_rebuild_2"));
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(DefinitionTest, writers_and_users_of_a_topic_are_known) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM copied AS SELECT * FROM orders;");
  must("INSERT INTO copied SELECT * FROM orders;");
  EXPECT_EQ(image_->writers_of("COPIED").size(), 2u);
  EXPECT_EQ(image_->users_of(image_->topics->find("orders")->id).size(), 2u);
  EXPECT_EQ(image_->users_of(image_->topics->find("copied")->id).size(), 2u);
  must("TERMINATE INSERTQUERY_1;");
  EXPECT_EQ(image_->writers_of("COPIED").size(), 1u);
  EXPECT_EQ(image_->users_of(image_->topics->find("orders")->id).size(), 1u);
}

TEST_F(DefinitionTest, a_writer_of_a_topic_is_found_under_each_name_of_the_topic) {
  must("CREATE STREAM orders (id INT KEY, city VARCHAR);");
  must("CREATE STREAM copied WITH (KAFKA_TOPIC = 'copies') AS SELECT * FROM orders;");
  must("CREATE STREAM renamed (id INT KEY, city VARCHAR) WITH (KAFKA_TOPIC = 'copies');");
  must("INSERT INTO renamed SELECT * FROM orders;");
  must("CREATE TABLE counted AS SELECT id, COUNT(*) AS n FROM renamed GROUP BY id;");
  // The name of the source finds only the query that writes under this name.
  EXPECT_EQ(image_->writers_of("RENAMED").size(), 1u);
  EXPECT_EQ(writers_of_topic(*image_, image_->topics->find("copies")->id).size(), 2u);
  // A reader of a topic is not one of its writers.
  EXPECT_TRUE(writers_of_topic(*image_, image_->topics->find("orders")->id).empty());
}

TEST_F(DefinitionTest, an_undone_transaction_restores_the_previous_objects) {
  must("CREATE TABLE kept (k INT PRIMARY KEY, v VARCHAR);");
  must("CREATE TABLE dropped (k SERIAL PRIMARY KEY, v VARCHAR);");
  must("CREATE TYPE mood AS STRUCT<a INT>;");
  const std::string before = text();
  const Uuid topic = image_->topics->find("dropped")->id;
  const Uuid transaction = Uuid::random();
  transaction_ = &transaction;
  must("CREATE TABLE made (a INT, b INT);");
  must("CREATE STREAM events (id INT KEY, v INT);");
  must("CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM events GROUP BY id;");
  must("DROP TABLE dropped;");
  EXPECT_TRUE(image_->topics->find("dropped")) << "it goes with the COMMIT";
  must("CREATE TABLE dropped (other SERIAL PRIMARY KEY);");
  EXPECT_NE(image_->topics->find("dropped")->id, topic);
  must("DROP TABLE dropped;");
  must("DROP TYPE mood;");
  const std::string within = text();
  EXPECT_EQ(replayed(), text_of(*image_));
  // After a start from a snapshot, the open transactions must be known, too.
  storage::TopicTable topics;
  const auto loaded = apply_snapshot(snapshot_of(*image_, topics_), topics);
  ASSERT_TRUE(loaded);
  const auto& open = *loaded->next->open_definitions.at(transaction);
  EXPECT_EQ(open.undo.size(), image_->open_definitions.at(transaction)->undo.size());
  ASSERT_EQ(open.dropped_topics.size(), 1u);
  EXPECT_EQ(open.dropped_topics.front().id, topic);

  const ImageChange undone = end(transaction, TransactionEnd::Rollback);
  EXPECT_EQ(text().substr(0, text().find("next query")),
            before.substr(0, before.find("next query")));
  EXPECT_NE(text(), within);
  EXPECT_EQ(image_->topics->find("dropped")->id, topic);
  EXPECT_TRUE(image_->open_definitions.empty());
  EXPECT_EQ(replayed(), text_of(*image_));
}

TEST_F(DefinitionTest, a_committed_transaction_drops_its_topics) {
  must("CREATE TABLE dropped (k SERIAL PRIMARY KEY, v VARCHAR);");
  const Uuid transaction = Uuid::random();
  transaction_ = &transaction;
  must("DROP TABLE dropped;");
  must("CREATE TABLE made (a INT);");
  const ImageChange ended = end(transaction, TransactionEnd::Commit);
  EXPECT_EQ(ended.topics.size(), 1u);
  EXPECT_FALSE(image_->topics->find("dropped"));
  EXPECT_TRUE(image_->catalog->find_source("MADE"));
  EXPECT_FALSE(plan_transaction_end(*image_, transaction, TransactionEnd::Rollback));
}

TEST_F(DefinitionTest, names_of_an_open_transaction_are_its_own) {
  must("CREATE TABLE t (k SERIAL PRIMARY KEY, v VARCHAR);");
  const Uuid transaction = Uuid::random(), other = Uuid::random();
  transaction_ = &transaction;
  must("DROP TABLE t;");
  must("CREATE TABLE made (a INT PRIMARY KEY);");
  for (const Uuid* each : {static_cast<const Uuid*>(nullptr), &other}) {
    transaction_ = each;
    for (const std::string sql : {"CREATE STREAM t (a INT);", "DROP TABLE made;",
                                  "CREATE TABLE m AS SELECT a, COUNT(*) AS n FROM made GROUP BY a;",
                                  "CREATE STREAM s (a INT) WITH (KAFKA_TOPIC = 'made');"})
      EXPECT_TRUE(refusal(sql).ends_with("a transaction that has not ended")) << sql;
  }
  end(transaction, TransactionEnd::Rollback);
  must("DROP TABLE t;");
}

TEST_F(DefinitionTest, in_a_cluster_a_serial_column_has_a_sequence_of_its_own) {
  facts_ = &cluster_;
  must("CREATE TABLE notes (id SERIAL PRIMARY KEY, other BIGSERIAL, body STRING);");
  const auto column = [&](const char* table, size_t index) {
    return image_->catalog->find_source(table)->schema.columns[index];
  };
  const auto sequence = [&](const char* name) {
    const engine::SequencePtr* found = image_->catalog->sequences.get(name);
    return found ? *found : std::make_shared<const engine::Sequence>();
  };
  EXPECT_FALSE(column("NOTES", 0).is_serial);
  EXPECT_TRUE(column("NOTES", 0).is_not_null);
  EXPECT_EQ(column("NOTES", 0).default_sql, "nextval('notes_id_seq')");
  EXPECT_EQ(sequence("NOTES_ID_SEQ")->max, INT32_MAX);
  EXPECT_EQ(sequence("NOTES_ID_SEQ")->owner_table, "NOTES");
  EXPECT_EQ(sequence("NOTES_ID_SEQ")->owner_column, "ID");
  EXPECT_FALSE(sequence("NOTES_ID_SEQ")->is_called);
  EXPECT_EQ(sequence("NOTES_OTHER_SEQ")->max, INT64_MAX);
  EXPECT_NE(sequence("NOTES_OTHER_SEQ")->id, sequence("NOTES_ID_SEQ")->id);
  EXPECT_EQ(replayed(), text_of(*image_));

  // Tests sequence names that are in use, and names that need quotes.
  must("CREATE TABLE lines_id_seq (k INT PRIMARY KEY, v INT);");
  must("CREATE TABLE lines (id SERIAL PRIMARY KEY, v INT);");
  EXPECT_EQ(column("LINES", 0).default_sql, "nextval('lines_id_seq1')");
  must("CREATE TABLE \"It-s\" (id SERIAL PRIMARY KEY, v INT);");
  EXPECT_EQ(column("It-s", 0).default_sql, "nextval('\"It-s_id_seq\"')");
  EXPECT_EQ(sequence("It-s_id_seq")->owner_table, "It-s");

  must("DROP TABLE notes;");
  EXPECT_EQ(image_->catalog->sequences.get("NOTES_ID_SEQ"), nullptr);
  EXPECT_EQ(image_->catalog->sequences.get("NOTES_OTHER_SEQ"), nullptr);
  must("CREATE STREAM records (k INT KEY) WITH (partitions = 1);");
  EXPECT_EQ(
      refusal("CREATE TABLE over (id SERIAL PRIMARY KEY) WITH (kafka_topic = 'records');"),
      "SERIAL and IDENTITY columns of a table whose topic already exists, \"records\", are not "
      "supported in a cluster yet");
  facts_ = &local_facts();
  must("CREATE TABLE alone (id SERIAL PRIMARY KEY, v INT);");
  EXPECT_TRUE(column("ALONE", 0).is_serial);
  EXPECT_EQ(image_->catalog->sequences.get("ALONE_ID_SEQ"), nullptr);
}

TEST_F(DefinitionTest, statements_that_cannot_be_undone_are_refused_within_a_transaction) {
  must("CREATE STREAM events (id INT KEY, v INT);");
  must("CREATE STREAM others (id INT KEY, v INT);");
  must("CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM events GROUP BY id;");
  const std::string before = text();
  const Uuid transaction = Uuid::random();
  transaction_ = &transaction;
  for (const std::string sql : {"DROP TABLE counts;", "TERMINATE CTAS_COUNTS_0;",
                                "PAUSE CTAS_COUNTS_0;", "INSERT INTO others SELECT * FROM events;",
                                "CREATE ROLE r;", "ALTER SYSTEM 'auto.offset.reset' = 'earliest';"})
    EXPECT_NE(refusal(sql).find("within a transaction is not supported yet"), std::string::npos)
        << sql << refusal(sql);
  EXPECT_EQ(text(), before);
  must("CREATE TABLE own AS SELECT id, COUNT(*) AS n FROM events GROUP BY id;");
  must("DROP TABLE own;");  // the transaction itself has begun the query
  must("CREATE STREAM own_events AS SELECT * FROM events;");
  must("INSERT INTO own_events SELECT * FROM others;");
  end(transaction, TransactionEnd::Rollback);
  EXPECT_EQ(text().substr(0, text().find("next query")),
            before.substr(0, before.find("next query")));
}

}  // namespace
}  // namespace server
