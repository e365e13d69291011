// The schema registry as a value, without sockets and disks: subjects with their versions, and schemas by id. It is
// immutable; an operation returns the changes that make the next registry, and the metadata log stores them.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/persistent_map.h"
#include "base/result.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/registry/effort.h"

namespace engine {

enum class Compatibility : uint8_t {
  None,
  Backward,
  BackwardTransitive,
  Forward,
  ForwardTransitive,
  Full,
  FullTransitive,
};
enum class RegistryMode : uint8_t { ReadWrite, ReadOnly, Import };

std::string_view compatibility_name(Compatibility level);  // for example "BACKWARD_TRANSITIVE"
std::optional<Compatibility> find_compatibility(std::string_view name);
std::string_view mode_name(RegistryMode mode);  // for example "READWRITE"
std::optional<RegistryMode> find_mode(std::string_view name);

// The reason why an operation is refused. `code` is the error code of Confluent's registry; its first three digits are
// the HTTP status.
struct RegistryError {
  int code = 0;
  std::string message;
  int status() const { return code > 999 ? code / 100 : code; }
};

template <class T>
class [[nodiscard]] RegistryResult : public tl::expected<T, RegistryError> {
 public:
  using tl::expected<T, RegistryError>::expected;
  RegistryResult(RegistryError error)
      : tl::expected<T, RegistryError>(tl::unexpect, std::move(error)) {}
  T take() && {
    if constexpr (!std::is_void_v<T>) return *std::move(*this);
  }
};

struct SchemaReference {
  std::string name, subject;
  int32_t version = 0;
  bool operator==(const SchemaReference&) const = default;
};

struct RegisteredSchema {
  int32_t id = 0;
  SchemaKind kind = SchemaKind::Avro;
  std::string text;
  std::vector<SchemaReference> references = {};
  // Metadata and rules that belong to the schema, as JSON in one canonical spelling; empty: none.
  // Two schemas with the same text and different metadata or rules are different schemas.
  std::string metadata = {}, rule_set = {};
};

struct SubjectVersion {
  int32_t version = 0, id = 0;
  bool is_deleted = false;
};

struct RegistrySubject {
  std::vector<SubjectVersion> versions = {};  // in strictly increasing order of version numbers
  // the largest version that ever existed; numbers are not used twice
  int32_t last_version = 0;
  std::optional<Compatibility> compatibility = {};
  std::optional<RegistryMode> mode = {};
};

// The changes that an operation makes. Applying them in order to the present registry gives the
// next one.
struct PutSchema {
  RegisteredSchema schema;
};
struct PutSubject {
  std::string name;
  RegistrySubject subject;
};
struct EraseSubject {
  std::string name;
};
struct SetRegistryDefaults {
  std::optional<Compatibility> compatibility = {};
  std::optional<RegistryMode> mode = {};
};
using RegistryChange = std::variant<PutSchema, PutSubject, EraseSubject, SetRegistryDefaults>;
using RegistryChanges = std::vector<RegistryChange>;

// The form in which a schema is kept and compared.
enum class Form : uint8_t {
  AsGiven,  // Avro in its specification's order, JSON without blanks, Protobuf as written
  Normal,   // also JSON Schemas with sorted members, Protobuf as printed from its parsed form
};

// A version as returned to clients.
struct SchemaVersion {
  std::string subject;
  int32_t version = 0, id = 0;
  std::shared_ptr<const RegisteredSchema> schema = {};
};

// The registry as a value. Copies share their common parts. Threads: any may read; a thread changes only its own copy.
class SchemaRegistry final : public SchemaLookup {
 public:
  static constexpr int32_t kLatest = -1;

  // --- Queries. With `deleted` they include soft-deleted versions and subjects.
  SchemaTextPtr find_schema(int32_t id) const override;
  std::shared_ptr<const RegisteredSchema> schema(int32_t id) const;
  std::vector<std::string> subjects(bool deleted = false) const;
  RegistryResult<std::vector<int32_t>> versions(std::string_view subject,
                                                bool deleted = false) const;
  RegistryResult<SchemaVersion> version(std::string_view subject, int32_t version,
                                        bool deleted = false) const;
  std::optional<SchemaVersion> latest(std::string_view subject) const;
  // Returns the subject's version that has this schema.
  RegistryResult<SchemaVersion> look_up(std::string_view subject, const RegisteredSchema& schema,
                                        bool deleted = false, Form form = Form::AsGiven) const;
  std::vector<SchemaVersion> uses_of(int32_t id, bool deleted = false) const;
  // Returns the ids of the schemas that refer to this version.
  std::vector<int32_t> referenced_by(std::string_view subject, int32_t version,
                                     bool deleted = false) const;
  Compatibility compatibility_of(std::string_view subject) const;
  RegistryMode mode_of(std::string_view subject) const;
  const RegistrySubject* find_subject(std::string_view subject) const;
  Compatibility default_compatibility() const { return compatibility_; }
  RegistryMode default_mode() const { return mode_; }
  // Returns the problems of a schema under the compatibility level of the subject; empty if the
  // schema is compatible. The schema is compared with `version` or, without it, with all versions
  // that the level requires. Fails with 42201 when the limit of work is reached.
  RegistryResult<std::vector<std::string>> incompatibilities(std::string_view subject,
                                                             const RegisteredSchema& schema,
                                                             std::optional<int32_t> version = {},
                                                             Form form = Form::AsGiven,
                                                             const EffortLimit& limit = {}) const;
  // Returns the schema with the texts of its references. Fails if a reference does not exist.
  RegistryResult<SchemaText> resolved(const RegisteredSchema& schema) const;

  // --- Operations. register_schema() assigns an id, except to a schema that has one (an import).
  struct Registered {
    int32_t id = 0, version = 0;
    RegistryChanges changes;  // empty: the schema is already registered
  };
  RegistryResult<Registered> register_schema(std::string_view subject, RegisteredSchema schema,
                                             Form form = Form::AsGiven,
                                             const EffortLimit& limit = {}) const;
  // register_schema() in two parts: examine() is slow and may use an older registry;
  // register_examined() must use the newest one.
  struct Candidate {
    std::string subject;
    RegisteredSchema schema;  // in the form in which it is kept
    // the subject when the schema was compared; null: it did not exist
    std::shared_ptr<const RegistrySubject> seen;
    Compatibility level = Compatibility::Backward;
  };
  RegistryResult<Candidate> examine(std::string_view subject, RegisteredSchema schema,
                                    Form form = Form::AsGiven, const EffortLimit& limit = {}) const;
  // Registers a schema that examine() has examined. Returns nothing if the subject or its
  // compatibility level has changed since then; the schema must then be examined again.
  std::optional<RegistryResult<Registered>> register_examined(const Candidate& candidate) const;
  struct Deleted {
    std::vector<int32_t> versions;
    RegistryChanges changes;
  };
  RegistryResult<Deleted> delete_subject(std::string_view subject, bool permanent) const;
  RegistryResult<Deleted> delete_version(std::string_view subject, int32_t version,
                                         bool permanent) const;
  // Sets the level of one subject, or the default of all subjects without a level of their own.
  RegistryResult<RegistryChanges> set_compatibility(std::string_view subject,
                                                    std::optional<Compatibility> level) const;
  // Sets the mode of one subject, or the default. The mode IMPORT requires a subject without versions, unless
  // `is_forced`.
  RegistryResult<RegistryChanges> set_mode(std::string_view subject,
                                           std::optional<RegistryMode> mode,
                                           bool is_forced = false) const;

  void apply(const RegistryChange& change);
  void apply(const RegistryChanges& changes);
  // Returns the changes that make this registry from an empty one.
  RegistryChanges snapshot() const;
  // Returns whether the registry is in its initial state.
  bool is_new() const {
    return schemas_.empty() && subjects_.empty() && compatibility_ == Compatibility::Backward &&
           mode_ == RegistryMode::ReadWrite;
  }

 private:
  using SubjectPtr = std::shared_ptr<const RegistrySubject>;

  SubjectPtr subject_ptr(std::string_view subject) const;
  RegistryResult<const RegistrySubject*> existing(std::string_view subject, bool deleted) const;
  // Returns the schema with its missing parts (text, metadata or rules) taken from the newest
  // version of the subject.
  RegisteredSchema with_inherited(std::string_view subject, RegisteredSchema schema) const;
  RegistryResult<void> may_write(std::string_view subject, bool is_import) const;
  // Returns the version that has the schema, or null.
  const SubjectVersion* holder_of(const RegistrySubject& subject,
                                  const RegisteredSchema& schema) const;
  RegistryResult<std::vector<std::string>> compare(std::string_view subject, const SchemaText& text,
                                                   std::optional<int32_t> version,
                                                   const EffortLimit& limit) const;
  // Returns the versions of the subject that schemas of other subjects refer to.
  std::set<int32_t> referenced_versions(std::string_view subject, bool deleted) const;
  RegistryChange put_or_erase(std::string_view name, RegistrySubject subject) const;
  std::optional<int32_t> id_of_same(const RegisteredSchema& schema) const;

  PersistentMap<int32_t, std::shared_ptr<const RegisteredSchema>> schemas_;
  // Maps the content of schemas to ids. Equal schemas have the same id in all subjects.
  PersistentMap<std::string, int32_t> ids_;
  PersistentMap<std::string, SubjectPtr> subjects_;
  Compatibility compatibility_ = Compatibility::Backward;
  RegistryMode mode_ = RegistryMode::ReadWrite;
  int32_t last_id_ = 0;
};

// Checks the schema, and converts it to the form that the registry keeps.
RegistryResult<RegisteredSchema> checked_schema(RegisteredSchema schema, const SchemaText& resolved,
                                                Form form = Form::AsGiven);

// Returns the context of a subject. ":.blue:orders-value" is in the context ":.blue:"; the default
// context is empty. A context may have its own compatibility level and mode, like a subject.
std::string_view context_of(std::string_view subject);

}  // namespace engine
