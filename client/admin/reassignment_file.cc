#include "client/admin/reassignment_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "client/flags.h"

namespace client {

namespace {

constexpr int64_t kVersion = 1;

// A JSON document whose root has an array as a member. `elements` are the elements of this array.
struct Document {
  simdjson::dom::parser parser;
  simdjson::dom::array elements;

  Status read(std::string_view text, const char* field) {
    simdjson::dom::element root;
    if (const auto error = parser.parse(text.data(), text.size()).get(root))
      return wrong_usage(
          fmt::format("The input string is not a valid JSON: {}", simdjson::error_message(error)));
    int64_t version = kVersion;
    if (const auto given = root["version"]; given.error() == simdjson::SUCCESS)
      if (given.get(version) != simdjson::SUCCESS || version != kVersion)
        return wrong_usage(fmt::format("Not supported version field value {}",
                                       simdjson::minify(given.value_unsafe())));
    if (root[field].get(elements) != simdjson::SUCCESS)
      return wrong_usage(fmt::format("Missing {} field", field));
    return {};
  }
};

Result<std::string> topic_of(const simdjson::dom::element& each) {
  std::string_view topic;
  if (each["topic"].get(topic) != simdjson::SUCCESS || topic.empty())
    return wrong_usage("an element has no string in its field topic");
  return std::string(topic);
}

Result<TopicPartitionKey> partition_of(const simdjson::dom::element& each) {
  std::string topic = TRY(topic_of(each));
  int64_t partition = 0;
  if (each["partition"].get(partition) != simdjson::SUCCESS || partition < 0 ||
      partition > INT32_MAX)
    return wrong_usage(
        fmt::format("topic {}: the field partition is not a partition number", topic));
  return TopicPartitionKey{std::move(topic), static_cast<int32_t>(partition)};
}

Result<NodeNumbers> replicas_of(const simdjson::dom::element& each,
                                const TopicPartitionKey& partition) {
  simdjson::dom::array numbers;
  if (each["replicas"].get(numbers) != simdjson::SUCCESS)
    return wrong_usage(
        fmt::format("partition {}: the field replicas is not a list", name_of(partition)));
  NodeNumbers nodes;
  for (const simdjson::dom::element number : numbers) {
    int64_t node = 0;
    if (number.get(node) != simdjson::SUCCESS || node < 0 || node > INT32_MAX)
      return wrong_usage(fmt::format("partition {}: {} is not a node id", name_of(partition),
                                     simdjson::minify(number)));
    nodes.push_back(static_cast<int32_t>(node));
  }
  if (nodes.empty())
    return wrong_usage(
        fmt::format("Partition replica lists may not contain duplicate entries, nor be "
                    "empty: {}",
                    name_of(partition)));
  return nodes;
}

// Returns the text as a JSON string.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

}  // namespace

Result<ReplicaPlan> parse_reassignments(std::string_view text) {
  Document document;
  TRY(document.read(text, "partitions"));
  ReplicaPlan plan;
  for (const simdjson::dom::element each : document.elements) {
    TopicPartitionKey partition = TRY(partition_of(each));
    NodeNumbers replicas = TRY(replicas_of(each, partition));
    if (!plan.emplace(partition, std::move(replicas)).second)
      return wrong_usage(fmt::format(
          "Partition reassignment contains duplicate topic partitions: {}", name_of(partition)));
  }
  if (plan.empty()) return wrong_usage("Partition reassignment list cannot be empty");
  return plan;
}

std::string to_json(const ReplicaPlan& plan) {
  std::string partitions;
  for (const auto& [partition, nodes] : plan) {
    std::string replicas, directories;
    for (const int32_t node : nodes) {
      replicas += fmt::format("{}{}", replicas.empty() ? "" : ",", node);
      directories += fmt::format("{}\"any\"", directories.empty() ? "" : ",");
    }
    partitions +=
        fmt::format("{}{{\"topic\":{},\"partition\":{},\"replicas\":[{}],\"log_dirs\":[{}]}}",
                    partitions.empty() ? "" : ",", in_quotes(partition.first), partition.second,
                    replicas, directories);
  }
  return fmt::format("{{\"version\":1,\"partitions\":[{}]}}", partitions);
}

Result<std::set<std::string>> parse_topics_to_move(std::string_view text) {
  Document document;
  TRY(document.read(text, "topics"));
  std::set<std::string> topics;
  for (const simdjson::dom::element each : document.elements) topics.insert(TRY(topic_of(each)));
  return topics;
}

Result<std::set<TopicPartitionKey>> parse_partitions(std::string_view text) {
  Document document;
  TRY(document.read(text, "partitions"));
  std::set<TopicPartitionKey> partitions;
  for (const simdjson::dom::element each : document.elements) {
    const TopicPartitionKey partition = TRY(partition_of(each));
    if (!partitions.insert(partition).second)
      return wrong_usage(fmt::format("Replica election data contains duplicate partitions: {}",
                                     name_of(partition)));
  }
  return partitions;
}

Result<std::set<int32_t>> parse_node_list(std::string_view text) {
  std::set<int32_t> nodes;
  while (true) {
    const size_t comma = text.find(',');
    const auto node = parse_number(text.substr(0, comma), 0, INT32_MAX);
    if (!node) return wrong_usage(fmt::format("\"{}\" is not a node id", text.substr(0, comma)));
    if (!nodes.insert(static_cast<int32_t>(*node)).second)
      return wrong_usage(fmt::format("Broker list contains duplicate entries: {}", *node));
    if (comma == text.npos) return nodes;
    text.remove_prefix(comma + 1);
  }
}

Result<std::vector<std::vector<int32_t>>> parse_replica_assignment(std::string_view text) {
  std::vector<std::vector<int32_t>> partitions(1);
  while (true) {
    const size_t end = text.find_first_of(",:");
    const auto node = parse_number(text.substr(0, end), 0, INT32_MAX);
    if (!node) return wrong_usage(fmt::format("\"{}\" is not a node id", text.substr(0, end)));
    std::vector<int32_t>& replicas = partitions.back();
    if (std::ranges::find(replicas, *node) != replicas.end())
      return wrong_usage(
          fmt::format("Partition replica lists may not contain duplicate entries: {}", *node));
    replicas.push_back(static_cast<int32_t>(*node));
    const bool is_whole = end == text.npos || text[end] == ',';
    if (is_whole && replicas.size() != partitions.front().size())
      return wrong_usage(fmt::format("Partition {} has different replication factor: {}",
                                     partitions.size() - 1, replicas.size()));
    if (end == text.npos) return partitions;
    if (is_whole) partitions.emplace_back();
    text.remove_prefix(end + 1);
  }
}

}  // namespace client
