// A text with placeholders for fields of a record: "https://example.org/${topic}/${key}", {"text":
// "order ${value.ID}"}.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

// The parts of a record that a template can name.
struct TemplateRecord {
  std::string_view topic;
  int64_t partition = 0, offset = 0, timestamp_ms = 0;
  std::string_view key;             // as a text; empty without a key
  const JsonTree* value = nullptr;  // null: the value is not JSON
};

// How the value of a field is written. Json: the characters of a text are escaped as within a JSON string, without quotes;
// other values are JSON. Url: percent-encoded, also the slash. None: texts are unchanged, other values are JSON.
enum class TemplateEscape : uint8_t { Json, Url, None };

// Invariant: the fields are among ${topic}, ${partition}, ${offset}, ${timestamp}, ${key}, ${value} and ${value.A.B}.
//
// Threads: any.
class HttpTemplate {
 public:
  HttpTemplate() = default;
  // Fails with InvalidParameter for an unknown field; the message names it.
  static Result<HttpTemplate> parse(std::string_view text);

  // Fails with InvalidText if a field of the value is used and the value is not JSON. A member that does not exist is null.
  Result<std::string> fill(const TemplateRecord& record, TemplateEscape escape) const;
  bool uses_key() const;
  bool uses_value() const;
  // Returns whether the text depends on single records, and not only on their topic.
  bool is_of_record() const;
  // Returns the text before the first field.
  std::string_view beginning() const;

 private:
  enum class Field : uint8_t { Text, Topic, Partition, Offset, Timestamp, Key, Value };
  struct Part {
    Field field = Field::Text;
    std::string text = {};                  // of Text
    std::vector<std::string> members = {};  // of Value
  };
  std::vector<Part> parts_;
};

}  // namespace engine
