// Settings as Kafka's users write them: key=value on the command line or in a file, under the names
// of Kafka's Java clients or of librdkafka.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace client {

using Properties = std::map<std::string, std::string>;

// Reads "key=value" texts; a later one replaces an earlier one of the same key. `flag` names them
// in the message when one has no "=".
Result<Properties> parse_properties(const std::vector<std::string>& texts, std::string_view flag);

// A Java properties file: one key=value a line, lines that begin with # or ! are remarks.
Result<Properties> read_properties_file(const std::string& path);

// Empty where there is none.
std::string value_of(const Properties& properties, const std::string& name);

// The value of a property that is true or false, in any letter case.
Result<bool> parse_bool(const std::string& name, const std::string& value);

// What librdkafka calls it, and the value in its unit: a Java client's buffer.memory is counted in
// bytes, librdkafka's queue.buffering.max.kbytes is not. An empty name: it means nothing here, for
// instance serializers. Names that are not known pass unchanged.
struct Setting {
  std::string name, value;
  bool operator==(const Setting&) const = default;
};
Setting to_librdkafka(const std::string& name, const std::string& value);

}  // namespace client
