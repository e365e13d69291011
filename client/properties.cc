#include "client/properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "client/flags.h"

namespace client {

namespace {

struct NameRow {
  std::string_view java, librdkafka;  // empty `librdkafka`: the setting is ignored
  int64_t divisor = 1;
};

// Properties of Java's clients that have another name in librdkafka, or do not exist there (""). All other
// properties have the same name in Java and in librdkafka.
constexpr NameRow kNames[] = {
    {"auto.include.jmx.reporter", ""},
    {"buffer.memory", "queue.buffering.max.kbytes", 1024},
    {"client.dns.lookup", ""},
    {"default.api.timeout.ms", ""},
    {"exclude.internal.topics", ""},
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"interceptor.classes", ""},
    {"key.deserializer", ""},
    {"key.serializer", ""},
    {"max.block.ms", ""},
    {"max.poll.records", ""},
    {"max.request.size", "message.max.bytes"},
    {"metric.reporters", ""},
    {"partitioner.class", ""},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"value.deserializer", ""},
    {"value.serializer", ""},
};

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\f");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\f") + 1 - first);
}

}  // namespace

Result<Properties> parse_properties(const std::vector<std::string>& texts, std::string_view flag) {
  Properties properties;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("--{}: \"{}\" is not of the form key=value", flag, text)};
    properties[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return properties;
}

Result<Properties> read_properties_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{ErrorCode::InvalidParameter, fmt::format("cannot read {}", path)};
  Properties properties;
  std::string line;
  while (std::getline(file, line)) {
    const std::string_view text = trimmed(line);
    if (text.empty() || text[0] == '#' || text[0] == '!') continue;
    const size_t end = text.find_first_of("=:");
    if (end == text.npos)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("{}: \"{}\" is not of the form key=value", path, text)};
    properties[std::string(trimmed(text.substr(0, end)))] = trimmed(text.substr(end + 1));
  }
  return properties;
}

std::string value_of(const Properties& properties, const std::string& name) {
  const auto found = properties.find(name);
  return found == properties.end() ? std::string() : found->second;
}

Result<bool> parse_bool(const std::string& name, const std::string& value) {
  std::string lower = value;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "true" || lower == "false") return lower == "true";
  return Error{ErrorCode::InvalidParameter,
               fmt::format("{}={}: neither true nor false", name, value)};
}

Setting to_librdkafka(const std::string& name, const std::string& value) {
  for (const NameRow& row : kNames) {
    if (row.java != name) continue;
    std::string in_its_unit = value;
    if (row.divisor != 1)
      if (const Result<int64_t> number = parse_number(value, 0, INT64_MAX))
        in_its_unit = std::to_string(std::max(int64_t{1}, *number / row.divisor));
    return Setting{std::string(row.librdkafka), std::move(in_its_unit)};
  }
  return Setting{name, value};
}

}  // namespace client
