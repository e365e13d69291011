#include "server/metadata/topic_change.h"

#include <fmt/format.h>

namespace server {

namespace {

Result<const storage::TopicInfo*> find_topic(const storage::TopicTable& topics,
                                             const std::string& name) {
  // The returned pointer stays valid after the call, because the table shares the snapshot.
  const storage::TopicInfo* found = topics.snapshot()->find(name);
  if (!found)
    return Error{ErrorCode::UnknownTopic, fmt::format("topic \"{}\" does not exist", name)};
  return found;
}

struct PartOf {
  const storage::TopicTable& topics;
  const std::function<Uuid()>& new_id;

  Result<std::string> operator()(const CreateTopic& create) const {
    return storage::encode_create_topic(
        {new_id(), create.name, create.partition_count, create.config});
  }
  Result<std::string> operator()(const DeleteTopic& remove) const {
    return storage::encode_delete_topic(TRY(find_topic(topics, remove.name))->id);
  }
  Result<std::string> operator()(const GrowTopic& grow) const {
    const storage::TopicInfo* topic = TRY(find_topic(topics, grow.name));
    return storage::encode_grow_topic(topic->id, grow.partition_count);
  }
  Result<std::string> operator()(const ConfigureTopic& configure) const {
    const storage::TopicInfo* topic = TRY(find_topic(topics, configure.name));
    const auto before =
        configure.replaces_all ? std::map<std::string, std::string>() : topic->config;
    return storage::encode_configure_topic(
        topic->id, TRY(storage::changed_configs(before, configure.changes)));
  }
};

}  // namespace

Result<storage::MetadataCommand> plan_topic_change(const TopicChange& change,
                                                   const storage::TopicTable& topics,
                                                   const std::function<Uuid()>& new_id) {
  std::string part = TRY(std::visit(PartOf{topics, new_id}, change));
  TRY(topics.check(part));
  return storage::MetadataCommand{{{std::string(storage::kTopicsPart), std::move(part)}}};
}

const std::string& topic_name(const TopicChange& change) {
  return std::visit([](const auto& each) -> const std::string& { return each.name; }, change);
}

}  // namespace server
