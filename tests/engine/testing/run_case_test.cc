// Tests the runner of cases against an engine in which each stream after the first is a copy of the
// stream before it.
#include "engine/testing/run_case.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

enum class Manner : uint8_t { Right, WrongWhenManyAtOnce, FailsWhenFed };

class CopyingEngine : public CaseEngine {
 public:
  explicit CopyingEngine(Manner manner) : manner_(manner) {}

  void add_topic(const std::string&, int, int) override {}

  void add_declared_schemas(const ParsedStatement&) override {}
  Status add_schema(const std::string&, Side, const CaseSchema&) override { return {}; }
  const SchemaRegistry& registry() const override { return registry_; }

  Status execute(const ParsedStatement& parsed) override {
    if (const auto* insert = std::get_if<InsertValues>(&parsed.statement)) {
      inserted_.push_back({"in", "k", "{\"A\":7}", 99, {}});
      return insert->target == "IN" ? Status()
                                    : Error{ErrorCode::UndefinedSource, "nowhere", "to insert"};
    }
    const auto& create = std::get<CreateSource>(parsed.statement);
    if (create.is_source) return Error{ErrorCode::NotSupported, "this is not supported yet"};
    names_.push_back(create.name.text == "IN" ? "in" : create.name.text);
    return {};
  }

  std::vector<RawRecord> take_inserted() override { return std::exchange(inserted_, {}); }

  std::vector<CaseQuery> queries() const override {
    std::vector<CaseQuery> queries;
    for (size_t i = 1; i < names_.size(); ++i) queries.push_back({names_[i], {names_[i - 1]}});
    return queries;
  }

  Status feed(const std::string& query, std::span<const RawRecord> records,
              std::vector<RawRecord>& written) override {
    if (manner_ == Manner::FailsWhenFed) return Error{ErrorCode::InvalidTimestamp, "bad time"};
    for (RawRecord record : records) {
      record.topic = query;
      written.push_back(std::move(record));
    }
    if (manner_ == Manner::WrongWhenManyAtOnce && records.size() > 1) written.pop_back();
    return {};
  }

  CatalogPtr catalog() const override { return std::make_shared<const Catalog>(); }

  std::vector<KnownTopic> topics() const override {
    std::vector<KnownTopic> topics;
    for (const std::string& name : names_)
      topics.push_back({name, 1,
                        TopicFormat{.key_format = {.name = "KAFKA"},
                                    .value_format = {.name = "JSON"},
                                    .key_columns = {{"K", TypeKind::String, ColumnRole::Key}},
                                    .value_columns = {},
                                    .window = {}}});
    return topics;
  }

 private:
  const Manner manner_;
  std::vector<std::string> names_;
  std::vector<RawRecord> inserted_;
  SchemaRegistry registry_;
};

CaseResult run(std::string_view test, Manner manner = Manner::Right) {
  const auto cases = read_cases("{\"tests\": [" + std::string(test) + "]}", "file");
  EXPECT_TRUE(cases);
  return run_case(cases->at(0), [&](const Properties&, size_t) {
    return std::make_unique<CopyingEngine>(manner);
  });
}

constexpr std::string_view kCopyTwice = R"({"name": "n",
  "statements": ["CREATE STREAM `IN` (K STRING KEY) WITH (kafka_topic='in');",
                 "CREATE STREAM B (K STRING KEY) WITH (kafka_topic='B');",
                 "CREATE STREAM C (K STRING KEY) WITH (kafka_topic='C');"],
  "inputs": [{"topic": "in", "key": "x", "value": {"A": 1}, "timestamp": 3},
             {"topic": "in", "key": "y", "value": {"A": 2}}],
  "outputs": [{"topic": "C", "key": "x", "value": {"A": 1}, "timestamp": 3},
              {"topic": "C", "key": "y", "value": {"A": 2}, "timestamp": 0}]})";

TEST(RunCase, later_queries_see_the_output_of_earlier_ones) {
  const CaseResult result = run(kCopyTwice);
  EXPECT_EQ(result.verdict, Verdict::Passed) << result.reason;
}

TEST(RunCase, must_pass_both_ways) {
  const CaseResult result = run(kCopyTwice, Manner::WrongWhenManyAtOnce);
  EXPECT_EQ(result.verdict, Verdict::Failed);
  EXPECT_EQ(result.reason,
            "passes record by record, not all at once: C: expected 2 records, got 1; the first "
            "missing: \"y\" -> {\"A\":2}");
}

TEST(RunCase, names_the_first_difference) {
  const CaseResult result = run(R"({"name": "n",
    "statements": ["CREATE STREAM `IN` (K STRING KEY) WITH (kafka_topic='in');",
                   "CREATE STREAM B (K STRING KEY) WITH (kafka_topic='B');"],
    "inputs": [{"topic": "in", "key": "x", "value": {"A": 1}}],
    "outputs": [{"topic": "B", "key": "x", "value": {"A": 2}}]})");
  EXPECT_EQ(result.reason, "B record 0: value: A: expected 2, got 1; the whole value is {\"A\":1}");
}

TEST(RunCase, rows_of_insert_values_come_from_the_topic) {
  const CaseResult result = run(R"({"name": "n",
    "statements": ["CREATE STREAM `IN` (K STRING KEY) WITH (kafka_topic='in');",
                   "CREATE STREAM B (K STRING KEY) WITH (kafka_topic='B');",
                   "INSERT INTO `IN` VALUES ('k', 7);"],
    "outputs": [{"topic": "B", "key": "k", "value": {"A": 7}, "timestamp": 0}]})");
  EXPECT_EQ(result.verdict, Verdict::Passed) << result.reason;
}

TEST(RunCase, an_expected_error_must_come_from_the_last_statement) {
  const auto insert_into = [](std::string_view after) {
    return R"({"name": "n", "statements": ["INSERT INTO X VALUES (1);")" + std::string(after) +
           R"(], "expectedException": {"type": "io.confluent.ksql.util.KsqlException",
                                       "message": "nowhere\nto insert"}})";
  };
  EXPECT_EQ(run(insert_into("")).verdict, Verdict::Passed);
  EXPECT_EQ(run(insert_into(R"(, "INSERT INTO X VALUES (1);")")).reason,
            "an earlier statement failed: UndefinedSource: nowhere (to insert)");
}

TEST(RunCase, an_unsupported_feature_is_never_the_expected_error) {
  const CaseResult result = run(R"({"name": "n",
    "statements": ["CREATE SOURCE STREAM X (K STRING KEY) WITH (kafka_topic='in');"],
    "expectedException": {"type": "io.confluent.ksql.util.KsqlException", "message": "not"}})");
  EXPECT_EQ(result.verdict, Verdict::Failed);
}

TEST(RunCase, an_error_while_feeding_is_the_streams_exception) {
  const CaseResult result = run(R"({"name": "n",
    "statements": ["CREATE STREAM `IN` (K STRING KEY) WITH (kafka_topic='in');",
                   "CREATE STREAM B (K STRING KEY) WITH (kafka_topic='B');"],
    "inputs": [{"topic": "in", "key": "x", "value": {"A": 1}}],
    "expectedException": {"type": "org.apache.kafka.streams.errors.StreamsException",
                          "message": "bad time"}})",
                                Manner::FailsWhenFed);
  EXPECT_EQ(result.verdict, Verdict::Passed) << result.reason;
}

}  // namespace
}  // namespace engine
