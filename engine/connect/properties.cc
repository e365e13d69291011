#include "engine/connect/properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/suggest.h"

namespace engine {

namespace {

constexpr auto kInt = PropertyType::Int;
constexpr auto kFlag = PropertyType::Boolean;

// The meaning of these properties is the same for all connectors of Kafka Connect
// (https://kafka.apache.org/documentation/#connectconfigs).
constexpr PropertyRow kCommonRows[] = {
    {.name = "name", .doc = "name of the connector"},
    {.name = "connector.class", .doc = "class of the connector", .is_required = true},
    {.name = "tasks.max",
     .type = kInt,
     .default_value = "1",
     .doc = "most tasks of the connector",
     .least = 1,
     .most = 100},
    {.name = "errors.tolerance",
     .default_value = "none",
     .doc = "none: a bad record ends the task; all: it is skipped and counted",
     .words = "none all"},
    {.name = "errors.deadletterqueue.topic.name", .doc = "topic for the bytes of bad records"},
    {.name = "errors.deadletterqueue.context.headers.enable",
     .type = kFlag,
     .default_value = "false",
     .doc = "adds headers __connect.errors.* to these records"},
    {.name = "errors.log.enable",
     .type = kFlag,
     .default_value = "false",
     .doc = "logs each bad record"},
    {.name = "errors.log.include.messages",
     .type = kFlag,
     .default_value = "false",
     .doc = "logs the bytes of bad records, too"},
    {.name = "transforms",
     .type = PropertyType::List,
     .doc = "names of transforms, in their order; transforms.NAME.type is the class of each"},
    {.name = "predicates",
     .type = PropertyType::List,
     .doc = "names of predicates; predicates.NAME.type is the class of each"},
    {.name = "validate",
     .type = kFlag,
     .default_value = "true",
     .doc = "false: CREATE does not look at the outside system"},
};
constexpr PropertyRow kSourceRows[] = {
    {.name = "topic.creation.default.partitions",
     .type = kInt,
     .doc = "partitions of topics that are created",
     .least = 1,
     .most = 10'000},
    {.name = "topic.creation.default.replication.factor",
     .type = kInt,
     .doc = "replicas of topics that are created",
     .least = -1,
     .most = 100},
    {.name = "max.batch.size",
     .type = kInt,
     .default_value = "10000",
     .doc = "most records of one commit",
     .least = 1,
     .most = 100'000},
};
constexpr PropertyRow kSinkRows[] = {
    {.name = "topics",
     .type = PropertyType::List,
     .doc = "topics to read, separated by commas",
     .is_required = true},
    {.name = "consumer.override.auto.offset.reset",
     .default_value = "earliest",
     .doc = "where a sink without a position begins",
     .words = "earliest latest"},
};

// Properties of Kafka Connect that change records and are not supported here. They are refused: if
// they were ignored, the records would differ from the form that the configuration promises.
struct RefusedProperty {
  std::string_view name, instead;
};
constexpr RefusedProperty kRefusedProperties[] = {
    {"topics.regex", "name the topics in \"topics\""},
};

bool has_reference(std::string_view value) { return value.find("${") != std::string_view::npos; }

std::optional<int64_t> number_of(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

bool is_word_of(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    if (first == word) return true;
    words.remove_prefix(std::min(words.size(), first.size() + 1));
  }
  return false;
}

std::string choices(std::string_view words) {
  std::string text;
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(words.size(), first.size() + 1));
    text += fmt::format("{}\"{}\"", text.empty() ? "" : words.empty() ? " or " : ", ", first);
  }
  return text;
}

std::optional<std::string> problem_of(const PropertyRow& row, const std::string& value) {
  switch (row.type) {
    case PropertyType::Int:
    case PropertyType::Long: {
      const auto number = number_of(value);
      if (number && *number >= row.least && *number <= row.most) return std::nullopt;
      if (row.most == INT64_MAX)
        return fmt::format("property \"{}\" is a number of at least {}, not \"{}\"", row.name,
                           row.least, value);
      return fmt::format("property \"{}\" is a number from {} to {}, not \"{}\"", row.name,
                         row.least, row.most, value);
    }
    case PropertyType::Boolean:
      if (value == "true" || value == "false") return std::nullopt;
      return fmt::format("property \"{}\" is true or false, not \"{}\"", row.name, value);
    case PropertyType::Password:  // the message must not contain the value
      return std::nullopt;
    case PropertyType::String:
    case PropertyType::List:
      if (row.words.empty() || is_word_of(row.words, value)) return std::nullopt;
      return fmt::format("property \"{}\" is {}, not \"{}\"", row.name, choices(row.words), value);
  }
  return std::nullopt;
}

// Returns the property that an unknown name probably means. If a property is not set, and its name contains the
// first and the last word of the unknown name, it is preferred to names that differ in few letters. So
// database.host means database.hostname and not database.port, and http.url means http.api.url.
std::string hint_for_property(std::span<const PropertyRow> rows, const ConnectorProperties& config,
                              std::string_view name) {
  std::vector<std::string> names;
  for (const PropertyRow& row : rows) names.emplace_back(row.name);
  const size_t first = name.find('.'), last = name.rfind('.');
  if (first != name.npos && last + 1 < name.size())
    for (const PropertyRow& row : rows) {
      if (!row.is_required || config.contains(std::string(row.name))) continue;
      const std::string_view rest = row.name.substr(std::min(row.name.size(), first + 1));
      if (row.name.starts_with(name.substr(0, first + 1)) &&
          rest.find(name.substr(last + 1)) != rest.npos)
        return fmt::format("Did you mean \"{}\"?", row.name);
    }
  return did_you_mean(name, names, {}, "\"", "\"");
}

const PropertyRow* find_row(std::span<const PropertyRow> rows, std::string_view name) {
  const auto found = std::ranges::find(rows, name, &PropertyRow::name);
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

std::string_view property_type_name(PropertyType type) {
  switch (type) {
    case PropertyType::String:
      return "STRING";
    case PropertyType::Int:
      return "INT";
    case PropertyType::Long:
      return "LONG";
    case PropertyType::Boolean:
      return "BOOLEAN";
    case PropertyType::List:
      return "LIST";
    case PropertyType::Password:
      return "PASSWORD";
  }
  return "STRING";
}

CheckedProperties check_properties(std::span<const PropertyRow> rows,
                                   const ConnectorProperties& config) {
  CheckedProperties checked;
  for (const PropertyRow& row : rows) {
    const auto set = config.find(std::string(row.name));
    if (set == config.end() || (row.is_required && set->second.empty())) {
      if (row.is_required)
        checked.wrong.push_back(
            {std::string(row.name), fmt::format("property \"{}\" is required", row.name)});
      continue;
    }
    if (has_reference(set->second)) continue;
    if (auto problem = problem_of(row, set->second))
      checked.wrong.push_back({std::string(row.name), std::move(*problem)});
  }
  for (const auto& [name, instead] : kRefusedProperties)
    if (const auto set = config.find(std::string(name));
        set != config.end() && !set->second.empty())
      checked.wrong.push_back(
          {std::string(name), fmt::format("property \"{}\" is not supported: {}", name, instead)});
  for (const auto& [name, value] : config)
    if (find_row(rows, name) == nullptr)
      checked.unknown.push_back({name, hint_for_property(rows, config, name)});
  return checked;
}

std::optional<std::string> PropertyValues::find(std::string_view name) const {
  if (const auto set = config_.find(std::string(name)); set != config_.end()) return set->second;
  const PropertyRow* row = find_row(rows_, name);
  if (row == nullptr || !row->default_value) return std::nullopt;
  return std::string(*row->default_value);
}

int64_t PropertyValues::number(std::string_view name) const {
  return number_of(text(name)).value_or(0);
}

bool PropertyValues::flag(std::string_view name) const { return text(name) == "true"; }

std::vector<std::string> PropertyValues::list(std::string_view name) const {
  std::vector<std::string> items;
  const std::string all = text(name);
  for (std::string_view rest = all; !rest.empty();) {
    std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

std::vector<PropertyRow> common_properties(ConnectorType type) {
  std::vector<PropertyRow> rows(std::begin(kCommonRows), std::end(kCommonRows));
  const std::span<const PropertyRow> own =
      type == ConnectorType::Sink ? std::span<const PropertyRow>(kSinkRows) : kSourceRows;
  rows.insert(rows.end(), own.begin(), own.end());
  return rows;
}

}  // namespace engine
