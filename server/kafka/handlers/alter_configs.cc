// AlterConfigs and IncrementalAlterConfigs. AlterConfigs contains all settings of a resource,
// whereas IncrementalAlterConfigs contains only the changes (KIP-339).
#include <fmt/format.h>

#include <charconv>
#include <set>
#include <type_traits>

#include "base/view_topic.h"
#include "server/coordinator/group_settings.h"
#include "server/kafka/cluster_view.h"
#include "server/kafka/configs.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using storage::ConfigChange;

struct AlterConfigsRefusal {
  KafkaError error = KafkaError::None;
  std::string message;
};

AlterConfigsRefusal invalid_request(std::string message) {
  return {KafkaError::InvalidRequest, std::move(message)};
}

// Reads the change of one setting. Does not check yet that the setting exists.
template <class Config>
AlterConfigsRefusal read_change(const Config& asked, ConfigChange& change) {
  change.name = asked.name;
  if constexpr (requires { asked.config_operation; }) {
    if (asked.config_operation < 0 || asked.config_operation > 3)
      return invalid_request(fmt::format("settings have no operation {}", asked.config_operation));
    change.kind = static_cast<ConfigChange::Kind>(asked.config_operation);
  }
  if (change.kind == ConfigChange::Kind::Delete) return {};
  if (!asked.value)
    return invalid_request(fmt::format("null is not a valid value of \"{}\"", asked.name));
  change.value = *asked.value;
  return {};
}

template <class Resource>
AlterConfigsRefusal read_changes(const Resource& asked, std::vector<ConfigChange>& changes) {
  std::set<std::string_view> names;
  for (const auto& config : asked.configs) {
    if (!names.insert(config.name).second)
      return invalid_request(fmt::format("\"{}\" is named twice", config.name));
    if (AlterConfigsRefusal refusal = read_change(config, changes.emplace_back());
        refusal.error != KafkaError::None)
      return refusal;
  }
  return {};
}

AlterConfigsRefusal check_topic(const std::string& name, const std::vector<ConfigChange>& changes,
                                bool replaces_all, const storage::TopicSnapshot& topics) {
  const storage::TopicInfo* topic = topics.find(name);
  if (!topic)
    return {KafkaError::UnknownTopicOrPartition, fmt::format("topic \"{}\" does not exist", name)};
  // A changed setting could delete records in which coordinators store their state, or rows of a
  // materialized view.
  if (coordinator::is_coordinator_topic(name) ||
      topic->config.contains(std::string(kViewTopicSetting)))
    return {kPolicyViolation,
            fmt::format("topic \"{}\" and its settings are managed by the server", name)};
  const auto changed =
      storage::changed_configs(replaces_all ? TopicConfig() : topic->config, changes);
  if (!changed) return {kInvalidConfig, changed.error().message};
  return {};
}

// Checks the changes of a group. A group can have settings before it exists.
AlterConfigsRefusal check_group(const std::string& name, const std::vector<ConfigChange>& changes,
                                bool replaces_all, const storage::GroupConfigs& all) {
  if (name.empty()) return invalid_request("a group name is required");
  if (name.size() > coordinator::kMaxGroupIdBytes)
    return invalid_request(
        fmt::format("a group name can have at most {} bytes", coordinator::kMaxGroupIdBytes));
  const auto found = all.find(name);
  const auto changed = storage::changed_group_config(
      replaces_all || found == all.end() ? storage::GroupConfig() : found->second, changes);
  if (!changed) return {kInvalidConfig, changed.error().message};
  return {};
}

// Finds the node by its name. The empty name stands for all nodes. Returns nullopt if no node has
// the name.
std::optional<NodeId> node_named(const HandlerContext& context, const std::string& name) {
  if (name.empty()) return storage::kAllNodes;
  const auto view = context.backend.cluster();
  for (const auto& [id, node] : view->metadata->nodes())
    if (name == fmt::to_string(id.value())) return id;
  return std::nullopt;
}

// The changes of a broker's settings in a request, separated by the place where the settings are
// kept.
struct BrokerChanges {
  std::vector<ConfigChange> of_node;  // limits on moving replicas, in a cluster
  // New defaults, for topics without a value of their own.
  std::vector<ConfigChange> defaults;
};

AlterConfigsRefusal check_rate(const ConfigChange& change) {
  if (change.kind == ConfigChange::Kind::Delete) return {};
  int64_t rate = 0;
  const char* const end = change.value.data() + change.value.size();
  const auto [last, error] = std::from_chars(change.value.data(), end, rate);
  if (change.kind == ConfigChange::Kind::Set && error == std::errc() && last == end && rate >= 1)
    return {};
  return {kInvalidConfig, fmt::format("\"{}\" must be a number of bytes per second", change.name)};
}

AlterConfigsRefusal check_topic_defaults(const HandlerContext& context,
                                         const BrokerChanges& changes, bool replaces_all,
                                         const storage::TopicSnapshot& topics) {
  if (changes.defaults.empty()) return {};
  const auto view = context.backend.cluster();
  // Nodes with an older program could not apply a metadata command with defaults for all topics.
  if (view && view->metadata->feature_level() < storage::kAccessRulesLevel)
    return invalid_request(
        fmt::format("settings for all topics require millrace.version {}: kafka-features upgrade "
                    "--feature millrace.version={}",
                    storage::kAccessRulesLevel.value(), storage::kAccessRulesLevel.value()));
  const auto now =
      replaces_all || !topics.defaults() ? TopicConfig() : topics.defaults()->cluster_wide;
  const auto changed = storage::changed_topic_defaults(now, changes.defaults);
  return changed ? AlterConfigsRefusal{}
                 : AlterConfigsRefusal{kInvalidConfig, changed.error().message};
}

AlterConfigsRefusal check_broker(const HandlerContext& context, const std::string& name,
                                 const std::vector<ConfigChange>& changes, bool replaces_all,
                                 const storage::TopicSnapshot& topics, BrokerChanges& split) {
  const bool is_alone = context.backend.leads_all();
  if (!is_alone && !node_named(context, name))
    return invalid_request(fmt::format("broker {} is not part of the cluster", name));
  if (is_alone && !is_broker(context.node, name))
    return invalid_request(
        fmt::format("the only broker is {}, not \"{}\"", context.node.node_id, name));
  for (const ConfigChange& change : changes) {
    const bool is_deletion = change.kind == ConfigChange::Kind::Delete;
    if (!is_alone && is_node_setting(change.name)) {
      if (AlterConfigsRefusal refusal = check_rate(change); refusal.error != KafkaError::None)
        return refusal;
      split.of_node.push_back(change);
    } else if (storage::find_topic_default(change.name)) {
      if (name.empty())
        split.defaults.push_back(change);
      else if (!is_deletion)
        return invalid_request(fmt::format(
            "\"{}\" can only be set for all brokers: kafka-configs --entity-type brokers "
            "--entity-default",
            change.name));
    } else if (!is_deletion) {  // Kafka accepts the deletion of any name
      return invalid_request(why_fixed(context.node, change.name));
    }
  }
  return check_topic_defaults(context, split, replaces_all, topics);
}

// Returns a function that applies the changes to the settings that the node has when the function
// runs.
Backend::ClusterChange configure_node(NodeId node, std::vector<ConfigChange> changes,
                                      bool replaces_all) {
  return [=](const storage::ClusterSnapshot& cluster) -> std::vector<std::string> {
    storage::NodeSettings settings =
        replaces_all ? storage::NodeSettings() : cluster.settings_of(node);
    for (const ConfigChange& change : changes)
      if (change.kind == ConfigChange::Kind::Delete)
        settings.erase(change.name);
      else
        settings[change.name] = change.value;
    if (settings == cluster.settings_of(node)) return {};
    return {storage::encode_configure_node(node, settings)};
  };
}

template <class Request, class Response>
void alter(HandlerContext& context, const Request& request, const Reply<Response>& reply,
           bool replaces_all) {
  auto pending = std::make_shared<PendingResponse<Response>>(PendingResponse<Response>{{}, reply});
  const auto topics = context.backend.topics();
  const auto groups = context.backend.group_configs();
  std::multiset<std::pair<int8_t, std::string_view>> seen;
  for (const auto& asked : request.resources)
    seen.emplace(asked.resource_type, asked.resource_name);
  pending->response.responses.resize(request.resources.size());
  for (size_t i = 0; i < request.resources.size(); ++i) {
    const auto& asked = request.resources[i];
    auto& answer = pending->response.responses[i];
    answer.resource_type = asked.resource_type;
    answer.resource_name = asked.resource_name;
    std::vector<ConfigChange> changes;
    BrokerChanges of_broker;
    AlterConfigsRefusal refusal = read_changes(asked, changes);
    if (seen.count({asked.resource_type, asked.resource_name}) > 1)
      refusal = invalid_request("each resource must appear at most once");
    else if (refusal.error != KafkaError::None)
      ;  // read_changes() has refused the request already
    else if (asked.resource_type == kTopicResource)
      refusal = check_topic(asked.resource_name, changes, replaces_all, *topics);
    else if (asked.resource_type == kGroupResource)
      refusal = check_group(asked.resource_name, changes, replaces_all, *groups);
    else if (asked.resource_type == kBrokerResource)
      refusal =
          check_broker(context, asked.resource_name, changes, replaces_all, *topics, of_broker);
    else
      refusal = invalid_request(
          "only topics, groups and brokers have settings that can be "
          "changed");
    answer.error_code = refusal.error;
    if (refusal.error != KafkaError::None) {
      answer.error_message = std::move(refusal.message);
      continue;
    }
    if (request.validate_only) continue;
    auto done = [pending, i](const Status& configured) {
      if (!configured) {
        auto& failed = pending->response.responses[i];
        // A change can fail although it was checked above, because the state may have changed since
        // the check.
        failed.error_code = configured.error().code == ErrorCode::InvalidParameter
                                ? kInvalidConfig
                                : kafka_error(configured.error().code);
        failed.error_message = configured.error().message;
      }
      pending->complete_step();
    };
    Backend& backend = context.backend;
    if (asked.resource_type == kBrokerResource) {
      // Stays null if the node's own settings do not change.
      Backend::ClusterChange of_node;
      if (!context.backend.leads_all() && (replaces_all || !of_broker.of_node.empty()))
        of_node = configure_node(*node_named(context, asked.resource_name),
                                 std::move(of_broker.of_node), replaces_all);
      const bool has_defaults = topics->defaults() && !topics->defaults()->cluster_wide.empty();
      const bool sets_defaults = asked.resource_name.empty() &&
                                 (!of_broker.defaults.empty() || (replaces_all && has_defaults));
      pending->add_step([&backend, of_node = std::move(of_node),
                         defaults = std::move(of_broker.defaults), sets_defaults, replaces_all,
                         done = std::move(done)] {
        const auto then = [&backend, defaults, sets_defaults, replaces_all,
                           done](const Status& configured) {
          if (!configured || !sets_defaults) return done(configured);
          backend.configure_topic_defaults(defaults, replaces_all, done);
        };
        if (of_node)
          backend.change_cluster(of_node, then);
        else
          then({});
      });
    } else
      pending->add_step([&backend, is_group = asked.resource_type == kGroupResource,
                         name = asked.resource_name, changes = std::move(changes), replaces_all,
                         done = std::move(done)] {
        if (is_group)
          backend.configure_group(name, changes, replaces_all, done);
        else
          backend.configure_topic(name, changes, replaces_all, done);
      });
  }
  pending->complete_one();
}

}  // namespace

void handle_alter_configs(HandlerContext& context, AlterConfigsRequest request,
                          Reply<AlterConfigsResponse> reply) {
  alter(context, request, reply, true);
}

void handle_incremental_alter_configs(HandlerContext& context,
                                      IncrementalAlterConfigsRequest request,
                                      Reply<IncrementalAlterConfigsResponse> reply) {
  alter(context, request, reply, false);
}

}  // namespace server::kafka
