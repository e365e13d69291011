// The schema registry, without a socket or a disk: subjects with their versions, schemas by id. It never
// changes; an operation answers with the changes that make the next one, which the metadata log keeps.
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

std::string_view compatibility_name(Compatibility level);  // "BACKWARD_TRANSITIVE"
std::optional<Compatibility> find_compatibility(std::string_view name);
std::string_view mode_name(RegistryMode mode);  // "READWRITE"
std::optional<RegistryMode> find_mode(std::string_view name);

// Why an operation is refused, with the number that clients of registries know it by: its first three
// digits are the status of HTTP.
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
  // What it says beside its text, as JSON in one spelling; empty: nothing was said. They make it another schema.
  std::string metadata = {}, rule_set = {};
};

struct SubjectVersion {
  int32_t version = 0, id = 0;
  bool is_deleted = false;
};

struct RegistrySubject {
  std::vector<SubjectVersion> versions = {};  // grow strictly
  int32_t last_version = 0;                   // ever given: versions are not used again
  std::optional<Compatibility> compatibility = {};
  std::optional<RegistryMode> mode = {};
};

// What an operation did; applied in order they make the next registry.
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

// How a schema is brought into the form in which it is kept, and found again.
enum class Form : uint8_t {
  AsGiven,  // Avro as its specification orders it, JSON without blanks
  Normal,   // also JSON Schemas by the order of their members, Protobuf as it is printed
};

// A version as it is answered.
struct SchemaVersion {
  std::string subject;
  int32_t version = 0, id = 0;
  std::shared_ptr<const RegisteredSchema> schema = {};
};

// Copies share what they have in common. Threads: as a value.
class SchemaRegistry final : public SchemaLookup {
 public:
  static constexpr int32_t kLatest = -1;

  // --- Questions. `deleted`: what was deleted softly is there, too.
  SchemaTextPtr find_schema(int32_t id) const override;
  std::shared_ptr<const RegisteredSchema> schema(int32_t id) const;
  std::vector<std::string> subjects(bool deleted = false) const;
  RegistryResult<std::vector<int32_t>> versions(std::string_view subject,
                                                bool deleted = false) const;
  RegistryResult<SchemaVersion> version(std::string_view subject, int32_t version,
                                        bool deleted = false) const;
  std::optional<SchemaVersion> latest(std::string_view subject) const;
  // The version of a subject that holds this schema.
  RegistryResult<SchemaVersion> look_up(std::string_view subject, const RegisteredSchema& schema,
                                        bool deleted = false, Form form = Form::AsGiven) const;
  std::vector<SchemaVersion> uses_of(int32_t id, bool deleted = false) const;
  // Ids of the schemas that name this version.
  std::vector<int32_t> referenced_by(std::string_view subject, int32_t version,
                                     bool deleted = false) const;
  Compatibility compatibility_of(std::string_view subject) const;
  RegistryMode mode_of(std::string_view subject) const;
  const RegistrySubject* find_subject(std::string_view subject) const;
  Compatibility default_compatibility() const { return compatibility_; }
  RegistryMode default_mode() const { return mode_; }
  // What stands in the way of a schema under the subject's level; empty if it is compatible. Against one
  // version, or all that the level asks for. Fails with 42201 when the limit is reached.
  RegistryResult<std::vector<std::string>> incompatibilities(std::string_view subject,
                                                             const RegisteredSchema& schema,
                                                             std::optional<int32_t> version = {},
                                                             Form form = Form::AsGiven,
                                                             const EffortLimit& limit = {}) const;
  // With the texts of its references. Fails when one is not there.
  RegistryResult<SchemaText> resolved(const RegisteredSchema& schema) const;

  // --- Operations. The schema's id is given; an id that is set is kept (of an import).
  struct Registered {
    int32_t id = 0, version = 0;
    RegistryChanges changes;  // empty: it was there
  };
  RegistryResult<Registered> register_schema(std::string_view subject, RegisteredSchema schema,
                                             Form form = Form::AsGiven,
                                             const EffortLimit& limit = {}) const;
  // The same in two parts: what takes long, and what must be done on the newest registry.
  struct Candidate {
    std::string subject;
    RegisteredSchema schema;                      // in the form in which it is kept
    std::shared_ptr<const RegistrySubject> seen;  // as it was compared with; null: there was none
    Compatibility level = Compatibility::Backward;
  };
  RegistryResult<Candidate> examine(std::string_view subject, RegisteredSchema schema,
                                    Form form = Form::AsGiven, const EffortLimit& limit = {}) const;
  // Nothing when the subject, or its level, is not what the schema was compared with.
  std::optional<RegistryResult<Registered>> register_examined(const Candidate& candidate) const;
  struct Deleted {
    std::vector<int32_t> versions;
    RegistryChanges changes;
  };
  RegistryResult<Deleted> delete_subject(std::string_view subject, bool permanent) const;
  RegistryResult<Deleted> delete_version(std::string_view subject, int32_t version,
                                         bool permanent) const;
  // Of one subject, or of all for which nothing else is said.
  RegistryResult<RegistryChanges> set_compatibility(std::string_view subject,
                                                    std::optional<Compatibility> level) const;
  // IMPORT is for subjects without versions, unless it is forced.
  RegistryResult<RegistryChanges> set_mode(std::string_view subject,
                                           std::optional<RegistryMode> mode,
                                           bool is_forced = false) const;

  void apply(const RegistryChange& change);
  void apply(const RegistryChanges& changes);
  // All that is needed to make this registry out of an empty one.
  RegistryChanges snapshot() const;
  // Whether it is as it was when it began.
  bool is_new() const {
    return schemas_.empty() && subjects_.empty() && compatibility_ == Compatibility::Backward &&
           mode_ == RegistryMode::ReadWrite;
  }

 private:
  using SubjectPtr = std::shared_ptr<const RegistrySubject>;

  SubjectPtr subject_ptr(std::string_view subject) const;
  RegistryResult<const RegistrySubject*> existing(std::string_view subject, bool deleted) const;
  // Who says nothing of metadata or of rules means those of the newest version.
  RegisteredSchema with_inherited(std::string_view subject, RegisteredSchema schema) const;
  RegistryResult<void> may_write(std::string_view subject, bool is_import) const;
  // The version that holds it, if there is one.
  const SubjectVersion* holder_of(const RegistrySubject& subject,
                                  const RegisteredSchema& schema) const;
  RegistryResult<std::vector<std::string>> compare(std::string_view subject, const SchemaText& text,
                                                   std::optional<int32_t> version,
                                                   const EffortLimit& limit) const;
  // Versions of the subject that schemas of other subjects refer to.
  std::set<int32_t> referenced_versions(std::string_view subject, bool deleted) const;
  RegistryChange put_or_erase(std::string_view name, RegistrySubject subject) const;
  std::optional<int32_t> id_of_same(const RegisteredSchema& schema) const;

  PersistentMap<int32_t, std::shared_ptr<const RegisteredSchema>> schemas_;
  // Ids by what stands in the schema: the same one has the same id in all subjects.
  PersistentMap<std::string, int32_t> ids_;
  PersistentMap<std::string, SubjectPtr> subjects_;
  Compatibility compatibility_ = Compatibility::Backward;
  RegistryMode mode_ = RegistryMode::ReadWrite;
  int32_t last_id_ = 0;
};

// Checks the schema, and brings it into the form in which it is kept.
RegistryResult<RegisteredSchema> checked_schema(RegisteredSchema schema, const SchemaText& resolved,
                                                Form form = Form::AsGiven);

// A subject may be in a context: ":.blue:orders-value" is, in ":.blue:", for which a level and a mode may be set
// as for a subject. Empty for those in no other than the default one.
std::string_view context_of(std::string_view subject);

}  // namespace engine
