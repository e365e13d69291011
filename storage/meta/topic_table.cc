#include "storage/meta/topic_table.h"

#include <fmt/format.h>

#include "base/sized.h"

namespace storage {

namespace {

// part  = version u8, change u8, id 16 bytes, (create only) topic, (grow only) partition count
// varint topic = name, partition count varint, count of settings varint, settings * (name, value)
// saved = version u8, count of topics varint, topics * (id 16 bytes, topic)
constexpr uint8_t kVersion = 1;
enum class Change : uint8_t { Create = 1, Delete = 2, Grow = 3 };

struct TopicChange {
  Change change;
  TopicInfo topic;  // of a deletion: the id alone; of growth: the partition count too
};

void append_id(std::string& out, const Uuid& id) { out.append(id.bytes.begin(), id.bytes.end()); }
Uuid read_id(ByteReader& in) {
  Uuid id;
  const std::string_view bytes = in.bytes(id.bytes.size());
  if (in.ok()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

void append_topic(std::string& out, const TopicInfo& topic) {
  append_sized(out, topic.name);
  append_varint(out, static_cast<uint64_t>(topic.partition_count));
  append_varint(out, topic.config.size());
  for (const auto& [name, value] : topic.config) {
    append_sized(out, name);
    append_sized(out, value);
  }
}
TopicInfo read_topic(ByteReader& in, const Uuid& id) {
  TopicInfo topic;
  topic.id = id;
  topic.name = read_sized(in);
  topic.partition_count = static_cast<int32_t>(in.varint());
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(read_sized(in));
    topic.config[std::move(name)] = read_sized(in);
  }
  return topic;
}

Error damaged() { return {ErrorCode::StorageFailure, "a change of topics is damaged"}; }

Status check_version(ByteReader& in) {
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged();
  if (version > kVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a change of topics was written by a newer version"};
  return {};
}

Result<TopicChange> decode_change(std::string_view part) {
  ByteReader in(part);
  TRY(check_version(in));
  TopicChange decoded{static_cast<Change>(in.be<uint8_t>()), {}};
  const Uuid id = read_id(in);
  switch (decoded.change) {
    case Change::Create:
      decoded.topic = read_topic(in, id);
      break;
    case Change::Delete:
      decoded.topic.id = id;
      break;
    case Change::Grow:
      decoded.topic.id = id;
      decoded.topic.partition_count = static_cast<int32_t>(in.varint());
      break;
    default:
      return damaged();
  }
  if (!in.ok() || !in.at_end()) return damaged();
  return decoded;
}

std::string change_of(Change change, const Uuid& id) {
  std::string part;
  part += static_cast<char>(kVersion);
  part += static_cast<char>(change);
  append_id(part, id);
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
  if (change.change == Change::Create) return check_new(change.topic, topics);
  const TopicInfo* known = topics.find(change.topic.id);
  if (known == nullptr) return Error{ErrorCode::UnknownTopic, "topic does not exist"};
  if (change.change == Change::Grow && change.topic.partition_count <= known->partition_count)
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("topic \"{}\" has {} partitions already, and partitions are only added",
                    known->name, known->partition_count)};
  return {};
}

}  // namespace

std::string encode_create_topic(const TopicInfo& topic) {
  std::string part = change_of(Change::Create, topic.id);
  append_topic(part, topic);
  return part;
}
std::string encode_delete_topic(const Uuid& id) { return change_of(Change::Delete, id); }
std::string encode_grow_topic(const Uuid& id, int32_t partition_count) {
  std::string part = change_of(Change::Grow, id);
  append_varint(part, static_cast<uint64_t>(partition_count));
  return part;
}

const TopicInfo* TopicSnapshot::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}
const TopicInfo* TopicSnapshot::find(const Uuid& id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? nullptr : find(found->second);
}

TopicTable::TopicTable() : topics_(std::make_shared<TopicSnapshot>()) {}

Status TopicTable::check(std::string_view part) const {
  const TopicChange change = TRY(decode_change(part));
  return check_change(change, *topics_);
}

Status TopicTable::apply(std::string_view part) {
  const TopicChange change = TRY(decode_change(part));
  TRY(check_change(change, *topics_));
  auto changed = std::make_shared<TopicSnapshot>(*topics_);
  switch (change.change) {
    case Change::Create:
      changed->names_[change.topic.id] = change.topic.name;
      changed->by_name_[change.topic.name] = change.topic;
      break;
    case Change::Delete:
      changed->by_name_.erase(changed->names_.at(change.topic.id));
      changed->names_.erase(change.topic.id);
      break;
    case Change::Grow:
      changed->by_name_.at(changed->names_.at(change.topic.id)).partition_count =
          change.topic.partition_count;
      break;
  }
  topics_ = std::move(changed);
  return {};
}

std::string TopicTable::save() const {
  std::string saved;
  saved += static_cast<char>(kVersion);
  append_varint(saved, topics_->by_name().size());
  for (const auto& [name, topic] : topics_->by_name()) {
    append_id(saved, topic.id);
    append_topic(saved, topic);
  }
  return saved;
}

Result<TopicTable> TopicTable::load(std::string_view saved) {
  ByteReader in(saved);
  TRY(check_version(in));
  auto topics = std::make_shared<TopicSnapshot>();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const Uuid id = read_id(in);
    TopicInfo topic = read_topic(in, id);
    if (!in.ok()) return damaged();
    TRY(check_change({Change::Create, topic}, *topics));
    topics->names_[id] = topic.name;
    topics->by_name_[topic.name] = std::move(topic);
  }
  if (!in.ok() || !in.at_end()) return damaged();
  TopicTable table;
  table.topics_ = std::move(topics);
  return table;
}

}  // namespace storage
