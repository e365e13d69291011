#include "engine/testing/run_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"
#include "engine/sql/parse.h"
#include "engine/testing/compare_outputs.h"
#include "engine/testing/encode_input.h"
#include "engine/testing/expected_error.h"
#include "engine/testing/post_check.h"

namespace engine {
namespace {

// Number of partitions of topics without PARTITIONS in a WITH clause.
constexpr int kDefaultPartitions = 4;

enum class Feeding : uint8_t { RecordByRecord, AllAtOnce };

struct CaseFailure {
  std::string reason;
};
// The failure of a run; empty if the run was as expected.
using Outcome = std::optional<CaseFailure>;

std::string describe(const Error& error) {
  std::string text = error.code == ErrorCode::NotSupported
                         ? error.message
                         : fmt::format("{}: {}", name(error.code), error.message);
  if (!error.detail.empty()) text += " (" + error.detail + ")";
  if (!error.ksqldb.empty()) text += " (" + error.ksqldb + ")";
  if (!error.context.empty()) text += " in " + error.context;
  return text;
}

// Runs one case once.
class CaseRun {
 public:
  CaseRun(const TestCase& test, CaseEngine& engine, Feeding feeding)
      : test_(test), engine_(engine), feeding_(feeding) {}

  Outcome run();

 private:
  Status add_topics(const std::vector<ParsedStatement>& script);
  void add_topic(const std::string& topic, int partitions, int replicas);
  // Handles the error that ends the statements. `is_last` is set if the error belongs to the last statement.
  Outcome failed_statement(const Error& error, bool is_last);
  Outcome read_inputs();
  Outcome feed_all();
  Status feed(const CaseQuery& query);
  std::vector<RawRecord> records_for(const CaseQuery& query) const;
  Outcome compare();

  const TestCase& test_;
  CaseEngine& engine_;
  const Feeding feeding_;
  std::set<std::string> topics_;
  std::map<std::string, std::vector<RawRecord>> broker_;  // stand-in for a broker: records by topic
  std::vector<RawRecord> inputs_;
  std::set<std::string> input_topics_;
};

Outcome CaseRun::run() {
  const auto script = parse_script(test_.script());
  if (!script) {
    const size_t last_begins = test_.script().size() - test_.statements.back().size();
    const auto& where = script.error().position;
    return failed_statement(script.error(), !where || where->offset >= last_begins);
  }
  if (const Status added = add_topics(*script); !added)
    return CaseFailure{"the case's topics: " + describe(added.error())};
  for (size_t i = 0; i < script->size(); ++i) {
    const Status status = engine_.execute((*script)[i]);
    if (!status) return failed_statement(status.error(), i + 1 == script->size());
    for (RawRecord& record : engine_.take_inserted())
      broker_[record.topic].push_back(std::move(record));
  }
  if (test_.expected_error && test_.inputs.empty())
    return CaseFailure{"all statements were accepted, expected the error: " +
                       test_.expected_error->message};
  if (Outcome failed = read_inputs()) return failed;
  if (Outcome failed = feed_all()) return failed;
  if (test_.expected_error) return std::nullopt;  // feed_all() has checked the error
  if (Outcome failed = compare()) return failed;
  const std::string post = check_post_conditions(test_.post, engine_);
  if (!post.empty()) return CaseFailure{"afterwards: " + post};
  return std::nullopt;
}

// Returns the number of partitions that a CREATE declares for a topic that the case lists without a number; 1 if
// there is no such CREATE.
int declared_partitions(const std::vector<ParsedStatement>& script, const std::string& name) {
  for (const ParsedStatement& parsed : script) {
    const auto* create = std::get_if<CreateSource>(&parsed.statement);
    if (!create) continue;
    const Property* topic = find_property(create->properties, "KAFKA_TOPIC");
    const Property* partitions = find_property(create->properties, "PARTITIONS");
    if (topic && topic->text() == name && partitions) return atoi(partitions->text().c_str());
  }
  return 1;
}

void CaseRun::add_topic(const std::string& topic, int partitions, int replicas) {
  if (!topics_.insert(topic).second) return;
  engine_.add_topic(topic, partitions, replicas);
}

// Adds the topics of the case. A CREATE with columns implies that its topic already exists, with
// schemas. These schemas are registered before those that the case lists. Every record of the case
// also implies a topic.
Status CaseRun::add_topics(const std::vector<ParsedStatement>& script) {
  for (const CaseTopic& topic : test_.topics)
    add_topic(topic.name, topic.partitions.value_or(declared_partitions(script, topic.name)),
              topic.replicas);
  for (const ParsedStatement& parsed : script) {
    const auto* create = std::get_if<CreateSource>(&parsed.statement);
    if (!create || create->elements.empty()) continue;
    const Property* topic = find_property(create->properties, "KAFKA_TOPIC");
    if (!topic) continue;
    const Property* partitions = find_property(create->properties, "PARTITIONS");
    add_topic(topic->text(), partitions ? atoi(partitions->text().c_str()) : kDefaultPartitions, 1);
    const auto listed = std::ranges::find(test_.topics, topic->text(), &CaseTopic::name);
    if (listed == test_.topics.end()) engine_.add_declared_schemas(parsed);
  }
  for (const CaseTopic& topic : test_.topics) {
    if (topic.key_schema) TRY(engine_.add_schema(topic.name, Side::Key, *topic.key_schema));
    if (topic.value_schema) TRY(engine_.add_schema(topic.name, Side::Value, *topic.value_schema));
  }
  for (const auto* records : {&test_.inputs, &test_.outputs})
    for (const CaseRecord& record : *records) add_topic(record.topic, kDefaultPartitions, 1);
  return {};
}

Outcome CaseRun::failed_statement(const Error& error, bool is_last) {
  if (!test_.expected_error) return CaseFailure{describe(error)};
  if (!is_last) return CaseFailure{"an earlier statement failed: " + describe(error)};
  if (matches(*test_.expected_error, error, FailedAt::Planning)) return std::nullopt;
  return CaseFailure{fmt::format("expected the error \"{}\" ({}), got {}",
                                 test_.expected_error->message, test_.expected_error->type,
                                 describe(error))};
}

Outcome CaseRun::read_inputs() {
  std::map<std::string, TopicFormat> formats;
  for (const KnownTopic& topic : engine_.topics())
    if (topic.format) formats.emplace(topic.name, *topic.format);
  for (size_t i = 0; i < test_.inputs.size(); ++i) {
    const CaseRecord& record = test_.inputs[i];
    const auto format = formats.find(record.topic);
    Result<RawRecord> raw = encode_input(
        record, format == formats.end() ? nullptr : &format->second, engine_.registry());
    if (!raw) return CaseFailure{fmt::format("input {}: {}", i, describe(raw.error()))};
    broker_[raw->topic].push_back(*raw);
    input_topics_.insert(raw->topic);
    inputs_.push_back(*std::move(raw));
  }
  return std::nullopt;
}

Outcome CaseRun::feed_all() {
  for (const CaseQuery& query : engine_.queries()) {
    const Status status = feed(query);
    if (status) continue;
    if (test_.expected_error && matches(*test_.expected_error, status.error(), FailedAt::Feeding))
      return std::nullopt;
    return CaseFailure{query.id + " failed: " + describe(status.error())};
  }
  if (!test_.expected_error) return std::nullopt;
  return CaseFailure{"nothing failed, expected the error: " + test_.expected_error->message};
}

// Returns the input of the query, in order. If the case writes to a topic, only the case's records of this topic are
// used.
std::vector<RawRecord> CaseRun::records_for(const CaseQuery& query) const {
  std::vector<RawRecord> records;
  for (const RawRecord& record : inputs_)
    if (std::ranges::find(query.source_topics, record.topic) != query.source_topics.end())
      records.push_back(record);
  for (const std::string& topic : query.source_topics) {
    const auto held = broker_.find(topic);
    if (held == broker_.end() || input_topics_.contains(topic)) continue;
    records.insert(records.end(), held->second.begin(), held->second.end());
  }
  return records;
}

Status CaseRun::feed(const CaseQuery& query) {
  const std::vector<RawRecord> records = records_for(query);
  const size_t step = feeding_ == Feeding::AllAtOnce ? records.size() : 1;
  for (size_t at = 0; at < records.size(); at += step) {
    std::vector<RawRecord> written;
    TRY(engine_.feed(query.id, std::span(records).subspan(at, step), written));
    for (RawRecord& record : written) broker_[record.topic].push_back(std::move(record));
  }
  return {};
}

Outcome CaseRun::compare() {
  const std::string difference =
      compare_outputs(test_, broker_, engine_.topics(), engine_.registry());
  if (difference.empty()) return std::nullopt;
  return CaseFailure{difference};
}

}  // namespace

CaseResult run_case(const TestCase& test, const MakeCaseEngine& make_engine) {
  if (!test.skip_reason.empty()) return {Verdict::Skipped, test.skip_reason};
  struct Way {
    Feeding feeding;
    size_t cached_entries;
    const char* label;
  };
  constexpr Way kWays[] = {
      {Feeding::RecordByRecord, SIZE_MAX, ""},
      {Feeding::AllAtOnce, SIZE_MAX, "passes record by record, not all at once: "},
      {Feeding::RecordByRecord, 0, "passes with its state in memory, not without: "}};
  for (const Way& way : kWays) {
    const auto engine = make_engine(test.properties, way.cached_entries);
    const Outcome failed = CaseRun(test, *engine, way.feeding).run();
    if (failed) return {Verdict::Failed, way.label + failed->reason};
  }
  return {};
}

}  // namespace engine
