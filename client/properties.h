// Properties of clients as users give them: key=value on the command line or in a file, with the
// names of Java's clients or of librdkafka.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace client {

using Properties = std::map<std::string, std::string>;

// Parses "key=value" texts. If a key occurs twice, the later text counts. If a text has no "=", the
// error names `flag`.
Result<Properties> parse_properties(const std::vector<std::string>& texts, std::string_view flag);

// Reads a Java properties file: one key=value per line; lines that begin with # or ! are comments.
Result<Properties> read_properties_file(const std::string& path);

// Returns the value, or an empty text.
std::string value_of(const Properties& properties, const std::string& name);

// Parses true or false, in any letter case.
Result<bool> parse_bool(const std::string& name, const std::string& value);

// A property with librdkafka's name and unit. For example, buffer.memory of Java's clients is in
// bytes, but queue.buffering.max.kbytes of librdkafka is in kilobytes. The name is empty for
// properties that librdkafka does not have, for example serializers. Unknown names stay unchanged.
struct Setting {
  std::string name, value;
  bool operator==(const Setting&) const = default;
};
Setting to_librdkafka(const std::string& name, const std::string& value);

}  // namespace client
