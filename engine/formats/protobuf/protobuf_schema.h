// A Protobuf schema (.proto text) as a tree of messages, with the facts that readers and writers need. It is parsed
// with protobuf's own parser, whose headers stay private to this folder.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

enum class ProtobufKind : uint8_t {
  Double,
  Float,
  Int32,
  Int64,
  Uint32,
  Uint64,
  Sint32,
  Sint64,
  Fixed32,
  Fixed64,
  Sfixed32,
  Sfixed64,
  Bool,
  String,
  Bytes,
  Enum,
  Message,
};
std::string_view protobuf_kind_name(ProtobufKind kind);

// The meaning of messages that represent one value.
enum class ProtobufMeaning : uint8_t { Plain, Timestamp, Date, TimeOfDay, Decimal, Wrapper };

struct ProtobufMessage;

struct ProtobufEnum {
  std::string name;
  std::vector<std::pair<int32_t, std::string>> values;  // the first value is the default
};

struct ProtobufField {
  std::string name;
  uint32_t number = 0;
  ProtobufKind kind = ProtobufKind::Int32;
  bool is_repeated = false, is_packed = false;
  bool is_map = false;        // `message` is the entry; its field 1 is the key, 2 the value
  bool has_presence = false;  // an absent field is null; otherwise it has the default
  bool is_required = false;
  int precision = 0, scale = 0;  // for a Decimal; precision 0: not given
  std::string oneof;             // name of its oneof with several fields
  int oneof_index = -1;          // index of that oneof in the message; -1: none
  const ProtobufMessage* message = nullptr;
  const ProtobufEnum* enumeration = nullptr;
};

// A group of fields of which a message has at most one.
struct ProtobufOneof {
  // The name of the STRUCT that has the fields: the oneof's name and index ("Kind_0"), as in Kafka Connect and ksqlDB
  // (io.confluent.connect.protobuf.ProtobufData).
  std::string column_name;
  std::vector<size_t> fields;  // indexes in ProtobufMessage::fields
};

struct ProtobufMessage {
  std::string name;       // name within its parent
  std::string full_name;  // name with package and parents
  ProtobufMeaning meaning = ProtobufMeaning::Plain;
  std::vector<ProtobufField> fields;  // in the order of the text
  std::vector<ProtobufOneof> oneofs = {};
  std::vector<uint32_t> reserved_numbers = {};

  const ProtobufField* find_field(uint32_t number) const;
};

// A parsed schema, which never changes. Threads: any.
class ProtobufSchema {
 public:
  // Parses a schema. Fails with InvalidText if the text is not a schema; the message has the place and the problem.
  static Result<std::shared_ptr<const ProtobufSchema>> parse(const SchemaText& text);

  // Returns the message with that name (full, or without its package), or the first message for an empty name; nullptr
  // if no message has the name.
  const ProtobufMessage* find(std::string_view name) const;
  // Returns the message for the path in a record: indexes of nested messages, the outermost first.
  const ProtobufMessage* at(std::span<const uint32_t> path) const;
  std::vector<uint32_t> path_of(const ProtobufMessage& message) const;
  // Returns all messages that the text itself declares, parents before nested messages.
  std::vector<const ProtobufMessage*> declared() const;

 private:
  friend class ProtobufTreeBuilder;
  struct Declared {
    std::vector<uint32_t> path;
    const ProtobufMessage* message;
  };
  std::vector<std::unique_ptr<ProtobufMessage>> messages_;
  std::vector<std::unique_ptr<ProtobufEnum>> enums_;
  std::vector<Declared> declared_;
};
using ProtobufSchemaPtr = std::shared_ptr<const ProtobufSchema>;

}  // namespace engine
