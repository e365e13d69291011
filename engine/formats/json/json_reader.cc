#include "engine/formats/json/json_reader.h"

#include "engine/formats/foreign_payload.h"
#include "engine/formats/json/json_values.h"

namespace engine {

namespace {

std::vector<std::string> names_of(std::span<const ColumnDef> columns) {
  std::vector<std::string> names;
  for (const ColumnDef& column : columns) names.push_back(column.name);
  return names;
}

class JsonReader final : public Reader {
 public:
  JsonReader(std::span<const ColumnDef> columns, std::vector<bool> needed, bool wrapped,
             JsonTimes times, JsonStrings strings)
      : fields_(names_of(columns)), needed_(std::move(needed)), wrapped_(wrapped) {
    for (const ColumnDef& column : columns)
      values_.emplace_back(column.type, column.name, times, strings);
    slots_.resize(columns.size());
    exact_in_.resize(columns.size());
  }

  void read(std::span<const std::optional<std::string_view>> payloads,
            std::span<Column* const> outs, RowStatus& status) override {
    status.clear();
    status.states.resize(payloads.size(), RowState::Value);
    open_slots(outs, payloads.size());
    for (size_t i = 0; i < payloads.size(); ++i) {
      if (!payloads[i]) {
        status.states[i] = RowState::Null;
        set_row_null();
      } else {
        status.states[i] = read_record(*payloads[i]);
        if (status.states[i] == RowState::Error) status.fail(i, error_);
      }
      for (ColumnSlot& slot : slots_) ++slot.row;
    }
  }

 private:
  // Prepares the columns for `rows` more rows. Columns of scalars are resized first, so that each
  // value can be stored directly at its address.
  void open_slots(std::span<Column* const> outs, size_t rows) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      Column* column = needed_[i] ? outs[i] : nullptr;
      ColumnSlot& slot = slots_[i];
      slot = ColumnSlot{column};
      if (column == nullptr) continue;
      slot.row = column->size();
      if (column->type().is_nested()) continue;
      column->resize(slot.row + rows);
      slot.data = column->raw_data();
      slot.validity = column->validity().words().data();
    }
  }

  // Sets the current row to null in columns that got no value.
  void complete_row() {
    for (ColumnSlot& slot : slots_)
      if (slot.column != nullptr && slot.column->size() == slot.row) slot.column->append_null();
  }

  void set_row_null() {
    for (ColumnSlot& slot : slots_) {
      if (slot.column == nullptr) continue;
      if (slot.data == nullptr) truncate(*slot.column, slot.row);
      slot.put_null();
    }
  }

  RowState read_record(std::string_view payload) {
    JsonTokens tokens;
    if (const char* wrong = tokenizer_.tokenize(payload, tokens)) {
      error_ = std::string("not valid JSON: ") + wrong;
      const size_t begin = payload.find_first_not_of(" \t\r\n");
      if (wrapped_ && begin != payload.npos && payload[begin] != '{')
        error_ += guessed_format(payload);
      set_row_null();
      return RowState::Error;
    }
    JsonCursor cursor(tokens);
    failed_ = nullptr;
    if (tokens.count == 1 && cursor.peek() == 'n' && cursor.take_scalar() == "null") {
      set_row_null();
      return RowState::Null;
    }
    const bool has_object = !wrapped_ || cursor.peek() == '{';
    const bool ok = wrapped_ ? read_object(cursor) : read_bare(cursor);
    if (ok && cursor.at_end()) {
      complete_row();
      return RowState::Value;
    }
    if (ok) cursor.fail("more text after the value");
    error_ = failed_ != nullptr ? failed_->take_error() : std::string();
    if (error_.empty()) error_ = cursor.error();
    if (!has_object) error_ += guessed_format(payload);
    set_row_null();
    return RowState::Error;
  }

  bool read_bare(JsonCursor& cursor) {
    return slots_.empty() || slots_[0].column == nullptr ? cursor.skip_value()
                                                         : read_value(cursor, 0);
  }

  bool read_object(JsonCursor& cursor) {
    if (!cursor.take('{')) return cursor.fail("an object was expected");
    if (cursor.take('}')) return true;
    ++records_;
    fields_.begin();
    do {
      std::string_view key;
      if (!cursor.take_raw_string(key)) return false;
      const auto match = fields_.find(key);
      if (match.is_bad_escape()) return cursor.fail("unknown escape in a string");
      if (!cursor.expect(':')) return false;
      if (!read_field(cursor, match)) return false;
    } while (cursor.take(','));
    return cursor.expect('}');
  }

  bool read_field(JsonCursor& cursor, JsonFields::Match match) {
    if (!match.is_field() || slots_[match.index()].column == nullptr) return cursor.skip_value();
    const size_t field = match.index();
    if (match.is_exact())
      exact_in_[field] = records_;
    else if (exact_in_[field] == records_)
      return cursor.skip_value();  // a field with the exact name has occurred already
    return read_value(cursor, field);
  }

  bool read_value(JsonCursor& cursor, size_t field) {
    ColumnSlot& slot = slots_[field];
    // The last of several fields with the same name counts.
    if (slot.data == nullptr && slot.column->size() > slot.row) truncate(*slot.column, slot.row);
    if (values_[field].read(cursor, slot)) return true;
    failed_ = &values_[field];
    return false;
  }

  JsonTokenizer tokenizer_;
  JsonFields fields_;
  std::vector<JsonValueReader> values_;
  std::vector<ColumnSlot> slots_;
  // The number of the last record in which each column was found by its exact name.
  std::vector<uint64_t> exact_in_;
  uint64_t records_ = 0;
  const std::vector<bool> needed_;
  const bool wrapped_;
  JsonValueReader* failed_ = nullptr;
  std::string error_;
};

}  // namespace

std::unique_ptr<Reader> make_json_reader(std::span<const ColumnDef> columns,
                                         std::vector<bool> needed, bool wrapped, JsonTimes times,
                                         JsonStrings strings) {
  return std::make_unique<JsonReader>(columns, std::move(needed), wrapped, times, strings);
}

}  // namespace engine
