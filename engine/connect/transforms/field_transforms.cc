// InsertField, ReplaceField and MaskField of Kafka Connect: these transforms add, remove, rename and hide single fields
// (https://kafka.apache.org/documentation/#connect_transforms).
#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/transforms/transform.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// --- InsertField

constexpr PropertyRow kInsertOptions[] = {
    {.name = "topic.field", .doc = "field for the name of the topic"},
    {.name = "partition.field", .doc = "field for the partition; of sinks only"},
    {.name = "offset.field", .doc = "field for the offset; of sinks only"},
    {.name = "timestamp.field", .doc = "field for the timestamp of the record"},
    {.name = "static.field", .doc = "field for static.value"},
    {.name = "static.value", .doc = "text of static.field"},
};

// A field to insert. In a record with a schema the field is optional, unless "!" follows its name in the configuration.
struct Insertion {
  std::string name;
  bool optional = true;
};

std::optional<Insertion> insertion_of(const PropertyValues& options, std::string_view option) {
  std::string name = options.text(option);
  if (name.empty()) return std::nullopt;
  const bool is_required = name.ends_with('!');
  if (is_required || name.ends_with('?')) name.pop_back();
  return Insertion{std::move(name), !is_required};
}

class InsertField final : public SidedTransform {
 public:
  InsertField(const PropertyValues& options, TransformSide side)
      : SidedTransform(side),
        topic_(insertion_of(options, "topic.field")),
        partition_(insertion_of(options, "partition.field")),
        offset_(insertion_of(options, "offset.field")),
        timestamp_(insertion_of(options, "timestamp.field")),
        constant_(insertion_of(options, "static.field")),
        value_(options.text("static.value")) {}

  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    auto made = std::make_unique<InsertField>(options, side);
    if (!made->topic_ && !made->partition_ && !made->offset_ && !made->timestamp_ &&
        !made->constant_)
      return Error{ErrorCode::InvalidParameter, "no field to insert is named"};
    if (made->constant_ && !options.find("static.value"))
      return Error{ErrorCode::InvalidParameter, "static.field needs static.value"};
    return std::unique_ptr<Transform>(std::move(made));
  }

 protected:
  Status change(ConnectRecord& record, ConnectDatum& datum) const override {
    if (datum.value.is_null()) return {};
    TRY(require_object(datum, "InsertField"));
    if (datum.schema) datum.schema = with_fields(*datum.schema);
    TRY(insert(datum, topic_, json_text(record.topic), make_schema("string", true)));
    if (partition_)
      TRY(insert(datum, partition_, record.partition ? json_number(*record.partition) : JsonTree(),
                 make_schema("int32", true)));
    if (offset_ && !record.offset)
      return Error{ErrorCode::InvalidText, "only records of sinks have an offset"};
    if (offset_)
      TRY(insert(datum, offset_, json_number(*record.offset), make_schema("int64", true)));
    if (timestamp_)
      TRY(insert(datum, timestamp_,
                 record.timestamp_ms ? json_number(*record.timestamp_ms) : JsonTree(),
                 make_time_schema(kTimestampSchema, true)));
    return insert(datum, constant_, json_text(value_), make_schema("string", true));
  }

 private:
  // Returns a copy of the schema to which fields can be added. The copy is not optional and has no default.
  static JsonTree with_fields(const JsonTree& schema) {
    const JsonTree* fields = schema.find("fields");
    return struct_like(schema, fields == nullptr ? std::vector<JsonTree>() : fields->items);
  }

  static Status insert(ConnectDatum& datum, const std::optional<Insertion>& field, JsonTree value,
                       JsonTree schema) {
    if (!field) return {};
    if (!datum.schema) {
      // A record without a schema gets no member for a null value.
      if (!value.is_null()) set_member(datum.value, field->name, std::move(value));
      return {};
    }
    if (find_field(*datum.schema, field->name) != nullptr)
      return Error{ErrorCode::InvalidText,
                   fmt::format("the schema has a field \"{}\" already", field->name)};
    if (value.is_null() && !field->optional)
      return Error{ErrorCode::InvalidText,
                   fmt::format("the required field \"{}\" has no value", field->name)};
    set_member(schema, "optional", {.kind = JsonKind::Boolean, .boolean = field->optional});
    find_member(*datum.schema, "fields")->items.push_back(as_field(std::move(schema), field->name));
    set_member(datum.value, field->name, std::move(value));
    return {};
  }

  const std::optional<Insertion> topic_, partition_, offset_, timestamp_, constant_;
  const std::string value_;
};

// --- ReplaceField

constexpr PropertyRow kReplaceOptions[] = {
    {.name = "include", .type = PropertyType::List, .doc = "fields that stay; empty: all"},
    {.name = "exclude", .type = PropertyType::List, .doc = "fields that are left out"},
    {.name = "renames", .type = PropertyType::List, .doc = "pairs old:new of names"},
    {.name = "whitelist", .type = PropertyType::List, .doc = "old name of include"},
    {.name = "blacklist", .type = PropertyType::List, .doc = "old name of exclude"},
};

class ReplaceField final : public SidedTransform {
 public:
  using Renames = std::vector<std::pair<std::string, std::string>>;
  ReplaceField(TransformSide side, std::vector<std::string> include,
               std::vector<std::string> exclude, Renames renames)
      : SidedTransform(side),
        include_(std::move(include)),
        exclude_(std::move(exclude)),
        renames_(std::move(renames)) {}

  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    const auto list = [&](const char* name, const char* old) {
      return options.find(name) ? options.list(name) : options.list(old);
    };
    Renames renames;
    for (const std::string& pair : options.list("renames")) {
      const size_t colon = pair.find(':');
      if (colon == std::string::npos || colon == 0 || colon + 1 == pair.size() ||
          pair.find(':', colon + 1) != std::string::npos)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("renames: \"{}\" is not a pair old:new", pair)};
      renames.emplace_back(pair.substr(0, colon), pair.substr(colon + 1));
    }
    return std::unique_ptr<Transform>(std::make_unique<ReplaceField>(
        side, list("include", "whitelist"), list("exclude", "blacklist"), std::move(renames)));
  }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    if (datum.value.is_null()) return {};
    TRY(require_object(datum, "ReplaceField"));
    JsonTree changed{.kind = JsonKind::Object};
    for (auto& [name, value] : datum.value.members)
      if (keeps(name)) set_member(changed, new_name(name), std::move(value));
    datum.value = std::move(changed);
    if (!datum.schema) return {};
    std::vector<JsonTree> fields;
    const JsonTree* present = datum.schema->find("fields");
    for (const JsonTree& field : present == nullptr ? std::vector<JsonTree>() : present->items) {
      const std::string name = field.text_of("field");
      if (keeps(name)) fields.push_back(as_field(field, new_name(name)));
    }
    datum.schema = struct_like(*datum.schema, std::move(fields));
    return {};
  }

 private:
  bool keeps(const std::string& name) const {
    return !has_name(exclude_, name) && (include_.empty() || has_name(include_, name));
  }
  std::string new_name(const std::string& name) const {
    const auto renamed = std::ranges::find(renames_, name, &Renames::value_type::first);
    return renamed == renames_.end() ? name : renamed->second;
  }

  const std::vector<std::string> include_, exclude_;
  const Renames renames_;
};

// --- MaskField

constexpr PropertyRow kMaskOptions[] = {
    {.name = "fields", .type = PropertyType::List, .doc = "fields to mask", .is_required = true},
    {.name = "replacement",
     .doc = "text or number in place of the value; otherwise \"\", 0, false"},
};

class MaskField final : public SidedTransform {
 public:
  MaskField(TransformSide side, std::vector<std::string> fields,
            std::optional<std::string> replacement)
      : SidedTransform(side), fields_(std::move(fields)), replacement_(std::move(replacement)) {}

  static Result<std::unique_ptr<Transform>> make(const PropertyValues& options,
                                                 TransformSide side) {
    auto replacement = options.find("replacement");
    if (replacement && replacement->empty())
      return Error{ErrorCode::InvalidParameter, "replacement: the text is empty"};
    return std::unique_ptr<Transform>(
        std::make_unique<MaskField>(side, options.list("fields"), std::move(replacement)));
  }

 protected:
  Status change(ConnectRecord&, ConnectDatum& datum) const override {
    TRY(require_object(datum, "MaskField"));
    for (const std::string& name : fields_) {
      JsonTree* const member = find_member(datum.value, name);
      if (member == nullptr) {
        // A missing member is added as null to a record without a schema, as in Kafka Connect.
        if (!datum.schema) set_member(datum.value, name, JsonTree());
        continue;
      }
      if (member->is_null()) continue;
      const JsonTree* const field = datum.schema ? find_field(*datum.schema, name) : nullptr;
      auto masked = replacement_ ? replaced(*member, field) : emptied(*member, field);
      if (!masked)
        return Error{masked.error().code,
                     fmt::format("field \"{}\": {}", name, masked.error().message)};
      *member = *std::move(masked);
    }
    return {};
  }

 private:
  static Result<JsonTree> emptied(const JsonTree& value, const JsonTree* field) {
    switch (value.kind) {
      case JsonKind::Number: {
        const bool is_whole = field != nullptr ? type_of_schema(*field).starts_with("int")
                                               : parse_bigint(value.text).has_value();
        return is_whole ? json_number(0) : JsonTree{.kind = JsonKind::Number, .text = "0.0"};
      }
      case JsonKind::Object:
        if (field == nullptr || type_of_schema(*field) != "struct")
          return JsonTree{.kind = JsonKind::Object};
        return Error{ErrorCode::InvalidText, "MaskField cannot mask a struct"};
      case JsonKind::String:
        if (field == nullptr || type_of_schema(*field) == "string") return json_text("");
        return Error{ErrorCode::InvalidText,
                     fmt::format("MaskField cannot mask {}", type_of_schema(*field))};
      case JsonKind::Null:
      case JsonKind::Boolean:
      case JsonKind::Array:
        break;
    }
    return JsonTree{.kind = value.kind};
  }

  Result<JsonTree> replaced(const JsonTree& value, const JsonTree* field) const {
    if (value.kind == JsonKind::String && (field == nullptr || type_of_schema(*field) == "string"))
      return json_text(*replacement_);
    if (value.kind != JsonKind::Number)
      return Error{ErrorCode::InvalidText,
                   fmt::format("MaskField cannot replace {}", kind_name(value))};
    const bool is_whole = parse_bigint(value.text).has_value();
    if (is_whole && parse_bigint(*replacement_)) return json_number(*parse_bigint(*replacement_));
    const auto number = parse_double(*replacement_);
    if (!is_whole && number) {
      std::string text;
      append_double(text, *number);
      return JsonTree{.kind = JsonKind::Number, .text = std::move(text)};
    }
    return Error{ErrorCode::InvalidText,
                 fmt::format("the replacement \"{}\" is not a number", *replacement_)};
  }

  const std::vector<std::string> fields_;
  const std::optional<std::string> replacement_;
};

constexpr TransformClass kFieldClasses[] = {
    {"InsertField", true, kInsertOptions, InsertField::make},
    {"ReplaceField", true, kReplaceOptions, ReplaceField::make},
    {"MaskField", true, kMaskOptions, MaskField::make},
};

}  // namespace

std::span<const TransformClass> field_transforms() { return kFieldClasses; }

}  // namespace engine
