#include "engine/system_tables/information.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/catalog/memory_topics.h"
#include "engine/catalog/system_sources.h"
#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/plan/query_plan.h"
#include "engine/sql/parse.h"
#include "engine/system_tables/entities.h"

namespace engine {
namespace {

struct Known {
  std::shared_ptr<const PersistentQuery> query;
  std::shared_ptr<const QueryPlan> plan;
};

class KnownQueries final : public RunningQueries {
 public:
  std::vector<RunningQuery> all() const override {
    std::vector<RunningQuery> queries;
    for (const auto& [id, known] : known_) queries.push_back({known.query.get(), known.plan.get()});
    return queries;
  }
  std::optional<RunningQuery> find(std::string_view id) const override {
    const auto found = known_.find(std::string(id));
    if (found == known_.end()) return std::nullopt;
    return RunningQuery{found->second.query.get(), found->second.plan.get()};
  }
  void add(std::shared_ptr<const PersistentQuery> query, QueryPlan plan) {
    const std::string id = query->id;
    known_[id] = {std::move(query), std::make_shared<const QueryPlan>(std::move(plan))};
  }

 private:
  std::map<std::string, Known> known_;
};

// A catalog in which ORDERS is a stream, and BY_CITY a table that a query maintains.
class Information : public testing::Test {
 protected:
  Information() {
    topics_.add_topic("orders", 4);
    topics_.add_topic("by_city", 4);
    topics_.add_topic("_confluent-ksql-internal", 4);
    auto orders = std::make_shared<DataSource>();
    orders->name = "ORDERS";
    orders->schema.columns = {{"ID", TypeKind::Integer, ColumnRole::Key},
                              {"CITY", TypeKind::String},
                              {"AMOUNT", SqlType::decimal(10, 2)}};
    orders->topic = "orders";
    orders->key_format.name = "KAFKA";
    orders->value_format.name = "JSON";
    orders->sql = "CREATE STREAM orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2))";
    orders->partitions = 4;
    catalog_ = with_source(*catalog_, orders);
    run("CREATE TABLE by_city AS SELECT city, COUNT(*) AS orders, SUM(amount) AS total "
        "FROM orders WINDOW TUMBLING (SIZE 1 HOUR) WHERE amount > 10 GROUP BY city");
  }

  // Changes the catalog as CREATE ... AS SELECT does.
  void run(const std::string& text) {
    const auto script = parse_script(text);
    ASSERT_TRUE(script) << script.error().message;
    const PlanContext context{*catalog_, topics_, settings_, properties_};
    const auto planned = plan_create_as(std::get<CreateAsSelect>(script->front().statement),
                                        script->front(), context);
    ASSERT_TRUE(planned) << planned.error().message;
    auto query = std::make_shared<PersistentQuery>();
    query->id = planned->plan.id;
    query->sql = text;
    query->sink = planned->sink->name;
    query->sources = planned->plan.sources;
    queries_.add(query, planned->plan);
    catalog_ = with_source(*catalog_, planned->sink);
    catalog_ = with_query(*catalog_, query);
  }

  Result<InformationRows> ask(const std::string& text) {
    auto script = parse_script(text);
    if (!script) return std::move(script).error();
    const Statement& statement = script->front().statement;
    EXPECT_TRUE(is_information_statement(statement)) << text;
    const InformationContext context{*catalog_,   topics_,    queries_, statuses_, settings_,
                                     properties_, variables_, &tasks_,  &facts_,   &groups_};
    Result<InformationRows> answer = answer_information(statement, context);
    if (answer) {
      EXPECT_EQ(answer->schema, information_schema(statement));
    }
    return answer;
  }

  // Returns the answer of ksqlDB's API to the statement, or the message of the error.
  std::string entity_of(const std::string& text) {
    const auto script = parse_script(text);
    const InformationContext context{*catalog_,   topics_,    queries_, statuses_, settings_,
                                     properties_, variables_, &tasks_,  &facts_,   &groups_};
    const auto entity = information_entity(script->front().statement, text, context);
    return entity ? *entity : entity.error().message;
  }

  // Returns the rows of the answer as lines with cells joined by " | ", or the message of the
  // error.
  std::string text_of(const std::string& statement) {
    const auto answer = ask(statement);
    if (!answer) return answer.error().message;
    std::string text;
    for (size_t row = 0; row < answer->rows; ++row) {
      for (size_t i = 0; i < answer->columns.size(); ++i)
        text += (i == 0 ? "" : " | ") + cell(*answer->columns[i], row);
      text += "\n";
    }
    return text;
  }

  static std::string cell(const Column& column, size_t row) {
    const Value value = column.value_at(row);
    if (value.is_null()) return "-";
    if (const auto* flag = std::get_if<bool>(&value.payload())) return *flag ? "yes" : "no";
    if (const auto* number = std::get_if<int64_t>(&value.payload())) return std::to_string(*number);
    return value.as_string();
  }

  CatalogPtr catalog_ = std::make_shared<const Catalog>();
  MemoryTopics topics_;
  KnownQueries queries_;
  QueryStatuses statuses_;
  std::vector<TaskStatus> tasks_;
  std::vector<ServerFact> facts_;
  std::vector<ConsumerGroup> groups_;
  EngineSettings settings_;
  Properties properties_;
  std::map<std::string, std::string> variables_;
};

TEST_F(Information, streams_and_tables_are_listed_apart) {
  EXPECT_EQ(text_of("SHOW STREAMS"), "ORDERS | orders | KAFKA | JSON | no\n");
  EXPECT_EQ(text_of("SHOW TABLES"), "BY_CITY | by_city | KAFKA | JSON | yes\n");
}

TEST_F(Information, entities_have_the_form_that_clients_of_ksqldb_read) {
  EXPECT_EQ(entity_of("SHOW STREAMS"),
            R"({"@type":"streams","statementText":"SHOW STREAMS","streams":[{"type":"STREAM",)"
            R"("name":"ORDERS","topic":"orders","keyFormat":"KAFKA","valueFormat":"JSON",)"
            R"("isWindowed":false}],"warnings":[]})");
  EXPECT_EQ(entity_of("SHOW TOPICS"),
            R"({"@type":"kafka_topics","statementText":"SHOW TOPICS","topics":[)"
            R"({"name":"by_city","replicaInfo":[1,1,1,1]},)"
            R"({"name":"orders","replicaInfo":[1,1,1,1]}],"warnings":[]})");
  const std::string query =
      R"({"queryString":"CREATE TABLE by_city AS SELECT city, COUNT(*) AS orders, SUM(amount) AS total )"
      R"(FROM orders WINDOW TUMBLING (SIZE 1 HOUR) WHERE amount > 10 GROUP BY city","sinks":["BY_CITY"],)"
      R"("sinkKafkaTopics":["by_city"],"id":"CTAS_BY_CITY_0","statusCount":{"RUNNING":1},)"
      R"("queryType":"PERSISTENT","state":"RUNNING"})";
  statuses_["CTAS_BY_CITY_0"];
  EXPECT_EQ(entity_of("SHOW QUERIES"),
            R"({"@type":"queries","statementText":"SHOW QUERIES","queries":[)" + query +
                R"(],"warnings":[]})");
  const std::string described = entity_of("DESCRIBE orders");
  EXPECT_TRUE(described.starts_with(
      R"({"@type":"sourceDescription","statementText":"DESCRIBE orders","sourceDescription":)"
      R"({"name":"ORDERS","windowType":null,"readQueries":[)" +
      query +
      R"(],"writeQueries":[],"fields":[{"name":"ID","schema":{"type":"INTEGER","fields":null,)"
      R"("memberSchema":null},"type":"KEY"},)"))
      << described;
  EXPECT_NE(described.find(R"({"name":"AMOUNT","schema":{"type":"DECIMAL","fields":null,)"
                           R"("memberSchema":null,"parameters":{"precision":10,"scale":2}}})"),
            std::string::npos)
      << described;
  EXPECT_NE(entity_of("DESCRIBE by_city").find(R"("windowType":"TUMBLING")"), std::string::npos);
  facts_ = {{"log", "commits", "7"}};
  EXPECT_EQ(entity_of("SHOW SERVER"),
            R"({"@type":"rows","statementText":"SHOW SERVER","columns":["section","name","value"],)"
            R"("rows":[["log","commits","7"]],"warnings":[]})");
  EXPECT_EQ(entity_of("DESCRIBE nobody"), "stream or table \"NOBODY\" does not exist");
}

TEST_F(Information, extended_lists_name_readers_and_writers) {
  const auto answer = ask("SHOW STREAMS EXTENDED");
  ASSERT_TRUE(answer);
  const int column = answer->schema.index_of("read_by");
  ASSERT_GE(column, 0);
  EXPECT_EQ(cell(*answer->columns[static_cast<size_t>(column)], 0), "CTAS_BY_CITY_0");
}

TEST_F(Information, internal_topics_are_shown_only_when_asked_for) {
  EXPECT_EQ(text_of("SHOW TOPICS"), "by_city | 4 | 1\norders | 4 | 1\n");
  EXPECT_NE(text_of("SHOW ALL TOPICS").find("_confluent-ksql-internal"), std::string::npos);
}

TEST_F(Information, a_task_shows_where_it_is_and_how_it_is_doing) {
  TaskStatus& task = tasks_.emplace_back();
  task.query_id = "CTAS_BY_CITY_0";
  task.task = "CTAS_BY_CITY_0/0/3";
  task.shard = 1;
  task.epoch = 2;
  task.positions = "orders-3@1742";
  task.status.lag_records = 7;
  task.journal_bytes = 4096;
  task.checkpoint_age_ms = 250;
  task.held_back_ms = 31;
  task.status.state_entries = 3;
  task.status.state_bytes = 600;
  task.status.memory_bytes = 4696;
  EXPECT_EQ(text_of("SHOW TASKS"),
            "CTAS_BY_CITY_0 | CTAS_BY_CITY_0/0/3 | 0 | 1 | RUNNING | 2 | orders-3@1742 | 7 | 0 | 0 "
            "| 0 | 0 | 0 | 3 | 600 | 4696 | 250 | 4096 | 31 | -\n");
}

TEST_F(Information, the_server_shows_facts_in_sections) {
  facts_ = {{"disk", "free bytes", "17"}, {"log", "partitions", "4"}};
  EXPECT_EQ(text_of("SHOW SERVER"), "disk | free bytes | 17\nlog | partitions | 4\n");
}

TEST_F(Information, internal_objects_are_shown_with_details_only) {
  DataSource log = *catalog_->find_source("ORDERS");
  log.name = kProcessingLogStream;
  catalog_ = with_source(*catalog_, std::make_shared<const DataSource>(log));
  EXPECT_EQ(text_of("SHOW STREAMS").find(kProcessingLogStream), std::string::npos);
  EXPECT_NE(text_of("SHOW STREAMS EXTENDED").find(kProcessingLogStream), std::string::npos);
}

TEST_F(Information, a_query_shows_the_reports_of_its_shards) {
  statuses_["CTAS_BY_CITY_0"] = {.state = "ERROR",
                                 .lag_records = 12,
                                 .records_in = 100,
                                 .records_failed = 3,
                                 .records_late = 4,
                                 .records_per_second = 50,
                                 .state_entries = 8,
                                 .state_bytes = 1000,
                                 .memory_bytes = 1500,
                                 .last_error = "orders-1@7: not JSON"};
  EXPECT_EQ(text_of("SHOW QUERIES"),
            "CTAS_BY_CITY_0 | ERROR | ORDERS | BY_CITY | 12 | 50 | 3 | orders-1@7: not JSON | 4 | "
            "0 | 1000 | "
            "1500\n");
}

TEST_F(Information, a_query_that_no_shard_knows_yet_is_starting) {
  EXPECT_EQ(text_of("SHOW QUERIES"),
            "CTAS_BY_CITY_0 | STARTING | ORDERS | BY_CITY | - | 0 | 0 | - | 0 | 0 | - | -\n");
}

TEST_F(Information, the_query_behind_a_declared_table_appears_only_in_trouble) {
  auto query = std::make_shared<PersistentQuery>();
  query->id = "CST_CITIES_1";
  query->kind = QueryKind::SourceTable;
  query->sources = {"CITIES"};
  queries_.add(query, {});
  EXPECT_EQ(text_of("SHOW QUERIES").find("CST_"), std::string::npos);
  statuses_["CST_CITIES_1"].records_failed = 1;
  EXPECT_NE(text_of("SHOW QUERIES").find("CST_CITIES_1 | RUNNING | CITIES | - "),
            std::string::npos);
}

TEST_F(Information, properties_show_the_settings_of_the_session) {
  properties_["auto.offset.reset"] = "latest";
  const std::string text = text_of("SHOW PROPERTIES");
  EXPECT_NE(text.find("auto.offset.reset | latest | session\n"), std::string::npos);
  EXPECT_NE(text.find("num.partitions | 4 | server\n"), std::string::npos);
}

TEST_F(Information, describe_marks_keys_and_the_window) {
  EXPECT_EQ(text_of("DESCRIBE orders"),
            "ID | INTEGER | key\nCITY | VARCHAR | -\nAMOUNT | DECIMAL(10, 2) | -\n");
  EXPECT_EQ(text_of("DESCRIBE by_city"),
            "CITY | VARCHAR | primary key\n"
            "WINDOWSTART | BIGINT | window, TUMBLING 1 HOURS\n"
            "WINDOWEND | BIGINT | window, TUMBLING 1 HOURS\n"
            "ORDERS | BIGINT | -\nTOTAL | DECIMAL(10, 2) | -\n");
}

TEST_F(Information, a_quoted_name_in_lower_case_means_the_upper_case_source) {
  EXPECT_EQ(text_of("DESCRIBE \"orders\""), text_of("DESCRIBE orders"));
  EXPECT_EQ(text_of("DESCRIBE `orders`"), "stream or table \"orders\" does not exist");
}

TEST_F(Information, extended_describe_adds_format_queries_and_statement) {
  const std::string text = text_of("DESCRIBE orders EXTENDED");
  for (const char* part :
       {"column | ID | INTEGER (key)\n", "stream | topic | orders\n",
        "stream | value format | JSON\n", "stream | event time | of the record\n",
        "stream | statement | CREATE STREAM orders", "query | CTAS_BY_CITY_0 | reads, STARTING\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
}

TEST_F(Information, describe_of_all_names_the_source_in_front) {
  EXPECT_TRUE(text_of("DESCRIBE STREAMS").starts_with("ORDERS | ID | INTEGER | key\n"));
}

TEST_F(Information, a_mistyped_source_gets_a_guess) {
  const auto answer = ask("DESCRIBE ordrs");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::UndefinedSource);
  EXPECT_EQ(answer.error().hint, "Did you mean ORDERS?");
  ASSERT_TRUE(answer.error().position);
  EXPECT_EQ(answer.error().position->column, 10u);
}

TEST_F(Information, describe_function_has_a_row_for_each_overload) {
  const std::string text = text_of("DESCRIBE FUNCTION count");
  EXPECT_NE(text.find("COUNT | AGGREGATE | "), std::string::npos) << text;
  const auto unknown = ask("DESCRIBE FUNCTION cuont");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().hint, "Did you mean COUNT?");
}

TEST_F(Information, explain_of_a_query_shows_its_stages_from_the_answer_to_the_source) {
  const std::string text = text_of("EXPLAIN CTAS_BY_CITY_0");
  size_t at = 0;
  for (const char* part :
       {"Query CTAS_BY_CITY_0, STARTING\n", "Stage 2: to topic by_city (key KAFKA, value JSON)\n",
        "-> Aggregate COUNT(*), SUM(KSQL_INTERNAL_COL_1) by CITY, window TUMBLING 1 HOURS",
        "Read exchange 1\n",
        "Stage 1: to exchange 1 (4 partitions, read in the order of event time)\n", "Key by CITY",
        "Filter (AMOUNT > ", "-> Read stream ORDERS from topic orders (key KAFKA, value JSON)",
        "Look-ups by CITY and window are answered from stage 2"}) {
    const size_t found = text.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << " is not, or not in this order, in\n" << text;
    at = found;
  }
}

TEST_F(Information, explain_plans_a_statement_without_running_it) {
  EXPECT_NE(text_of("EXPLAIN SELECT city FROM orders EMIT CHANGES").find("Stage 1: to the client"),
            std::string::npos);
  EXPECT_NE(text_of("EXPLAIN SELECT * FROM by_city WHERE city = 'Lahore'")
                .find("-> Look up 1 key in table BY_CITY"),
            std::string::npos);
  EXPECT_NE(text_of("EXPLAIN SELECT * FROM by_city").find("-> Scan table BY_CITY"),
            std::string::npos);
  EXPECT_EQ(text_of("EXPLAIN DROP STREAM orders"),
            "EXPLAIN of this statement is not supported yet");
  EXPECT_EQ(text_of("EXPLAIN NO_SUCH_QUERY"), "query \"NO_SUCH_QUERY\" does not exist");
}

TEST_F(Information, the_node_of_a_query_is_shown_and_clients_of_ksqldb_read_their_own_words) {
  engine::QueryStatus& status = statuses_["CTAS_BY_CITY_0"];
  const auto is_told = [&](std::string_view shown, std::string_view api) {
    EXPECT_NE(text_of("SHOW QUERIES").find(fmt::format("| {} |", shown)), std::string::npos)
        << text_of("SHOW QUERIES");
    const std::string entity = entity_of("SHOW QUERIES");
    EXPECT_NE(entity.find(fmt::format(R"("statusCount":{{"{0}":1}},"queryType":"PERSISTENT",)"
                                      R"("state":"{0}")",
                                      api)),
              std::string::npos)
        << entity;
  };
  status.node = 2;
  is_told("RUNNING on node 2", "RUNNING");
  status = {.state = "WAITING"};
  is_told("WAITING for a node", "UNRESPONSIVE");
  status = {.state = "PAUSED"};
  is_told("PAUSED", "PAUSED");
  status = {.state = "ERROR"};
  is_told("ERROR", "ERROR");
  statuses_.clear();
  is_told("STARTING", "RUNNING");
}

TEST_F(Information, consumer_groups_are_shown_with_their_lag) {
  groups_ = {{"billing",
              "Stable",
              "consumer",
              "range",
              2,
              {{"orders", 0, 3, 10, "client-1"}, {"orders", 1, 5, 5}, {"orders", 2, {}, 7}}},
             {"g2", "Empty", "", "", 0, {{"gone", 0, 4}}}};
  EXPECT_EQ(text_of("SHOW CONSUMER GROUPS"),
            "billing | Stable | consumer | range | 2 | 3 | 7\n"
            "g2 | Empty | - | - | 0 | 1 | 0\n");
  EXPECT_EQ(text_of("SHOW CONSUMER LAG"),
            "billing | orders | 0 | 3 | 10 | 7 | client-1\n"
            "billing | orders | 1 | 5 | 5 | 0 | -\n"
            "billing | orders | 2 | - | 7 | - | -\n"
            "g2 | gone | 0 | 4 | - | - | -\n");
  EXPECT_EQ(text_of("SHOW CONSUMER LAG FOR g2"), "g2 | gone | 0 | 4 | - | - | -\n");
  EXPECT_EQ(text_of("SHOW CONSUMER LAG FOR 'g2'"), "g2 | gone | 0 | 4 | - | - | -\n");
  EXPECT_EQ(text_of("SHOW CONSUMER LAG FOR 'G2'"), "");
}

}  // namespace
}  // namespace engine
