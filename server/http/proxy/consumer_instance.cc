#include "server/http/proxy/consumer_instance.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>

#include "records/batch.h"
#include "server/http/body_fields.h"
#include "server/kafka/messages/consumer_group_heartbeat_request.h"
#include "server/kafka/messages/consumer_group_heartbeat_response.h"
#include "server/kafka/messages/fetch_request.h"
#include "server/kafka/messages/fetch_response.h"
#include "server/kafka/messages/find_coordinator_request.h"
#include "server/kafka/messages/find_coordinator_response.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka/messages/offset_commit_request.h"
#include "server/kafka/messages/offset_commit_response.h"
#include "server/kafka/messages/offset_fetch_request.h"
#include "server/kafka/messages/offset_fetch_response.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

constexpr int16_t kHeartbeatVersion = 1, kMetadataVersion = 12, kFetchVersion = 12,
                  kListOffsetsVersion = 5, kOffsetFetchVersion = 9, kOffsetCommitVersion = 9,
                  kFindCoordinatorVersion = 4;
constexpr KafkaError kUnknownMemberId{25}, kFencedMemberEpoch{110}, kStaleMemberEpoch{113};
constexpr int64_t kEarliest = -2, kLatest = -1;
constexpr int32_t kRebalanceTimeoutMs = 60'000;
constexpr int64_t kCommitEveryUs = 5'000'000;
constexpr int64_t kMaxTimeoutMs = 60'000;
// Limits for the bytes of the records in one answer. The JSON of the answer is about as long.
constexpr int32_t kMostBytes = 8 << 20, kDefaultBytes = 1 << 20;
constexpr size_t kMaxPartitions = 10'000;
constexpr size_t kMaxBody = 512 * 1024;
constexpr std::string_view kPartitionNames[] = {"topic", "partition", "offset", "metadata"};
constexpr std::string_view kSubscriptionNames[] = {"topics", "topic_pattern"};
// The number of attempts to find a group's coordinator. They take about ten seconds.
constexpr int kMostTries = 100;
constexpr int64_t kRetryMs = 100;

Response no_content() { return {{.status = 204, .content_type = ""}, ""}; }

Response kafka_json(std::string text) {
  Response response = proxy_response(std::move(text));
  response.head.content_type = kProxyJson;
  return response;
}

ProxyProblem ok() { return {}; }
Response answer_of(const ProxyProblem& problem) {
  return problem.code == 0 ? no_content() : proxy_error(problem.code, problem.message);
}

// Reads {"partitions": [{"topic": "t", "partition": 0}]}, or "offsets" with an offset in each
// element. Returns nothing if the body has another form.
std::optional<ConsumerInstance::Offsets> read_partitions(const std::string& body,
                                                         std::string_view list) {
  const auto tree = engine::parse_json_tree(body);
  const JsonTree* items = tree ? tree->find(list) : nullptr;
  if (!items || items->kind != JsonKind::Array || items->items.size() > kMaxPartitions)
    return std::nullopt;
  ConsumerInstance::Offsets offsets;
  for (const JsonTree& item : items->items) {
    if (!unrecognized_field(item, kPartitionNames, UnknownFields::Refused).empty())
      return std::nullopt;
    const JsonTree* partition = item.find("partition");
    const JsonTree* offset = item.find("offset");
    int32_t number = 0;
    int64_t at = 0;
    if (!partition || !absl::SimpleAtoi(partition->text, &number)) return std::nullopt;
    if (list == "offsets" && (!offset || !absl::SimpleAtoi(offset->text, &at) || at < 0))
      return std::nullopt;
    offsets[{item.text_of("topic"), number}] = at;
  }
  return offsets;
}

// Adds a partition to the topics of a message; several requests have this form.
template <class Topics, class Partition>
void add_partition(Topics& topics, const std::string& name, Partition partition, auto name_member,
                   auto partitions_member) {
  if (topics.empty() || topics.back().*name_member != name) {
    topics.emplace_back();
    topics.back().*name_member = name;
  }
  (topics.back().*partitions_member).push_back(std::move(partition));
}

}  // namespace

struct ConsumerInstance::Reading {
  Done done;
  int64_t deadline_us = 0;
  int32_t max_bytes = kDefaultBytes;
  std::optional<Timer> timer;  // set until an assignment is possible
};

ConsumerInstance::ConsumerInstance(const ProxyView& view, size_t shard, ConsumerSettings settings)
    : view_(view), shard_(shard), settings_(std::move(settings)), memory_(view.memory) {
  used_us_ = view_.clock.monotonic_us();
}

void ConsumerInstance::run(Operation operation, Request request, Done done) {
  used_us_ = view_.clock.monotonic_us();
  if (is_closed_) return done(proxy_error(40403, "Consumer instance not found."));
  if (request.body.size() > kMaxBody)
    return done(proxy_error(413, "the body of this request can have at most 512 KB"));
  if (waiting_.size() >= kMaxWaiting)
    return done(proxy_error(50301, "too many requests to this consumer instance are queued"));
  if (!client_) client_ = view_.open_client(shard_, &memory_);
  waiting_.push_back(
      [self = shared_from_this(), operation, request = std::move(request), done = std::move(done)] {
        ((*self).*operation)(request, self->finishing(done));
      });
  if (!is_busy_) next_operation();
}

void ConsumerInstance::next_operation() {
  if (waiting_.empty()) return;
  is_busy_ = true;
  const auto operation = std::move(waiting_.front());
  waiting_.pop_front();
  if (has_coordinator_) return operation();
  find_coordinator(kMostTries, operation);
}

// Asks for the group's coordinator until one is available. If the server has had no group before,
// the topic that stores groups is created first, which takes a moment.
void ConsumerInstance::find_coordinator(int tries, std::function<void()> then) {
  kafka::FindCoordinatorRequest request;
  request.coordinator_keys = {settings_.group};
  client_->ask<kafka::FindCoordinatorRequest, kafka::FindCoordinatorResponse>(
      request, kFindCoordinatorVersion,
      [self = shared_from_this(), tries,
       then = std::move(then)](const Result<kafka::FindCoordinatorResponse>& response) {
        self->has_coordinator_ = response && !response->coordinators.empty() &&
                                 response->coordinators[0].error_code == KafkaError::None;
        // After the last try, the request that needs the coordinator reports the error.
        if (self->has_coordinator_ || tries <= 1) {
          self->retry_timer_.reset();
          return then();
        }
        self->retry_timer_.emplace(
            self->loop(), "an HTTP consumer without a coordinator",
            [self, tries, then] { self->find_coordinator(tries - 1, then); });
        self->retry_timer_->start_once(kRetryMs);
      });
}

ConsumerInstance::Done ConsumerInstance::finishing(Done done) {
  return [self = shared_from_this(), done = std::move(done)](Response response) {
    done(std::move(response));
    self->used_us_ = self->view_.clock.monotonic_us();
    self->is_busy_ = false;
    self->loop().defer([self] {
      if (self->is_busy_) return;
      self->reading_.reset();
      self->next_operation();
    });
  };
}

int64_t ConsumerInstance::idle_ms() const {
  return is_busy_ ? 0 : (view_.clock.monotonic_us() - used_us_) / 1000;
}

// ---- Subscription and assignment

void ConsumerInstance::subscribe(const Request& request, Done done) {
  const auto tree = engine::parse_json_tree(request.body);
  if (!tree) return done(proxy_error(400, "the body of the request is not JSON"));
  if (const std::string unknown =
          unrecognized_field(*tree, kSubscriptionNames, UnknownFields::Refused);
      !unknown.empty())
    return done(proxy_error(422, unknown));
  const JsonTree* topics = tree->find("topics");
  const std::string pattern = tree->text_of("topic_pattern");
  const bool has_topics = topics && topics->kind == JsonKind::Array && !topics->items.empty();
  if (has_topics == !pattern.empty())
    return done(proxy_error(422, "a subscription has either topics or a topic_pattern"));
  if (!is_subscribed() && !positions_.empty())
    return done(proxy_error(
        40903, "Subscription to topics, partitions and pattern are mutually exclusive."));
  topics_.clear();
  if (has_topics)
    for (const JsonTree& topic : topics->items) topics_.push_back(topic.text);
  pattern_ = pattern;
  has_new_subscription_ = true;
  heartbeat([done](const ProxyProblem& problem) { done(answer_of(problem)); });
}

void ConsumerInstance::unsubscribe(const Request&, Done done) {
  auto leave = [self = shared_from_this(), done](const ProxyProblem&) {
    self->topics_.clear();
    self->pattern_.clear();
    self->positions_.clear();
    if (!std::exchange(self->has_joined_, false)) return done(no_content());
    kafka::ConsumerGroupHeartbeatRequest request;
    request.group_id = self->settings_.group;
    request.member_id = self->member_id_;
    request.member_epoch = -1;
    self->client_->ask<kafka::ConsumerGroupHeartbeatRequest, kafka::ConsumerGroupHeartbeatResponse>(
        request, kHeartbeatVersion, [done](const auto&) { done(no_content()); });
  };
  if (settings_.commits_itself && has_joined_) return commit_offsets(to_commit(), leave);
  leave({});
}

void ConsumerInstance::subscription(const Request&, Done done) {
  engine::JsonWriter json;
  json.begin_object();
  json.key("topics");
  json.begin_array();
  for (const std::string& topic : topics_) json.text(topic);
  json.end_array();
  json.end_object();
  done(kafka_json(json.take()));
}

void ConsumerInstance::assign(const Request& request, Done done) {
  const auto partitions = read_partitions(request.body, "partitions");
  if (!partitions)
    return done(proxy_error(422, "partitions must be a list of topics and partitions"));
  if (is_subscribed())
    return done(proxy_error(
        40903, "Subscription to topics, partitions and pattern are mutually exclusive."));
  positions_.clear();
  for (const auto& [partition, offset] : *partitions) positions_[partition];
  done(no_content());
}

void ConsumerInstance::assignment(const Request&, Done done) {
  engine::JsonWriter json;
  json.begin_object();
  json.key("partitions");
  json.begin_array();
  for (const auto& [partition, position] : positions_) {
    json.begin_object();
    json.member("topic", partition.first);
    json.member("partition", partition.second);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  done(kafka_json(json.take()));
}

void ConsumerInstance::seek(const Request& request, Done done) {
  const auto offsets = read_partitions(request.body, "offsets");
  if (!offsets)
    return done(proxy_error(422, "offsets must be a list of topics, partitions and offsets"));
  for (const auto& [partition, offset] : *offsets)
    if (!positions_.contains(partition))
      return done(proxy_error(40904, fmt::format("No current assignment for partition {}-{}",
                                                 partition.first, partition.second)));
  for (const auto& [partition, offset] : *offsets) positions_[partition] = {offset, offset};
  done(no_content());
}

void ConsumerInstance::seek_to_beginning(const Request& request, Done done) {
  seek_all(request, kEarliest, std::move(done));
}
void ConsumerInstance::seek_to_end(const Request& request, Done done) {
  seek_all(request, kLatest, std::move(done));
}
void ConsumerInstance::seek_all(const Request& request, int64_t timestamp, Done done) {
  const auto partitions = read_partitions(request.body, "partitions");
  if (!partitions)
    return done(proxy_error(422, "partitions must be a list of topics and partitions"));
  std::vector<TopicPartition> of;
  for (const auto& [partition, offset] : *partitions) {
    if (!positions_.contains(partition))
      return done(proxy_error(40904, fmt::format("No current assignment for partition {}-{}",
                                                 partition.first, partition.second)));
    of.push_back(partition);
  }
  list_offsets(std::move(of), timestamp,
               [done](const ProxyProblem& problem) { done(answer_of(problem)); });
}

// ---- The group

void ConsumerInstance::heartbeat(std::function<void(ProxyProblem)> then) {
  if (member_id_.empty()) member_id_ = Uuid::random().to_string();
  kafka::ConsumerGroupHeartbeatRequest request;
  request.group_id = settings_.group;
  request.member_id = member_id_;
  request.member_epoch = has_joined_ ? member_epoch_ : 0;
  if (!has_joined_ || has_new_subscription_) {
    request.rebalance_timeout_ms = kRebalanceTimeoutMs;
    request.subscribed_topic_names = topics_;
    request.subscribed_topic_regex = pattern_;
  }
  auto& owned = request.topic_partitions.emplace();
  if (has_joined_)
    for (const auto& [partition, position] : positions_) {
      const auto id = topic_ids_.find(partition.first);
      if (id == topic_ids_.end()) continue;
      if (owned.empty() || owned.back().topic_id != id->second)
        owned.push_back({.topic_id = id->second});
      owned.back().partitions.push_back(partition.second);
    }
  has_new_subscription_ = false;
  is_beating_ = true;
  client_->ask<kafka::ConsumerGroupHeartbeatRequest, kafka::ConsumerGroupHeartbeatResponse>(
      request, kHeartbeatVersion,
      [self = shared_from_this(),
       then](const Result<kafka::ConsumerGroupHeartbeatResponse>& response) {
        self->is_beating_ = false;
        if (!response) return then({50002, response.error().message});
        if (response->error_code == kUnknownMemberId ||
            response->error_code == kFencedMemberEpoch) {
          // The group has removed the consumer, so the consumer joins again.
          self->has_joined_ = false;
          self->positions_.clear();
          self->next_heartbeat_us_ = 0;
          return then(ok());
        }
        if (response->error_code != KafkaError::None)
          return then(problem_of(response->error_code, response->error_message.value_or("")));
        self->has_joined_ = true;
        self->member_epoch_ = response->member_epoch;
        self->next_heartbeat_us_ =
            self->view_.clock.monotonic_us() + int64_t{response->heartbeat_interval_ms} * 1000;
        if (!response->assignment) return then(ok());
        std::vector<std::pair<Uuid, std::vector<int32_t>>> assigned;
        for (const auto& topic : response->assignment->topic_partitions)
          assigned.emplace_back(topic.topic_id, topic.partitions);
        self->find_names(std::move(assigned), then);
      });
}

void ConsumerInstance::find_names(std::vector<std::pair<Uuid, std::vector<int32_t>>> assigned,
                                  std::function<void(ProxyProblem)> then) {
  kafka::MetadataRequest request;
  auto& topics = request.topics.emplace();
  for (const auto& [id, partitions] : assigned) topics.push_back({.topic_id = id});
  request.allow_auto_topic_creation = false;
  client_->ask<kafka::MetadataRequest, kafka::MetadataResponse>(
      request, kMetadataVersion,
      [self = shared_from_this(), assigned = std::move(assigned),
       then = std::move(then)](const Result<kafka::MetadataResponse>& response) {
        if (!response) return then({50002, response.error().message});
        std::map<std::string, std::vector<int32_t>> by_name;
        for (const auto& topic : response->topics) {
          if (!topic.name) continue;
          self->topic_ids_[*topic.name] = topic.topic_id;
          for (const auto& [id, partitions] : assigned)
            if (id == topic.topic_id) by_name[*topic.name] = partitions;
        }
        self->take_assignment(by_name);
        // The new assignment is acknowledged immediately, since other consumers wait for the
        // partitions that this consumer gave up.
        self->next_heartbeat_us_ = 0;
        then(ok());
      });
}

void ConsumerInstance::take_assignment(
    const std::map<std::string, std::vector<int32_t>>& assigned) {
  std::map<TopicPartition, Position> next;
  for (const auto& [topic, partitions] : assigned)
    for (const int32_t partition : partitions)
      next[{topic, partition}] = positions_[{topic, partition}];
  positions_ = std::move(next);
}

void ConsumerInstance::tick() {
  if (is_closed_ || !client_ || is_beating_ || !is_subscribed()) return;
  if (view_.clock.monotonic_us() < next_heartbeat_us_) return;
  heartbeat([](const ProxyProblem&) {});
}

void ConsumerInstance::close(const Request& request, Done done) {
  is_closed_ = true;
  unsubscribe(request, [self = shared_from_this(), done](Response response) {
    done(std::move(response));
    // The client must not be destroyed inside its own callback.
    self->loop().defer([self] { self->client_.reset(); });
  });
}

void ConsumerInstance::abandon() {
  const auto client = std::move(client_);
  const auto waiting = std::move(waiting_);
  const auto reading = std::move(reading_);
  retry_timer_.reset();
}

// ---- Positions

void ConsumerInstance::find_positions(std::function<void(ProxyProblem)> then) {
  std::vector<TopicPartition> unknown;
  for (const auto& [partition, position] : positions_)
    if (!position.next) unknown.push_back(partition);
  if (unknown.empty()) return then(ok());
  fetch_committed(unknown, [self = shared_from_this(), unknown, then](const ProxyProblem& problem,
                                                                      const Offsets& committed) {
    if (problem.code != 0) return then(problem);
    std::vector<TopicPartition> left;
    for (const TopicPartition& partition : unknown) {
      const auto found = committed.find(partition);
      if (found != committed.end() && found->second >= 0)
        self->positions_[partition].next = found->second;
      else
        left.push_back(partition);
    }
    self->list_offsets(std::move(left), self->settings_.begins_at_start ? kEarliest : kLatest,
                       then);
  });
}

void ConsumerInstance::list_offsets(std::vector<TopicPartition> of, int64_t timestamp,
                                    std::function<void(ProxyProblem)> then) {
  if (of.empty()) return then(ok());
  using Topic = kafka::ListOffsetsRequest::Topic;
  kafka::ListOffsetsRequest request;
  for (const auto& [topic, partition] : of)
    add_partition(request.topics, topic,
                  Topic::Partition{.partition_index = partition, .timestamp = timestamp},
                  &Topic::name, &Topic::partitions);
  client_->ask<kafka::ListOffsetsRequest, kafka::ListOffsetsResponse>(
      request, kListOffsetsVersion,
      [self = shared_from_this(), then](const Result<kafka::ListOffsetsResponse>& response) {
        if (!response) return then({50002, response.error().message});
        for (const auto& topic : response->topics)
          for (const auto& partition : topic.partitions) {
            if (partition.error_code != KafkaError::None)
              return then(problem_of(partition.error_code));
            self->positions_[{topic.name, partition.partition_index}] = {partition.offset, -1};
          }
        then(ok());
      });
}

void ConsumerInstance::fetch_committed(std::vector<TopicPartition> of,
                                       std::function<void(ProxyProblem, Offsets)> then) {
  using Group = kafka::OffsetFetchRequest::Group;
  kafka::OffsetFetchRequest request;
  Group& group = request.groups.emplace_back();
  group.group_id = settings_.group;
  auto& topics = group.topics.emplace();
  for (const auto& [topic, partition] : of)
    add_partition(topics, topic, partition, &Group::GroupTopic::name,
                  &Group::GroupTopic::partition_indexes);
  client_->ask<kafka::OffsetFetchRequest, kafka::OffsetFetchResponse>(
      request, kOffsetFetchVersion, [then](const Result<kafka::OffsetFetchResponse>& response) {
        if (!response) return then({50002, response.error().message}, {});
        Offsets offsets;
        for (const auto& told : response->groups) {
          if (told.error_code != KafkaError::None) return then(problem_of(told.error_code), {});
          for (const auto& topic : told.topics)
            for (const auto& partition : topic.partitions)
              offsets[{topic.name, partition.partition_index}] = partition.committed_offset;
        }
        then(ok(), offsets);
      });
}

ConsumerInstance::Offsets ConsumerInstance::to_commit() const {
  Offsets offsets;
  for (const auto& [partition, position] : positions_)
    if (position.told >= 0) offsets[partition] = position.told;
  return offsets;
}

void ConsumerInstance::commit_offsets(Offsets offsets, std::function<void(ProxyProblem)> then) {
  next_commit_us_ = view_.clock.monotonic_us() + kCommitEveryUs;
  if (offsets.empty()) return then(ok());
  using Topic = kafka::OffsetCommitRequest::Topic;
  kafka::OffsetCommitRequest request;
  request.group_id = settings_.group;
  request.generation_id_or_member_epoch = has_joined_ ? member_epoch_ : -1;
  if (has_joined_) request.member_id = member_id_;
  for (const auto& [partition, offset] : offsets)
    add_partition(request.topics, partition.first,
                  Topic::Partition{.partition_index = partition.second,
                                   .committed_offset = offset,
                                   .committed_metadata = std::string()},
                  &Topic::name, &Topic::partitions);
  client_->ask<kafka::OffsetCommitRequest, kafka::OffsetCommitResponse>(
      request, kOffsetCommitVersion, [then](const Result<kafka::OffsetCommitResponse>& response) {
        if (!response) return then({50002, response.error().message});
        for (const auto& topic : response->topics)
          for (const auto& partition : topic.partitions)
            if (partition.error_code != KafkaError::None)
              return then(partition.error_code == kStaleMemberEpoch
                              ? ProxyProblem{50003, "The group is rebalancing."}
                              : problem_of(partition.error_code));
        then(ok());
      });
}

void ConsumerInstance::commit(const Request& request, Done done) {
  Offsets offsets = to_commit();
  if (request.body.find_first_not_of(" \t\r\n") != request.body.npos) {
    if (auto listed = read_partitions(request.body, "offsets"))
      // The request has the offset of the last processed record, and the group continues after this
      // record.
      for (offsets = *std::move(listed); auto& [partition, offset] : offsets) ++offset;
    else if (const auto partitions = read_partitions(request.body, "partitions"))
      std::erase_if(offsets, [&](const auto& each) { return !partitions->contains(each.first); });
    else
      return done(proxy_error(422, "offsets must be a list of topics, partitions and offsets"));
  }
  commit_offsets(std::move(offsets),
                 [done](const ProxyProblem& problem) { done(answer_of(problem)); });
}

void ConsumerInstance::committed(const Request& request, Done done) {
  const auto partitions = read_partitions(request.body, "partitions");
  if (!partitions)
    return done(proxy_error(422, "partitions must be a list of topics and partitions"));
  std::vector<TopicPartition> of;
  for (const auto& [partition, offset] : *partitions) of.push_back(partition);
  fetch_committed(std::move(of), [done](const ProxyProblem& problem, const Offsets& offsets) {
    if (problem.code != 0) return done(answer_of(problem));
    engine::JsonWriter json;
    json.begin_object();
    json.key("offsets");
    json.begin_array();
    for (const auto& [partition, offset] : offsets) {
      if (offset < 0) continue;
      json.begin_object();
      json.member("topic", partition.first);
      json.member("partition", partition.second);
      json.member("offset", offset);
      json.member("metadata", "");
      json.end_object();
    }
    json.end_array();
    json.end_object();
    done(kafka_json(json.take()));
  });
}

// ---- Records

void ConsumerInstance::records(const Request& request, Done done) {
  const auto number = [&](std::string_view name, int64_t otherwise) {
    int64_t value = 0;
    const auto text = query_value(request.query, name);
    return text && absl::SimpleAtoi(*text, &value) && value >= 0 ? value : otherwise;
  };
  if (!accepts_embedded(request.header("accept"), settings_.format))
    return done(proxy_error(40601,
                            "The requested embedded data format does not match the deserializer "
                            "for this consumer instance"));
  if (!is_subscribed() && positions_.empty())
    return done(
        proxy_error(50002, "Consumer is not subscribed to any topics or assigned any partitions"));
  const auto reading = reading_ = std::make_shared<Reading>();
  reading->done = std::move(done);
  reading->deadline_us =
      view_.clock.monotonic_us() +
      std::min(number("timeout", settings_.request_timeout_ms), kMaxTimeoutMs) * 1000;
  reading->max_bytes =
      static_cast<int32_t>(std::min<int64_t>(number("max_bytes", kDefaultBytes), kMostBytes));
  const auto go_on = [self = shared_from_this(), reading](const ProxyProblem& problem) {
    if (problem.code != 0) return reading->done(answer_of(problem));
    self->read_some(reading);
  };
  if (settings_.commits_itself && view_.clock.monotonic_us() >= next_commit_us_)
    return commit_offsets(to_commit(), [go_on](const ProxyProblem&) { go_on({}); });
  go_on({});
}

void ConsumerInstance::read_some(std::shared_ptr<Reading> reading) {
  const auto go_on = [self = shared_from_this(), reading](const ProxyProblem& problem) {
    if (problem.code != 0) return reading->done(answer_of(problem));
    self->read_some(reading);
  };
  const int64_t now_us = view_.clock.monotonic_us();
  if (is_subscribed() && (!has_joined_ || (positions_.empty() && now_us >= next_heartbeat_us_)) &&
      !is_beating_)
    return heartbeat([self = shared_from_this(), reading, go_on](const ProxyProblem& problem) {
      // If no partition is assigned yet, the next heartbeat is sent soon.
      if (problem.code == 0 && self->positions_.empty())
        self->next_heartbeat_us_ =
            std::min(self->next_heartbeat_us_, self->view_.clock.monotonic_us() + 100'000);
      go_on(problem);
    });
  if (positions_.empty()) return look_again(reading);
  find_positions([self = shared_from_this(), reading](const ProxyProblem& problem) {
    if (problem.code != 0) return reading->done(answer_of(problem));
    self->fetch(reading);
  });
}

void ConsumerInstance::look_again(const std::shared_ptr<Reading>& reading) {
  if (view_.clock.monotonic_us() >= reading->deadline_us) return reading->done(kafka_json("[]"));
  // The timer's callback holds a weak pointer to the reading, because the reading owns the timer.
  if (!reading->timer)
    reading->timer.emplace(loop(), "an HTTP consumer that waits",
                           [self = weak_from_this(), waiting = std::weak_ptr(reading)] {
                             const auto instance = self.lock();
                             if (const auto goes_on = waiting.lock(); instance && goes_on)
                               instance->read_some(goes_on);
                           });
  constexpr int64_t kLookEveryMs = 50;
  reading->timer->start_once(kLookEveryMs);
}

void ConsumerInstance::fetch(std::shared_ptr<Reading> reading) {
  // The unread answers of clients have used up their share of the memory, so the fetch waits until
  // some of them have been read.
  if (memory_.budget().has_many_answers()) return look_again(reading);
  // The whole answer is built in memory that is charged to the connection, so it is limited to this
  // consumer's share of memory.
  reading->max_bytes =
      std::min(reading->max_bytes,
               static_cast<int32_t>(std::min<size_t>(memory_.available_bytes() / 4, kMostBytes)));
  using Topic = kafka::FetchRequest::Topic;
  kafka::FetchRequest request;
  request.max_wait_ms = static_cast<int32_t>(
      std::max<int64_t>(0, reading->deadline_us - view_.clock.monotonic_us()) / 1000);
  request.min_bytes = settings_.min_bytes;
  request.max_bytes = reading->max_bytes;
  request.isolation_level = 1;
  for (const auto& [partition, position] : positions_)
    add_partition(request.topics, partition.first,
                  Topic::Partition{.partition = partition.second,
                                   .fetch_offset = position.next.value_or(0),
                                   .partition_max_bytes = reading->max_bytes},
                  &Topic::topic, &Topic::partitions);
  client_->ask<kafka::FetchRequest, kafka::FetchResponse>(
      request, kFetchVersion,
      [self = shared_from_this(), reading](const Result<kafka::FetchResponse>& response) {
        if (!response) return reading->done(proxy_error(50002, response.error().message));
        if (response->error_code != KafkaError::None)
          return reading->done(proxy_error(response->error_code));
        const engine::SchemaRegistry schemas = self->view_.registry.registry();
        engine::JsonWriter json;
        json.begin_array();
        auto next = self->positions_;
        for (const auto& topic : response->responses)
          for (const auto& partition : topic.partitions) {
            Position& position = next[{topic.topic, partition.partition_index}];
            if (partition.error_code == KafkaError::OffsetOutOfRange) {
              position = {};  // the next request looks the position up again
              continue;
            }
            if (partition.error_code != KafkaError::None)
              return reading->done(proxy_error(partition.error_code));
            std::string_view left =
                partition.records ? partition.records->whole() : std::string_view();
            auto aborted = partition.aborted_transactions.value_or(
                std::vector<kafka::FetchResponse::Topic::Partition::AbortedTransaction>());
            // If a record cannot be shown, the whole answer becomes an error only if the record is the first of its
            // partition in the answer. Otherwise the answer ends before the record, so that the client can commit
            // the earlier records and then seek beyond the invalid record.
            bool has_records = false, is_cut = false;
            while (!left.empty() && !is_cut) {
              const auto batch = records::parse_batch(left, records::BatchCheck::Shape);
              // the last batch is incomplete, because the answer has a size limit
              if (!batch) break;
              left.remove_prefix(batch->header.size_bytes);
              int64_t behind = batch->header.last_offset().value() + 1;
              const bool is_aborted = std::ranges::any_of(aborted, [&](const auto& one) {
                return batch->header.is_transactional() &&
                       one.producer_id == batch->header.producer_id.value() &&
                       one.first_offset <= batch->header.base_offset.value();
              });
              // The marker ends the aborted transaction. Later records of its producer belong to
              // another transaction.
              if (batch->header.is_control())
                std::erase_if(aborted, [&](const auto& one) {
                  return one.producer_id == batch->header.producer_id.value() &&
                         one.first_offset < behind;
                });
              if (!batch->header.is_control() && !is_aborted) {
                std::string scratch;
                auto reader = records::RecordReader::open(*batch, scratch);
                if (!reader) return reading->done(proxy_error(50002, reader.error().message));
                for (records::RecordView record; reader->next(record);) {
                  const int64_t offset = batch->header.base_offset.value() + record.offset_delta;
                  if (offset < position.next.value_or(0)) continue;
                  engine::JsonWriter shown;
                  shown.begin_object();
                  shown.member("topic", topic.topic);
                  for (const auto& [name, bytes] :
                       {std::pair("key", record.key), {"value", record.value}}) {
                    shown.key(name);
                    const Status appended =
                        append_payload(shown, self->settings_.format, bytes, schemas);
                    if (appended) continue;
                    is_cut = true;
                    if (has_records) break;
                    return reading->done(
                        proxy_error(42203, fmt::format("{}-{} offset {}: {}: {}", topic.topic,
                                                       partition.partition_index, offset, name,
                                                       appended.error().message)));
                  }
                  if (is_cut) {
                    behind = offset;
                    break;
                  }
                  shown.member("partition", partition.partition_index);
                  shown.member("offset", offset);
                  shown.end_object();
                  json.raw(shown.json());
                  has_records = true;
                }
              }
              position.next = position.told = behind;
            }
          }
        json.end_array();
        // The server may answer a fetch without records before the deadline, so the fetch is
        // repeated while time is left.
        const bool has_time = self->view_.clock.monotonic_us() + 1000 < reading->deadline_us;
        self->positions_ = std::move(next);
        if (json.json() == "[]" && has_time) return self->read_some(reading);
        Response answer = proxy_response(json.take());
        answer.head.content_type =
            fmt::format("application/vnd.kafka.{}.v2+json",
                        absl::AsciiStrToLower(std::string(embedded_name(self->settings_.format))));
        reading->done(std::move(answer));
      });
}

}  // namespace server::http
