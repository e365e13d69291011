#include "engine/formats/schema/schema_bundle.h"

#include "engine/formats/json/json_tree.h"

namespace engine {

namespace {

// The begin of a bundle, with which no schema of any kind begins. It is followed by [text, name,
// text, name, text, ...].
constexpr std::string_view kPrefix = "with references: ";

JsonTree json_text(const std::string& text) {
  JsonTree node;
  node.kind = JsonKind::String;
  node.text = text;
  return node;
}

}  // namespace

std::string bundle_schema(const SchemaText& schema) {
  if (schema.references.empty()) return schema.text;
  JsonTree list;
  list.kind = JsonKind::Array;
  list.items.push_back(json_text(schema.text));
  for (const SchemaText::Reference& reference : schema.references) {
    list.items.push_back(json_text(reference.name));
    list.items.push_back(json_text(reference.text));
  }
  return std::string(kPrefix) + json_tree_text(list);
}

Result<SchemaText> unbundle_schema(SchemaKind kind, std::string_view bundle) {
  if (!bundle.starts_with(kPrefix)) return SchemaText{kind, std::string(bundle)};
  const JsonTree list = TRY(parse_json_tree(bundle.substr(kPrefix.size())));
  if (list.kind != JsonKind::Array || list.items.size() % 2 != 1)
    return Error{ErrorCode::DataCorrupted, "the schema of a format is damaged"};
  SchemaText schema{kind, list.items.front().text};
  for (size_t i = 1; i < list.items.size(); i += 2)
    schema.references.push_back({list.items[i].text, list.items[i + 1].text});
  return schema;
}

}  // namespace engine
