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

// Returns the topic that KAFKA_TOPIC names in a CREATE without AS. If no topic has exactly this
// name but a query writes the stream or table with this name in upper case, returns the topic of
// that query, and reports it in a notice. The reason: ksqlDB gives such a topic its name in upper
// case, as scripts for ksqlDB expect, while Millrace gives it the name in lower case.
//
// Fails with UnknownTopic if only topics exist whose names differ in letter case, unless PARTITIONS
// asks for a new topic. Under --compat ksqldb the name is returned unchanged, and no notice is
// given.
Result<TopicName> topic_of_source(const SourceProperties& with, const PropertyList& written,
                                  const Catalog& catalog, const Topics& topics,
                                  const EngineSettings& settings);

// Fails like topic_of_source() if the KAFKA_TOPIC of a CREATE ... AS differs from existing topics
// only in letter case.
Status check_topic_of_sink(const SourceProperties& with, const PropertyList& written,
                           const Topics& topics, const EngineSettings& settings);

// Returns the topic of a new relation whose statement names none. It is the default name. But if a
// relation that has been renamed still has the topic of this name, the first free number is added,
// as in orders_1. Otherwise each of the two relations would show the rows of the other.
std::string topic_of_new(std::string_view relation, const Catalog& catalog, const Topics& topics,
                         const EngineSettings& settings);
// Returns the name with a number appended: the first number for which no such topic exists.
std::string free_topic_name(std::string_view name, const Topics& topics);

// Returns the error about PARTITIONS for a topic that exists with another number of partitions, in ksqlDB's words.
Error other_partitions(const TopicDescription& topic, int wanted);

// Finds the topic of ASSERT TOPIC. A name in quotes must match exactly. A name without quotes,
// which the parser has converted to upper case, matches in any letter case; if a topic has exactly
// the upper-case name, that topic is taken.
std::optional<TopicDescription> find_topic(const Name& name, const Topics& topics);
// Returns the topic of PRINT by the rule of find_topic(). Fails with UnknownTopic if no topic
// matches. Also fails with it, except under --compat ksqldb, if a name without quotes matches
// several topics.
Result<TopicDescription> topic_of_print(const Name& name, const Topics& topics,
                                        const EngineSettings& settings);

}  // namespace engine
