#include "engine/registry/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/registry/compatibility.h"
#include "engine/registry/registry_errors.h"

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

constexpr size_t kMaxReferences = 200;
// Limit on the size of a schema together with its references.
constexpr size_t kMaxResolvedBytes = 8 * kMaxSchemaSize;
// Limit on the depth of references.
constexpr int kMaxReferenceLevels = 100;

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

RegistryError version_not_found(int32_t version) {
  return {40402, fmt::format("Version {} not found.", version)};
}

}  // namespace

RegistryError subject_not_found(std::string_view subject) {
  return {40401, fmt::format("Subject '{}' not found.", subject)};
}

std::string identity_of(const RegisteredSchema& schema) {
  std::string identity(schema_kind_name(schema.kind));
  for (const SchemaReference& reference : schema.references)
    identity += fmt::format("\n{}\n{}\n{}", reference.name, reference.subject, reference.version);
  if (!schema.metadata.empty() || !schema.rule_set.empty())
    identity += fmt::format("\n{}\n{}", schema.metadata, schema.rule_set);
  return identity + "\n\n" + schema.text;
}

namespace {

RegistryError too_much_work(std::string_view subject, size_t versions) {
  return {42201, fmt::format("Schemas of subject {} are too large to be compared with {}: use a "
                             "smaller schema, a level that is not transitive, or delete old "
                             "versions",
                             subject,
                             versions == 1 ? std::string("its last version")
                                           : fmt::format("each of its {} versions", versions))};
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

std::string_view context_of(std::string_view subject) {
  if (!subject.starts_with(":.")) return {};
  const size_t end = subject.find(':', 2);
  return end == subject.npos ? std::string_view() : subject.substr(0, end + 1);
}

// ---- Queries

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

SchemaRegistry::SubjectPtr SchemaRegistry::subject_ptr(std::string_view subject) const {
  const auto found = subjects_.find(std::string(subject));
  return found == subjects_.end() ? nullptr : found->second;
}

const RegistrySubject* SchemaRegistry::find_subject(std::string_view subject) const {
  return subject_ptr(subject).get();
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

const SubjectVersion* SchemaRegistry::holder_of(const RegistrySubject& subject,
                                                const RegisteredSchema& schema) const {
  const std::optional<int32_t> id = id_of_same(schema);
  for (const SubjectVersion& one : subject.versions)
    if (id && one.id == *id && !one.is_deleted) return &one;
  return nullptr;
}

RegistryResult<SchemaVersion> SchemaRegistry::look_up(std::string_view subject,
                                                      const RegisteredSchema& schema, bool deleted,
                                                      Form form) const {
  const auto found = existing(subject, deleted);
  if (!found) return found.error();
  const auto text = resolved(schema);
  if (!text) return text.error();
  const auto checked = checked_schema(schema, *text, form);
  if (!checked) return checked.error();
  const std::optional<int32_t> id = id_of_same(*checked);
  for (const SubjectVersion& one : (*found)->versions)
    if (id && one.id == *id && (deleted || !one.is_deleted))
      return SchemaVersion{std::string(subject), one.version, one.id, this->schema(one.id)};
  return RegistryError{40403, "Schema not found"};
}

std::vector<SchemaVersion> SchemaRegistry::uses_of(int32_t id, bool deleted) const {
  std::vector<SchemaVersion> uses;
  for (const auto& [name, subject] : subjects_)
    for (const SubjectVersion& one : subject->versions)
      if (one.id == id && (deleted || !one.is_deleted))
        uses.push_back({name, one.version, id, schema(id)});
  return uses;
}

std::vector<int32_t> SchemaRegistry::referenced_by(std::string_view subject, int32_t version,
                                                   bool deleted) const {
  std::set<int32_t> named, used;
  for (const auto& [id, schema] : schemas_)
    for (const SchemaReference& reference : schema->references)
      if (reference.subject == subject && reference.version == version) named.insert(id);
  if (named.empty()) return {};
  for (const auto& [name, other] : subjects_)
    for (const SubjectVersion& one : other->versions)
      if (named.contains(one.id) && (deleted || !one.is_deleted)) used.insert(one.id);
  return {used.begin(), used.end()};
}

std::set<int32_t> SchemaRegistry::referenced_versions(std::string_view subject,
                                                      bool deleted) const {
  // versions that a schema refers to, by the id of that schema
  std::map<int32_t, std::set<int32_t>> named;
  for (const auto& [id, schema] : schemas_)
    for (const SchemaReference& reference : schema->references)
      if (reference.subject == subject) named[id].insert(reference.version);
  std::set<int32_t> versions;
  if (named.empty()) return versions;
  for (const auto& [name, other] : subjects_) {
    if (name == subject) continue;
    for (const SubjectVersion& one : other->versions) {
      const auto found = named.find(one.id);
      if (found != named.end() && (deleted || !one.is_deleted))
        versions.insert(found->second.begin(), found->second.end());
    }
  }
  return versions;
}

Compatibility SchemaRegistry::compatibility_of(std::string_view subject) const {
  for (const std::string_view name : {subject, context_of(subject)})
    if (const RegistrySubject* found = find_subject(name); found && found->compatibility)
      return *found->compatibility;
  return compatibility_;
}

RegistryMode SchemaRegistry::mode_of(std::string_view subject) const {
  for (const std::string_view name : {subject, context_of(subject)})
    if (const RegistrySubject* found = find_subject(name); found && found->mode)
      return *found->mode;
  return mode_;
}

RegistryResult<SchemaText> SchemaRegistry::resolved(const RegisteredSchema& schema) const {
  SchemaText text{schema.kind, schema.text};
  size_t resolved_bytes = text.text.size();
  const auto add = [&](const auto& self, const std::vector<SchemaReference>& references,
                       int depth) -> RegistryResult<void> {
    if (!references.empty() && depth > kMaxReferenceLevels)
      return RegistryError{42201, fmt::format("Invalid schema: its references lie more than {} "
                                              "levels deep",
                                              kMaxReferenceLevels)};
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
        return RegistryError{42201, fmt::format("Invalid schema: it has more than {} references, "
                                                "with those of what it refers to",
                                                kMaxReferences)};
      resolved_bytes += found->schema->text.size();
      if (resolved_bytes > kMaxResolvedBytes)
        return RegistryError{42209, "The schema and what it refers to are too large"};
      text.references.push_back({reference.name, found->schema->text});
    }
    return {};
  };
  if (auto added = add(add, schema.references, 1); !added) return added.error();
  return text;
}

RegistryResult<std::vector<std::string>> SchemaRegistry::incompatibilities(
    std::string_view subject, const RegisteredSchema& schema, std::optional<int32_t> version,
    Form form, const EffortLimit& limit) const {
  const auto text = resolved(schema);
  if (!text) return text.error();
  const auto checked = checked_schema(schema, *text, form);
  if (!checked) return checked.error();
  return compare(subject, *text, version, limit);
}

RegistryResult<std::vector<std::string>> SchemaRegistry::compare(std::string_view subject,
                                                                 const SchemaText& text,
                                                                 std::optional<int32_t> version,
                                                                 const EffortLimit& limit) const {
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
  if (version && *version != kLatest && against.empty()) {
    const auto there = existing(subject, false);
    if (!there) return there.error();
    return version_not_found(*version);
  }
  std::vector<std::string> problems;
  Effort effort(limit);
  for (auto one = against.rbegin(); one != against.rend() && level != Compatibility::None; ++one) {
    const SchemaTextPtr old = find_schema((*one)->id);
    if (!old) continue;
    if (is_backward(level))
      for (std::string& problem : read_problems(text, *old, effort))
        problems.push_back(std::move(problem));
    if (is_forward(level) && !effort.is_spent())
      for (std::string& problem : read_problems(*old, text, effort))
        problems.push_back(std::move(problem));
    if (effort.is_spent()) return too_much_work(subject, against.size());
    if (problems.empty()) continue;
    problems.push_back(fmt::format("{{oldSchemaVersion: {}}}", (*one)->version));
    problems.push_back(fmt::format("{{oldSchema: '{}'}}", old->text));
    problems.push_back(fmt::format("{{compatibility: '{}'}}", compatibility_name(level)));
    break;
  }
  return problems;
}

// ---- Changes

void SchemaRegistry::apply(const RegistryChange& change) {
  if (const auto* put = std::get_if<PutSchema>(&change)) {
    const RegisteredSchema& schema = put->schema;
    ids_.set(identity_of(schema), schema.id);
    // A Protobuf schema that was registered as written is found by its normal form, too (?normalize=true). If several
    // schemas have one normal form, the first is found.
    if (schema.kind == SchemaKind::Protobuf)
      if (const auto text = resolved(schema))
        if (const auto normal = checked_schema(schema, *text, Form::Normal))
          if (const std::string identity = identity_of(*normal); ids_.find(identity) == ids_.end())
            ids_.set(identity, schema.id);
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
