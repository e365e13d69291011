// HoistField, ExtractField, ValueToKey, Flatten and SetSchemaMetadata of Kafka Connect: these transforms change the
// structure of keys and values (https://kafka.apache.org/documentation/#connect_transforms).
#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/transforms/transform.h"

namespace engine {

namespace {

// --- HoistField

constexpr PropertyRow kHoistOptions[] = {
    {.name = "field", .doc = "name of the only field of the new object", .is_required = true},
};

class HoistField final : public SidedTransform {
 public:
  HoistField(TransformSide side, std::string field)
      : SidedTransform(side), field_(std::move(field)) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    return std::unique_ptr<Transform>(std::make_unique<HoistField>(side, options.text("field")));
  }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    if (datum.schema)
      datum.schema = struct_like(JsonTree(), {as_field(*std::move(datum.schema), field_)});
    JsonTree object{.kind = JsonKind::Object};
    object.members.emplace_back(field_, std::move(datum.value));
    datum.value = std::move(object);
    return {};
  }

 private:
  const std::string field_;
};

// --- ExtractField

constexpr PropertyRow kExtractOptions[] = {
    {.name = "field", .doc = "field whose value becomes the key or value", .is_required = true},
    {.name = "field.syntax.version",
     .default_value = "V1",
     .doc = "V2: dots in the name lead to fields within fields, and backquotes keep dots",
     .words = "V1 V2"},
};

// Returns the names of the fields that lead to a nested field (KIP-821): "a.`b.c`" are "a" and "b.c".
Result<std::vector<std::string>> path_of(const std::string& text, bool has_dots) {
  if (!has_dots) return std::vector{text};
  std::vector<std::string> names(1);
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool at_begin = names.back().empty() && (i == 0 || text[i - 1] == '.');
    const bool at_end = i + 1 == text.size() || text[i + 1] == '.';
    if (text[i] == '`' && (is_quoted ? at_end : at_begin)) {
      is_quoted = !is_quoted;
    } else if (text[i] == '.' && !is_quoted) {
      names.emplace_back();
    } else {
      names.back() += text[i];
    }
  }
  if (is_quoted)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("field: a backquote in \"{}\" is not closed", text)};
  return names;
}

class ExtractField final : public SidedTransform {
 public:
  ExtractField(TransformSide side, std::string name, std::vector<std::string> path)
      : SidedTransform(side), name_(std::move(name)), path_(std::move(path)) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    std::string name = options.text("field");
    auto path = TRY(path_of(name, options.text("field.syntax.version") == "V2"));
    return std::unique_ptr<Transform>(
        std::make_unique<ExtractField>(side, std::move(name), std::move(path)));
  }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    if (!datum.value.is_null()) TRY(require_object(datum, "ExtractField"));
    if (datum.schema) {
      const JsonTree* schema = &*datum.schema;
      for (const std::string& name : path_)
        if (schema != nullptr) schema = find_field(*schema, name);
      if (schema == nullptr)
        return Error{ErrorCode::InvalidText, fmt::format("unknown field: {}", name_)};
      datum.schema = without_field_name(JsonTree(*schema));
    }
    JsonTree value = std::move(datum.value);
    for (const std::string& name : path_) {
      JsonTree* const member = find_member(value, name);
      JsonTree next = member == nullptr ? JsonTree() : std::move(*member);
      value = std::move(next);
    }
    datum.value = std::move(value);
    return {};
  }

 private:
  const std::string name_;
  const std::vector<std::string> path_;
};

// --- ValueToKey

constexpr PropertyRow kKeyOptions[] = {
    {.name = "fields",
     .type = PropertyType::List,
     .doc = "fields of the value that the key has",
     .is_required = true},
    {.name = "topics",
     .type = PropertyType::List,
     .doc = "topics whose records get a key; empty: all"},
};

class ValueToKey final : public Transform {
 public:
  explicit ValueToKey(const PropertyValues& options)
      : fields_(options.list("fields")), topics_(options.list("topics")) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options, TransformSide) {
    return std::unique_ptr<Transform>(std::make_unique<ValueToKey>(options));
  }
  bool uses(TransformSide) const override { return true; }

  Result<bool> apply(ConnectRecord& record) const override {
    if (!topics_.empty() && std::ranges::find(topics_, record.topic) == topics_.end()) return true;
    TRY(require_object(record.value, "ValueToKey"));
    JsonTree key{.kind = JsonKind::Object};
    std::vector<JsonTree> schemas;
    for (const std::string& name : fields_) {
      const JsonTree* member = record.value.value.find(name);
      set_member(key, name, member == nullptr ? JsonTree() : *member);
      if (!record.value.schema) continue;
      const JsonTree* field = find_field(*record.value.schema, name);
      if (field == nullptr)
        return Error{ErrorCode::InvalidText, fmt::format("field does not exist: {}", name)};
      schemas.push_back(*field);
    }
    record.key.value = std::move(key);
    record.key.schema.reset();
    if (record.value.schema) record.key.schema = struct_like(JsonTree(), std::move(schemas));
    return true;
  }

 private:
  const std::vector<std::string> fields_, topics_;
};

// --- Flatten

constexpr PropertyRow kFlattenOptions[] = {
    {.name = "delimiter", .default_value = ".", .doc = "text between the names of the levels"},
};

class Flatten final : public SidedTransform {
 public:
  Flatten(TransformSide side, std::string delimiter)
      : SidedTransform(side), delimiter_(std::move(delimiter)) {}
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    return std::unique_ptr<Transform>(std::make_unique<Flatten>(side, options.text("delimiter")));
  }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    if (datum.value.is_null()) return {};
    TRY(require_object(datum, "Flatten"));
    JsonTree flat{.kind = JsonKind::Object};
    if (!datum.schema) {
      flatten(datum.value, "", flat);
    } else {
      std::vector<JsonTree> fields;
      TRY(flatten(*datum.schema, datum.value, "", is_optional(*datum.schema), fields, flat));
      datum.schema = struct_like(*datum.schema, std::move(fields));
    }
    datum.value = std::move(flat);
    return {};
  }

 private:
  std::string path(const std::string& prefix, const std::string& name) const {
    return prefix.empty() ? name : prefix + delimiter_ + name;
  }

  void flatten(const JsonTree& object, const std::string& prefix, JsonTree& to) const {
    for (const auto& [name, value] : object.members) {
      if (value.kind == JsonKind::Object)
        flatten(value, path(prefix, name), to);
      else
        set_member(to, path(prefix, name), value);
    }
  }

  // A field of an optional struct becomes optional, because the struct may be null.
  Status flatten(const JsonTree& schema, const JsonTree& value, const std::string& prefix,
                 bool is_within_optional, std::vector<JsonTree>& fields, JsonTree& to) const {
    const JsonTree* const own = schema.find("fields");
    for (const JsonTree& field : own == nullptr ? std::vector<JsonTree>() : own->items) {
      const std::string name = field.text_of("field"), full = path(prefix, name);
      const JsonTree* found = value.find(name);
      const JsonTree member = found == nullptr ? JsonTree() : *found;
      const bool optional = is_within_optional || is_optional(field);
      const std::string_view type = type_of_schema(field);
      if (type == "map")
        return Error{ErrorCode::InvalidText,
                     fmt::format("Flatten does not take the map of field \"{}\"", full)};
      if (type == "struct") {
        TRY(flatten(field, member, full, optional, fields, to));
        continue;
      }
      JsonTree renamed = as_field(field, full);
      set_member(renamed, "optional", {.kind = JsonKind::Boolean, .boolean = optional});
      fields.push_back(std::move(renamed));
      set_member(to, full, member);
    }
    return {};
  }

  const std::string delimiter_;
};

// --- SetSchemaMetadata

constexpr PropertyRow kMetadataOptions[] = {
    {.name = "schema.name", .doc = "name of the schema"},
    {.name = "schema.version",
     .type = PropertyType::Int,
     .doc = "version of the schema",
     .least = INT32_MIN,
     .most = INT32_MAX},
};

class SetSchemaMetadata final : public SidedTransform {
 public:
  SetSchemaMetadata(TransformSide side, const PropertyValues& options)
      : SidedTransform(side), name_(options.find("schema.name")) {
    if (options.find("schema.version")) version_ = options.number("schema.version");
  }
  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    if (!options.find("schema.name") && !options.find("schema.version"))
      return Error{ErrorCode::InvalidParameter, "schema.name or schema.version must be set"};
    return std::unique_ptr<Transform>(std::make_unique<SetSchemaMetadata>(side, options));
  }
  bool needs_schema() const override { return true; }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    if (datum.is_absent()) return {};
    if (!datum.schema) return Error{ErrorCode::InvalidText, "the data has no schema"};
    if (name_) set_member(*datum.schema, "name", json_text(*name_));
    if (version_) set_member(*datum.schema, "version", json_number(*version_));
    return {};
  }

 private:
  const std::optional<std::string> name_;
  std::optional<int64_t> version_;
};

constexpr TransformClass kStructureClasses[] = {
    {"HoistField", true, kHoistOptions, HoistField::make},
    {"ExtractField", true, kExtractOptions, ExtractField::make},
    {"ValueToKey", false, kKeyOptions, ValueToKey::make},
    {"Flatten", true, kFlattenOptions, Flatten::make},
    {"SetSchemaMetadata", true, kMetadataOptions, SetSchemaMetadata::make},
};

}  // namespace

std::span<const TransformClass> structure_transforms() { return kStructureClasses; }

}  // namespace engine
