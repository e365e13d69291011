// Reads one JSON value into one row of a column, with the coercions of the dialect.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/formats/json/json_fields.h"
#include "engine/formats/json/json_reader.h"
#include "engine/formats/json/json_tokens.h"
#include "engine/types/column.h"
#include "engine/types/text_json.h"

namespace engine {

// The place for the next value of a column. A scalar column at the top level of a record already
// has its final number of rows, so a value is stored with one write. The values of other columns
// are appended.
struct ColumnSlot {
  Column* column = nullptr;
  char* data = nullptr;  // the value's position in a resized column; nullptr: the value is appended
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

// Reads values of one type. A reader of a nested type has a reader for each part.
class JsonValueReader {
 public:
  // `path` names the value in errors: FOO, FOO.BAR, FOO[]. JsonTimes::Iso is for values that a client writes in a
  // statement, COPY or POST /inserts-stream: DATE, TIME and TIMESTAMP may then also be ISO text, and a number that the
  // type cannot hold without loss is an error. ksqlDB reads records of topics differently: it cuts 5.5 to 5.
  JsonValueReader(const SqlType& type, std::string path, JsonTimes times = JsonTimes::Numbers,
                  JsonStrings strings = JsonStrings::MayBeNumbers);

  // Reads the next value into `slot`. Returns false if the value cannot be read. Some rows may then
  // have been appended, also in part; truncate() removes them. take_error() or the cursor has the
  // reason.
  bool read(JsonCursor& cursor, ColumnSlot& slot);
  // Returns the reason why the last read failed; empty if the text is not valid JSON, which the
  // cursor reports.
  std::string take_error() { return std::exchange(*error_, {}); }

 private:
  bool read_scalar(JsonCursor& cursor, ColumnSlot& slot);
  bool read_number(std::string_view token, ColumnSlot& slot, bool from_string);
  bool read_text(std::string_view raw, ColumnSlot& slot);
  bool read_string_column(JsonCursor& cursor, ColumnSlot& slot);
  bool read_array(JsonCursor& cursor, ColumnSlot& slot);
  bool read_map(JsonCursor& cursor, ColumnSlot& slot);
  bool read_struct(JsonCursor& cursor, ColumnSlot& slot);
  static bool begins_with_field(JsonCursor& cursor);
  bool read_union(JsonCursor& cursor, ColumnSlot& slot);
  // Returns the first field of the union that can hold the next value.
  std::optional<size_t> member_for(JsonCursor& cursor) const;
  bool read_field(JsonCursor& cursor, Column& parent, JsonFields::Match match);
  bool append_key(JsonCursor& cursor, Column& keys, std::string_view raw);
  bool read_iso_time(std::string_view text, ColumnSlot& slot);
  bool mismatch(std::string_view token);
  bool is_exact() const { return times_ == JsonTimes::Iso; }

  const SqlType type_;
  const std::string path_;
  const JsonTimes times_;
  const JsonStrings strings_;
  std::vector<JsonValueReader> parts_;  // readers of the element, the value of a MAP, or the fields
  std::unique_ptr<JsonFields> fields_;  // fields of a STRUCT
  // Whether the type is a STRUCT that stands for a union (oneOf), in the form that Kafka Connect's
  // converter uses: it has one field for each member of the union. A JSON value that is not an
  // object with such a field is read as one of the members.
  bool is_union_ = false;
  // For each field of the STRUCT: the number of the last object in which a key was exactly the
  // field's name.
  std::vector<uint64_t> exact_in_;
  uint64_t objects_ = 0;
  std::shared_ptr<std::string> error_;  // shared by all parts of one column
};

// Truncates a column to `size` rows, including a row that was appended in part.
void truncate(Column& column, size_t size);

// The last row of a MAP is not finished yet; its entries begin at `first`. Keeps only the last
// entry of each key in this row, at the place of the key's first entry. If the keys have a nested
// type, all entries are kept.
void drop_duplicate_keys(Column& map, uint32_t first);

}  // namespace engine
