#include "engine/formats/protobuf/protobuf_json.h"

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include <memory>

#include "engine/formats/avro/avro_cursor.h"
#include "engine/formats/protobuf/protobuf_files.h"

namespace engine {

namespace {

namespace pb = google::protobuf;

Error invalid_protobuf_json(std::string message) {
  return {ErrorCode::InvalidText, std::move(message)};
}

Error invalid_protobuf_json(const pb::util::Status& status) {
  return invalid_protobuf_json(std::string(status.message().data(), status.message().size()));
}

// Takes the path of the message off the front of `bytes`: the number of indexes, then each index,
// as zigzag numbers. A single zero means the first message.
Result<const pb::Descriptor*> message_of(const pb::FileDescriptor& file, std::string_view& bytes) {
  AvroCursor in(bytes);
  const int64_t count = in.whole();
  const pb::Descriptor* message = nullptr;
  for (int64_t i = 0; i < std::max<int64_t>(count, 1); ++i) {
    const int64_t index = count == 0 ? 0 : in.whole();
    const int there = message ? message->nested_type_count() : file.message_type_count();
    if (in.failed() || index < 0 || index >= there)
      return invalid_protobuf_json("the record names a message that its schema does not have");
    message = message ? message->nested_type(static_cast<int>(index))
                      : file.message_type(static_cast<int>(index));
  }
  bytes.remove_prefix(bytes.size() - in.left());
  return message;
}

}  // namespace

Result<std::string> protobuf_of_json(const SchemaText& schema, const std::string& json) {
  ProtobufFiles files;
  const pb::FileDescriptor* file = TRY(files.add(schema));
  if (file->message_type_count() == 0) return invalid_protobuf_json("the schema has no message");
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> message(factory.GetPrototype(file->message_type(0))->New());
  if (const auto read = pb::util::JsonStringToMessage(json, message.get()); !read.ok())
    return invalid_protobuf_json(read);
  std::string bytes;
  if (!message->SerializePartialToString(&bytes))
    return invalid_protobuf_json("the message is too large");
  return bytes;
}

Result<std::string> json_of_protobuf(const SchemaText& schema, std::string_view bytes) {
  ProtobufFiles files;
  const pb::FileDescriptor* file = TRY(files.add(schema));
  const pb::Descriptor* descriptor = TRY(message_of(*file, bytes));
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> message(factory.GetPrototype(descriptor)->New());
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return invalid_protobuf_json("the record is not a message of its schema");
  std::string json;
  pb::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  if (const auto told = pb::util::MessageToJsonString(*message, &json, options); !told.ok())
    return invalid_protobuf_json(told);
  return json;
}

}  // namespace engine
