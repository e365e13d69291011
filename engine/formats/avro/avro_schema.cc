#include "engine/formats/avro/avro_schema.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace engine {

namespace {

constexpr std::array<std::string_view, 14> kKindNames = {
    "null",   "boolean", "int",  "long",  "float", "double", "bytes",
    "string", "fixed",   "enum", "array", "map",   "record", "union"};

Error invalid_avro_schema(std::string message) {
  return Error{ErrorCode::InvalidText, "Invalid Avro schema: " + std::move(message)};
}

std::optional<AvroKind> primitive_kind(std::string_view name) {
  for (size_t i = 0; i <= static_cast<size_t>(AvroKind::String); ++i)
    if (kKindNames[i] == name) return static_cast<AvroKind>(i);
  return std::nullopt;
}

struct LogicalRow {
  std::string_view name;
  AvroKind kind;
  AvroLogical logical;
};
constexpr LogicalRow kLogicals[] = {
    {"decimal", AvroKind::Bytes, AvroLogical::Decimal},
    {"decimal", AvroKind::Fixed, AvroLogical::Decimal},
    {"date", AvroKind::Int, AvroLogical::Date},
    {"time-millis", AvroKind::Int, AvroLogical::TimeMillis},
    {"time-micros", AvroKind::Long, AvroLogical::TimeMicros},
    {"timestamp-millis", AvroKind::Long, AvroLogical::TimestampMillis},
    {"timestamp-micros", AvroKind::Long, AvroLogical::TimestampMicros},
};

int small_number(const JsonTree& node, std::string_view name, int otherwise) {
  const JsonTree* member = node.find(name);
  int number = 0;
  if (member == nullptr || member->kind != JsonKind::Number ||
      !absl::SimpleAtoi(member->text, &number))
    return otherwise;
  return number;
}

bool is_full_name(std::string_view name) {
  for (;;) {
    const size_t dot = name.find('.');
    if (!is_avro_name(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string_view avro_kind_name(AvroKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

bool is_avro_name(std::string_view name) {
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name.front()))) return false;
  return std::ranges::all_of(
      name, [](char c) { return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c)); });
}

const AvroField* AvroType::find_field(std::string_view field) const {
  const auto found = std::ranges::find(fields, field, &AvroField::name);
  return found == fields.end() ? nullptr : &*found;
}

int AvroType::null_branch() const {
  for (size_t i = 0; i < branches.size(); ++i)
    if (branches[i]->kind == AvroKind::Null) return static_cast<int>(i);
  return -1;
}

const AvroType& AvroType::without_null() const {
  if (kind != AvroKind::Union || branches.size() != 2 || null_branch() < 0) return *this;
  return *branches[null_branch() == 0 ? 1 : 0];
}

class AvroSchemaParser {
 public:
  Result<AvroSchemaPtr> parse(const SchemaText& text) {
    auto schema = std::make_shared<AvroSchema>();
    schema_ = schema.get();
    for (const SchemaText::Reference& reference : text.references)
      TRY(parse_document(reference.text));
    schema_->root_ = TRY(parse_document(text.text));
    return AvroSchemaPtr(std::move(schema));
  }

 private:
  Result<const AvroType*> parse_document(const std::string& text) {
    if (text.size() > kMaxSchemaSize)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("the schema has {} bytes, at most {} are possible", text.size(),
                               kMaxSchemaSize)};
    // "int" is usually written in quotes, but some programs write the bare word.
    std::string bare = text;
    absl::StripAsciiWhitespace(&bare);
    if (const auto kind = primitive_kind(bare)) return add(*kind);
    const JsonTree tree = TRY(parse_json_tree(text));
    return parse_type(tree, "", 0);
  }

  AvroType* add(AvroKind kind) {
    schema_->types_.push_back(std::make_unique<AvroType>());
    schema_->types_.back()->kind = kind;
    return schema_->types_.back().get();
  }

  Result<const AvroType*> parse_type(const JsonTree& node, const std::string& space, int depth) {
    if (depth > kMaxSchemaDepth) return invalid_avro_schema("types are nested too deep");
    switch (node.kind) {
      case JsonKind::String:
        return parse_name(node.text, space);
      case JsonKind::Array:
        return parse_union(node, space, depth);
      case JsonKind::Object:
        return parse_object(node, space, depth);
      default:
        return invalid_avro_schema("No type: " + json_tree_text(node));
    }
  }

  Result<const AvroType*> parse_name(const std::string& name, const std::string& space) {
    if (const auto kind = primitive_kind(name)) return add(*kind);
    const bool is_full = name.find('.') != name.npos;
    auto known = named_.find(is_full || space.empty() ? name : space + "." + name);
    if (known == named_.end()) known = named_.find(name);
    if (known == named_.end())
      return invalid_avro_schema(fmt::format("Undefined name: \"{}\"", name));
    return known->second;
  }

  Result<const AvroType*> parse_union(const JsonTree& node, const std::string& space, int depth) {
    AvroType* type = add(AvroKind::Union);
    absl::flat_hash_set<std::string> seen;
    for (const JsonTree& item : node.items) {
      const AvroType* branch = TRY(parse_type(item, space, depth + 1));
      if (branch->kind == AvroKind::Union)
        return invalid_avro_schema("Nested union: " + json_tree_text(node));
      const std::string name =
          branch->name.empty() ? std::string(avro_kind_name(branch->kind)) : branch->name;
      if (!seen.insert(name).second) return invalid_avro_schema("Duplicate in union:" + name);
      type->branches.push_back(branch);
    }
    return type;
  }

  Result<const AvroType*> parse_object(const JsonTree& node, const std::string& space, int depth) {
    const JsonTree* said = node.find("type");
    if (said == nullptr) return invalid_avro_schema("No type: " + json_tree_text(node));
    if (said->kind != JsonKind::String) return parse_type(*said, space, depth + 1);
    const std::string& name = said->text;
    if (const auto kind = primitive_kind(name)) {
      AvroType* type = add(*kind);
      read_logical(node, *type);
      return type;
    }
    if (name == "array" || name == "map") {
      AvroType* type = add(name == "array" ? AvroKind::Array : AvroKind::Map);
      const char* member = name == "array" ? "items" : "values";
      const JsonTree* element = node.find(member);
      if (element == nullptr)
        return invalid_avro_schema(fmt::format("{} has no {} type", name, member));
      type->element = TRY(parse_type(*element, space, depth + 1));
      return type;
    }
    if (name == "record" || name == "error") return parse_record(node, space, depth);
    if (name == "enum") return parse_enum(node, space);
    if (name == "fixed") return parse_fixed(node, space);
    return parse_name(name, space);
  }

  Status name_type(const JsonTree& node, const std::string& space, AvroType& type) {
    const std::string name = node.text_of("name");
    if (name.empty()) return invalid_avro_schema("No name in schema: " + json_tree_text(node));
    const JsonTree* own_space = node.find("namespace");
    const std::string in =
        own_space != nullptr && own_space->kind == JsonKind::String ? own_space->text : space;
    type.name = full_name(name, in);
    if (!is_full_name(type.name)) return invalid_avro_schema("Illegal name: " + type.name);
    if (primitive_kind(type.name)) return invalid_avro_schema("Illegal name: " + type.name);
    if (const JsonTree* aliases = node.find("aliases"))
      for (const JsonTree& alias : aliases->items)
        type.aliases.push_back(full_name(alias.text, space_of(type.name)));
    if (!named_.emplace(type.name, &type).second)
      return invalid_avro_schema("Can't redefine: " + type.name);
    return {};
  }

  static std::string full_name(const std::string& name, const std::string& space) {
    return space.empty() || name.find('.') != name.npos ? name : space + "." + name;
  }
  static std::string space_of(const std::string& name) {
    const size_t dot = name.rfind('.');
    return dot == name.npos ? "" : name.substr(0, dot);
  }

  Result<const AvroType*> parse_record(const JsonTree& node, const std::string& space, int depth) {
    AvroType* type = add(AvroKind::Record);
    TRY(name_type(node, space, *type));
    const JsonTree* fields = node.find("fields");
    if (fields == nullptr || fields->kind != JsonKind::Array)
      return invalid_avro_schema(fmt::format("record {} has no fields", type->name));
    absl::flat_hash_set<std::string> seen;
    for (const JsonTree& item : fields->items) {
      AvroField field;
      field.name = item.text_of("name");
      if (!is_avro_name(field.name))
        return invalid_avro_schema(
            fmt::format("Illegal name of a field of {}: \"{}\"", type->name, field.name));
      if (!seen.insert(field.name).second)
        return invalid_avro_schema(
            fmt::format("Duplicate field {} in record {}", field.name, type->name));
      const JsonTree* of = item.find("type");
      if (of == nullptr)
        return invalid_avro_schema(
            fmt::format("field {} of {} has no type", field.name, type->name));
      // A field may have the logical type next to its "type", as type objects do.
      const bool is_bare = of->kind == JsonKind::String && primitive_kind(of->text) &&
                           item.find("logicalType") != nullptr;
      field.type = TRY(is_bare ? parse_object(item, space_of(type->name), depth + 1)
                               : parse_type(*of, space_of(type->name), depth + 1));
      if (const JsonTree* otherwise = item.find("default")) field.otherwise = *otherwise;
      if (const JsonTree* aliases = item.find("aliases"))
        for (const JsonTree& alias : aliases->items) field.aliases.push_back(alias.text);
      type->fields.push_back(std::move(field));
    }
    const std::string_view name = type->name;
    type->is_map_entry =
        type->fields.size() == 2 && type->fields[0].name == "key" &&
        type->fields[1].name == "value" &&
        (node.text_of("connect.internal.type") == "MapEntry" || name.ends_with(".MapEntry"));
    return type;
  }

  Result<const AvroType*> parse_enum(const JsonTree& node, const std::string& space) {
    AvroType* type = add(AvroKind::Enum);
    TRY(name_type(node, space, *type));
    const JsonTree* symbols = node.find("symbols");
    if (symbols == nullptr || symbols->kind != JsonKind::Array)
      return invalid_avro_schema(fmt::format("enum {} has no symbols", type->name));
    absl::flat_hash_set<std::string> seen;
    for (const JsonTree& item : symbols->items) {
      if (!is_avro_name(item.text)) return invalid_avro_schema("Illegal name: " + item.text);
      if (!seen.insert(item.text).second)
        return invalid_avro_schema("Duplicate enum symbol: " + item.text);
      type->symbols.push_back(item.text);
    }
    if (const JsonTree* otherwise = node.find("default")) {
      if (!seen.contains(otherwise->text))
        return invalid_avro_schema(
            fmt::format("the default of enum {} is none of its symbols", type->name));
      type->default_symbol = otherwise->text;
    }
    return type;
  }

  Result<const AvroType*> parse_fixed(const JsonTree& node, const std::string& space) {
    AvroType* type = add(AvroKind::Fixed);
    TRY(name_type(node, space, *type));
    const int size = small_number(node, "size", -1);
    if (size < 0) return invalid_avro_schema(fmt::format("fixed {} has no size", type->name));
    type->size = static_cast<size_t>(size);
    read_logical(node, *type);
    return type;
  }

  // Reads the logical type. A logical type that does not fit its type is ignored, as the
  // specification requires.
  static void read_logical(const JsonTree& node, AvroType& type) {
    const std::string name = node.text_of("logicalType");
    for (const LogicalRow& row : kLogicals)
      if (row.name == name && row.kind == type.kind) type.logical = row.logical;
    if (type.logical != AvroLogical::Decimal) return;
    type.precision = small_number(node, "precision", 0);
    type.scale = small_number(node, "scale", 0);
    if (type.precision < 0 || type.scale < 0 || (type.precision > 0 && type.scale > type.precision))
      type.logical = AvroLogical::None;
  }

  AvroSchema* schema_ = nullptr;
  absl::flat_hash_map<std::string, const AvroType*> named_;
};

Result<AvroSchemaPtr> AvroSchema::parse(const SchemaText& text) {
  return AvroSchemaParser().parse(text);
}

}  // namespace engine
