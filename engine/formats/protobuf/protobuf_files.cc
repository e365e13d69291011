#include "engine/formats/protobuf/protobuf_files.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/api.pb.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "engine/formats/protobuf/google_type_files.h"
#include "engine/formats/protobuf/protobuf_source.h"

namespace engine {

namespace {

namespace pb = google::protobuf;

// Files that schemas in registries import without including them, in addition to kGoogleTypeFiles.
constexpr KnownProtobufFile kConfluentFiles[] = {
    {"confluent/meta.proto", R"(syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta {
  string doc = 1;
  map<string, string> params = 2;
  repeated string tags = 3;
}
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
)"},
    {"confluent/type/decimal.proto", R"(syntax = "proto3";
package confluent.type;
import public "confluent/meta.proto";
message Decimal {
  bytes value = 1;
  uint32 precision = 2;
  int32 scale = 3;
}
)"},
};

// Keeps only the first problem that the library reports, which usually causes the others.
class FirstProblem final : public pb::io::ErrorCollector,
                           public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    note(fmt::format("line {}, column {}: {}", line + 1, column + 1, message));
  }
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    note(element.empty() ? message : element + ": " + message);
  }
  const std::string& text() const { return text_; }

 private:
  void note(std::string text) {
    if (text_.empty()) text_ = std::move(text);
  }
  std::string text_;
};

Error invalid(const FirstProblem& problem) {
  return Error{ErrorCode::InvalidText, "Invalid Protobuf schema: " + problem.text()};
}

// Returns the file descriptor if the text is a serialized one in base64.
std::optional<pb::FileDescriptorProto> deserialized(const std::string& text) {
  // Every source text has at least one of these characters.
  if (text.empty() || text.find_first_of(" \t\n{};\"") != text.npos) return std::nullopt;
  std::string bytes;
  pb::FileDescriptorProto proto;
  if (!absl::Base64Unescape(text, &bytes) || !proto.ParseFromString(bytes)) return std::nullopt;
  return proto;
}

// Limits the nesting of the text, because the library's parser is recursive without a limit.
Status check_nesting(const std::string& text) {
  constexpr int kMostNested = 100;
  FirstProblem ignored;  // not reported, because the parser reports the same problems
  pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  pb::io::Tokenizer tokenizer(&input, &ignored);
  for (int depth = 0; tokenizer.Next();) {
    if (tokenizer.current().type != pb::io::Tokenizer::TYPE_SYMBOL) continue;
    const char symbol = tokenizer.current().text.front();
    if (symbol == '}' || symbol == ']' || symbol == '>') depth = std::max(0, depth - 1);
    if (symbol != '{' && symbol != '[' && symbol != '<') continue;
    if (++depth > kMostNested)
      return Error{
          ErrorCode::InvalidText,
          fmt::format("Invalid Protobuf schema: line {}, column {}: more than {} levels "
                      "within each other",
                      tokenizer.current().line + 1, tokenizer.current().column + 1, kMostNested)};
  }
  return {};
}

}  // namespace

ProtobufFiles::ProtobufFiles() : pool_(pb::DescriptorPool::generated_pool()) {
  // The library would print problems to stderr. They are reported as errors instead.
  pb::SetLogHandler(nullptr);
  // The linker only keeps descriptors to which the program refers, so the program refers to each well-known file here.
  pb::Any::descriptor();
  pb::Api::descriptor();
  pb::Duration::descriptor();
  pb::Empty::descriptor();
  pb::FieldMask::descriptor();
  pb::Struct::descriptor();
  pb::Timestamp::descriptor();
  pb::StringValue::descriptor();
  pb::FileDescriptorProto::descriptor();
}

Result<const pb::FileDescriptor*> ProtobufFiles::add(const SchemaText& schema) {
  for (const SchemaText::Reference& reference : schema.references)
    // A file that the pool has is not added again, because some clients also send the well-known files.
    if (pool_.FindFileByName(reference.name) == nullptr) TRY(add(reference.name, reference.text));
  return add("schema.proto", schema.text);
}

Result<const pb::FileDescriptor*> ProtobufFiles::add(const std::string& name,
                                                     const std::string& text) {
  if (text.size() > kMaxSchemaSize)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the schema has {} bytes, at most {} are possible", text.size(),
                             kMaxSchemaSize)};
  FirstProblem problem;
  pb::FileDescriptorProto proto;
  if (auto given = deserialized(text)) {
    proto = *std::move(given);
  } else {
    TRY(check_nesting(text));
    pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
    pb::io::Tokenizer tokenizer(&input, &problem);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&problem);
    if (!parser.Parse(&tokenizer, &proto) || !problem.text().empty()) return invalid(problem);
  }
  proto.set_name(name);
  // The pool needs all imports before the file. Well-known files may be missing from the schema's
  // references, so they are added here.
  for (const std::string& import : proto.dependency()) TRY(add_known(import));
  const pb::FileDescriptor* file = pool_.BuildFileCollectingErrors(proto, &problem);
  if (file == nullptr) return invalid(problem);
  return file;
}

Status ProtobufFiles::add_known(const std::string& name) {
  if (pool_.FindFileByName(name) != nullptr) return {};
  for (const std::span<const KnownProtobufFile> files :
       {std::span<const KnownProtobufFile>(kConfluentFiles),
        std::span<const KnownProtobufFile>(kGoogleTypeFiles)})
    for (const KnownProtobufFile& file : files)
      if (name == file.name) TRY(add(name, file.text));
  return {};
}

bool is_serialized_protobuf(const std::string& text) { return deserialized(text).has_value(); }

Result<std::string> protobuf_source(const SchemaText& schema) {
  ProtobufFiles files;
  const pb::FileDescriptor* file = TRY(files.add(schema));
  return file->DebugString();
}

namespace {

// Sorts fields by number. The fields of a oneof stay together, at the place of the smallest number, because the library
// requires them to be adjacent.
void sort_fields(pb::DescriptorProto& message) {
  std::vector<int32_t> least(static_cast<size_t>(message.oneof_decl_size()), INT32_MAX);
  for (const pb::FieldDescriptorProto& field : message.field())
    if (field.has_oneof_index()) {
      int32_t& its = least[static_cast<size_t>(field.oneof_index())];
      its = std::min(its, field.number());
    }
  const auto place = [&](const pb::FieldDescriptorProto& field) {
    const int32_t group =
        field.has_oneof_index() ? least[static_cast<size_t>(field.oneof_index())] : field.number();
    return std::pair(group, field.number());
  };
  std::stable_sort(message.mutable_field()->pointer_begin(), message.mutable_field()->pointer_end(),
                   [&](const auto* a, const auto* b) { return place(*a) < place(*b); });
}

// Sorts values by number. Negative numbers are last, because the first value in proto3 must be 0.
void sort_values(pb::EnumDescriptorProto& enumeration) {
  const auto place = [](const pb::EnumValueDescriptorProto* value) {
    return std::pair(value->number() < 0, value->number());
  };
  auto& values = *enumeration.mutable_value();
  std::stable_sort(values.pointer_begin(), values.pointer_end(),
                   [&](const auto* a, const auto* b) { return place(a) < place(b); });
}

// Sorts the fields and enums of a message. Nested messages are not sorted, because records refer to them by index.
void sort_members(pb::DescriptorProto& message) {
  sort_fields(message);
  for (pb::EnumDescriptorProto& each : *message.mutable_enum_type()) sort_values(each);
  for (pb::DescriptorProto& each : *message.mutable_nested_type()) sort_members(each);
}

}  // namespace

Result<std::string> normal_protobuf(const SchemaText& schema) {
  ProtobufFiles files;
  pb::FileDescriptorProto proto;
  TRY(files.add(schema))->CopyTo(&proto);
  for (pb::DescriptorProto& message : *proto.mutable_message_type()) sort_members(message);
  for (pb::EnumDescriptorProto& each : *proto.mutable_enum_type()) sort_values(each);
  SchemaText sorted = schema;
  sorted.text = absl::Base64Escape(proto.SerializeAsString());
  return protobuf_source(sorted);
}

Result<std::string> serialized_protobuf(const SchemaText& schema) {
  ProtobufFiles files;
  const pb::FileDescriptor* file = TRY(files.add(schema));
  pb::FileDescriptorProto proto;
  file->CopyTo(&proto);
  return absl::Base64Escape(proto.SerializeAsString());
}

}  // namespace engine
