#include "server/registry/registry_replies.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/json/json_writer.h"

namespace server {

namespace {

using engine::JsonKind;
using engine::JsonTree;

constexpr size_t kMaxReplyReferences = 200;

Error strange(std::string_view what) {
  return Error{ErrorCode::NetworkFailure,
               fmt::format("the answer of the schema registry is not valid: {}", what)};
}

Result<int32_t> number_in_reply(const JsonTree& tree, std::string_view name) {
  const JsonTree* node = tree.find(name);
  if (!node || node->is_null()) return 0;
  int32_t number = 0;
  if (node->kind != JsonKind::Number || !absl::SimpleAtoi(node->text, &number) || number < 0)
    return strange(fmt::format("\"{}\" is not a number", name));
  return number;
}

}  // namespace

Result<engine::SchemaVersion> read_registered(const JsonTree& tree) {
  const JsonTree* text = tree.find("schema");
  if (!text || text->kind != JsonKind::String) return strange("the answer has no \"schema\"");
  if (text->text.size() > engine::kMaxSchemaSize)
    return strange(fmt::format("the schema has {} bytes, but the limit is {}", text->text.size(),
                               engine::kMaxSchemaSize));
  auto schema = std::make_shared<engine::RegisteredSchema>();
  schema->text = text->text;
  if (const JsonTree* type = tree.find("schemaType"); type && !type->is_null()) {
    const auto kind = engine::find_schema_kind(type->text);
    if (!kind) return strange(fmt::format("a schema of the type \"{}\"", type->text.substr(0, 40)));
    schema->kind = *kind;
  }
  if (const JsonTree* references = tree.find("references")) {
    if (references->items.size() > kMaxReplyReferences) return strange("too many references");
    for (const JsonTree& each : references->items) {
      engine::SchemaReference reference{each.text_of("name"), each.text_of("subject"),
                                        TRY(number_in_reply(each, "version"))};
      if (reference.name.empty() || reference.subject.empty() || reference.version == 0)
        return strange("a reference without a name, a subject or a version");
      schema->references.push_back(std::move(reference));
    }
  }
  schema->id = TRY(number_in_reply(tree, "id"));
  const int32_t id = schema->id;
  return engine::SchemaVersion{tree.text_of("subject"), TRY(number_in_reply(tree, "version")), id,
                               std::move(schema)};
}

Result<int32_t> read_registered_id(const JsonTree& tree) {
  const int32_t id = TRY(number_in_reply(tree, "id"));
  if (id == 0) return strange("the answer has no \"id\"");
  return id;
}

Result<std::vector<std::pair<std::string, int32_t>>> read_uses(const JsonTree& tree) {
  if (tree.kind != JsonKind::Array) return strange("the answer is not a list");
  std::vector<std::pair<std::string, int32_t>> uses;
  for (const JsonTree& each : tree.items)
    uses.emplace_back(each.text_of("subject"), TRY(number_in_reply(each, "version")));
  return uses;
}

Result<engine::SchemaRegistry> read_versions(const JsonTree& tree) {
  if (tree.kind != JsonKind::Array) return strange("the answer is not a list");
  engine::SchemaRegistry registry;
  std::map<std::string, engine::RegistrySubject> subjects;
  for (const JsonTree& each : tree.items) {
    const engine::SchemaVersion version = TRY(read_registered(each));
    if (version.subject.empty() || version.version == 0 || version.id == 0)
      return strange("a schema without a subject, a version or an id");
    subjects[version.subject].versions.push_back({version.version, version.id});
    registry.apply(engine::PutSchema{*version.schema});
  }
  for (auto& [name, subject] : subjects) {
    std::ranges::sort(subject.versions, {}, &engine::SubjectVersion::version);
    const auto twice = std::ranges::unique(subject.versions, {}, &engine::SubjectVersion::version);
    subject.versions.erase(twice.begin(), twice.end());
    subject.last_version = subject.versions.back().version;
    registry.apply(engine::PutSubject{name, std::move(subject)});
  }
  return registry;
}

std::string registration_json(const engine::RegisteredSchema& schema) {
  engine::JsonWriter json;
  json.begin_object();
  json.member("schemaType", engine::schema_kind_name(schema.kind));
  json.member("schema", schema.text);
  json.end_object();
  return json.take();
}

}  // namespace server
