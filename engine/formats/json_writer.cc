#include "engine/formats/json_writer.h"

#include "engine/formats/format.h"
#include "engine/types/text_json.h"

namespace engine {

namespace {

class JsonWriter final : public Writer {
 public:
  JsonWriter(std::span<const ColumnDef> columns, bool wrapped, Side side)
      : wrapped_(wrapped), side_(side) {
    for (const ColumnDef& column : columns) {
      names_.push_back(column.name);
      std::string prefix = prefixes_.empty() ? "{" : ",";
      append_json_string(prefix, column.name);
      prefixes_.push_back(prefix + ":");
    }
  }

  void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
             EncodedRows& out) override {
    for (size_t row = rows.first; row < rows.end; ++row) {
      if ((present != nullptr && !present->test(row)) || is_null_record(columns, row)) {
        out.close(false);
        continue;
      }
      const size_t begin = out.bytes.size();
      const size_t bad = write_row(columns, row, out.bytes);
      if (bad == columns.size())
        out.close(true);
      else
        out.fail(row, begin,
                 "column " + names_[bad] + ": a MAP with a null key cannot be written as JSON");
    }
  }

 private:
  bool is_null_record(std::span<const Column* const> columns, size_t row) const {
    if (wrapped_ && side_ == Side::Value) return false;
    for (const Column* column : columns)
      if (!column->is_null(row)) return false;
    return true;
  }

  // Appends the record; gives the column that cannot be written, columns.size() if all could.
  size_t write_row(std::span<const Column* const> columns, size_t row, std::string& out) const {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (wrapped_) out += prefixes_[i];
      if (!append_json_value(out, *columns[i], row)) return i;
    }
    if (wrapped_) out += columns.empty() ? "{}" : "}";
    return columns.size();
  }

  std::vector<std::string> names_;
  std::vector<std::string> prefixes_;  // {"A": and ,"B":
  const bool wrapped_;
  const Side side_;
};

}  // namespace

std::unique_ptr<Writer> make_json_writer(std::span<const ColumnDef> columns, bool wrapped,
                                         Side side) {
  return std::make_unique<JsonWriter>(columns, wrapped, side);
}

}  // namespace engine
