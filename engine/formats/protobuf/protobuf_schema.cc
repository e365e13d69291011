#include "engine/formats/protobuf/protobuf_schema.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <unordered_map>

#include "engine/formats/protobuf/protobuf_files.h"

namespace engine {

namespace {

namespace pb = google::protobuf;

// The field numbers of the option that schema registries add (confluent/meta.proto), and of the
// parameters within it.
constexpr int kMetaOption = 1088, kMetaParams = 2;

struct MeaningRow {
  std::string_view name;
  ProtobufMeaning meaning;
};
constexpr MeaningRow kMeanings[] = {
    {"google.protobuf.Timestamp", ProtobufMeaning::Timestamp},
    {"google.type.Date", ProtobufMeaning::Date},
    {"google.type.TimeOfDay", ProtobufMeaning::TimeOfDay},
    {"confluent.type.Decimal", ProtobufMeaning::Decimal},
    {"google.protobuf.DoubleValue", ProtobufMeaning::Wrapper},
    {"google.protobuf.FloatValue", ProtobufMeaning::Wrapper},
    {"google.protobuf.Int32Value", ProtobufMeaning::Wrapper},
    {"google.protobuf.Int64Value", ProtobufMeaning::Wrapper},
    {"google.protobuf.UInt32Value", ProtobufMeaning::Wrapper},
    {"google.protobuf.UInt64Value", ProtobufMeaning::Wrapper},
    {"google.protobuf.BoolValue", ProtobufMeaning::Wrapper},
    {"google.protobuf.StringValue", ProtobufMeaning::Wrapper},
    {"google.protobuf.BytesValue", ProtobufMeaning::Wrapper},
};

ProtobufKind kind_of(pb::FieldDescriptor::Type type) {
  switch (type) {
    case pb::FieldDescriptor::TYPE_DOUBLE:
      return ProtobufKind::Double;
    case pb::FieldDescriptor::TYPE_FLOAT:
      return ProtobufKind::Float;
    case pb::FieldDescriptor::TYPE_INT64:
      return ProtobufKind::Int64;
    case pb::FieldDescriptor::TYPE_UINT64:
      return ProtobufKind::Uint64;
    case pb::FieldDescriptor::TYPE_INT32:
      return ProtobufKind::Int32;
    case pb::FieldDescriptor::TYPE_FIXED64:
      return ProtobufKind::Fixed64;
    case pb::FieldDescriptor::TYPE_FIXED32:
      return ProtobufKind::Fixed32;
    case pb::FieldDescriptor::TYPE_BOOL:
      return ProtobufKind::Bool;
    case pb::FieldDescriptor::TYPE_STRING:
      return ProtobufKind::String;
    case pb::FieldDescriptor::TYPE_BYTES:
      return ProtobufKind::Bytes;
    case pb::FieldDescriptor::TYPE_UINT32:
      return ProtobufKind::Uint32;
    case pb::FieldDescriptor::TYPE_ENUM:
      return ProtobufKind::Enum;
    case pb::FieldDescriptor::TYPE_SFIXED32:
      return ProtobufKind::Sfixed32;
    case pb::FieldDescriptor::TYPE_SFIXED64:
      return ProtobufKind::Sfixed64;
    case pb::FieldDescriptor::TYPE_SINT32:
      return ProtobufKind::Sint32;
    case pb::FieldDescriptor::TYPE_SINT64:
      return ProtobufKind::Sint64;
    default:
      return ProtobufKind::Message;
  }
}

// Returns a parameter of a field's option (confluent.field_meta), which the library keeps as bytes
// of an unknown field.
int meta_parameter(const pb::FieldDescriptor& field, std::string_view wanted) {
  const pb::UnknownFieldSet& options = field.options().unknown_fields();
  for (int i = 0; i < options.field_count(); ++i) {
    const pb::UnknownField& option = options.field(i);
    if (option.number() != kMetaOption || option.type() != pb::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    pb::UnknownFieldSet meta;
    if (!meta.ParseFromString(option.length_delimited())) continue;
    for (int j = 0; j < meta.field_count(); ++j) {
      pb::UnknownFieldSet entry;
      if (meta.field(j).number() != kMetaParams ||
          meta.field(j).type() != pb::UnknownField::TYPE_LENGTH_DELIMITED ||
          !entry.ParseFromString(meta.field(j).length_delimited()))
        continue;
      std::string key, value;
      for (int k = 0; k < entry.field_count(); ++k) {
        if (entry.field(k).type() != pb::UnknownField::TYPE_LENGTH_DELIMITED) continue;
        (entry.field(k).number() == 1 ? key : value) = entry.field(k).length_delimited();
      }
      int number = 0;
      if (key == wanted && absl::SimpleAtoi(value, &number)) return number;
    }
  }
  return 0;
}

}  // namespace

std::string_view protobuf_kind_name(ProtobufKind kind) {
  constexpr std::string_view kNames[] = {
      "double",  "float",    "int32",    "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
      "fixed64", "sfixed32", "sfixed64", "bool",  "string", "bytes",  "enum",   "message"};
  return kNames[static_cast<size_t>(kind)];
}

class ProtobufTreeBuilder {
 public:
  explicit ProtobufTreeBuilder(ProtobufSchema& schema) : schema_(schema) {}

  void add_file(const pb::FileDescriptor& file) {
    std::vector<uint32_t> path;
    for (int i = 0; i < file.message_type_count(); ++i)
      declare(*file.message_type(i), static_cast<uint32_t>(i), path);
  }

 private:
  void declare(const pb::Descriptor& message, uint32_t index, std::vector<uint32_t>& path) {
    path.push_back(index);
    if (!message.options().map_entry()) schema_.declared_.push_back({path, message_of(message)});
    for (int i = 0; i < message.nested_type_count(); ++i)
      declare(*message.nested_type(i), static_cast<uint32_t>(i), path);
    path.pop_back();
  }

  const ProtobufMessage* message_of(const pb::Descriptor& from) {
    const auto [known, is_new] = messages_.emplace(&from, nullptr);
    if (!is_new) return known->second;
    schema_.messages_.push_back(std::make_unique<ProtobufMessage>());
    ProtobufMessage* made = schema_.messages_.back().get();
    messages_[&from] = made;  // registered before its fields are read, which may refer to it
    made->name = from.name();
    made->full_name = from.full_name();
    for (const MeaningRow& row : kMeanings)
      if (row.name == made->full_name) made->meaning = row.meaning;
    for (int i = 0; i < from.field_count(); ++i) made->fields.push_back(field_of(*from.field(i)));
    // Real oneofs come first; the synthetic ones of `optional` fields follow.
    for (int i = 0; i < from.real_oneof_decl_count(); ++i) {
      const pb::OneofDescriptor& oneof = *from.oneof_decl(i);
      ProtobufOneof& its = made->oneofs.emplace_back();
      its.column_name = fmt::format("{}_{}", oneof.name(), i);
      for (int j = 0; j < oneof.field_count(); ++j)
        its.fields.push_back(static_cast<size_t>(oneof.field(j)->index()));
    }
    return made;
  }

  ProtobufField field_of(const pb::FieldDescriptor& from) {
    ProtobufField field;
    field.name = from.name();
    field.number = static_cast<uint32_t>(from.number());
    field.kind = kind_of(from.type());
    field.is_repeated = from.is_repeated();
    field.is_packed = from.is_packed();
    field.is_map = from.is_map();
    field.has_presence = from.has_presence();
    field.is_required = from.is_required();
    if (const pb::OneofDescriptor* oneof = from.real_containing_oneof()) {
      field.oneof = oneof->name();
      field.oneof_index = oneof->index();
    }
    if (field.kind == ProtobufKind::Message) {
      field.message = message_of(*from.message_type());
      if (field.message->meaning == ProtobufMeaning::Decimal) {
        field.precision = meta_parameter(from, "precision");
        field.scale = meta_parameter(from, "scale");
      }
    }
    if (field.kind == ProtobufKind::Enum) field.enumeration = enum_of(*from.enum_type());
    return field;
  }

  const ProtobufEnum* enum_of(const pb::EnumDescriptor& from) {
    auto made = std::make_unique<ProtobufEnum>();
    made->name = from.full_name();
    for (int i = 0; i < from.value_count(); ++i)
      made->values.emplace_back(from.value(i)->number(), from.value(i)->name());
    schema_.enums_.push_back(std::move(made));
    return schema_.enums_.back().get();
  }

  ProtobufSchema& schema_;
  std::unordered_map<const pb::Descriptor*, const ProtobufMessage*> messages_;
};

const ProtobufField* ProtobufMessage::find_field(uint32_t number) const {
  const auto found = std::ranges::find(fields, number, &ProtobufField::number);
  return found == fields.end() ? nullptr : &*found;
}

Result<ProtobufSchemaPtr> ProtobufSchema::parse(const SchemaText& text) {
  ProtobufFiles files;
  const pb::FileDescriptor* file = TRY(files.add(text));
  auto schema = std::make_shared<ProtobufSchema>();
  ProtobufTreeBuilder(*schema).add_file(*file);
  return ProtobufSchemaPtr(std::move(schema));
}

const ProtobufMessage* ProtobufSchema::find(std::string_view name) const {
  if (name.empty()) return declared_.empty() ? nullptr : declared_.front().message;
  for (const Declared& one : declared_)
    if (one.message->full_name == name || one.message->name == name) return one.message;
  return nullptr;
}

const ProtobufMessage* ProtobufSchema::at(std::span<const uint32_t> path) const {
  for (const Declared& one : declared_)
    if (std::ranges::equal(one.path, path)) return one.message;
  return nullptr;
}

std::vector<uint32_t> ProtobufSchema::path_of(const ProtobufMessage& message) const {
  for (const Declared& one : declared_)
    if (one.message == &message) return one.path;
  return {};
}

std::vector<const ProtobufMessage*> ProtobufSchema::declared() const {
  std::vector<const ProtobufMessage*> messages;
  for (const Declared& one : declared_) messages.push_back(one.message);
  return messages;
}

}  // namespace engine
