#include "server/coordinator/consumer_protocol.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/coordinator/record_codec.h"

namespace server::coordinator {

namespace {

constexpr size_t kMostTopics = 100'000;

// Reads a list of topics with their partitions, whose layout is the same in subscriptions and in
// assignments.
void read_topics(RecordReading& in,
                 const std::function<void(const std::string& topic, int32_t partition)>& each) {
  const size_t topics = in.array().value_or(0);
  for (size_t i = 0; i < topics && in.ok(); ++i) {
    const std::string topic = in.text();
    const size_t count = in.array().value_or(0);
    for (size_t j = 0; j < count && in.ok(); ++j) {
      const auto partition = in.number<int32_t>();
      if (in.ok()) each(topic, partition);
    }
  }
}

// Reads the version and the topics of a subscription. Later versions have further fields after the
// topics; no version is flexible.
std::optional<std::vector<std::string>> read_names(RecordReading& in, int16_t& version) {
  version = in.number<int16_t>();
  if (version < 0 || !in.ok()) return std::nullopt;
  std::vector<std::string> topics;
  const size_t count = in.array().value_or(0);
  if (count > kMostTopics) return std::nullopt;
  for (size_t i = 0; i < count && in.ok(); ++i) topics.push_back(in.text());
  if (!in.ok()) return std::nullopt;
  return topics;
}

void sort_once(auto& all) {
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
}

// Collects the existing partitions, each of them once. Partitions that do not exist are ignored, so
// the number of existing partitions bounds the memory.
struct Gathering {
  const storage::TopicSnapshot& topics;
  std::vector<TopicIdPartition> partitions = {};
  size_t limit = 1'000;

  void add(const std::string& name, int32_t partition) {
    const storage::TopicInfo* topic = topics.find(name);
    if (!topic || partition < 0 || partition >= topic->partition_count) return;
    partitions.push_back({topic->id, partition});
    if (partitions.size() < limit) return;
    sort_once(partitions);
    limit = 2 * partitions.size() + 1'000;
  }
  std::vector<TopicIdPartition> take() {
    sort_once(partitions);
    return std::move(partitions);
  }
};

}  // namespace

std::optional<std::vector<std::string>> read_subscribed_topics(std::string_view metadata) {
  RecordReading in(metadata);
  int16_t version = 0;
  return read_names(in, version);
}

std::optional<ConsumerSubscription> read_subscription(std::string_view metadata,
                                                      const storage::TopicSnapshot& topics) {
  constexpr int16_t kFirstWithOwned = 1;
  RecordReading in(metadata);
  int16_t version = 0;
  auto names = read_names(in, version);
  if (!names) return std::nullopt;
  ConsumerSubscription subscription{*std::move(names), {}};
  sort_once(subscription.topics);
  if (version < kFirstWithOwned) return subscription;
  // Skips the user data, which may be null.
  if (const auto size = in.number<int32_t>(); size > 0) in.skip(static_cast<size_t>(size));
  Gathering owned{topics};
  read_topics(in,
              [&](const std::string& topic, int32_t partition) { owned.add(topic, partition); });
  if (!in.ok()) return std::nullopt;
  subscription.owned = owned.take();
  return subscription;
}

void for_each_assigned(
    std::string_view assignment,
    const std::function<void(const std::string& topic, int32_t partition)>& each) {
  RecordReading in(assignment);
  if (in.number<int16_t>() < 0) return;
  read_topics(in, each);
}

std::vector<TopicIdPartition> read_assignment(std::string_view assignment,
                                              const storage::TopicSnapshot& topics) {
  Gathering assigned{topics};
  for_each_assigned(assignment, [&](const std::string& topic, int32_t partition) {
    assigned.add(topic, partition);
  });
  return assigned.take();
}

// Writes version 0: every later version begins with the same fields, and readers find the version
// number in the data.
std::string write_subscription(const std::vector<std::string>& topics) {
  RecordWriter out(0);
  out.array(topics.size());
  for (const std::string& topic : topics) out.text(topic);
  out.null_array();  // no user data
  return out.take();
}

std::string write_assignment(const std::vector<TopicIdPartition>& partitions,
                             const storage::TopicSnapshot& topics) {
  std::vector<std::pair<const std::string*, std::vector<int32_t>>> by_topic;
  const Uuid* last = nullptr;
  for (const TopicIdPartition& each : partitions) {
    const storage::TopicInfo* topic = topics.find(each.topic_id);
    if (!topic) continue;
    if (!last || *last != each.topic_id)
      by_topic.emplace_back(&topic->name, std::vector<int32_t>());
    last = &each.topic_id;
    by_topic.back().second.push_back(each.partition);
  }
  RecordWriter out(0);
  out.array(by_topic.size());
  for (const auto& [name, numbers] : by_topic) {
    out.text(*name);
    out.array(numbers.size());
    for (const int32_t number : numbers) out.number(number);
  }
  out.null_array();  // no user data
  return out.take();
}

}  // namespace server::coordinator
