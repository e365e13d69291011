#include "server/kafka/topic_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace server::kafka {

namespace {

using enum ConfigType;

constexpr TopicConfigRow kRows[] = {
    {"cleanup.policy", List, "delete", "what happens to old records; not acted on yet",
     "delete,compact", true},
    {"compression.type", String, "producer", "the codec of stored batches: as the producer chose",
     "producer"},
    {"delete.retention.ms", Long, "86400000", "how long tombstones stay; not acted on yet", "",
     true},
    {"max.message.bytes", Int, "67108864", "the largest record batch that is taken", ""},
    {"message.timestamp.after.max.ms", Long, "3600000",
     "how far ahead of the server's clock a record's time may be", ""},
    {"message.timestamp.before.max.ms", Long, "9223372036854775807",
     "how far behind the server's clock a record's time may be", ""},
    {"message.timestamp.type", String, "CreateTime",
     "whose time a record carries: the producer's, or ours when it is appended",
     "CreateTime,LogAppendTime"},
    {"min.compaction.lag.ms", Long, "0", "not acted on yet", "", true},
    {"max.compaction.lag.ms", Long, "9223372036854775807", "not acted on yet", "", true},
    {"min.cleanable.dirty.ratio", Double, "0.5", "not acted on yet", "", true},
    {"min.insync.replicas", Int, "1", "how many replicas acks=all waits for: there is one", "1"},
    {"retention.bytes", Long, "-1", "how much a partition keeps; not acted on yet", "", true},
    {"retention.ms", Long, "-1", "how long records are kept; not acted on yet", "", true},
    {"segment.bytes", Int, "1073741824", "for Kafka's files; without effect", "", true},
    {"segment.ms", Long, "604800000", "for Kafka's files; without effect", "", true},
};

template <class Number>
bool is_number(std::string_view text) {
  Number value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_of_type(std::string_view value, ConfigType type) {
  switch (type) {
    case Boolean:
      return value == "true" || value == "false";
    case Int:
      return is_number<int32_t>(value);
    case Long:
      return is_number<int64_t>(value);
    case Double:
      return is_number<double>(value);
    case String:
    case List:
      return true;
  }
  return false;
}

// Calls `each` with the parts between commas until it says false; whether it never did.
template <class Each>
bool all_parts(std::string_view list, Each each) {
  for (;;) {
    const size_t comma = list.find(',');
    if (!each(list.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

bool is_choice(const TopicConfigRow& row, std::string_view value) {
  return !all_parts(row.choices, [&](std::string_view choice) { return choice != value; });
}

}  // namespace

std::span<const TopicConfigRow> topic_configs() { return kRows; }

const TopicConfigRow* find_topic_config(std::string_view name) {
  const auto* found = std::ranges::find(kRows, name, &TopicConfigRow::name);
  return found == std::end(kRows) ? nullptr : found;
}

Status check_topic_config(std::string_view name, std::string_view value) {
  const TopicConfigRow* row = find_topic_config(name);
  if (!row)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("there is no topic setting \"{}\", or it is not supported yet", name)};
  if (!is_of_type(value, row->type))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a value of topic setting \"{}\"", value, name)};
  const bool is_taken =
      row->choices.empty() ||
      (row->type == List
           ? all_parts(value, [&](std::string_view part) { return is_choice(*row, part); })
           : is_choice(*row, value));
  if (!is_taken)
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("topic setting \"{}\" takes {}, not \"{}\"", name, row->choices, value)};
  return {};
}

std::string_view topic_config(const storage::TopicInfo& topic, std::string_view name) {
  if (const auto set = topic.config.find(std::string(name)); set != topic.config.end())
    return set->second;
  const TopicConfigRow* row = find_topic_config(name);
  return row ? row->default_value : std::string_view();
}

}  // namespace server::kafka
