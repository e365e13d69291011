// One Avro value into one row of a column: what a schema has written, as the column's type.
#pragma once
#include <string>
#include <vector>

#include "engine/formats/avro/avro_cursor.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/json/json_values.h"
#include "engine/types/column.h"

namespace engine {

// Reads values that were written as one Avro type into columns of one SQL type. Numbers widen as in
// Avro's rules of schema resolution, everything plain can become a STRING; fields of records are
// found by their name, else by it in upper case, and those that are not there are null.
class AvroValueReader {
 public:
  // `path` names the value in errors. The schema must outlive it.
  AvroValueReader(const AvroType& from, const SqlType& to, std::string path);

  // If false nothing may have been stored or, in a column that is appended to, half of it: see
  // truncate(). `error` says why, unless the bytes have ended.
  bool read(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;

 private:
  // How a value comes over; decided once for each schema.
  enum class Way : uint8_t {
    Null,
    Boolean,
    Whole,   // int, long
    Micros,  // long, into milliseconds
    Float,
    Double,
    Decimal,
    Text,  // string, bytes, fixed
    Enum,
    AsText,  // a number or a boolean, as a STRING
    Array,
    Map,
    Entries,  // an array of records of key and value, as a MAP
    Struct,
    Union,
    Branches,  // a union of several types, as a STRUCT
    Mismatch,
  };

  Way choose(const AvroType& from, const SqlType& to) const;
  Way choose_scalar(const AvroType& from, TypeKind to) const;
  void bind_struct(const AvroType& from);
  void bind_branches(const AvroType& from);
  void bind_map(const AvroType& value);
  bool read_whole(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;
  bool read_decimal(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;
  bool read_text(AvroCursor& cursor, ColumnSlot& slot) const;
  bool read_enum(AvroCursor& cursor, ColumnSlot& slot) const;
  bool read_as_text(AvroCursor& cursor, ColumnSlot& slot) const;
  bool read_array(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;
  bool read_map(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;
  bool read_struct(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;
  bool read_union(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;
  bool read_branches(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;
  bool mismatch(std::string& error) const;
  std::string_view raw_bytes(AvroCursor& cursor) const;

  const AvroType* from_;
  SqlType to_;
  std::string path_;
  Way way_ = Way::Mismatch;
  std::vector<AvroValueReader> parts_;  // element; key and value; fields or branches that are taken
  std::vector<int> part_of_;            // of each field or branch of the schema; -1: skipped
  std::vector<int> target_;             // which field of the STRUCT each part is
};

// Passes over a value. False when the bytes end, or lie too deep in each other.
bool skip_avro(const AvroType& type, AvroCursor& cursor, int depth = 0);

// Of each column or field: which field of the record it is read from, -1 if none. The exact name goes
// before the same one in other case.
std::vector<int> match_avro_fields(const AvroType& record, const std::vector<std::string>& names);

}  // namespace engine
