#include "engine/formats/json/json_writer.h"

#include "engine/formats/format.h"
#include "engine/formats/json/json_buffer.h"
#include "engine/types/row_size.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// A longer value is printed directly into the buffer, without a copy in text_.
constexpr size_t kLongBytes = size_t{256} << 10;

class JsonWriter final : public Writer {
 public:
  JsonWriter(std::span<const ColumnDef> columns, bool wrapped, Side side)
      : wrapped_(wrapped), side_(side) {
    for (const ColumnDef& column : columns) {
      names_.push_back(column.name);
      std::string prefix = prefixes_.empty() ? "{" : ",";
      append_json_string(prefix, column.name);
      prefixes_.emplace_back(prefix + ":");
    }
  }

  void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
             EncodedRows& out) override {
    JsonBuffer buffer(out.bytes);
    for (size_t row = rows.first; row < rows.end; ++row) {
      const size_t begin = buffer.size();
      bool is_present = has_payload(columns, row, present, wrapped_, side_);
      if (is_present) {
        const size_t bad = write_row(columns, row, buffer);
        if (bad != columns.size()) {
          buffer.cut(begin);
          is_present = false;
          out.problems.push_back({row, "column " + names_[bad] + ": " +
                                           columns[bad]->type().to_string() +
                                           " cannot hold the value"});
        }
      }
      out.close(buffer.size(), is_present);
    }
    buffer.finish();
  }

 private:
  // Appends the record. Returns the index of the column that cannot be written, or columns.size().
  size_t write_row(std::span<const Column* const> columns, size_t row, JsonBuffer& buffer) {
    for (size_t i = 0; i < columns.size(); ++i) {
      buffer.make_room(prefixes_[i].size() + JsonBuffer::kNumberRoom);
      if (wrapped_) buffer.put(prefixes_[i]);
      if (!write_value(*columns[i], row, buffer)) return i;
    }
    if (wrapped_) buffer.append(columns.empty() ? "{}" : "}");
    return columns.size();
  }

  // Prints a value, the most frequent kinds in place and all other kinds through a string. Returns
  // false for a DECIMAL with more digits than its type.
  bool write_value(const Column& column, size_t row, JsonBuffer& buffer) {
    if (column.is_null(row)) {
      buffer.append("null");
      return true;
    }
    switch (column.type().kind()) {
      case TypeKind::Integer:
      case TypeKind::Date:
      case TypeKind::Time:
        buffer.put_number(column.data<int32_t>()[row]);
        return true;
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        buffer.put_number(column.data<int64_t>()[row]);
        return true;
      case TypeKind::String: {
        const std::string_view text = column.data<std::string_view>()[row];
        buffer.make_room(text.size() + 2);
        if (buffer.put_plain_string(text)) return true;
        break;
      }
      case TypeKind::Decimal:
        if (!fits_precision(column.data<Int128>()[row], column.type().precision())) return false;
        break;
      default:
        break;
    }
    size_t bytes = 0;
    add_row_bytes(column, row, std::span(&bytes, 1));
    if (bytes > kLongBytes) {
      buffer.append_by(bytes, [&](std::string& out) { append_json_value(out, column, row); });
      return true;
    }
    text_.clear();
    append_json_value(text_, column, row);
    buffer.append(text_);
    return true;
  }

  std::vector<std::string> names_;
  std::vector<PaddedText> prefixes_;  // text before each value: {"A": and ,"B":
  std::string text_;                  // text of one value; a member, so that its memory is reused
  const bool wrapped_;
  const Side side_;
};

}  // namespace

std::unique_ptr<Writer> make_json_writer(std::span<const ColumnDef> columns, bool wrapped,
                                         Side side) {
  return std::make_unique<JsonWriter>(columns, wrapped, side);
}

}  // namespace engine
