// An external schema registry as seen by statements. The planner never waits for an answer of the registry. It collects
// its questions; when the answers are known, the statement is planned again, and succeeds when no question is left.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/registry/registry.h"

namespace engine {

struct SchemaQuestion {
  enum class Kind : uint8_t {
    ById,      // the schema with `id`
    Latest,    // the newest schema of `subject`
    Register,  // registers `schema` under `subject`; the answer is its id
    Delete,    // soft deletion of `subject`
  };
  Kind kind = Kind::ById;
  int32_t id = 0;
  std::string subject = {};
  RegisteredSchema schema = {};

  // Returns whether the plan depends on the answer. The other questions change the registry, and are asked only when
  // everything else has been found valid.
  bool is_read() const { return kind == Kind::ById || kind == Kind::Latest; }
};

// The answers for one statement.
struct OutsideSchemas {
  struct Latest {
    int32_t id = 0;
    SchemaTextPtr schema;
  };
  std::map<int32_t, SchemaTextPtr> by_id = {};               // null: not found
  std::map<std::string, std::optional<Latest>> latest = {};  // by subject
  std::map<std::string, int32_t> registered = {};            // by registration_key()
  std::set<std::string> deleted = {};                        // the subjects that were deleted

  static std::string registration_key(const std::string& subject, const RegisteredSchema& schema) {
    return subject + '\n' + std::string(schema_kind_name(schema.kind)) + '\n' + schema.text;
  }
};

// The external registry. It calls `done` on its own thread, or before the call returns, and always in bounded time.
class OutsideRegistry : public SchemaLookup {
 public:
  // Asks the questions in order, and adds the answers to `known`. Fails with the first question that is refused or
  // cannot be asked; the questions before it took effect.
  virtual void answer(std::vector<SchemaQuestion> questions, OutsideSchemas known,
                      std::function<void(Result<OutsideSchemas>)> done) = 0;
  // Reads all current subjects with their schemas. Fails for a large registry.
  virtual void list(std::function<void(Result<SchemaRegistry>)> done) = 0;
  // Reads the part of the registry that has the uses of the schema `id`, and the versions of
  // `subject`. Either argument may be missing.
  virtual void look_up(std::optional<std::string> subject, std::optional<int32_t> id,
                       std::function<void(Result<SchemaRegistry>)> done) = 0;
  // Returns the address of the registry, without passwords.
  virtual const std::string& url() const = 0;
};

}  // namespace engine
