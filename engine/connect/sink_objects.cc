#include "engine/connect/sink_objects.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

namespace {

std::optional<int64_t> integer_in(const JsonTree& object, std::string_view name) {
  const JsonTree* member = object.find(name);
  int64_t number = 0;
  if (member == nullptr || member->kind != JsonKind::Number) return std::nullopt;
  const char* const end = member->text.data() + member->text.size();
  const auto [stop, error] = std::from_chars(member->text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::string sink_object_name(std::string_view topic, PartitionId partition, Offset first,
                             std::string_view extension) {
  // Offsets have ten digits, so the alphabetical order of names is the order of offsets.
  return fmt::format("{}+{}+{:010}.{}", topic, partition.value(), first.value(), extension);
}

std::string encode_intent(const SinkObject& object, const Uuid& connector) {
  return JsonObjectText()
      .text("topic", object.topic)
      .text("topic_id", object.topic_id)
      .number("partition", object.partition.value())
      .number("first", object.first.value())
      .number("end", object.end.value())
      .text("object", object.name)
      .text("connector", connector.to_string())
      .take();
}

Result<std::optional<SinkObject>> parse_intent(std::string_view json, const Uuid& connector) {
  const JsonTree tree = TRY(parse_json_tree(json));
  if (tree.text_of("connector") != connector.to_string()) return std::optional<SinkObject>();
  const auto partition = integer_in(tree, "partition"), first = integer_in(tree, "first"),
             end = integer_in(tree, "end");
  if (!partition || *partition > INT32_MAX || !first || !end)
    return Error{ErrorCode::DataCorrupted, fmt::format("an intent is damaged: {}", json)};
  return std::optional(SinkObject{tree.text_of("topic"), tree.text_of("topic_id"),
                                  PartitionId(static_cast<int32_t>(*partition)), Offset{*first},
                                  Offset{*end}, tree.text_of("object")});
}

std::string sink_partition_json(std::string_view topic, PartitionId partition) {
  return JsonObjectText()
      .number("kafka_partition", partition.value())
      .text("kafka_topic", topic)
      .take();
}

std::optional<std::pair<std::string, PartitionId>> parse_sink_partition(std::string_view json) {
  const auto tree = parse_json_tree(json);
  if (!tree || tree->text_of("kafka_topic").empty()) return std::nullopt;
  const auto partition = integer_in(*tree, "kafka_partition");
  if (!partition || *partition > INT32_MAX) return std::nullopt;
  return std::pair(tree->text_of("kafka_topic"), PartitionId(static_cast<int32_t>(*partition)));
}

std::string sink_offset_json(const SinkOffset& offset) {
  JsonObjectText json;
  json.number("kafka_offset", offset.next.value());
  if (!offset.topic_id.empty()) json.text("topic_id", offset.topic_id);
  return json.take();
}

std::optional<SinkOffset> parse_sink_offset(std::string_view json) {
  const auto tree = parse_json_tree(json);
  if (!tree) return std::nullopt;
  const auto offset = integer_in(*tree, "kafka_offset");
  if (!offset) return std::nullopt;
  return SinkOffset{Offset{*offset}, tree->text_of("topic_id")};
}

}  // namespace engine
