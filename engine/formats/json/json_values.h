// One JSON value into one row of a column: the coercions of the dialect.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/formats/json/json_fields.h"
#include "engine/formats/json/json_tokens.h"
#include "engine/types/column.h"
#include "engine/types/text_json.h"

namespace engine {

// Where the next value of a column goes. A scalar column at the top of a record has been resized to
// all its rows beforehand, so that a value is one store; everything else is appended.
struct ColumnSlot {
  Column* column = nullptr;
  char* data = nullptr;  // of the resized column; nullptr: append
  uint64_t* validity = nullptr;
  size_t row = 0;

  template <class T>
  void put(T value) {
    if (data == nullptr) return column->append(value);
    reinterpret_cast<T*>(data)[row] = value;
    validity[row >> 6] |= uint64_t{1} << (row & 63);
  }
  void put_null();
};

// Reads values of one type; has parts for what is nested in it.
class JsonValueReader {
 public:
  // `path` names the value in errors: FOO, FOO.BAR, FOO[]. With JsonTimes::Iso DATE, TIME and
  // TIMESTAMP may also be ISO text.
  JsonValueReader(const SqlType& type, std::string path, JsonTimes times = JsonTimes::Numbers);

  // The next value goes to `slot`. If false nothing may have been stored or, in a column that is
  // appended to, half of it: see truncate(). The reason is in take_error(), or in the cursor's.
  bool read(JsonCursor& cursor, ColumnSlot& slot);
  // Why the last read failed; empty if the text is not JSON, which the cursor tells.
  std::string take_error() { return std::exchange(*error_, {}); }

 private:
  bool read_scalar(JsonCursor& cursor, ColumnSlot& slot);
  bool read_number(std::string_view token, ColumnSlot& slot, bool from_string);
  bool read_text(std::string_view raw, ColumnSlot& slot);
  bool read_string_column(JsonCursor& cursor, ColumnSlot& slot);
  bool read_array(JsonCursor& cursor, ColumnSlot& slot);
  bool read_map(JsonCursor& cursor, ColumnSlot& slot);
  bool read_struct(JsonCursor& cursor, ColumnSlot& slot);
  bool read_field(JsonCursor& cursor, Column& parent, JsonFields::Match match);
  bool append_key(JsonCursor& cursor, Column& keys, std::string_view raw);
  bool read_iso_time(std::string_view text, ColumnSlot& slot);
  bool mismatch(std::string_view token);

  const SqlType type_;
  const std::string path_;
  const JsonTimes times_;
  std::vector<JsonValueReader> parts_;  // element; map value; fields
  std::unique_ptr<JsonFields> fields_;  // of a STRUCT
  // Which fields of the STRUCT were found by their exact name in the object numbered objects_.
  std::vector<uint64_t> exact_in_;
  uint64_t objects_ = 0;
  std::shared_ptr<std::string> error_;  // shared by all parts of one column
};

// Makes a column `size` rows long that may hold half a row more than its size says.
void truncate(Column& column, size_t size);

// Drops all but the last entry of each key from the row of a MAP that is not closed yet, whose entries
// begin at `first`. A key keeps the place where it came first; keys of nested types all stay.
void drop_duplicate_keys(Column& map, uint32_t first);

}  // namespace engine
