#include "server/http/registry/registry_request.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/json/json_tree.h"
#include "engine/types/text_bytes.h"
#include "server/http/body_fields.h"
#include "server/http/registry/data_contract.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;
using engine::RegistryError;
using engine::RegistryResult;

constexpr size_t kMaxReferences = 200;

// The members of Confluent's requests, including members that are not supported here.
constexpr std::string_view kSchemaNames[] = {
    "schema", "schemaType", "references",      "metadata",           "ruleSet",
    "id",     "version",    "schemaTagsToAdd", "schemaTagsToRemove", "propagateSchemaTags"};
constexpr std::string_view kReferenceNames[] = {"name", "subject", "version"};
constexpr std::string_view kLevelNames[] = {
    "compatibility",  "compatibilityLevel", "compatibilityPolicy", "compatibilityGroup",
    "alias",          "normalize",          "validateFields",      "validateRules",
    "validateNames",  "defaultMetadata",    "overrideMetadata",    "defaultRuleSet",
    "overrideRuleSet"};
constexpr std::string_view kModeNames[] = {"mode"};

RegistryResult<void> check_names(const JsonTree& object, std::span<const std::string_view> names) {
  std::string unknown = unrecognized_field(object, names, UnknownFields::IgnoredIfOther);
  if (!unknown.empty()) return RegistryError{422, std::move(unknown)};
  return {};
}

RegistryResult<JsonTree> read_object(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == body.npos)
    return RegistryError{422, "the request has no body"};
  auto tree = engine::parse_json_tree(body);
  if (!tree) return RegistryError{400, "the body of the request is " + tree.error().message};
  if (tree->kind != JsonKind::Object)
    return RegistryError{400, "the body of the request is not a JSON object"};
  return *std::move(tree);
}

// Returns whether the member has content: it is neither null nor empty.
bool is_said(const JsonTree* node) {
  return node && !node->is_null() && !(node->kind == JsonKind::Object && node->members.empty()) &&
         !(node->kind == JsonKind::Array && node->items.empty());
}

RegistryResult<int32_t> read_number(const JsonTree& from, std::string_view name,
                                    int32_t otherwise) {
  const JsonTree* node = from.find(name);
  if (!node || node->is_null()) return otherwise;
  int32_t number = 0;
  if ((node->kind != JsonKind::Number && node->kind != JsonKind::String) ||
      !absl::SimpleAtoi(node->text, &number))
    return RegistryError{400, fmt::format("{} is not a number", name)};
  return number;
}

RegistryResult<engine::SchemaReference> read_reference(const JsonTree& node,
                                                       std::string_view context,
                                                       const engine::SchemaRegistry& registry) {
  if (const auto known = check_names(node, kReferenceNames); !known) return known.error();
  engine::SchemaReference reference{node.text_of("name"), plain_subject(node.text_of("subject"))};
  if (reference.name.empty() || reference.subject.empty())
    return RegistryError{42201, "Invalid schema: a reference has a name, a subject and a version"};
  if (!reference.subject.starts_with(":.")) reference.subject.insert(0, context);
  const auto version = read_number(node, "version", engine::SchemaRegistry::kLatest);
  if (!version) return version.error();
  reference.version = *version;
  if (reference.version == engine::SchemaRegistry::kLatest)
    if (const auto latest = registry.latest(reference.subject)) reference.version = latest->version;
  return reference;
}

}  // namespace

std::string plain_subject(std::string_view subject) {
  if (subject.starts_with(":.:")) subject.remove_prefix(3);
  return std::string(subject);
}

RegistryResult<void> check_texts(const Request& request) {
  for (const std::string& part : request.path_parameters)
    if (!engine::is_utf8(part)) {
      const bool is_id = request.path.starts_with("/schemas/");
      return RegistryError{is_id ? 40403 : 42208, "a name in the path is not valid UTF-8"};
    }
  const auto query = percent_decoded(request.query);
  if (!query || !engine::is_utf8(*query))
    return RegistryError{400, "the query string is not valid UTF-8"};
  return {};
}

RegistryResult<int32_t> read_version(std::string_view text) {
  const std::string word = absl::AsciiStrToLower({text.data(), text.size()});
  if (word == "latest" || word == "-1") return engine::SchemaRegistry::kLatest;
  int32_t version = 0;
  if (absl::SimpleAtoi(word, &version) && version > 0) return version;
  return RegistryError{42202, fmt::format("The specified version '{}' is not a valid version id. "
                                          "Allowed values are between [1, 2^31-1] and the string "
                                          "\"latest\"",
                                          text)};
}

bool has_flag(const Request& request, std::string_view name) {
  const auto value = query_value(request.query, name);
  return value && absl::AsciiStrToLower(*value) == "true";
}

Page read_page(const Request& request, size_t most) {
  const auto number = [&](std::string_view name) {
    int64_t value = -1;
    const auto text = query_value(request.query, name);
    return text && absl::SimpleAtoi(*text, &value) ? value : -1;
  };
  const int64_t offset = number("offset"), limit = number("limit");
  return {offset > 0 ? static_cast<size_t>(offset) : 0,
          limit > 0 ? std::min(static_cast<size_t>(limit), most) : most};
}

RegistryResult<engine::RegisteredSchema> read_schema(std::string_view body,
                                                     std::string_view subject,
                                                     const engine::SchemaRegistry& registry) {
  const auto tree = read_object(body);
  if (!tree) return tree.error();
  if (const auto known = check_names(*tree, kSchemaNames); !known) return known.error();
  engine::RegisteredSchema schema;
  if (const JsonTree* type = tree->find("schemaType"); type && !type->is_null()) {
    const auto kind = engine::find_schema_kind(type->text);
    if (!kind) return RegistryError{42201, "Invalid schema type " + type->text};
    schema.kind = *kind;
  }
  auto metadata = read_metadata(tree->find("metadata"));
  if (!metadata) return metadata.error();
  auto rule_set = read_rule_set(tree->find("ruleSet"));
  if (!rule_set) return rule_set.error();
  schema.metadata = *std::move(metadata);
  schema.rule_set = *std::move(rule_set);
  schema.text = tree->text_of("schema");
  // A request with metadata or rules may omit the text of the schema. The text of the newest
  // version is then used.
  if (schema.text.empty() && schema.metadata.empty() && schema.rule_set.empty()) {
    const JsonTree* text = tree->find("schema");
    if (text && text->kind == JsonKind::String) return RegistryError{42201, "Empty schema"};
    if (text && (text->kind == JsonKind::Object || text->kind == JsonKind::Array))
      return RegistryError{42201,
                           "schema is a JSON object or array, and not a string: send its text with "
                           "quotes escaped, {\"schema\": "
                           "\"{\\\"type\\\": ...}\"}; jq makes this body of a file: jq '{schema: "
                           "tojson}' order.avsc"};
    return RegistryError{42201,
                         "Empty schema: the body of the request has no string named schema; send "
                         "{\"schema\": \"...\"} with the text of the schema as a JSON string"};
  }
  for (const char* name : {"schemaTagsToAdd", "schemaTagsToRemove"})
    if (is_said(tree->find(name)))
      return RegistryError{42205, fmt::format("{} of schemas is not supported yet", name)};
  if (const JsonTree* references = tree->find("references")) {
    if (references->items.size() > kMaxReferences)
      return RegistryError{42201, fmt::format("Invalid schema: it has {} references, at most {} "
                                              "are possible",
                                              references->items.size(), kMaxReferences)};
    for (const JsonTree& node : references->items) {
      auto reference = read_reference(node, engine::context_of(subject), registry);
      if (!reference) return reference.error();
      schema.references.push_back(*std::move(reference));
    }
  }
  const auto id = read_number(*tree, "id", -1);
  if (!id) return id.error();
  schema.id = std::max(*id, 0);
  return schema;
}

RegistryResult<std::optional<engine::Compatibility>> read_level(std::string_view body) {
  const auto tree = read_object(body);
  if (!tree) return tree.error();
  if (const auto known = check_names(*tree, kLevelNames); !known) return known.error();
  for (const auto& [name, member] : tree->members) {
    const bool is_false = member.kind == JsonKind::Boolean && !member.boolean;
    if (name == "compatibility" || name == "compatibilityLevel") continue;
    if (is_said(&member) && !is_false)
      return RegistryError{42205, fmt::format("{} is not supported yet: only the compatibility "
                                              "level can be set",
                                              name)};
  }
  const JsonTree* level = tree->find("compatibility");
  if (!level) level = tree->find("compatibilityLevel");
  if (!level || level->is_null()) return std::optional<engine::Compatibility>();
  const auto found = engine::find_compatibility(absl::AsciiStrToUpper(level->text));
  if (!found)
    return RegistryError{42203,
                         "Invalid compatibility level. Valid values are none, backward, forward, "
                         "full, backward_transitive, forward_transitive, and full_transitive"};
  return found;
}

RegistryResult<std::optional<engine::RegistryMode>> read_mode(std::string_view body) {
  const auto tree = read_object(body);
  if (!tree) return tree.error();
  if (const auto known = check_names(*tree, kModeNames); !known) return known.error();
  const JsonTree* mode = tree->find("mode");
  if (!mode || mode->is_null()) return std::optional<engine::RegistryMode>();
  const auto found = engine::find_mode(absl::AsciiStrToUpper(mode->text));
  if (!found)
    return RegistryError{42204, "Invalid mode. Valid values are READWRITE, READONLY, and IMPORT."};
  return found;
}

}  // namespace server::http
