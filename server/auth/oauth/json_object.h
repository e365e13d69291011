// A JSON object from outside: a header or the claims of a token, or a set of keys. Include this file only in .cc files,
// because it includes simdjson.
#pragma once
#include <simdjson.h>

#include <memory>
#include <optional>
#include <string_view>

namespace server::auth::oauth {

// Threads: one. The members are valid as long as the object.
class JsonObject {
 public:
  // Parses the text. Returns nullopt if the text is not an object of valid UTF-8, if it is nested deeper than
  // kMostDepth, or if it has two members of the same name: two programs that read such an object may see different
  // values (RFC 7515, section 4; RFC 7519, section 4; RFC 8725, section 2.6).
  static std::optional<JsonObject> parse(std::string_view text);

  simdjson::dom::object object() const { return object_; }
  bool has(std::string_view name) const {
    return object_.at_key(name).error() == simdjson::SUCCESS;
  }
  // Returns the member if it is a text, otherwise nullopt.
  std::optional<std::string_view> text(std::string_view name) const {
    return text_of(object_, name);
  }
  static std::optional<std::string_view> text_of(simdjson::dom::object object,
                                                 std::string_view name) {
    std::string_view text;
    if (object.at_key(name).get(text) != simdjson::SUCCESS) return std::nullopt;
    return text;
  }

 private:
  static constexpr size_t kMostDepth = 16;

  JsonObject() = default;
  std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();
  simdjson::dom::object object_;
};

}  // namespace server::auth::oauth
