#include "engine/formats/smallint_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/types/smallint_range.h"

namespace engine {

namespace {

// Replaces rows by NULL. The column is copied, because rows of nested types differ in size and cannot
// be overwritten.
void set_null(Column& column, const std::vector<bool>& rows) {
  Column replaced(column.type());
  for (size_t row = 0; row < column.size(); ++row) {
    if (rows[row])
      replaced.append_null();
    else
      replaced.append_from(column, row);
  }
  column = std::move(replaced);
}

class SmallintReader final : public Reader {
 public:
  SmallintReader(std::unique_ptr<Reader> reader, std::span<const ColumnDef> columns)
      : reader_(std::move(reader)), columns_(columns.begin(), columns.end()) {}

  void read(std::span<const std::optional<std::string_view>> payloads,
            std::span<Column* const> outs, RowStatus& status) override {
    const auto is_needed = [](const Column* out) { return out != nullptr; };
    const auto any = std::ranges::find_if(outs, is_needed);
    if (any == outs.end()) return reader_->read(payloads, outs, status);
    const size_t rows_before = (*any)->size();
    reader_->read(payloads, outs, status);
    std::vector<bool> refused((*any)->size());
    bool is_any_refused = false;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (outs[i] == nullptr) continue;
      size_t from = rows_before;
      while (const auto wrong = find_beyond_smallint(columns_[i].type, *outs[i], from)) {
        from = wrong->row + 1;
        if (refused[wrong->row]) continue;
        refused[wrong->row] = is_any_refused = true;
        status.fail(wrong->row - rows_before,
                    fmt::format("column {}: {} is out of range for SMALLINT", columns_[i].name,
                                wrong->value));
      }
    }
    for (Column* out : outs)
      if (is_any_refused && out != nullptr) set_null(*out, refused);
  }

 private:
  const std::unique_ptr<Reader> reader_;
  const std::vector<ColumnDef> columns_;
};

}  // namespace

std::unique_ptr<Reader> with_smallint_range(std::unique_ptr<Reader> reader,
                                            std::span<const ColumnDef> columns) {
  for (const ColumnDef& column : columns)
    if (holds_smallint(column.type))
      return std::make_unique<SmallintReader>(std::move(reader), columns);
  return reader;
}

}  // namespace engine
