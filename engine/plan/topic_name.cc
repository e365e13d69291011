#include "engine/plan/topic_name.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/suggest.h"
#include "engine/catalog/visible_names.h"
#include "engine/plan/create_source.h"

namespace engine {

namespace {

// Returns the names of the visible topics that differ from `name` at most in case, in quotes.
std::vector<std::string> names_in_any_case(const std::string& name, const Topics& topics) {
  std::vector<std::string> names;
  for (const std::string& topic : visible_topics(topics))
    if (absl::EqualsIgnoreCase(topic, name)) names.push_back("'" + topic + "'");
  return names;
}

Status check_case(const std::string& name, const SourceProperties& with,
                  const PropertyList& written, const Topics& topics) {
  if (with.partitions || topics.find(name)) return {};
  const std::vector<std::string> others = names_in_any_case(name, topics);
  if (others.empty()) return {};
  return Error{ErrorCode::UnknownTopic, fmt::format("topic \"{}\" does not exist", name),
               "The names of topics are case-sensitive.",
               fmt::format("Write KAFKA_TOPIC = {} for the existing topic, or add PARTITIONS to "
                           "create topic \"{}\".",
                           fmt::join(others, " or "), name)}
      .at(find_property(written, "KAFKA_TOPIC")->position);
}

}  // namespace

Result<TopicName> topic_of_source(const SourceProperties& with, const PropertyList& written,
                                  const Catalog& catalog, const Topics& topics,
                                  const EngineSettings& settings) {
  TopicName topic{with.topic};
  if (!with.topic || topics.find(*with.topic)) return topic;
  const DataSource* owner = settings.lower_case_topics ? catalog.find_source(*with.topic) : nullptr;
  if (owner && !owner->created_by.empty() &&
      owner->topic == default_topic_name(owner->name, settings)) {
    topic.name = owner->topic;
    if (!settings.ksqldb_compat)
      topic.notices.push_back(
          fmt::format("topic \"{}\" does not exist: topic \"{}\" of {} {} is used", *with.topic,
                      owner->topic, kind_word(owner->kind), owner->name));
    return topic;
  }
  if (!settings.ksqldb_compat) TRY(check_case(*with.topic, with, written, topics));
  return topic;
}

Status check_topic_of_sink(const SourceProperties& with, const PropertyList& written,
                           const Topics& topics, const EngineSettings& settings) {
  if (!with.topic || settings.ksqldb_compat) return {};
  return check_case(*with.topic, with, written, topics);
}

namespace {

// Returns whether the relation was renamed since a statement created it together with its topic or with its query. A
// relation over an existing topic does not count as renamed, because its statement named the topic.
bool is_renamed(const DataSource& source, const EngineSettings& settings) {
  if (source.topic == default_topic_name(source.name, settings)) return false;
  if (source.created_by.empty()) return source.owns_topic;
  return !absl::StrContains(source.created_by, fmt::format("_{}_", source.name));
}

}  // namespace

std::string topic_of_new(std::string_view relation, const Catalog& catalog, const Topics& topics,
                         const EngineSettings& settings) {
  std::string topic = default_topic_name(relation, settings);
  if (settings.ksqldb_compat) return topic;
  for (const auto& [name, other] : catalog.sources())
    if (other->topic == topic && name != relation && is_renamed(*other, settings))
      return free_topic_name(topic, topics);
  return topic;
}

std::string free_topic_name(std::string_view name, const Topics& topics) {
  for (int number = 1;; ++number)
    if (std::string free = fmt::format("{}_{}", name, number); !topics.find(free)) return free;
}

Error other_partitions(const TopicDescription& topic, int wanted) {
  return Error{
      ErrorCode::InvalidStatement,
      fmt::format("A Kafka topic with the name '{}' already exists, with different "
                  "partition/replica configuration than required. KSQL expects {} partitions "
                  "(topic has {})",
                  topic.name, wanted, topic.partitions),
      {},
      "Leave out PARTITIONS to use the topic as it is, or name a new topic with KAFKA_TOPIC."};
}

std::optional<TopicDescription> find_topic(const Name& name, const Topics& topics) {
  if (auto found = topics.find(name.text)) return found;
  if (name.quoting != Quoting::None) return std::nullopt;
  // Topics of streams and tables have lower-case names by default, so such a name is tried before any other letter
  // case.
  if (auto found = topics.find(absl::AsciiStrToLower(name.text))) return found;
  // An error about the right on the topic would show its name in its real letter case, so a hidden topic does not fit.
  std::optional<std::string> only;
  for (std::string& topic : visible_topics(topics)) {
    if (!absl::EqualsIgnoreCase(topic, name.text)) continue;
    if (only) return std::nullopt;
    only = std::move(topic);
  }
  return only ? topics.find(*only) : std::nullopt;
}

Result<TopicDescription> topic_of_print(const Name& name, const Topics& topics,
                                        const EngineSettings& settings) {
  const std::vector<std::string> alike = names_in_any_case(name.text, topics);
  if (!settings.ksqldb_compat && name.quoting == Quoting::None && alike.size() > 1)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("the name {} fits {} topics", name.text, alike.size()),
                 "A name without quotes fits the names of topics in any case.",
                 fmt::format("Write the name in quotes: {}.", fmt::join(alike, " or "))};
  if (auto found = find_topic(name, topics)) return *std::move(found);
  const std::vector<std::string> names = visible_topics(topics);
  Error error{
      ErrorCode::UnknownTopic,
      fmt::format("Could not find topic '{}', or the KSQL user does not have permissions to "
                  "list the topic. Topic names are case-sensitive.",
                  name.text)};
  error.hint = alike.empty() ? did_you_mean(name.text, names,
                                            "SHOW TOPICS lists the existing topics.", "'", "'")
                             : fmt::format("Did you mean {}?", fmt::join(alike, " or "));
  if (settings.ksqldb_compat) return error;
  error.ksqldb =
      std::exchange(error.message, fmt::format("topic \"{}\" does not exist", name.text));
  if (name.quoting != Quoting::None) error.detail = "A topic's name in quotes is case-sensitive.";
  return error;
}

}  // namespace engine
