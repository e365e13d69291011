// A Protobuf schema (.proto text) as a tree of messages: what reading and writing their bytes needs.
// Parsed with protobuf's own parser, whose headers nobody else sees.
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

// Messages that stand for one value.
enum class ProtobufMeaning : uint8_t { Plain, Timestamp, Date, TimeOfDay, Decimal, Wrapper };

struct ProtobufMessage;

struct ProtobufEnum {
  std::string name;
  std::vector<std::pair<int32_t, std::string>> values;  // the first is the default
};

struct ProtobufField {
  std::string name;
  uint32_t number = 0;
  ProtobufKind kind = ProtobufKind::Int32;
  bool is_repeated = false, is_packed = false;
  bool is_map = false;        // its message is the entry: key 1, value 2
  bool has_presence = false;  // null when it is not there; else the type's default
  bool is_required = false;
  int precision = 0, scale = 0;  // of a Decimal; precision 0: not said
  std::string oneof;             // that it is in, of several
  int oneof_index = -1;          // likewise, in the message's oneofs; -1: none
  const ProtobufMessage* message = nullptr;
  const ProtobufEnum* enumeration = nullptr;
};

// Fields of which a message has one at most.
struct ProtobufOneof {
  // "Kind_0": its name and its place, as Kafka Connect, and so ksqlDB, call the STRUCT of its fields
  // (io.confluent.connect.protobuf.ProtobufData).
  std::string column_name;
  std::vector<size_t> fields;  // indexes in ProtobufMessage::fields
};

struct ProtobufMessage {
  std::string name;       // within its parent
  std::string full_name;  // with package and parents
  ProtobufMeaning meaning = ProtobufMeaning::Plain;
  std::vector<ProtobufField> fields;  // in the order of the text
  std::vector<ProtobufOneof> oneofs = {};
  std::vector<uint32_t> reserved_numbers = {};

  const ProtobufField* find_field(uint32_t number) const;
};

// Never changes. Threads: any.
class ProtobufSchema {
 public:
  // Fails with InvalidText when it is no schema: where, and what is wrong.
  static Result<std::shared_ptr<const ProtobufSchema>> parse(const SchemaText& text);

  // The message of that name (full, or without its package); the first one for an empty name. nullptr
  // when there is none.
  const ProtobufMessage* find(std::string_view name) const;
  // As records name it: indexes of messages in each other, the outermost first.
  const ProtobufMessage* at(std::span<const uint32_t> path) const;
  std::vector<uint32_t> path_of(const ProtobufMessage& message) const;
  // All that the text itself declares, parents before what lies in them.
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
