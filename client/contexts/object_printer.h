// Formats objects with named fields as a box, as a list or as JSON, as Confluent's command-line
// interface does.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace client {

enum class ObjectFormat : uint8_t { Human, Json };
// Parses "human" or "json". Fails with InvalidParameter.
Result<ObjectFormat> parse_object_format(std::string_view name);

struct Field {
  std::string title, name;  // for example "API Key" for people and "api_key" for JSON
  std::string value;
  bool is_json = false;  // the value is JSON already, for example true or 6
};
using Object = std::vector<Field>;

std::string format_object(const Object& object, ObjectFormat format);
// Formats a list of objects that have the same fields. In ObjectFormat::Human, an empty list
// becomes a sentence.
std::string format_list(const std::vector<Object>& objects, ObjectFormat format);

}  // namespace client
