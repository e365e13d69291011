#include "engine/testing/post_check.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

#include "engine/formats/format.h"
#include "engine/plan/create_source.h"
#include "engine/registry/registrar.h"
#include "engine/sql/parse.h"

namespace engine {
namespace {

using Features = std::set<std::string>;

Features features_of(const FormatSpec& format, size_t column_count, Side side) {
  Features features;
  for (const std::string_view feature : serde_features(format, column_count, side))
    features.emplace(feature);
  return features;
}

Features read_features(const CaseJson* list) {
  Features features;
  if (list)
    for (const CaseJson& item : list->items) features.insert(item.text);
  return features;
}

std::string_view window_word(WindowType type) {
  switch (type) {
    case WindowType::Tumbling:
      return "TUMBLING";
    case WindowType::Hopping:
      return "HOPPING";
    case WindowType::Session:
      return "SESSION";
  }
  return "";
}

// Reads the columns in a text such as "ID INT KEY, V BIGINT", which is the text between the parentheses of a CREATE
// STREAM.
Result<Schema> read_schema_text(std::string text) {
  // The keys of tables may be marked with KEY or with PRIMARY KEY.
  static const std::regex kPrimaryKey("PRIMARY\\s+KEY", std::regex::icase);
  text = std::regex_replace(text, kPrimaryKey, "KEY");
  const auto script = TRY(parse_script("CREATE STREAM X (" + text + ");"));
  Schema schema;
  for (const TableElement& element : std::get<CreateSource>(script.at(0).statement).elements) {
    SqlType type = TRY(resolve_type(element.type));
    ColumnDef column{element.name.text, std::move(type)};
    if (element.constraint == ColumnConstraint::Key ||
        element.constraint == ColumnConstraint::PrimaryKey)
      column.role = ColumnRole::Key;
    else if (element.constraint != ColumnConstraint::None)
      column.role = ColumnRole::Headers;
    column.header_key = element.header_key;
    schema.columns.push_back(std::move(column));
  }
  return schema;
}

std::vector<ColumnDef> values_of(const DataSource& source) {
  std::vector<ColumnDef> values = source.schema.values();
  std::erase_if(values, [](const ColumnDef& column) { return column.role != ColumnRole::Value; });
  return values;
}

// Checks the window that `keyFormat` requires. If it requires none, the topic must have no window.
std::string check_window(const CaseJson& format, const std::optional<SourceWindow>& window) {
  const std::string type = format.text_of("windowType");
  const std::string_view actual_type = window ? window_word(window->type) : "";
  if (!absl::EqualsIgnoreCase(type, std::string(actual_type)))
    return fmt::format("window type is \"{}\", expected \"{}\"", actual_type, type);
  int64_t size_ms = 0;  // 0: the window has no fixed size
  if (const CaseJson* node = format.find("windowSize"); node && !node->is_null())
    if (!absl::SimpleAtoi(node->text, &size_ms)) size_ms = 0;
  const int64_t actual_ms = window ? window->size_ms.value_or(0) : 0;
  if (size_ms != actual_ms)
    return fmt::format("window size is {} ms, expected {} ms", actual_ms, size_ms);
  return "";
}

std::string check_format_name(const CaseJson* expected, const FormatSpec& actual,
                              std::string_view side) {
  if (!expected) return "";
  const std::string name =
      expected->kind == CaseJsonKind::String ? expected->text : expected->text_of("format");
  if (name.empty() || absl::EqualsIgnoreCase(name, actual.name)) return "";
  return fmt::format("{} format is {}, expected {}", side, actual.name, name);
}

std::string check_source(const CaseJson& expected, const DataSource& source) {
  const std::string type = expected.text_of("type");
  if (!type.empty() && !absl::EqualsIgnoreCase(type, std::string(kind_word(source.kind))))
    return fmt::format("is a {}", kind_word(source.kind));
  if (const std::string text = expected.text_of("schema"); !text.empty()) {
    const Result<Schema> schema = read_schema_text(text);
    if (!schema) return "the expected schema cannot be read: " + schema.error().message;
    if (!(*schema == source.schema))
      return fmt::format("schema is {}, expected {}", source.schema.to_string(),
                         schema->to_string());
  }
  std::string difference = check_format_name(expected.find("keyFormat"), source.key_format, "key");
  if (difference.empty())
    difference = check_format_name(expected.find("valueFormat"), source.value_format, "value");
  if (!difference.empty()) return difference;
  if (const CaseJson* format = expected.find("keyFormat")) {
    difference = check_window(*format, source.window);
    if (!difference.empty()) return difference;
  }
  if (const CaseJson* features = expected.find("keyFeatures"))
    if (read_features(features) !=
        features_of(source.key_format, source.schema.key_count(), Side::Key))
      return "the key's features differ";
  if (const CaseJson* features = expected.find("valueFeatures"))
    if (read_features(features) !=
        features_of(source.value_format, values_of(source).size(), Side::Value))
      return "the value's features differ";
  if (const CaseJson* is_source = expected.find("isSource"))
    if (is_source->boolean != source.read_only) return "is read-only, or is not";
  return "";
}

std::string check_sources(const CaseJson& list, const Catalog& catalog) {
  for (const CaseJson& expected : list.items) {
    const std::string name = expected.text_of("name");
    const DataSource* source = catalog.find_source(name);
    if (!source) return fmt::format("stream or table {} does not exist", name);
    const std::string difference = check_source(expected, *source);
    if (!difference.empty()) return fmt::format("{}: {}", name, difference);
  }
  return "";
}

std::string check_topic_side(const CaseJson* expected, const FormatSpec& actual, size_t columns,
                             Side side, std::string_view word) {
  if (!expected) return "";
  std::string difference = check_format_name(expected, actual, word);
  if (!difference.empty()) return difference;
  if (read_features(expected->find("features")) != features_of(actual, columns, side))
    return fmt::format("the {}'s features differ", word);
  return "";
}

// Compares two nodes. Members may be in any order.
bool same_json(const CaseJson& a, const CaseJson& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == CaseJsonKind::Array) return std::ranges::equal(a.items, b.items, same_json);
  if (a.kind != CaseJsonKind::Object)
    return a.kind == CaseJsonKind::Boolean ? a.boolean == b.boolean : a.text == b.text;
  return a.members.size() == b.members.size() &&
         std::ranges::all_of(a.members, [&](const auto& member) {
           const CaseJson* other = b.find(member.first);
           return other && same_json(member.second, *other);
         });
}

std::string without_blanks(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  return text;
}

// Checks the newest schema that is registered for the side or, for internal topics of the engine, the schema derived
// from their columns.
std::string check_schema(const CaseJson* expected, const KnownTopic& topic, Side side,
                         const SchemaRegistry& registry) {
  if (!expected || expected->is_null()) return "";
  const std::string subject = subject_of(topic.name, side);
  const auto latest = registry.latest(subject);
  const bool is_key = side == Side::Key;
  const FormatSpec& format = is_key ? topic.format->key_format : topic.format->value_format;
  const bool is_registered = latest && latest->schema;
  if (!is_registered && !(names_schema(format) && topic.name.starts_with("_confluent")))
    return fmt::format("schema {} does not exist", subject);
  const auto& columns = is_key ? topic.format->key_columns : topic.format->value_columns;
  const SchemaText schema = is_registered ? SchemaText{latest->schema->kind, latest->schema->text}
                                          : derive_schema(format, columns, side);
  const std::string& actual = schema.text;
  bool is_same = false;
  if (schema.kind == SchemaKind::Protobuf) {
    is_same = without_blanks(expected->text) == without_blanks(actual);
  } else if (const auto read = parse_case_json(actual)) {
    is_same = same_json(*expected, *read);
  }
  if (is_same) return "";
  return fmt::format("schema {} is {}, expected {}", subject, actual, case_json_text(*expected));
}

std::string check_topic(const CaseJson& expected, const KnownTopic& topic,
                        const SchemaRegistry& registry) {
  if (const CaseJson* count = expected.find("partitions"))
    if (count->text != std::to_string(topic.partitions))
      return fmt::format("has {} partitions, expected {}", topic.partitions, count->text);
  if (!topic.format) return "its format is not known";
  const TopicFormat& format = *topic.format;
  std::string difference = check_topic_side(expected.find("keyFormat"), format.key_format,
                                            format.key_columns.size(), Side::Key, "key");
  if (!difference.empty()) return difference;
  difference = check_topic_side(expected.find("valueFormat"), format.value_format,
                                format.value_columns.size(), Side::Value, "value");
  if (!difference.empty()) return difference;
  difference = check_schema(expected.find("keySchema"), topic, Side::Key, registry);
  if (!difference.empty()) return difference;
  return check_schema(expected.find("valueSchema"), topic, Side::Value, registry);
}

std::string check_topics(const CaseJson& expected, std::span<const KnownTopic> topics,
                         const SchemaRegistry& registry) {
  if (const std::string pattern = expected.text_of("blacklist"); !pattern.empty()) {
    const std::regex forbidden(pattern);
    for (const KnownTopic& topic : topics)
      if (std::regex_search(topic.name, forbidden))
        return fmt::format("there should be no topic {}", topic.name);
  }
  const CaseJson* list = expected.find("topics");
  if (!list) return "";
  for (const CaseJson& item : list->items) {
    const std::string name = item.text_of("name");
    const auto topic = std::ranges::find(topics, name, &KnownTopic::name);
    if (topic == topics.end()) return fmt::format("topic {} does not exist", name);
    const std::string difference = check_topic(item, *topic, registry);
    if (!difference.empty()) return fmt::format("topic {}: {}", name, difference);
  }
  return "";
}

}  // namespace

std::string check_post_conditions(const CaseJson& post, const CaseEngine& engine) {
  if (const CaseJson* sources = post.find("sources")) {
    const std::string difference = check_sources(*sources, *engine.catalog());
    if (!difference.empty()) return difference;
  }
  if (const CaseJson* topics = post.find("topics"))
    return check_topics(*topics, engine.topics(), engine.registry());
  return "";
}

}  // namespace engine
