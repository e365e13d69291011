// A schema registry elsewhere, as statements see it: planning never waits for an answer. It gathers what it
// would have to ask, is begun anew when that is known, and goes through when nothing is left to ask.
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
    ById,      // which schema `id` is
    Latest,    // which one is the newest of `subject`
    Register,  // under which id `subject` has `schema` from now on
    Delete,    // `subject` is to be deleted, softly
  };
  Kind kind = Kind::ById;
  int32_t id = 0;
  std::string subject = {};
  RegisteredSchema schema = {};

  // Whether what is planned depends on the answer. The others change something: they are asked when all else is
  // known to be right.
  bool is_read() const { return kind == Kind::ById || kind == Kind::Latest; }
};

// What has been answered for one statement.
struct OutsideSchemas {
  struct Latest {
    int32_t id = 0;
    SchemaTextPtr schema;
  };
  std::map<int32_t, SchemaTextPtr> by_id = {};               // null: there is none
  std::map<std::string, std::optional<Latest>> latest = {};  // by subject
  std::map<std::string, int32_t> registered = {};            // by registration_key()
  std::set<std::string> deleted = {};                        // subjects

  static std::string registration_key(const std::string& subject, const RegisteredSchema& schema) {
    return subject + '\n' + std::string(schema_kind_name(schema.kind)) + '\n' + schema.text;
  }
};

// The registry itself. What it answers comes on a thread of its own, or at once, and always in bounded time.
class OutsideRegistry : public SchemaLookup {
 public:
  // Asks one question after the other, and adds the answers to `known`. Fails with the first that is refused, or
  // cannot be asked; those before it are done.
  virtual void answer(std::vector<SchemaQuestion> questions, OutsideSchemas known,
                      std::function<void(Result<OutsideSchemas>)> done) = 0;
  // All of its subjects with their schemas, as of now; large ones fail.
  virtual void list(std::function<void(Result<SchemaRegistry>)> done) = 0;
  // So much of it as says who uses a schema, or whether a subject has one; either may be missing.
  virtual void look_up(std::optional<std::string> subject, std::optional<int32_t> id,
                       std::function<void(Result<SchemaRegistry>)> done) = 0;
  // Where it is, without passwords.
  virtual const std::string& url() const = 0;
};

}  // namespace engine
