// Reads one Avro value into one row of a column, and converts it from the type of the writer's
// schema to the column's type.
#pragma once
#include <string>
#include <vector>

#include "engine/formats/avro/avro_cursor.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/json/json_values.h"
#include "engine/types/column.h"

namespace engine {

// Reads values of one Avro type into columns of one SQL type. Numbers are widened by the rules of
// Avro's schema resolution. Any value that is not nested can become a STRING. A field of a record
// is found by its exact name, otherwise by its name in upper case. Missing fields are null.
class AvroValueReader {
 public:
  // `path` names the value in errors. The schema must outlive the reader.
  AvroValueReader(const AvroType& from, const SqlType& to, std::string path);

  // Returns false if the value cannot be read. A part of the value may then have been appended to
  // the column; truncate() removes it. `error` has the reason, unless the bytes end too early.
  bool read(AvroCursor& cursor, ColumnSlot& slot, std::string& error) const;

 private:
  // The conversion of a value. It is chosen once, when the reader is made for the schema.
  enum class Way : uint8_t {
    Null,
    Boolean,
    Whole,   // int and long
    Micros,  // a long of microseconds, which becomes milliseconds
    Float,
    Double,
    Decimal,
    Text,  // string, bytes and fixed
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
  std::vector<AvroValueReader> parts_;  // element, or key and value, or fields or branches
  std::vector<int> part_of_;            // index in parts_ for each field or branch; -1: skipped
  std::vector<int> target_;             // index of each part's field in the STRUCT
};

// Skips a value. Returns false if the bytes end, or if values are nested too deeply.
bool skip_avro(const AvroType& type, AvroCursor& cursor, int depth = 0);

// For each name of a column or of a STRUCT's field, returns the index of the record's field from
// which it is read, or -1. A field with exactly this name takes precedence over one whose name
// differs in letter case.
std::vector<int> match_avro_fields(const AvroType& record, const std::vector<std::string>& names);

}  // namespace engine
