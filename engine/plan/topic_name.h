// Finds the topic that a statement names. Names of topics are case-sensitive, as in Kafka.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/source_properties.h"

namespace engine {

struct TopicName {
  std::optional<std::string> name;  // none: the statement names no topic
  std::vector<std::string> notices = {};
};

// Returns the topic of KAFKA_TOPIC in a CREATE without AS. If no topic has exactly this name, a name in upper case
// refers to the topic of the query that writes the stream or table of this name, and a notice reports the topic.
// ksqlDB gives this topic the name in upper case, and Millrace the name in lower case; scripts for ksqlDB use the former.
// Fails with UnknownTopic if only topics exist whose names differ in case, unless PARTITIONS asks for a new topic.
// Under --compat ksqldb such a name is returned unchanged, and no notice is given.
Result<TopicName> topic_of_source(const SourceProperties& with, const PropertyList& written,
                                  const Catalog& catalog, const Topics& topics,
                                  const EngineSettings& settings);

// Fails, as topic_of_source() does, if the KAFKA_TOPIC of a CREATE ... AS differs from existing topics only in case.
Status check_topic_of_sink(const SourceProperties& with, const PropertyList& written,
                           const Topics& topics, const EngineSettings& settings);

// Returns the topic of a new relation whose statement names none: the default name, or, if a relation that has been
// renamed still has the topic of this name, the default name with the first free number behind it, such as orders_1.
// Both relations would otherwise show the rows of each other.
std::string topic_of_new(std::string_view relation, const Catalog& catalog, const Topics& topics,
                         const EngineSettings& settings);
// Returns the name with the first number behind it for which no topic exists.
std::string free_topic_name(std::string_view name, const Topics& topics);

// Finds the topic of ASSERT TOPIC. A name in quotes is compared exactly. A name without quotes, which the parser has
// put into upper case, matches in any case; the topic with exactly this name has precedence.
std::optional<TopicDescription> find_topic(const Name& name, const Topics& topics);
// Returns the topic of PRINT by the same rule. Fails with UnknownTopic if none matches and, except under --compat
// ksqldb, if a name without quotes matches several topics.
Result<TopicDescription> topic_of_print(const Name& name, const Topics& topics,
                                        const EngineSettings& settings);

}  // namespace engine
