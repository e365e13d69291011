#include "engine/formats/avro/avro_canonical.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <string_view>

namespace engine {

namespace {

constexpr std::string_view kPrimitives[] = {"null",  "boolean", "int",   "long",
                                            "float", "double",  "bytes", "string"};
using Words = std::initializer_list<std::string_view>;

bool contains(Words words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

JsonTree text_node(std::string text) { return {.kind = JsonKind::String, .text = std::move(text)}; }

class Printer {
 public:
  JsonTree type(const JsonTree& schema, const std::string& space) {
    if (schema.kind == JsonKind::String) return text_node(reference(schema.text, space));
    if (schema.kind == JsonKind::Array) {
      JsonTree made{.kind = JsonKind::Array};
      for (const JsonTree& branch : schema.items) made.items.push_back(type(branch, space));
      return made;
    }
    const JsonTree* kind = schema.find("type");
    if (!kind) return schema;
    if (kind->kind != JsonKind::String) return type(*kind, space);
    if (kind->text == "record" || kind->text == "error") return record(schema, space);
    if (kind->text == "enum" || kind->text == "fixed") return named(schema, space);
    JsonTree made = begin(kind->text);
    if (const JsonTree* items = schema.find("items"); items && kind->text == "array")
      made.members.emplace_back("items", type(*items, space));
    if (const JsonTree* values = schema.find("values"); values && kind->text == "map")
      made.members.emplace_back("values", type(*values, space));
    const bool is_container = made.members.size() > 1;
    add_others(made, schema, is_container ? Words{"type", "items", "values"} : Words{"type"});
    // A type without other members is written as its bare name.
    return made.members.size() == 1 ? text_node(reference(kind->text, space)) : made;
  }

 private:
  static JsonTree begin(const std::string& kind) {
    JsonTree made{.kind = JsonKind::Object};
    made.members.emplace_back("type", text_node(kind));
    return made;
  }
  static void add(JsonTree& to, const JsonTree& from, std::string_view name) {
    if (const JsonTree* member = from.find(name); member && !member->is_null())
      to.members.emplace_back(name, *member);
  }
  static void add_others(JsonTree& to, const JsonTree& from, Words but) {
    for (const auto& [name, member] : from.members)
      if (!contains(but, name)) to.members.emplace_back(name, member);
  }

  // Returns a reference to a named type: the short name if its namespace is the enclosing one.
  std::string reference(const std::string& name, const std::string& space) const {
    if (std::ranges::find(kPrimitives, name) != std::end(kPrimitives)) return name;
    const size_t dot = name.rfind('.');
    if (dot == name.npos) return name;
    return name.substr(0, dot) == space ? name.substr(dot + 1) : name;
  }

  // Writes the name, and its namespace unless it is the enclosing one. Returns the namespace.
  static std::string add_name(JsonTree& to, const JsonTree& from, const std::string& space) {
    const std::string name = from.text_of("name");
    std::string own = space;
    const size_t dot = name.rfind('.');
    if (dot != name.npos)
      own = name.substr(0, dot);
    else if (const JsonTree* given = from.find("namespace"))
      own = given->text;
    to.members.emplace_back("name", text_node(dot == name.npos ? name : name.substr(dot + 1)));
    if (own != space) to.members.emplace_back("namespace", text_node(own));
    return own;
  }

  JsonTree record(const JsonTree& schema, const std::string& space) {
    JsonTree made = begin(schema.text_of("type"));
    const std::string own = add_name(made, schema, space);
    add(made, schema, "doc");
    JsonTree fields{.kind = JsonKind::Array};
    if (const JsonTree* given = schema.find("fields"))
      for (const JsonTree& each : given->items) fields.items.push_back(field(each, own));
    made.members.emplace_back("fields", std::move(fields));
    add_others(made, schema, {"type", "name", "namespace", "doc", "fields", "aliases"});
    add(made, schema, "aliases");
    return made;
  }

  JsonTree field(const JsonTree& schema, const std::string& space) {
    JsonTree made{.kind = JsonKind::Object};
    add(made, schema, "name");
    if (const JsonTree* given = schema.find("type"))
      made.members.emplace_back("type", type(*given, space));
    add(made, schema, "doc");
    if (const JsonTree* otherwise = schema.find("default"))
      made.members.emplace_back("default", *otherwise);
    if (schema.text_of("order") != "ascending") add(made, schema, "order");
    add(made, schema, "aliases");
    add_others(made, schema, {"name", "type", "doc", "default", "order", "aliases"});
    return made;
  }

  static JsonTree named(const JsonTree& schema, const std::string& space) {
    const std::string kind = schema.text_of("type");
    JsonTree made = begin(kind);
    add_name(made, schema, space);
    add(made, schema, "doc");
    if (kind == "enum") {
      add(made, schema, "symbols");
      add(made, schema, "default");
      add_others(made, schema,
                 {"type", "name", "namespace", "doc", "symbols", "default", "aliases"});
    } else {
      add(made, schema, "size");
      add_others(made, schema, {"type", "name", "namespace", "doc", "size", "aliases"});
    }
    add(made, schema, "aliases");
    return made;
  }
};

}  // namespace

std::string avro_canonical_text(const JsonTree& schema) {
  return json_tree_text(Printer().type(schema, ""));
}

}  // namespace engine
