#include "engine/formats/foreign_payload.h"

#include <algorithm>

namespace engine {

std::string_view guessed_format(std::string_view payload) {
  constexpr size_t kSchemaHeader = 5;  // a zero byte and the id of the schema
  if (payload.size() > kSchemaHeader && payload.front() == '\0')
    return ": it seems to have the id of a schema, which the formats AVRO, PROTOBUF and JSON_SR "
           "read";
  const size_t begin = payload.find_first_not_of(" \t\r\n");
  if (begin == payload.npos) return ": it is empty";
  if (payload[begin] == '{') return ": it seems to be JSON, which the format JSON reads";
  if (payload[begin] == '[')
    return ": it seems to be a JSON array: send each element as a record of its own";
  constexpr size_t kLooksAt = 4096;
  const std::string_view first = payload.substr(0, kLooksAt);
  const bool is_text = std::ranges::none_of(first, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ' ' && c != '\t' && c != '\r' && c != '\n';
  });
  if (!is_text) return "";
  if (first.find(',') != first.npos)
    return ": it seems to be text with commas, which the format DELIMITED reads";
  return ": it seems to be plain text, which one column of type VARCHAR in the format KAFKA reads";
}

}  // namespace engine
