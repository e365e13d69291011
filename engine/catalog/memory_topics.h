// Keeps topics in memory, for the test runner and for unit tests.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/catalog.h"

namespace engine {

// Topics get their ids in the order of their creation. Creating a topic whose name exists already
// changes nothing.
class MemoryTopics : public Topics {
 public:
  std::optional<TopicDescription> find(std::string_view name) const override {
    const auto found = topics_.find(name);
    if (found == topics_.end()) return std::nullopt;
    return found->second;
  }
  std::vector<TopicDescription> all() const override {
    std::vector<TopicDescription> topics;
    for (const auto& [name, topic] : topics_) topics.push_back(topic);
    return topics;
  }
  void add_topic(TopicDescription topic) {
    const size_t number = topics_.size() + 1;
    topic.id.bytes[14] = static_cast<uint8_t>(number >> 8);
    topic.id.bytes[15] = static_cast<uint8_t>(number);
    topics_.try_emplace(topic.name, std::move(topic));
  }
  void add_topic(std::string name, int partitions) {
    add_topic(TopicDescription{.name = std::move(name), .id = {}, .partitions = partitions});
  }

 private:
  std::map<std::string, TopicDescription, std::less<>> topics_;
};

}  // namespace engine
