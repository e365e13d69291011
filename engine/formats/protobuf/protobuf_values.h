// Reads one Protobuf message into one row of columns.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/formats/json/json_values.h"
#include "engine/formats/protobuf/protobuf_schema.h"
#include "engine/types/column.h"

namespace engine {

// Reads the fields of a message into columns. A field is found by its name, like the fields of Avro
// records (match_avro_fields()). A field that is absent is null; if the schema cannot represent
// null, it has the default of its type.
class ProtobufMessageReader {
 public:
  // Columns that are not needed are ignored. `path` precedes the columns' names in errors. The schema must outlive the
  // reader.
  ProtobufMessageReader(const ProtobufMessage& from, std::span<const Field> columns,
                        const std::vector<bool>& needed, const std::string& path);

  // Appends row number `row` to each needed column. Returns false on failure. A part of the row may
  // then have been appended; truncate() removes it. `error` has the reason, unless the bytes are
  // malformed.
  bool read(std::string_view bytes, std::span<Column* const> columns, size_t row,
            std::string& error) const;

 private:
  enum class Way : uint8_t {
    Number,  // any kind of number, read as a whole number or a DOUBLE
    AsText,  // a number or an enum, as a STRING
    Text,    // strings and bytes
    Timestamp,
    Date,
    TimeOfDay,
    Decimal,
    Wrapper,
    Message,  // a message, read as a STRUCT
    Member,   // a field of a oneof, within the STRUCT of the oneof
    List,     // a message that only contains a list or map, as that list or map
    Mismatch,
  };
  // The conversion of the values of a field, or of the key or value of a map's entry.
  struct Value {
    const ProtobufField* from;
    SqlType to;
    std::string path;
    Way way = Way::Mismatch;
    // has one element for Message, List and Member
    std::vector<ProtobufMessageReader> message = {};
    std::vector<Value> wrapped = {};  // has one element for Wrapper
  };
  // The most frequent kinds of fields. Their values are read without examining the type of the
  // field for each value.
  enum class Plain : uint8_t { No, Whole32, Whole64, Text };
  struct Bound {
    uint32_t number;
    size_t column;
    Plain plain = Plain::No;
    std::vector<Value> values;  // one, or the key and the value of a map
  };

  static Value bind(const ProtobufField& from, const SqlType& to, std::string path);
  static Way choose(const ProtobufField& from, const SqlType& to);
  static bool mismatch(const Value& value, std::string& error);
  static Plain plain_of(const ProtobufField& from, const SqlType& to);
  // Returns false, and reads nothing, if `plain` is Plain::No or the wire type does not match.
  static bool read_plain(Plain plain, unsigned wire, ByteReader& in, Column& column, size_t row);
  static void put_text(std::string_view bytes, bool is_string, ColumnSlot& slot);
  const Bound* find(uint32_t number) const;
  void bind_oneof(const ProtobufMessage& from, const ProtobufOneof& oneof, const SqlType& to,
                  const std::string& path, size_t column);
  void add(Bound bound);

  bool read_field(const Bound& bound, unsigned wire, ByteReader& in, Column& column, size_t row,
                  std::string& error) const;
  static bool read_member(const Value& value, std::string_view field, Column& column, size_t row,
                          std::string& error);
  bool read_entry(const Bound& bound, std::string_view bytes, Column& map,
                  std::string& error) const;
  static bool read_value(const Value& value, unsigned wire, ByteReader& in, ColumnSlot slot,
                         std::string& error);
  static bool read_number(const Value& value, uint64_t raw, ColumnSlot& slot, std::string& error);
  static bool read_meaning(const Value& value, std::string_view bytes, ColumnSlot& slot,
                           std::string& error);
  static bool read_decimal(const Value& value, std::string_view bytes, ColumnSlot& slot,
                           std::string& error);
  static bool read_nested(const Value& value, std::string_view bytes, ColumnSlot& slot,
                          std::string& error);
  static void put_default(const Value& value, ColumnSlot slot);
  bool complete(std::span<Column* const> columns, size_t row) const;

  std::vector<Bound> bound_;
  std::vector<int> by_number_;  // index in bound_, for small numbers; -1: none
};

}  // namespace engine
