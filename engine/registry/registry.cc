#include "engine/registry/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/json/json_tree.h"
#include "engine/formats/protobuf/protobuf_schema.h"
#include "engine/registry/compatibility.h"

namespace engine {

namespace {

constexpr std::pair<Compatibility, std::string_view> kCompatibilities[] = {
    {Compatibility::None, "NONE"},
    {Compatibility::Backward, "BACKWARD"},
    {Compatibility::BackwardTransitive, "BACKWARD_TRANSITIVE"},
    {Compatibility::Forward, "FORWARD"},
    {Compatibility::ForwardTransitive, "FORWARD_TRANSITIVE"},
    {Compatibility::Full, "FULL"},
    {Compatibility::FullTransitive, "FULL_TRANSITIVE"},
};
constexpr std::pair<RegistryMode, std::string_view> kModes[] = {
    {RegistryMode::ReadWrite, "READWRITE"},
    {RegistryMode::ReadOnly, "READONLY"},
    {RegistryMode::Import, "IMPORT"},
};

// Versions of a subject are kept in one piece, which each new one writes anew.
constexpr size_t kMaxVersions = 2000;
constexpr size_t kMaxSubjectName = 1000;
constexpr size_t kMaxReferences = 200;
constexpr int kMaxReferenceDepth = 32;

template <class T, size_t size>
std::string_view word_of(const std::pair<T, std::string_view> (&words)[size], T value) {
  for (const auto& [known, word] : words)
    if (known == value) return word;
  return "";
}
template <class T, size_t size>
std::optional<T> find_word(const std::pair<T, std::string_view> (&words)[size],
                           std::string_view word) {
  for (const auto& [known, spelled] : words)
    if (spelled == word) return known;
  return std::nullopt;
}

RegistryError subject_not_found(std::string_view subject) {
  return {40401, fmt::format("Subject '{}' not found.", subject)};
}
RegistryError version_not_found(int32_t version) {
  return {40402, fmt::format("Version {} not found.", version)};
}

// What makes two schemas the same.
std::string identity_of(const RegisteredSchema& schema) {
  std::string identity(schema_kind_name(schema.kind));
  for (const SchemaReference& reference : schema.references)
    identity += fmt::format("\n{}\n{}\n{}", reference.name, reference.subject, reference.version);
  return identity + "\n\n" + schema.text;
}

bool is_transitive(Compatibility level) {
  return level == Compatibility::BackwardTransitive || level == Compatibility::ForwardTransitive ||
         level == Compatibility::FullTransitive;
}
bool is_backward(Compatibility level) {
  return level == Compatibility::Backward || level == Compatibility::BackwardTransitive ||
         level == Compatibility::Full || level == Compatibility::FullTransitive;
}
bool is_forward(Compatibility level) {
  return level == Compatibility::Forward || level == Compatibility::ForwardTransitive ||
         level == Compatibility::Full || level == Compatibility::FullTransitive;
}

}  // namespace

std::string_view compatibility_name(Compatibility level) {
  return word_of(kCompatibilities, level);
}
std::optional<Compatibility> find_compatibility(std::string_view name) {
  return find_word(kCompatibilities, name);
}
std::string_view mode_name(RegistryMode mode) { return word_of(kModes, mode); }
std::optional<RegistryMode> find_mode(std::string_view name) { return find_word(kModes, name); }

RegistryResult<RegisteredSchema> checked_schema(RegisteredSchema schema,
                                                const SchemaText& resolved) {
  const auto invalid = [&](std::string_view why) {
    return RegistryError{42201, fmt::format("Invalid schema of type {}, details: {}",
                                            schema_kind_name(schema.kind), why)};
  };
  if (schema.text.size() > kMaxSchemaSize)
    return invalid(fmt::format("it has {} bytes, at most {} are possible", schema.text.size(),
                               kMaxSchemaSize));
  if (schema.kind == SchemaKind::Protobuf) {
    const auto parsed = ProtobufSchema::parse(resolved);
    if (!parsed) return invalid(parsed.error().message);
    return schema;
  }
  if (schema.kind == SchemaKind::Avro) {
    const auto parsed = AvroSchema::parse(resolved);
    if (!parsed) return invalid(parsed.error().message);
  }
  const Result<JsonTree> tree = parse_json_tree(schema.text);
  if (tree)
    schema.text = json_tree_text(*tree);
  else if (schema.kind == SchemaKind::Json)
    return invalid(tree.error().message);
  else
    schema.text = "\"" + schema.text + "\"";  // a bare word, which the parser takes
  if (schema.kind == SchemaKind::Json && tree->kind != JsonKind::Object &&
      tree->kind != JsonKind::Boolean)
    return invalid("a JSON Schema is an object or a boolean");
  return schema;
}

// ---- Questions

std::shared_ptr<const RegisteredSchema> SchemaRegistry::schema(int32_t id) const {
  const auto found = schemas_.find(id);
  return found == schemas_.end() ? nullptr : found->second;
}

SchemaTextPtr SchemaRegistry::find_schema(int32_t id) const {
  const auto found = schema(id);
  if (!found) return nullptr;
  auto text = resolved(*found);
  if (!text) return nullptr;
  return std::make_shared<const SchemaText>(*std::move(text));
}

const RegistrySubject* SchemaRegistry::find_subject(std::string_view subject) const {
  const auto found = subjects_.find(std::string(subject));
  return found == subjects_.end() ? nullptr : found->second.get();
}

std::vector<std::string> SchemaRegistry::subjects(bool deleted) const {
  std::vector<std::string> names;
  for (const auto& [name, subject] : subjects_)
    if (std::ranges::any_of(subject->versions,
                            [&](const SubjectVersion& one) { return deleted || !one.is_deleted; }))
      names.push_back(name);
  return names;
}

RegistryResult<const RegistrySubject*> SchemaRegistry::existing(std::string_view subject,
                                                                bool deleted) const {
  const RegistrySubject* found = find_subject(subject);
  if (found)
    for (const SubjectVersion& one : found->versions)
      if (deleted || !one.is_deleted) return found;
  return subject_not_found(subject);
}

RegistryResult<std::vector<int32_t>> SchemaRegistry::versions(std::string_view subject,
                                                              bool deleted) const {
  const auto found = existing(subject, deleted);
  if (!found) return found.error();
  std::vector<int32_t> numbers;
  for (const SubjectVersion& one : (*found)->versions)
    if (deleted || !one.is_deleted) numbers.push_back(one.version);
  return numbers;
}

RegistryResult<SchemaVersion> SchemaRegistry::version(std::string_view subject, int32_t version,
                                                      bool deleted) const {
  const auto found = existing(subject, deleted);
  if (!found) return found.error();
  const SubjectVersion* last = nullptr;
  for (const SubjectVersion& one : (*found)->versions) {
    if (one.is_deleted && !deleted) continue;
    if (version == kLatest || one.version == version) last = &one;
  }
  if (!last) return version_not_found(version);
  return SchemaVersion{std::string(subject), last->version, last->id, schema(last->id)};
}

std::optional<SchemaVersion> SchemaRegistry::latest(std::string_view subject) const {
  auto found = version(subject, kLatest);
  if (!found) return std::nullopt;
  return *std::move(found);
}

std::optional<int32_t> SchemaRegistry::id_of_same(const RegisteredSchema& schema) const {
  const auto found = ids_.find(identity_of(schema));
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

RegistryResult<SchemaVersion> SchemaRegistry::look_up(std::string_view subject,
                                                      const RegisteredSchema& schema,
                                                      bool deleted) const {
  const auto found = existing(subject, deleted);
  if (!found) return found.error();
  const auto text = resolved(schema);
  if (!text) return text.error();
  const auto checked = checked_schema(schema, *text);
  if (!checked) return checked.error();
  const std::optional<int32_t> id = id_of_same(*checked);
  for (const SubjectVersion& one : (*found)->versions)
    if (id && one.id == *id && (deleted || !one.is_deleted))
      return SchemaVersion{std::string(subject), one.version, one.id, this->schema(one.id)};
  return RegistryError{40403, "Schema not found"};
}

std::vector<SchemaVersion> SchemaRegistry::uses_of(int32_t id) const {
  std::vector<SchemaVersion> uses;
  for (const auto& [name, subject] : subjects_)
    for (const SubjectVersion& one : subject->versions)
      if (one.id == id && !one.is_deleted) uses.push_back({name, one.version, id, schema(id)});
  return uses;
}

std::vector<int32_t> SchemaRegistry::referenced_by(std::string_view subject,
                                                   int32_t version) const {
  std::vector<int32_t> ids;
  for (const auto& [id, schema] : schemas_)
    for (const SchemaReference& reference : schema->references)
      if (reference.subject == subject && reference.version == version && !uses_of(id).empty()) {
        ids.push_back(id);
        break;
      }
  return ids;
}

Compatibility SchemaRegistry::compatibility_of(std::string_view subject) const {
  const RegistrySubject* found = find_subject(subject);
  return found && found->compatibility ? *found->compatibility : compatibility_;
}

RegistryMode SchemaRegistry::mode_of(std::string_view subject) const {
  const RegistrySubject* found = find_subject(subject);
  return found && found->mode ? *found->mode : mode_;
}

RegistryResult<SchemaText> SchemaRegistry::resolved(const RegisteredSchema& schema) const {
  SchemaText text{schema.kind, schema.text};
  const auto add = [&](const auto& self, const std::vector<SchemaReference>& references,
                       int depth) -> RegistryResult<void> {
    if (depth > kMaxReferenceDepth || references.size() > kMaxReferences)
      return RegistryError{42201, "Invalid schema: its references lie too deep, or are too many"};
    for (const SchemaReference& reference : references) {
      if (std::ranges::find(text.references, reference.name, &SchemaText::Reference::name) !=
          text.references.end())
        continue;
      const auto found = version(reference.subject, reference.version, true);
      if (!found || !found->schema)
        return RegistryError{
            42201, fmt::format("Invalid schema: no schema reference found for subject \"{}\" and "
                               "version {}",
                               reference.subject, reference.version)};
      if (auto inner = self(self, found->schema->references, depth + 1); !inner) return inner;
      if (text.references.size() >= kMaxReferences)
        return RegistryError{42201, "Invalid schema: it has too many references"};
      text.references.push_back({reference.name, found->schema->text});
    }
    return {};
  };
  if (auto added = add(add, schema.references, 0); !added) return added.error();
  return text;
}

RegistryResult<std::vector<std::string>> SchemaRegistry::incompatibilities(
    std::string_view subject, const RegisteredSchema& schema,
    std::optional<int32_t> version) const {
  const auto text = resolved(schema);
  if (!text) return text.error();
  const Compatibility level = compatibility_of(subject);
  std::vector<const SubjectVersion*> against;
  if (const RegistrySubject* found = find_subject(subject)) {
    for (const SubjectVersion& one : found->versions) {
      if (one.is_deleted) continue;
      if (!version || *version == kLatest || one.version == *version) against.push_back(&one);
    }
    if ((version == kLatest || (!version && !is_transitive(level))) && against.size() > 1)
      against.erase(against.begin(), against.end() - 1);
  }
  if (version && against.empty()) {
    const auto there = existing(subject, false);
    if (!there) return there.error();
    return version_not_found(*version);
  }
  std::vector<std::string> problems;
  for (auto one = against.rbegin(); one != against.rend() && level != Compatibility::None; ++one) {
    const SchemaTextPtr old = find_schema((*one)->id);
    if (!old) continue;
    if (is_backward(level))
      for (std::string& problem : read_problems(*text, *old))
        problems.push_back(std::move(problem));
    if (is_forward(level))
      for (std::string& problem : read_problems(*old, *text))
        problems.push_back(std::move(problem));
    if (problems.empty()) continue;
    problems.push_back(fmt::format("oldSchemaVersion: {}", (*one)->version));
    problems.push_back(fmt::format("oldSchema: '{}'", old->text));
    problems.push_back(fmt::format("compatibility: '{}'", compatibility_name(level)));
    break;
  }
  return problems;
}

// ---- Operations

RegistryResult<SchemaRegistry::Registered> SchemaRegistry::register_schema(
    std::string_view subject, RegisteredSchema schema) const {
  if (subject.empty() || subject.size() > kMaxSubjectName)
    return RegistryError{42208, fmt::format("A subject's name has 1 to {} bytes", kMaxSubjectName)};
  const RegistryMode mode = mode_of(subject);
  if (mode == RegistryMode::ReadOnly)
    return RegistryError{42205, fmt::format("Subject {} is in read-only mode", subject)};
  const bool is_import = schema.id > 0;
  if (is_import && mode != RegistryMode::Import)
    return RegistryError{42205, fmt::format("Subject {} is not in import mode", subject)};
  const auto text = resolved(schema);
  if (!text) return text.error();
  auto checked = checked_schema(std::move(schema), *text);
  if (!checked) return checked.error();

  Registered done;
  RegistrySubject next;
  if (const RegistrySubject* found = find_subject(subject)) next = *found;
  const std::optional<int32_t> same = id_of_same(*checked);
  for (const SubjectVersion& one : next.versions)
    if (same && one.id == *same && !one.is_deleted) return Registered{one.id, one.version, {}};
  if (next.versions.size() >= kMaxVersions)
    return RegistryError{42211, fmt::format("Subject {} has {} versions, more are not possible",
                                            subject, next.versions.size())};
  if (!is_import) {
    const auto problems = incompatibilities(subject, *checked);
    if (!problems) return problems.error();
    if (!problems->empty())
      return RegistryError{
          409, fmt::format("Schema being registered is incompatible with an earlier schema for "
                           "subject \"{}\", details: [{}]",
                           subject, fmt::join(*problems, ", "))};
  }
  done.id = is_import ? checked->id : same.value_or(last_id_ + 1);
  if (const auto other = this->schema(done.id);
      is_import && other && identity_of(*other) != identity_of(*checked))
    return RegistryError{42207,
                         fmt::format("Overwrite new schema with id {} is not permitted.", done.id)};
  if (!this->schema(done.id)) {
    checked->id = done.id;
    done.changes.push_back(PutSchema{*std::move(checked)});
  }
  done.version = ++next.last_version;
  next.versions.push_back({done.version, done.id});
  done.changes.push_back(PutSubject{std::string(subject), std::move(next)});
  return done;
}

RegistryResult<SchemaRegistry::Deleted> SchemaRegistry::delete_subject(std::string_view subject,
                                                                       bool permanent) const {
  const RegistrySubject* found = find_subject(subject);
  if (!found || found->versions.empty()) return subject_not_found(subject);
  const bool is_soft_deleted = std::ranges::all_of(found->versions, &SubjectVersion::is_deleted);
  if (permanent && !is_soft_deleted)
    return RegistryError{
        40405, fmt::format("Subject '{}' was not deleted first before being permanently deleted",
                           subject)};
  if (!permanent && is_soft_deleted)
    return RegistryError{
        40404, fmt::format("Subject '{}' was soft deleted.Set permanent=true to delete permanently",
                           subject)};
  if (mode_of(subject) == RegistryMode::ReadOnly)
    return RegistryError{42205, fmt::format("Subject {} is in read-only mode", subject)};
  Deleted done;
  RegistrySubject next = *found;
  for (SubjectVersion& one : next.versions) {
    if (!permanent && one.is_deleted) continue;
    if (const auto users = referenced_by(subject, one.version); !permanent && !users.empty())
      return RegistryError{
          42206, fmt::format("One or more references exist to the schema {{magic=1,keytype=SCHEMA,"
                             "subject={},version={}}}.",
                             subject, one.version)};
    done.versions.push_back(one.version);
    one.is_deleted = true;
  }
  if (permanent)
    done.changes.push_back(EraseSubject{std::string(subject)});
  else
    done.changes.push_back(PutSubject{std::string(subject), std::move(next)});
  return done;
}

RegistryResult<SchemaRegistry::Deleted> SchemaRegistry::delete_version(std::string_view subject,
                                                                       int32_t version,
                                                                       bool permanent) const {
  const auto there = this->version(subject, version, permanent);
  if (!there) return there.error();
  if (mode_of(subject) == RegistryMode::ReadOnly)
    return RegistryError{42205, fmt::format("Subject {} is in read-only mode", subject)};
  RegistrySubject next = *find_subject(subject);
  const auto one = std::ranges::find(next.versions, there->version, &SubjectVersion::version);
  if (permanent && !one->is_deleted)
    return RegistryError{40407, fmt::format("Subject '{}' Version {} was not deleted first before "
                                            "being permanently deleted",
                                            subject, there->version)};
  if (!permanent && !referenced_by(subject, there->version).empty())
    return RegistryError{
        42206, fmt::format("One or more references exist to the schema {{magic=1,keytype=SCHEMA,"
                           "subject={},version={}}}.",
                           subject, there->version)};
  Deleted done;
  done.versions.push_back(there->version);
  if (permanent)
    next.versions.erase(one);
  else
    one->is_deleted = true;
  if (permanent && next.versions.empty())
    done.changes.push_back(EraseSubject{std::string(subject)});
  else
    done.changes.push_back(PutSubject{std::string(subject), std::move(next)});
  return done;
}

RegistryResult<RegistryChanges> SchemaRegistry::set_compatibility(
    std::string_view subject, std::optional<Compatibility> level) const {
  if (subject.empty())
    return RegistryChanges{
        SetRegistryDefaults{.compatibility = level.value_or(Compatibility::Backward)}};
  RegistrySubject next;
  if (const RegistrySubject* found = find_subject(subject)) next = *found;
  next.compatibility = level;
  return RegistryChanges{PutSubject{std::string(subject), std::move(next)}};
}

RegistryResult<RegistryChanges> SchemaRegistry::set_mode(std::string_view subject,
                                                         std::optional<RegistryMode> mode) const {
  if (subject.empty())
    return RegistryChanges{SetRegistryDefaults{.mode = mode.value_or(RegistryMode::ReadWrite)}};
  RegistrySubject next;
  if (const RegistrySubject* found = find_subject(subject)) next = *found;
  next.mode = mode;
  return RegistryChanges{PutSubject{std::string(subject), std::move(next)}};
}

// ---- Changes

void SchemaRegistry::apply(const RegistryChange& change) {
  if (const auto* put = std::get_if<PutSchema>(&change)) {
    const RegisteredSchema& schema = put->schema;
    ids_.set(identity_of(schema), schema.id);
    last_id_ = std::max(last_id_, schema.id);
    schemas_.set(schema.id, std::make_shared<const RegisteredSchema>(schema));
  } else if (const auto* subject = std::get_if<PutSubject>(&change)) {
    subjects_.set(subject->name, std::make_shared<const RegistrySubject>(subject->subject));
  } else if (const auto* gone = std::get_if<EraseSubject>(&change)) {
    subjects_.erase(gone->name);
  } else {
    const auto& defaults = std::get<SetRegistryDefaults>(change);
    if (defaults.compatibility) compatibility_ = *defaults.compatibility;
    if (defaults.mode) mode_ = *defaults.mode;
  }
}

void SchemaRegistry::apply(const RegistryChanges& changes) {
  for (const RegistryChange& change : changes) apply(change);
}

RegistryChanges SchemaRegistry::snapshot() const {
  RegistryChanges changes;
  changes.push_back(SetRegistryDefaults{compatibility_, mode_});
  for (const auto& [name, subject] : subjects_) changes.push_back(PutSubject{name, *subject});
  for (const auto& [id, schema] : schemas_) changes.push_back(PutSchema{*schema});
  return changes;
}

}  // namespace engine
