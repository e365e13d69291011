#include "engine/json/json_writer.h"

#include "engine/types/text_bytes.h"
#include "engine/types/text_json.h"

namespace engine {

void JsonWriter::begin_value() {
  if (follows_value_) out_ += ',';
  follows_value_ = true;
}

void JsonWriter::open(char bracket) {
  begin_value();
  out_ += bracket;
  follows_value_ = false;
}

void JsonWriter::close(char bracket) {
  out_ += bracket;
  follows_value_ = true;
}

void JsonWriter::key(std::string_view name) {
  begin_value();
  append_json_string(out_, name);
  out_ += ':';
  follows_value_ = false;
}

void JsonWriter::text(std::string_view value) {
  begin_value();
  if (!is_utf8(value)) return append_json_string(out_, repaired_utf8(value));
  append_json_string(out_, value);
}

void JsonWriter::number(int64_t value) {
  begin_value();
  out_ += std::to_string(value);
}

void JsonWriter::boolean(bool value) {
  begin_value();
  out_ += value ? "true" : "false";
}

void JsonWriter::null() {
  begin_value();
  out_ += "null";
}

void JsonWriter::raw(std::string_view json) {
  begin_value();
  out_ += json;
}

}  // namespace engine
