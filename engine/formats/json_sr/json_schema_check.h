// Validates values against a JSON Schema.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "engine/formats/schema/schema_text.h"

namespace re2 {
class RE2;
}

namespace engine {

// Checks values. Supports the validating keywords of drafts 4 to 2020-12, except unevaluatedItems and
// unevaluatedProperties; `format` and annotations have no effect. A pattern with look-ahead, look-behind or back
// references accepts every text.
//
// Threads: one at a time.
class JsonSchemaCheck {
 public:
  // Makes a check. `max_steps` limits all calls of check() together; a step compares a value with one part of the
  // schema. Fails with InvalidText if the schema, or a schema to which it refers, is not JSON.
  static Result<std::unique_ptr<JsonSchemaCheck>> make(const SchemaText& schema,
                                                       uint64_t max_steps);
  ~JsonSchemaCheck();

  // Checks a value. Fails with InvalidText: the message names the place in the value and the problem, or a
  // reference of the schema that does not exist. Fails with LimitExceeded if no steps are left.
  Status check(const JsonTree& value);

 private:
  class Walk;
  // The schema itself, or a schema to which it refers by `name`.
  struct Document {
    std::string name;
    JsonTree tree;
  };

  // A part of a document, to which a reference leads.
  using Place = std::pair<const JsonTree*, const Document*>;

  explicit JsonSchemaCheck(uint64_t max_steps);
  const re2::RE2* pattern(const std::string& text);

  uint64_t left_;                    // number of steps that the check may still take
  std::vector<Document> documents_;  // the schema itself is the last element
  std::map<std::string, std::unique_ptr<re2::RE2>> patterns_;
  std::map<std::pair<const Document*, std::string>, Place>
      places_;  // targets of references, by document and text
};

}  // namespace engine
