// Whether a value is one of a JSON Schema.
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

// Knows the words of drafts 4 to 2020-12 that say something of a value, but for unevaluatedItems and
// unevaluatedProperties; formats and other remarks say nothing. A pattern that looks ahead or back, or refers to
// what it has matched, lets every text pass.
//
// Threads: one at a time.
class JsonSchemaCheck {
 public:
  // `max_steps`: of all checks together, each of which looks at a value under a part of the schema. Fails with
  // InvalidText where the schema, or one that it refers to, is no JSON.
  static Result<std::unique_ptr<JsonSchemaCheck>> make(const SchemaText& schema,
                                                       uint64_t max_steps);
  ~JsonSchemaCheck();

  // Fails with InvalidText: where in the value, and what is wrong with it; or that the schema refers to what is not
  // there. Fails with LimitExceeded when there are no steps left.
  Status check(const JsonTree& value);

 private:
  class Walk;
  // A schema's own text, or one that it refers to under `name`.
  struct Document {
    std::string name;
    JsonTree tree;
  };

  // A part of a document, to which a reference leads.
  using Place = std::pair<const JsonTree*, const Document*>;

  explicit JsonSchemaCheck(uint64_t max_steps);
  const re2::RE2* pattern(const std::string& text);

  uint64_t left_;                    // steps
  std::vector<Document> documents_;  // the schema itself is the last
  std::map<std::string, std::unique_ptr<re2::RE2>> patterns_;
  std::map<std::pair<const Document*, std::string>, Place> places_;  // of references, by where they stand
};

}  // namespace engine
