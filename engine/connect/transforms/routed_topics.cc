#include "engine/connect/transforms/routed_topics.h"

#include <fmt/format.h>

#include <map>

#include "engine/connect/transforms/transform_chain.h"

namespace engine {

std::string routed_topic(const PropertyValues& values, const RecordForms& forms,
                         const std::string& topic) {
  const auto transforms = read_transforms(values.config(), forms, ConnectorType::Sink).chain;
  return transforms == nullptr ? topic : transforms->topics_of(topic).front();
}

void check_routes_of_objects(const PropertyValues& values, const RecordForms& forms,
                             const std::vector<std::string>& topics,
                             std::vector<WrongProperty>& wrong) {
  const auto transforms = read_transforms(values.config(), forms, ConnectorType::Sink).chain;
  if (transforms != nullptr && transforms->routes_by_time()) {
    wrong.push_back({"transforms",
                     "property \"transforms\": TimestampRouter cannot route the records of a sink "
                     "of objects, which have the records of one topic"});
    return;
  }
  std::map<std::string, std::string> names;  // topics after the transforms, each with its topic
  for (const std::string& topic : topics) {
    const auto [other, is_new] = names.emplace(routed_topic(values, forms, topic), topic);
    if (!is_new)
      wrong.push_back(
          {"transforms", fmt::format("property \"transforms\" gives the topics {} and {} one name, "
                                     "{}, and their objects would have the same names",
                                     other->second, topic, other->first)});
  }
}

}  // namespace engine
