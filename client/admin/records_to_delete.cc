#include "client/admin/records_to_delete.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <set>
#include <utility>

#include "client/flags.h"

namespace client {

namespace {

constexpr int64_t kVersion = 1;

Result<std::vector<RecordsToDelete>> read(const simdjson::dom::element& root) {
  int64_t version = kVersion;
  if (const auto given = root["version"]; given.error() == simdjson::SUCCESS)
    if (given.get(version) != simdjson::SUCCESS || version != kVersion)
      return wrong_usage(fmt::format("Not supported version field value {}",
                                     simdjson::minify(given.value_unsafe())));
  simdjson::dom::array partitions;
  if (root["partitions"].get(partitions) != simdjson::SUCCESS)
    return wrong_usage("Missing partitions field");
  std::vector<RecordsToDelete> all;
  for (const simdjson::dom::element each : partitions) {
    std::string_view topic;
    int64_t partition = 0, offset = 0;
    if (each["topic"].get(topic) != simdjson::SUCCESS || topic.empty())
      return wrong_usage("an element of partitions has no string in its field topic");
    if (each["partition"].get(partition) != simdjson::SUCCESS || partition < 0 ||
        partition > INT32_MAX)
      return wrong_usage(
          fmt::format("topic {}: the field partition is not a partition number", topic));
    if (each["offset"].get(offset) != simdjson::SUCCESS || offset < -1)
      return wrong_usage(
          fmt::format("partition {}-{}: the field offset is neither an offset nor -1 for "
                      "the end",
                      topic, partition));
    all.push_back({std::string(topic), static_cast<int32_t>(partition), offset});
  }
  return all;
}

}  // namespace

Result<std::vector<RecordsToDelete>> parse_records_to_delete(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(text.data(), text.size()).get(root))
    return wrong_usage(
        fmt::format("The input string is not a valid JSON: {}", simdjson::error_message(error)));
  std::vector<RecordsToDelete> all = TRY(read(root));
  std::set<std::pair<std::string_view, int32_t>> named;
  for (const RecordsToDelete& each : all)
    if (!named.emplace(each.topic, each.partition).second)
      return wrong_usage(fmt::format("Offset json file contains duplicate topic partitions: {}-{}",
                                     each.topic, each.partition));
  return all;
}

}  // namespace client
