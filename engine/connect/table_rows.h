// Makes the rows that a sink writes into tables from records. The columns come from the key, from
// the value, and from the record's place in its topic.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/connect/transforms/record_forms.h"

namespace engine {

// The source of the columns that identify a row, as in pk.mode: none; the record's place in its
// topic; the key; members of the value.
enum class KeyMode : uint8_t { None, Kafka, RecordKey, RecordValue };

// How records become rows.
struct RowMapping {
  KeyMode key_mode = KeyMode::None;
  std::vector<std::string> key_fields =
      {};                                // pk.fields; empty: all fields of the key, or of the value
  std::vector<std::string> fields = {};  // of the value that become columns; empty: all
  bool deletes = false;                  // a record without a value deletes the row of its key
  bool has_types = false;  // the columns of rows have types, which make tables and columns
  RecordForms forms = {};
};

struct TableColumn {
  std::string name;
  // The members below are set with RowMapping::has_types.
  std::string type = {};  // as in CREATE TABLE; empty: not known, the value is null
  bool is_required = false;
  std::optional<std::string> default_value = {};  // a text that PostgreSQL reads
  bool operator==(const TableColumn&) const = default;
};

// The columns of rows. The key columns, which identify a row, come first.
struct TableShape {
  std::vector<TableColumn> columns;
  size_t key_columns = 0;
  bool operator==(const TableShape&) const = default;
};

// The values are texts in PostgreSQL's syntax; nullopt is NULL. Arrays and objects are JSON.
struct TableRow {
  std::shared_ptr<const TableShape> shape;
  std::vector<std::optional<std::string>> values;
  std::vector<bool> numbers =
      {};  // by value: it is a number, and its schema does not make it a date or time
  bool is_delete = false;  // only the columns of the key count
};

// Threads: one at a time. Rows with the same columns share one TableShape.
class TableRowReader {
 public:
  explicit TableRowReader(RowMapping mapping) : mapping_(std::move(mapping)) {}

  struct Place {
    std::string_view topic;
    PartitionId partition;
    Offset offset;
  };
  // Fails with InvalidText if no row can be made from the record. The message then is only the
  // reason, without the record's place.
  Result<TableRow> read(const Place& place, const std::optional<std::string>& key,
                        const std::optional<std::string>& value);

 private:
  struct Parts;
  Status add_key(const Place& place, const std::optional<std::string>& key, Parts& parts) const;
  TableRow take(Parts parts);

  const RowMapping mapping_;
  std::shared_ptr<const TableShape> last_shape_;
};

// Appends the row in the text format of COPY (https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.2), without
// the end of the line.
void append_copy_row(std::string& to, const std::vector<std::optional<std::string>>& values);

}  // namespace engine
