// An external schema registry, as statements see it. The planner never waits for the registry. If
// it needs an answer, it adds a question to a list. When the questions have been answered, the
// statement is planned again, until no question is left.
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

  // Returns whether the question only reads, so that the plan depends on its answer. The other
  // questions change the registry; they are asked only when everything else in the statement has
  // been found to be valid.
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
  // Asks the questions in order, and adds the answers to `known`. If a question is refused or
  // cannot be asked, fails with its error; the questions before it have taken effect.
  virtual void answer(std::vector<SchemaQuestion> questions, OutsideSchemas known,
                      std::function<void(Result<OutsideSchemas>)> done) = 0;
  // Reads all current subjects with their schemas. Fails for a large registry.
  virtual void list(std::function<void(Result<SchemaRegistry>)> done) = 0;
  // Reads a part of the registry: the uses of the schema `id`, and the versions of `subject`. Each
  // of the two arguments may be missing.
  virtual void look_up(std::optional<std::string> subject, std::optional<int32_t> id,
                       std::function<void(Result<SchemaRegistry>)> done) = 0;
  // Returns the address of the registry, without passwords.
  virtual const std::string& url() const = 0;
};

}  // namespace engine
