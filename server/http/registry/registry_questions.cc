// Requests that read the registry and do not change it.
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <utility>
#include <variant>

#include "engine/formats/protobuf/protobuf_source.h"
#include "server/http/accept.h"
#include "server/http/registry/data_contract.h"
#include "server/http/registry/registry_handlers.h"
#include "server/http/registry/registry_json.h"
#include "server/http/registry/registry_request.h"

namespace server::http {

namespace {

using engine::RegistryError;
using engine::RegistryResult;
using engine::SchemaRegistry;
using engine::SchemaVersion;
using Answer = RegistryResult<std::string>;  // the answer as JSON

constexpr size_t kMaxSubjects = 20'000, kMaxSchemas = 1000;
// Size limit of a list of schemas; clients get longer lists page by page.
constexpr size_t kMaxListBytes = size_t{16} << 20;

RegistryError schema_not_found(std::string_view id) {
  return {40403, fmt::format("Schema {} not found", id)};
}

engine::Form form_of(const Request& request) {
  return has_flag(request, "normalize") ? engine::Form::Normal : engine::Form::AsGiven;
}

std::string asked_subject_of(const Request& request) {
  return plain_subject(request.path_parameters.at(0));
}

// Returns the text of a schema in the form that ?format= names. Unknown forms are ignored.
RegistryResult<std::string> text_of(const Request& request, const SchemaRegistry& registry,
                                    const engine::RegisteredSchema& schema) {
  if (query_value(request.query, "format") != "serialized" ||
      schema.kind != engine::SchemaKind::Protobuf)
    return schema.text;
  const auto resolved = registry.resolved(schema);
  if (!resolved) return resolved.error();
  auto serialized = engine::serialized_protobuf(*resolved);
  if (!serialized) return RegistryError{42201, serialized.error().message};
  return *std::move(serialized);
}

RegistryResult<std::shared_ptr<const engine::RegisteredSchema>> schema_by_id(
    const Request& request, const SchemaRegistry& registry) {
  const std::string& id = request.path_parameters.at(0);
  int32_t number = 0;
  if (!absl::SimpleAtoi(id, &number)) return schema_not_found(id);
  auto schema = registry.schema(number);
  if (!schema) return schema_not_found(id);
  return schema;
}

RegistryResult<SchemaVersion> version_of(const Request& request, const SchemaRegistry& registry,
                                         bool deleted) {
  const auto version = read_version(request.path_parameters.at(1));
  if (!version) return version.error();
  return registry.version(asked_subject_of(request), *version, deleted);
}

template <class List>
void cut(List& list, Page page) {
  list.erase(list.begin(),
             list.begin() + static_cast<ptrdiff_t>(std::min(page.offset, list.size())));
  if (list.size() > page.limit) list.resize(page.limit);
}

// Whether ?subjectPrefix= matches a subject: ":*:" is any context, and a prefix without a context
// means the default one.
bool is_meant(std::string_view subject, std::string_view prefix) {
  if (prefix.starts_with(":*:")) {
    prefix.remove_prefix(3);
    subject.remove_prefix(engine::context_of(subject).size());
    return subject.starts_with(prefix);
  }
  if (!prefix.starts_with(":.") && subject.starts_with(":.")) return false;
  return subject.starts_with(plain_subject(prefix));
}

// ---- /schemas

Answer schema_types(const Request&, const SchemaRegistry&) {
  return std::string(R"(["JSON","PROTOBUF","AVRO"])");
}

Answer schema_of_id(const Request& request, const SchemaRegistry& registry) {
  const auto schema = schema_by_id(request, registry);
  if (!schema) return schema.error();
  const auto text = text_of(request, registry, **schema);
  if (!text) return text.error();
  return schema_json(**schema, *text);
}

Answer text_of_id(const Request& request, const SchemaRegistry& registry) {
  const auto schema = schema_by_id(request, registry);
  if (!schema) return schema.error();
  return text_of(request, registry, **schema);
}

RegistryResult<std::vector<SchemaVersion>> uses_of_id(const Request& request,
                                                      const SchemaRegistry& registry) {
  const auto schema = schema_by_id(request, registry);
  if (!schema) return schema.error();
  std::vector<SchemaVersion> uses = registry.uses_of((*schema)->id, has_flag(request, "deleted"));
  if (const auto subject = query_value(request.query, "subject"))
    std::erase_if(uses, [wanted = plain_subject(*subject)](const SchemaVersion& use) {
      return use.subject != wanted;
    });
  return uses;
}

Answer subjects_of_id(const Request& request, const SchemaRegistry& registry) {
  const auto uses = uses_of_id(request, registry);
  if (!uses) return uses.error();
  std::vector<std::string> names;
  for (const SchemaVersion& use : *uses)
    if (names.empty() || names.back() != use.subject) names.push_back(use.subject);
  cut(names, read_page(request, kMaxSubjects));
  return texts_json(names);
}

Answer versions_of_id(const Request& request, const SchemaRegistry& registry) {
  auto uses = uses_of_id(request, registry);
  if (!uses) return uses.error();
  cut(*uses, read_page(request, kMaxSubjects));
  return uses_json(*uses);
}

Answer list_schemas(const Request& request, const SchemaRegistry& registry) {
  const bool deleted = has_flag(request, "deleted"), latest = has_flag(request, "latestOnly");
  const std::string prefix = query_value(request.query, "subjectPrefix").value_or(":*:");
  const Page page = read_page(request, kMaxSchemas);
  std::string list = "[";
  size_t seen = 0, taken = 0;
  for (const std::string& subject : registry.subjects(deleted)) {
    if (!is_meant(subject, prefix)) continue;
    auto versions = registry.versions(subject, deleted);
    if (!versions || versions->empty()) continue;
    if (latest) versions->erase(versions->begin(), versions->end() - 1);
    for (const int32_t number : *versions) {
      if (seen++ < page.offset) continue;
      if (taken++ == page.limit) return list + "]";
      const auto version = registry.version(subject, number, deleted);
      if (!version || !version->schema) continue;
      if (list.size() > 1) list += ',';
      list += version_json(*version, version->schema->text);
      if (list.size() > kMaxListBytes)
        return RegistryError{413, fmt::format("the answer has too many schemas: request fewer than "
                                              "{} with limit, and the rest with offset",
                                              taken)};
    }
  }
  return list + "]";
}

// ---- /subjects

Answer list_subjects(const Request& request, const SchemaRegistry& registry) {
  const bool only_deleted = has_flag(request, "deletedOnly") || has_flag(request, "deleted_only");
  const std::string prefix = query_value(request.query, "subjectPrefix").value_or(":*:");
  std::vector<std::string> names = registry.subjects(only_deleted || has_flag(request, "deleted"));
  std::erase_if(names, [&](const std::string& name) {
    return !is_meant(name, prefix) || (only_deleted && registry.versions(name).has_value());
  });
  cut(names, read_page(request, kMaxSubjects));
  return texts_json(names);
}

Answer list_versions(const Request& request, const SchemaRegistry& registry) {
  const std::string subject = asked_subject_of(request);
  const bool only_deleted = has_flag(request, "deletedOnly");
  auto versions = registry.versions(subject, only_deleted || has_flag(request, "deleted"));
  if (!versions) return versions.error();
  if (only_deleted)
    std::erase_if(*versions,
                  [&](int32_t number) { return registry.version(subject, number).has_value(); });
  cut(*versions, read_page(request, kMaxSubjects));
  return numbers_json(*versions);
}

Answer one_version(const Request& request, const SchemaRegistry& registry) {
  const auto version = version_of(request, registry, has_flag(request, "deleted"));
  if (!version) return version.error();
  const auto text = text_of(request, registry, *version->schema);
  if (!text) return text.error();
  return version_json(*version, *text);
}

Answer text_of_version(const Request& request, const SchemaRegistry& registry) {
  const auto version = version_of(request, registry, has_flag(request, "deleted"));
  if (!version) return version.error();
  return text_of(request, registry, *version->schema);
}

Answer referenced_by(const Request& request, const SchemaRegistry& registry) {
  const auto version = version_of(request, registry, true);
  if (!version) return version.error();
  auto ids =
      registry.referenced_by(version->subject, version->version, has_flag(request, "deleted"));
  cut(ids, read_page(request, kMaxSubjects));
  return numbers_json(ids);
}

Answer look_up(const Request& request, const SchemaRegistry& registry) {
  const std::string subject = asked_subject_of(request);
  const bool deleted = has_flag(request, "deleted");
  const auto schema = read_schema(request.body, subject, registry);
  if (!schema) return schema.error();
  const auto found = registry.look_up(subject, *schema, deleted, form_of(request));
  if (!found) return found.error();
  const auto text = text_of(request, registry, *found->schema);
  if (!text) return text.error();
  return version_json(*found, *text);
}

// Reads the properties of a search, ?key=major&value=2&key=owner&value=ann: each key has the value
// at the same position.
RegistryResult<std::multimap<std::string, std::string>> wanted_properties(const Request& request) {
  const auto keys = query_values(request.query, "key");
  const auto values = query_values(request.query, "value");
  std::multimap<std::string, std::string> wanted;
  if (keys.size() != values.size()) return RegistryError{422, "each key of metadata needs a value"};
  for (size_t i = 0; i < keys.size(); ++i) wanted.emplace(keys[i], values[i]);
  return wanted;
}

Answer latest_with_metadata(const Request& request, const SchemaRegistry& registry) {
  const std::string subject = asked_subject_of(request);
  const bool deleted = has_flag(request, "deleted");
  const auto wanted = wanted_properties(request);
  if (!wanted) return wanted.error();
  const auto numbers = registry.versions(subject, deleted);
  if (!numbers) return numbers.error();
  for (const int32_t number : *numbers | std::views::reverse) {
    const auto version = registry.version(subject, number, deleted);
    if (version && (wanted->empty() || has_properties(version->schema->metadata, *wanted)))
      return version_json(*version, version->schema->text);
  }
  return RegistryError{40403, "Schema not found"};
}

// ---- /compatibility

Answer check(const Request& request, const SchemaRegistry& registry, std::optional<int32_t> version,
             const std::atomic<bool>& is_unwanted) {
  const std::string subject = asked_subject_of(request);
  const bool is_verbose = has_flag(request, "verbose");
  const auto schema = read_schema(request.body, subject, registry);
  if (!schema) return schema.error();
  const auto problems = registry.incompatibilities(subject, *schema, version, form_of(request),
                                                   {.is_unwanted = &is_unwanted});
  if (problems) return compatibility_json(*problems, is_verbose);
  if (is_verbose && problems.error().code == 42201)
    return compatibility_json({problems.error().message}, true);
  // The client has requested a version, so if the subject does not exist, the error is the error for a missing
  // version.
  if (problems.error().code == 40401 && version)
    return RegistryError{40402, fmt::format("Version {} not found.", *version)};
  return problems.error();
}

Answer check_with_version(const Request& request, const SchemaRegistry& registry,
                          const std::atomic<bool>& is_unwanted) {
  const auto version = read_version(request.path_parameters.at(1));
  if (!version) return version.error();
  return check(request, registry, *version, is_unwanted);
}

Answer check_with_all(const Request& request, const SchemaRegistry& registry,
                      const std::atomic<bool>& is_unwanted) {
  return check(request, registry, std::nullopt, is_unwanted);
}

// ---- /config, /mode, /contexts

Answer level_answer(engine::Compatibility level) {
  return member_json("compatibilityLevel", engine::compatibility_name(level));
}

Answer default_level(const Request&, const SchemaRegistry& registry) {
  return level_answer(registry.default_compatibility());
}

Answer level_of_subject(const Request& request, const SchemaRegistry& registry) {
  const std::string subject = asked_subject_of(request);
  if (subject.empty()) return level_answer(registry.default_compatibility());
  if (has_flag(request, "defaultToGlobal")) return level_answer(registry.compatibility_of(subject));
  const engine::RegistrySubject* found = registry.find_subject(subject);
  if (!found || !found->compatibility)
    return RegistryError{
        40408,
        fmt::format("Subject '{}' does not have subject-level compatibility configured", subject)};
  return level_answer(*found->compatibility);
}

Answer mode_answer(engine::RegistryMode mode) {
  return member_json("mode", engine::mode_name(mode));
}

Answer default_mode(const Request&, const SchemaRegistry& registry) {
  return mode_answer(registry.default_mode());
}

Answer mode_of_subject(const Request& request, const SchemaRegistry& registry) {
  const std::string subject = asked_subject_of(request);
  if (subject.empty()) return mode_answer(registry.default_mode());
  if (has_flag(request, "defaultToGlobal")) return mode_answer(registry.mode_of(subject));
  const engine::RegistrySubject* found = registry.find_subject(subject);
  if (!found || !found->mode)
    return RegistryError{
        40409, fmt::format("Subject '{}' does not have subject-level mode configured", subject)};
  return mode_answer(*found->mode);
}

Answer list_contexts(const Request& request, const SchemaRegistry& registry) {
  std::set<std::string> names{"."};
  for (const std::string& subject : registry.subjects(true))
    if (const std::string_view context = engine::context_of(subject); !context.empty())
      names.emplace(context.substr(1, context.size() - 2));
  std::vector<std::string> list(names.begin(), names.end());
  cut(list, read_page(request, kMaxSubjects));
  return texts_json(list);
}

// ---- Cost of the requests

enum class Cost : uint8_t {
  Small,  // answered on the loop, unless the query has ?format=
  Large,
  Check,  // the request compares schemas
};
using Ask = Answer (*)(const Request&, const SchemaRegistry&);
// A check of compatibility, which stops early if the client no longer waits for the result.
using AskLong = Answer (*)(const Request&, const SchemaRegistry&, const std::atomic<bool>&);
struct QuestionRow {
  const char* method;
  const char* path;
  Cost cost;
  std::variant<Ask, AskLong> ask;
};
constexpr QuestionRow kQuestions[] = {
    {"GET", "/schemas", Cost::Large, list_schemas},
    {"GET", "/schemas/types", Cost::Small, schema_types},
    {"GET", "/schemas/ids/{id}", Cost::Small, schema_of_id},
    {"GET", "/schemas/ids/{id}/schema", Cost::Small, text_of_id},
    {"GET", "/schemas/ids/{id}/subjects", Cost::Large, subjects_of_id},
    {"GET", "/schemas/ids/{id}/versions", Cost::Large, versions_of_id},
    {"GET", "/subjects", Cost::Large, list_subjects},
    {"POST", "/subjects/{subject}", Cost::Check, look_up},
    {"GET", "/subjects/{subject}/metadata", Cost::Large, latest_with_metadata},
    {"GET", "/subjects/{subject}/versions", Cost::Small, list_versions},
    {"GET", "/subjects/{subject}/versions/{version}", Cost::Small, one_version},
    {"GET", "/subjects/{subject}/versions/{version}/schema", Cost::Small, text_of_version},
    {"GET", "/subjects/{subject}/versions/{version}/referencedby", Cost::Large, referenced_by},
    {"POST", "/compatibility/subjects/{subject}/versions", Cost::Check, check_with_all},
    {"POST", "/compatibility/subjects/{subject}/versions/{version}", Cost::Check,
     check_with_version},
    {"GET", "/config", Cost::Small, default_level},
    {"GET", "/config/{subject}", Cost::Small, level_of_subject},
    {"GET", "/mode", Cost::Small, default_mode},
    {"GET", "/mode/{subject}", Cost::Small, mode_of_subject},
    {"GET", "/contexts", Cost::Large, list_contexts},
};

Response response_of(const QuestionRow& row, const Request& request, const SchemaRegistry& registry,
                     const std::atomic<bool>& is_unwanted) {
  const auto ask = [&]() -> Answer {
    if (const auto texts = check_texts(request); !texts) return texts.error();
    if (const Ask* quick = std::get_if<Ask>(&row.ask)) return (*quick)(request, registry);
    return std::get<AskLong>(row.ask)(request, registry, is_unwanted);
  };
  Answer answer = ask();
  return in_asked_type(
      answer ? registry_response(*std::move(answer)) : registry_error(answer.error()), request);
}

Handler handler_of(const RegistryView& view, const QuestionRow& row) {
  const Handler later = answer_while_wanted(
      [view, &row](Request asked, const Unwanted& unwanted, const ResponseDone& done) {
        const size_t bytes = held_bytes(asked);
        auto request = std::make_shared<const Request>(std::move(asked));
        const auto work = [view, &row, request, unwanted, done] {
          done(*unwanted ? Response() : response_of(row, *request, view.registry(), *unwanted));
        };
        const bool is_taken =
            row.cost == Cost::Check ? view.examine_aside(bytes, work) : view.run_aside(bytes, work);
        if (!is_taken) done(registry_is_busy());
      });
  if (row.cost != Cost::Small) return later;
  return [view, &row, later](Request request,
                             const ExchangeContext& context) -> std::unique_ptr<Exchange> {
    if (query_value(request.query, "format").value_or("") != "")
      return later(std::move(request), context);
    context.responder.answer(response_of(row, request, view.registry(), false));
    return nullptr;
  };
}

}  // namespace

Response in_asked_type(Response response, const Request& request) {
  const std::string own = response.head.content_type;
  const auto wanted = accepted_type(
      request.header("accept"), {own, kRegistryJson, "application/vnd.schemaregistry+json", kJson});
  if (wanted) response.head.content_type = *wanted;
  return response;
}

Response registry_is_busy() {
  return registry_error({error_code::kNotReady, "too many requests are queued; try again"});
}

Handler refuses_as_elsewhere(const RegistryView& view) {
  return answer_with([url = view.elsewhere](const Request& request) {
    return in_asked_type(
        registry_error({501, fmt::format("this server keeps no schemas; use the schema registry at "
                                         "{}",
                                         url)}),
        request);
  });
}

size_t held_bytes(const Request& request) {
  constexpr size_t kAbout = 64 * 1024;
  return kAbout + request.body.size();
}

void add_registry_questions(Routes& routes, const RegistryView& view) {
  for (const QuestionRow& row : kQuestions)
    routes.add(
        {.method = row.method,
         .path = row.path,
         .handler = view.elsewhere.empty() ? handler_of(view, row) : refuses_as_elsewhere(view),
         .effect = RouteEffect::Reads}
        // These routes have the effect Reads although they are POSTs: a request sends only the
        // schema that is looked up or compared.
    );
}

}  // namespace server::http
