// Operations on the registry. Each returns the changes that make the next registry.
#include <fmt/format.h>

#include <algorithm>

#include "engine/registry/registry.h"
#include "engine/registry/registry_errors.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

// A limit, because each new version rewrites all versions of its subject, which are stored as one
// value.
constexpr size_t kMaxVersions = 2000;
constexpr size_t kMaxSubjectName = 1000;

RegistryError reference_exists(std::string_view subject, int32_t version) {
  return {42206, fmt::format("One or more references exist to the schema {{magic=1,keytype=SCHEMA,"
                             "subject={},version={}}}.",
                             subject, version)};
}

std::string_view place_of(std::string_view subject) {
  const std::string_view context = context_of(subject);
  return context.empty() ? "." : context;
}

bool is_valid_name(std::string_view subject) {
  return !subject.empty() && subject.size() <= kMaxSubjectName && subject != "__GLOBAL" &&
         subject != "__EMPTY" && is_utf8(subject) && std::ranges::none_of(subject, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

RegistryResult<void> check_name(std::string_view subject) {
  if (is_valid_name(subject)) return {};
  return RegistryError{42208, fmt::format("The specified subject '{}' is not a valid.",
                                          subject.substr(0, kMaxSubjectName))};
}

}  // namespace

RegistryResult<void> SchemaRegistry::may_write(std::string_view subject, bool is_import) const {
  const RegistryMode mode = mode_of(subject);
  const auto refused = [&](std::string_view is) {
    return RegistryError{
        42205, fmt::format("Subject {} in context {} is {}", subject, place_of(subject), is)};
  };
  if (mode == RegistryMode::ReadOnly) return refused("in read-only mode");
  if (is_import && mode != RegistryMode::Import) return refused("not in import mode");
  return {};
}

RegisteredSchema SchemaRegistry::with_inherited(std::string_view subject,
                                                RegisteredSchema schema) const {
  const auto last = latest(subject);
  if (!last || !last->schema) return schema;
  if (schema.text.empty()) {
    schema.kind = last->schema->kind;
    schema.text = last->schema->text;
    schema.references = last->schema->references;
  }
  if (schema.metadata.empty()) schema.metadata = last->schema->metadata;
  if (schema.rule_set.empty()) schema.rule_set = last->schema->rule_set;
  return schema;
}

RegistryResult<SchemaRegistry::Candidate> SchemaRegistry::examine(std::string_view subject,
                                                                  RegisteredSchema schema,
                                                                  Form form,
                                                                  const EffortLimit& limit) const {
  if (auto named = check_name(subject); !named) return named.error();
  const bool is_import = schema.id > 0;
  if (auto allowed = may_write(subject, is_import); !allowed) return allowed.error();
  if (!is_import) schema = with_inherited(subject, std::move(schema));
  const auto text = resolved(schema);
  if (!text) return text.error();
  auto checked = checked_schema(std::move(schema), *text, form);
  if (!checked) return checked.error();
  Candidate candidate{std::string(subject), *std::move(checked), subject_ptr(subject),
                      compatibility_of(subject)};
  if (is_import || (candidate.seen && holder_of(*candidate.seen, candidate.schema)))
    return candidate;
  const auto problems = compare(subject, *text, std::nullopt, limit);
  if (!problems) return problems.error();
  if (!problems->empty())
    return RegistryError{
        409, fmt::format("Schema being registered is incompatible with an earlier schema for "
                         "subject \"{}\", details: [{}]",
                         subject, fmt::join(*problems, ", "))};
  return candidate;
}

std::optional<RegistryResult<SchemaRegistry::Registered>> SchemaRegistry::register_examined(
    const Candidate& candidate) const {
  using Answer = RegistryResult<Registered>;
  const std::string& subject = candidate.subject;
  const RegisteredSchema& schema = candidate.schema;
  if (subject_ptr(subject) != candidate.seen || compatibility_of(subject) != candidate.level)
    return std::nullopt;
  const bool is_import = schema.id > 0;
  if (auto allowed = may_write(subject, is_import); !allowed) return Answer(allowed.error());
  for (const SchemaReference& reference : schema.references)
    if (!version(reference.subject, reference.version, true)) return std::nullopt;
  RegistrySubject next;
  if (candidate.seen) {
    if (const SubjectVersion* same = holder_of(*candidate.seen, schema))
      return Answer(Registered{same->id, same->version, {}});
    next = *candidate.seen;
  }
  if (next.versions.size() >= kMaxVersions)
    return Answer(
        RegistryError{42205, fmt::format("Subject {} has {} versions, more are not possible",
                                         subject, next.versions.size())});
  // The limit applies to imports, too, because no schema could be registered after one with a
  // larger id.
  constexpr int32_t kLastId = INT32_MAX - 1;
  if (is_import ? schema.id > kLastId : last_id_ >= kLastId && !id_of_same(schema))
    return Answer(RegistryError{42205, fmt::format("No schema ids exist after {}", kLastId)});
  Registered done;
  done.id = is_import ? schema.id : id_of_same(schema).value_or(last_id_ + 1);
  const auto other = this->schema(done.id);
  if (is_import && other && identity_of(*other) != identity_of(schema))
    return Answer(RegistryError{
        42207, fmt::format("Overwrite new schema with id {} is not permitted.", done.id)});
  if (!other) {
    RegisteredSchema put = schema;
    put.id = done.id;
    done.changes.push_back(PutSchema{std::move(put)});
  }
  done.version = ++next.last_version;
  next.versions.push_back({done.version, done.id});
  done.changes.push_back(PutSubject{subject, std::move(next)});
  return Answer(std::move(done));
}

RegistryResult<SchemaRegistry::Registered> SchemaRegistry::register_schema(
    std::string_view subject, RegisteredSchema schema, Form form, const EffortLimit& limit) const {
  const auto candidate = examine(subject, std::move(schema), form, limit);
  if (!candidate) return candidate.error();
  return *register_examined(*candidate);  // never empty: this object is unchanged
}

// Returns the change that stores the subject, or erases it if it has no content left.
RegistryChange SchemaRegistry::put_or_erase(std::string_view name, RegistrySubject subject) const {
  if (subject.versions.empty() && !subject.compatibility && !subject.mode &&
      subject.last_version == 0)
    return EraseSubject{std::string(name)};
  return PutSubject{std::string(name), std::move(subject)};
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
  if (auto allowed = may_write(subject, false); !allowed) return allowed.error();
  const std::set<int32_t> referenced = referenced_versions(subject, permanent);
  Deleted done;
  RegistrySubject next = *found;
  for (SubjectVersion& one : next.versions) {
    if (!permanent && one.is_deleted) continue;
    if (referenced.contains(one.version)) return reference_exists(subject, one.version);
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
  if (!there) {
    if (!permanent && version != kLatest && this->version(subject, version, true))
      return RegistryError{40406, fmt::format("Subject '{}' Version {} was soft deleted.Set "
                                              "permanent=true to delete permanently",
                                              subject, version)};
    return there.error();
  }
  if (auto allowed = may_write(subject, false); !allowed) return allowed.error();
  RegistrySubject next = *find_subject(subject);
  const auto one = std::ranges::find(next.versions, there->version, &SubjectVersion::version);
  if (permanent && !one->is_deleted)
    return RegistryError{40407, fmt::format("Subject '{}' Version {} was not deleted first before "
                                            "being permanently deleted",
                                            subject, there->version)};
  if (!referenced_by(subject, there->version, permanent).empty())
    return reference_exists(subject, there->version);
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
  if (auto named = check_name(subject); !named) return named.error();
  RegistrySubject next;
  if (const RegistrySubject* found = find_subject(subject)) next = *found;
  next.compatibility = level;
  return RegistryChanges{put_or_erase(subject, std::move(next))};
}

RegistryResult<RegistryChanges> SchemaRegistry::set_mode(std::string_view subject,
                                                         std::optional<RegistryMode> mode,
                                                         bool is_forced) const {
  if (mode == RegistryMode::Import && mode_of(subject) != RegistryMode::Import && !is_forced)
    for (const std::string& name : subjects())
      if (subject.empty() || name == subject || context_of(name) == subject)
        return RegistryError{42205, "Cannot import since found existing subjects"};
  if (subject.empty())
    return RegistryChanges{SetRegistryDefaults{.mode = mode.value_or(RegistryMode::ReadWrite)}};
  if (auto named = check_name(subject); !named) return named.error();
  RegistrySubject next;
  if (const RegistrySubject* found = find_subject(subject)) next = *found;
  next.mode = mode;
  return RegistryChanges{put_or_erase(subject, std::move(next))};
}

}  // namespace engine
