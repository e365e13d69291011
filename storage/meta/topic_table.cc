#include "storage/meta/topic_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/sized.h"
#include "base/uuid_bytes.h"
#include "storage/log/task_journal.h"

namespace storage {

namespace {

// part   = version u8, change u8, id 16 bytes, (create only) topic, (grow only) partition count varint,
//          (configure only) config
// topic  = name, partition count varint, config
// config = count of settings varint, settings * (name, value)
// saved  = version u8, count of topics varint, topics * (id 16 bytes, topic)
constexpr uint8_t kTopicVersion = 1;
// The version of a Configure change, which does not exist in version 1. If no settings were
// changed, programs of version 1 can read all topics.
constexpr uint8_t kConfigureVersion = 2, kNewestVersion = kConfigureVersion;
enum class TopicOperation : uint8_t { Create = 1, Delete = 2, Grow = 3, Configure = 4 };

struct TopicChange {
  TopicOperation change;
  TopicInfo topic;  // a deletion has the id only; other changes have the id and the changed fields
};

using Config = std::map<std::string, std::string>;

void append_config(std::string& out, const Config& config) {
  append_varint(out, config.size());
  for (const auto& [name, value] : config) {
    append_sized(out, name);
    append_sized(out, value);
  }
}
Config read_config(ByteReader& in) {
  Config config;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(read_sized(in));
    config[std::move(name)] = read_sized(in);
  }
  return config;
}

void append_topic(std::string& out, const TopicInfo& topic) {
  append_sized(out, topic.name);
  append_varint(out, static_cast<uint64_t>(topic.partition_count));
  append_config(out, topic.config);
}
TopicInfo read_topic(ByteReader& in, const Uuid& id) {
  TopicInfo topic;
  topic.id = id;
  topic.name = read_sized(in);
  topic.partition_count = static_cast<int32_t>(in.varint());
  topic.config = read_config(in);
  return topic;
}

Error damaged_topics() { return {ErrorCode::StorageFailure, "a change of topics is damaged"}; }

Status check_version(ByteReader& in) {
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged_topics();
  if (version > kNewestVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a change of topics was written by a newer version"};
  return {};
}

Result<TopicChange> decode_change(std::string_view part) {
  ByteReader in(part);
  TRY(check_version(in));
  TopicChange decoded{static_cast<TopicOperation>(in.be<uint8_t>()), {}};
  const Uuid id = read_uuid(in);
  switch (decoded.change) {
    case TopicOperation::Create:
      decoded.topic = read_topic(in, id);
      break;
    case TopicOperation::Delete:
      decoded.topic.id = id;
      break;
    case TopicOperation::Grow:
      decoded.topic.id = id;
      decoded.topic.partition_count = static_cast<int32_t>(in.varint());
      break;
    case TopicOperation::Configure:
      decoded.topic.id = id;
      decoded.topic.config = read_config(in);
      break;
    default:
      return damaged_topics();
  }
  if (!in.ok() || !in.at_end()) return damaged_topics();
  return decoded;
}

std::string change_of(TopicOperation change, const Uuid& id) {
  std::string part;
  part +=
      static_cast<char>(change == TopicOperation::Configure ? kConfigureVersion : kTopicVersion);
  part += static_cast<char>(change);
  append_uuid(part, id);
  return part;
}

Status check_new(const TopicInfo& topic, const TopicSnapshot& topics) {
  if (topic.name.empty() || topic.partition_count < 1)
    return Error{ErrorCode::InvalidParameter, "a topic needs a name and at least one partition"};
  if (topics.find(topic.name) != nullptr)
    return Error{ErrorCode::TopicExists, fmt::format("topic \"{}\" already exists", topic.name)};
  if (topic.id.is_nil() || topics.find(topic.id) != nullptr)
    return Error{ErrorCode::InvalidParameter, "a topic needs an id of its own"};
  return {};
}

Status check_change(const TopicChange& change, const TopicSnapshot& topics) {
  if (change.change == TopicOperation::Create) return check_new(change.topic, topics);
  const TopicInfo* known = topics.find(change.topic.id);
  if (known == nullptr) return Error{ErrorCode::UnknownTopic, "topic does not exist"};
  if (change.change == TopicOperation::Grow &&
      change.topic.partition_count <= known->partition_count)
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("topic \"{}\" has {} partitions already, and partitions are only added",
                    known->name, known->partition_count)};
  return {};
}

}  // namespace

std::string encode_create_topic(const TopicInfo& topic) {
  std::string part = change_of(TopicOperation::Create, topic.id);
  append_topic(part, topic);
  return part;
}
std::string encode_delete_topic(const Uuid& id) { return change_of(TopicOperation::Delete, id); }
std::string encode_grow_topic(const Uuid& id, int32_t partition_count) {
  std::string part = change_of(TopicOperation::Grow, id);
  append_varint(part, static_cast<uint64_t>(partition_count));
  return part;
}
std::string encode_configure_topic(const Uuid& id, const Config& config) {
  std::string part = change_of(TopicOperation::Configure, id);
  append_config(part, config);
  return part;
}

namespace {

// Kafka's limit for names. The name of a partition's folder, with the partition's number, then has
// at most 255 letters.
constexpr size_t kMaxNameSize = 249;

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::string without_dots(std::string_view name) {
  std::string same(name);
  std::ranges::replace(same, '.', '_');
  return same;
}

Result<TopicDelta> delta_of(const TopicChange& change, const TopicSnapshot& topics) {
  TRY(check_change(change, topics));
  if (change.change == TopicOperation::Create) return TopicDelta{{}, change.topic};
  const TopicInfo& known = *topics.find(change.topic.id);
  if (change.change == TopicOperation::Delete) return TopicDelta{known, {}};
  TopicInfo changed = known;
  if (change.change == TopicOperation::Grow)
    changed.partition_count = change.topic.partition_count;
  else
    changed.config = change.topic.config;
  return TopicDelta{known, std::move(changed)};
}

}  // namespace

Status check_topic_name(std::string_view name, const TopicSnapshot& topics) {
  const auto refused = [&](std::string_view why) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a valid topic name: {}", name, why)};
  };
  if (name.empty() || name.size() > kMaxNameSize)
    return refused(
        fmt::format("it has {} characters, and may have 1 to {}", name.size(), kMaxNameSize));
  if (name == "." || name == "..") return refused("it is the name of a directory");
  if (!std::ranges::all_of(name, is_legal))
    return refused("it may only contain the characters a-z, A-Z, 0-9, '.', '_' and '-'");
  const TopicInfo* other = topics.find_colliding(name);
  if (other && other->name != name)
    return refused(
        fmt::format("topic \"{}\" exists, and metrics cannot distinguish names that differ only in "
                    "'.' and '_'",
                    other->name));
  return {};
}

const TopicInfo* TopicSnapshot::find(std::string_view name) const { return by_name_.get(name); }
const TopicInfo* TopicSnapshot::find(const Uuid& id) const {
  const std::string* name = names_.get(id);
  return name ? by_name_.get(*name) : nullptr;
}
const TopicInfo* TopicSnapshot::find_colliding(std::string_view name) const {
  const std::string* other = collisions_.get(without_dots(name));
  return other ? by_name_.get(*other) : nullptr;
}

void TopicSnapshot::put(TopicInfo topic) {
  names_.set(topic.id, topic.name);
  collisions_.set(without_dots(topic.name), topic.name);
  // The task journal gets no default settings of topics: a default that compacts or expires the
  // journal would lose commits of queries.
  if (topic.id != kReplicatedJournal) topic.defaults = defaults_;
  std::string name = topic.name;
  by_name_.set(std::move(name), std::move(topic));
}

void TopicSnapshot::erase(const Uuid& id) {
  const std::string name = names_.at(id);
  const std::string same = without_dots(name);
  if (collisions_.at(same) == name) collisions_.erase(same);
  by_name_.erase(name);
  names_.erase(id);
}

TopicTable::TopicTable() : topics_(std::make_shared<TopicSnapshot>()) {}

Result<TopicDelta> TopicTable::check(std::string_view part) const {
  const TopicChange change = TRY(decode_change(part));
  TopicDelta delta = TRY(delta_of(change, *topics_));
  if (!delta.before) TRY(check_topic_name(delta.now->name, *topics_));
  return delta;
}

Result<TopicDelta> TopicTable::apply(std::string_view part) {
  const TopicChange change = TRY(decode_change(part));
  TopicDelta delta = TRY(delta_of(change, *topics_));
  auto changed = std::make_shared<TopicSnapshot>(*topics_);
  if (delta.now)
    changed->put(*delta.now);
  else
    changed->erase(delta.before->id);
  topics_ = std::move(changed);
  return delta;
}

void TopicTable::set_defaults(TopicDefaults defaults) {
  auto changed = std::make_shared<TopicSnapshot>(*topics_);
  changed->defaults_ = defaults == TopicDefaults()
                           ? nullptr
                           : std::make_shared<const TopicDefaults>(std::move(defaults));
  std::vector<TopicInfo> topics;
  for (const auto& [name, topic] : changed->by_name()) topics.push_back(topic);
  for (TopicInfo& topic : topics) changed->put(std::move(topic));
  topics_ = std::move(changed);
}

TopicDefaults TopicTable::defaults() const {
  return topics_->defaults() ? *topics_->defaults() : TopicDefaults();
}

std::string TopicTable::save() const {
  std::string saved;
  saved += static_cast<char>(kTopicVersion);
  append_varint(saved, topics_->by_name().size());
  for (const auto& [name, topic] : topics_->by_name()) {
    append_uuid(saved, topic.id);
    append_topic(saved, topic);
  }
  return saved;
}

Result<TopicTable> TopicTable::load(std::string_view saved) {
  ByteReader in(saved);
  TRY(check_version(in));
  auto topics = std::make_shared<TopicSnapshot>();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const Uuid id = read_uuid(in);
    TopicInfo topic = read_topic(in, id);
    if (!in.ok()) return damaged_topics();
    TRY(check_change({TopicOperation::Create, topic}, *topics));
    topics->put(std::move(topic));
  }
  if (!in.ok() || !in.at_end()) return damaged_topics();
  TopicTable table;
  table.topics_ = std::move(topics);
  return table;
}

}  // namespace storage
