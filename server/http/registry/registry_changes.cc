// Changes of the registry: schemas are registered and deleted, levels and modes are set.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "server/http/registry/registry_handlers.h"
#include "server/http/registry/registry_json.h"
#include "server/http/registry/registry_request.h"

namespace server::http {

namespace {

using engine::RegistryChanges;
using engine::RegistryError;
using engine::RegistryResult;
using engine::SchemaRegistry;

// Registers a schema: checks it on a worker thread, and then registers it on the metadata thread.
// If the subject has changed in between, both steps are repeated.
class Registration : public std::enable_shared_from_this<Registration> {
 public:
  Registration(const RegistryView& view, Request request, Unwanted unwanted, ResponseDone done)
      : view_(view),
        request_(std::move(request)),
        subject_(plain_subject(request_.path_parameters.at(0))),
        form_(has_flag(request_, "normalize") ? engine::Form::Normal : engine::Form::AsGiven),
        unwanted_(std::move(unwanted)),
        done_(std::move(done)) {}

  void begin() {
    if (const auto texts = check_texts(request_); !texts)
      return finish(registry_error(texts.error()));
    const bool is_taken =
        view_.examine_aside(held_bytes(request_), [self = shared_from_this()] { self->examine(); });
    if (!is_taken) done_(registry_is_busy());
  }

 private:
  // After this number of tries the schema is checked on the metadata thread, where the subject
  // cannot change during the check.
  static constexpr int kMaxTries = 5;

  void examine() {
    if (*unwanted_) return finish({});
    const SchemaRegistry registry = view_.registry();
    auto schema = read_schema(request_.body, subject_, registry);
    if (!schema) return finish(registry_error(schema.error()));
    auto candidate = registry.examine(subject_, *schema, form_, {.is_unwanted = unwanted_.get()});
    if (!candidate) return finish(registry_error(candidate.error()));
    candidate_ = *std::move(candidate);
    schema_ = *std::move(schema);
    ++tries_;
    view_.change([self = shared_from_this()](const SchemaRegistry& now) { return self->put(now); },
                 [self = shared_from_this()](RegistryResult<void> done) { self->told(done); });
  }

  RegistryResult<RegistryChanges> put(const SchemaRegistry& now) {
    put_.reset();
    auto registered = now.register_examined(*candidate_);
    if (!registered && tries_ >= kMaxTries)
      registered = now.register_schema(subject_, schema_, form_,
                                       {.steps = engine::EffortLimit::kMostOnMetadata});
    if (!registered) return RegistryChanges{};
    if (!*registered) return registered->error();
    put_ = **std::move(registered);
    return std::move(put_->changes);
  }

  void told(const RegistryResult<void>& done) {
    if (!done) return finish(registry_error(done.error()));
    if (!put_) return begin();
    // The answer also contains the version if the client accepts additional members.
    finish(
        registry_response(request_.header("confluent-accept-unknown-properties") == "true"
                              ? fmt::format(R"({{"id":{},"version":{}}})", put_->id, put_->version)
                              : fmt::format(R"({{"id":{}}})", put_->id)));
  }

  void finish(Response response) { done_(in_asked_type(std::move(response), request_)); }

  const RegistryView view_;
  const Request request_;
  const std::string subject_;
  const engine::Form form_;
  const Unwanted unwanted_;
  const ResponseDone done_;
  int tries_ = 0;
  std::optional<SchemaRegistry::Candidate> candidate_;
  engine::RegisteredSchema schema_;
  std::optional<SchemaRegistry::Registered> put_;
};

// The changes that a request makes, and the answer that is sent when the changes are durable.
struct Outcome {
  RegistryChanges changes;
  std::string answer;
};
using Decide = RegistryResult<Outcome> (*)(const Request&, const SchemaRegistry&);

std::string subject_of(const Request& request) {
  return request.path_parameters.empty() ? std::string()
                                         : plain_subject(request.path_parameters[0]);
}

RegistryResult<Outcome> delete_subject(const Request& request, const SchemaRegistry& registry) {
  auto deleted = registry.delete_subject(subject_of(request), has_flag(request, "permanent"));
  if (!deleted) return deleted.error();
  return Outcome{std::move(deleted->changes), numbers_json(deleted->versions)};
}

RegistryResult<Outcome> delete_version(const Request& request, const SchemaRegistry& registry) {
  const auto version = read_version(request.path_parameters.at(1));
  if (!version) return version.error();
  auto deleted =
      registry.delete_version(subject_of(request), *version, has_flag(request, "permanent"));
  if (!deleted) return deleted.error();
  return Outcome{std::move(deleted->changes), fmt::format("{}", deleted->versions.at(0))};
}

RegistryResult<Outcome> set_level(const Request& request, const SchemaRegistry& registry) {
  const auto level = read_level(request.body);
  if (!level) return level.error();
  auto changes = registry.set_compatibility(subject_of(request), *level);
  if (!changes) return changes.error();
  return Outcome{*std::move(changes),
                 *level ? member_json("compatibility", engine::compatibility_name(**level))
                        : std::string("{}")};
}

RegistryResult<Outcome> unset_level(const Request& request, const SchemaRegistry& registry) {
  const std::string subject = subject_of(request);
  engine::Compatibility before = registry.default_compatibility();
  if (!subject.empty()) {
    const engine::RegistrySubject* found = registry.find_subject(subject);
    if (!found || !found->compatibility)
      return RegistryError{40401, fmt::format("Subject '{}' not found.", subject)};
    before = *found->compatibility;
  }
  auto changes = registry.set_compatibility(subject, std::nullopt);
  if (!changes) return changes.error();
  return Outcome{*std::move(changes),
                 member_json("compatibilityLevel", engine::compatibility_name(before))};
}

RegistryResult<Outcome> set_mode(const Request& request, const SchemaRegistry& registry) {
  const auto mode = read_mode(request.body);
  if (!mode) return mode.error();
  auto changes = registry.set_mode(subject_of(request), *mode, has_flag(request, "force"));
  if (!changes) return changes.error();
  return Outcome{*std::move(changes),
                 *mode ? member_json("mode", engine::mode_name(**mode)) : std::string("{}")};
}

RegistryResult<Outcome> unset_mode(const Request& request, const SchemaRegistry& registry) {
  const std::string subject = subject_of(request);
  engine::RegistryMode before = registry.default_mode();
  if (!subject.empty()) {
    const engine::RegistrySubject* found = registry.find_subject(subject);
    if (!found || !found->mode)
      return RegistryError{40401, fmt::format("Subject '{}' not found.", subject)};
    before = *found->mode;
  }
  auto changes = registry.set_mode(subject, std::nullopt);
  if (!changes) return changes.error();
  return Outcome{*std::move(changes), member_json("mode", engine::mode_name(before))};
}

struct ChangeRow {
  const char* method;
  const char* path;
  Decide decide;
};
constexpr ChangeRow kChanges[] = {
    {"DELETE", "/subjects/{subject}", delete_subject},
    {"DELETE", "/subjects/{subject}/versions/{version}", delete_version},
    {"PUT", "/config", set_level},
    {"PUT", "/config/{subject}", set_level},
    {"DELETE", "/config", unset_level},
    {"DELETE", "/config/{subject}", unset_level},
    {"PUT", "/mode", set_mode},
    {"PUT", "/mode/{subject}", set_mode},
    {"DELETE", "/mode", unset_mode},
    {"DELETE", "/mode/{subject}", unset_mode},
};
// Limit for the body of a request that sets a level or a mode.
constexpr size_t kMaxSmallBody = 64 * 1024;

Handler handler_of(const RegistryView& view, const ChangeRow& row) {
  return answer_later([view, &row](Request asked, ResponseDone done) {
    if (asked.body.size() > kMaxSmallBody)
      return done(registry_error({413, "the body of this request can have at most 64 KB"}));
    if (const auto texts = check_texts(asked); !texts) return done(registry_error(texts.error()));
    auto request = std::make_shared<const Request>(std::move(asked));
    auto answer = std::make_shared<std::string>();
    view.change(
        [&row, request, answer](const SchemaRegistry& now) -> RegistryResult<RegistryChanges> {
          auto outcome = row.decide(*request, now);
          if (!outcome) return outcome.error();
          *answer = std::move(outcome->answer);
          return std::move(outcome->changes);
        },
        [request, answer, done](RegistryResult<void> changed) {
          done(in_asked_type(
              changed ? registry_response(std::move(*answer)) : registry_error(changed.error()),
              *request));
        });
  });
}

}  // namespace

void add_registry_changes(Routes& routes, const RegistryView& view) {
  if (!view.elsewhere.empty()) {
    routes.add({"POST", "/subjects/{subject}/versions", refuses_as_elsewhere(view)});
    for (const ChangeRow& row : kChanges)
      routes.add({row.method, row.path, refuses_as_elsewhere(view)});
    return;
  }
  Route registration{
      "POST", "/subjects/{subject}/versions",
      answer_while_wanted([view](Request request, Unwanted unwanted, ResponseDone done) {
        std::make_shared<Registration>(view, std::move(request), std::move(unwanted),
                                       std::move(done))
            ->begin();
      })};
  registration.needs_all_rights = registration.is_for_writers_of_subject = true;
  routes.add(std::move(registration));
  for (const ChangeRow& row : kChanges) {
    Route change{row.method, row.path, handler_of(view, row)};
    change.needs_all_rights = true;
    routes.add(std::move(change));
  }
}

}  // namespace server::http
