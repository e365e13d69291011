#include "server/http/proxy/record_schemas.h"

#include <fmt/format.h>

#include <utility>

#include "engine/types/text_number.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

// Steps for checking one value against a JSON Schema: some milliseconds on the loop.
constexpr uint64_t kMaxRecordCheckSteps = 50'000;

Error wrong(std::string message) { return {ErrorCode::InvalidParameter, std::move(message)}; }

// Returns the member, unless it is missing or null.
const JsonTree* member_of(const JsonTree& node, std::string_view name) {
  const JsonTree* member = node.find(name);
  return member && !member->is_null() ? member : nullptr;
}

Result<int32_t> number_of(const JsonTree& member, std::string_view name) {
  const auto number = engine::parse_integer(member.text);
  if (member.kind == JsonKind::Number && number) return *number;
  return wrong(fmt::format("{} must be a number", name));
}

}  // namespace

void register_under(const std::string& subject, const engine::RegisteredSchema& schema,
                    const RegistryView& registry, Loop& loop,
                    std::function<void(engine::RegistryResult<int32_t>)> done) {
  auto id = std::make_shared<int32_t>(0);
  registry.change(
      [subject, schema,
       id](const engine::SchemaRegistry& now) -> engine::RegistryResult<engine::RegistryChanges> {
        auto registered = now.register_schema(subject, schema, engine::Form::AsGiven,
                                              {.steps = engine::EffortLimit::kMostOnMetadata});
        if (!registered) return registered.error();
        *id = registered->id;
        return std::move(registered->changes);
      },
      [id, &loop, done = std::move(done)](const engine::RegistryResult<void>& changed) {
        loop.post([id, changed, done] {
          if (changed) return done(*id);
          done(changed.error());
        });
      });
}

RecordSchemas::RecordSchemas(const ProxyView& view, const ExchangeContext& context,
                             std::string topic)
    : view_(view), context_(context), topic_(std::move(topic)) {}

Result<RecordSchemas::Found> RecordSchemas::find(Embedded format, engine::Side side,
                                                 const JsonTree& node) {
  if (const JsonTree* id = member_of(node, "schema_id"))
    return of_id(format, TRY(number_of(*id, "schema_id")));
  if (const JsonTree* strategy = member_of(node, "subject_name_strategy");
      strategy && strategy->text != "TOPIC_NAME")
    return wrong(
        fmt::format("subject_name_strategy {} is not supported; name the subject with "
                    "\"subject\"",
                    strategy->text));
  const JsonTree* given = member_of(node, "subject");
  const std::string subject = given ? given->text : engine::subject_of(topic_, side);
  if (const JsonTree* version = member_of(node, "schema_version")) {
    const auto found =
        view_.registry.registry().version(subject, TRY(number_of(*version, "schema_version")));
    if (!found) return wrong(found.error().message);
    return of_id(format, found->id);
  }
  const JsonTree* text = member_of(node, "schema");
  if (!text) return Found{};
  if (text->kind != JsonKind::String) return wrong("schema must be the text of the schema");
  return of_text(format, subject, text->text, side == engine::Side::Key ? key_text_ : value_text_);
}

Result<RecordSchemas::Found> RecordSchemas::of_id(Embedded format, int32_t id) const {
  const auto text = view_.registry.registry().find_schema(id);
  if (!text || text->kind != schema_kind_of(format))
    return wrong(fmt::format("schema {} of this type does not exist", id));
  return Found{.schema = TRY(written_schema(id, *text, kMaxRecordCheckSteps))};
}

Result<RecordSchemas::Found> RecordSchemas::of_text(Embedded format, const std::string& subject,
                                                    const std::string& text,
                                                    std::shared_ptr<RegisteredText>& last) {
  const engine::SchemaKind kind = schema_kind_of(format);
  const bool is_last = last && last->subject == subject && last->text == text && last->kind == kind;
  if (!is_last) {
    last = std::make_shared<RegisteredText>(RegisteredText{subject, text, kind});
    register_text(last);
  }
  if (!last->id) return Found{.is_pending = true};
  return of_id(format, TRY(*last->id));
}

void RecordSchemas::register_text(const std::shared_ptr<RegisteredText>& text) {
  register_under(
      text->subject, {.kind = text->kind, .text = text->text}, view_.registry, context_.loop,
      [waiting = std::weak_ptr(text),
       &responder = context_.responder](const engine::RegistryResult<int32_t>& id) {
        const auto registered = waiting.lock();
        if (!registered) return;  // the request has ended
        registered->id = id ? Result<int32_t>(*id) : Result<int32_t>(wrong(id.error().message));
        responder.wake();
      });
}

}  // namespace server::http
