#include "engine/types/row_columns.h"

#include <cassert>
#include <cstring>

#include "base/bytes.h"

namespace engine {

namespace {

// Reads values from the front of a row, as ByteReader does. It is faster for numbers and lengths of
// one byte, which are by far the most frequent ones.
class ValueReader {
 public:
  explicit ValueReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}
  std::string_view bytes(uint64_t size) {
    if (size > static_cast<uint64_t>(end_ - at_)) return fail(), std::string_view();
    at_ += size;
    return {at_ - size, size};
  }
  uint64_t varint() {
    if (at_ < end_ && static_cast<int8_t>(*at_) >= 0) return static_cast<uint8_t>(*at_++);
    ByteReader in({at_, static_cast<size_t>(end_ - at_)});
    const uint64_t value = in.varint();
    if (!in.ok()) return fail(), 0;
    at_ = end_ - in.rest().size();
    return value;
  }
  int64_t signed_varint() { return unzigzag(varint()); }
  void skip_varint() {
    while (at_ < end_)
      if (static_cast<int8_t>(*at_++) >= 0) return;
    fail();
  }
  bool ok() const { return ok_; }

 private:
  void fail() {
    ok_ = false;
    at_ = end_;
  }
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

// Sets the value of a row that is null, and marks the row as not null.
template <class T>
void put_number(Column& column, size_t row, T value) {
  column.data<T>()[row] = value;
  column.validity().set(row);
}
template <class T>
void put_bytes(ValueReader& in, Column* column, size_t row) {
  const std::string_view bytes = in.bytes(sizeof(T));
  if (!column || bytes.size() != sizeof(T)) return;
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  put_number(*column, row, value);
}

// Reads one value of row_codec.h into the row of the column, if it is not null.
void read_value(ValueReader& in, TypeKind kind, Column* column, size_t row) {
  switch (kind) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time: {
      const int64_t value = in.signed_varint();
      if (column) put_number(*column, row, static_cast<int32_t>(value));
      return;
    }
    case TypeKind::Bigint:
    case TypeKind::Timestamp: {
      const int64_t value = in.signed_varint();
      if (column) put_number(*column, row, value);
      return;
    }
    case TypeKind::String:
    case TypeKind::Bytes: {
      const std::string_view bytes = in.bytes(in.varint());
      if (column) put_number(*column, row, column->heap().add(bytes));
      return;
    }
    case TypeKind::Boolean:
      return put_bytes<uint8_t>(in, column, row);
    case TypeKind::Double:
      return put_bytes<double>(in, column, row);
    case TypeKind::Decimal:
      return put_bytes<Int128>(in, column, row);
    default:
      assert(kind == TypeKind::Null);
  }
}

// Returns the bytes of an encoded value of a fixed size, otherwise 0.
size_t fixed_bytes(TypeKind kind) {
  switch (kind) {
    case TypeKind::Boolean:
      return sizeof(uint8_t);
    case TypeKind::Double:
      return sizeof(double);
    case TypeKind::Decimal:
      return sizeof(Int128);
    default:
      return 0;
  }
}

Error cut_row() {
  return {ErrorCode::CorruptRecord, "a stored row does not have the columns of its table"};
}

}  // namespace

RowColumns::RowColumns(std::span<Column* const> columns, const std::vector<bool>& wanted)
    : null_bytes_((columns.size() + 7) / 8) {
  assert(wanted.size() == columns.size());
  size_t end = columns.size();
  while (end > 0 && !wanted[end - 1]) --end;
  for (size_t i = 0; i < end; ++i)
    parts_.push_back({columns[i]->type().kind(), wanted[i] ? columns[i] : nullptr});
  add_steps();
}

void RowColumns::add_steps() {
  using enum Step::Action;
  for (const Part& part : parts_) {
    const size_t fixed = fixed_bytes(part.kind);
    const bool is_text = part.kind == TypeKind::String || part.kind == TypeKind::Bytes;
    if (part.kind == TypeKind::Null) continue;  // such a value has no bytes
    if (part.column)
      steps_.push_back({Read, 0, part});
    else if (fixed > 0 && !steps_.empty() && steps_.back().action == SkipBytes)
      steps_.back().bytes += fixed;
    else
      steps_.push_back({fixed > 0 ? SkipBytes : is_text ? SkipString : SkipVarint, fixed, part});
  }
}

// Whether one of the parts is null in a row with these null bits.
bool RowColumns::has_nulls(std::string_view nulls) const {
  const size_t whole = parts_.size() / 8, rest = parts_.size() % 8;
  for (size_t i = 0; i < whole; ++i)
    if (nulls[i] != 0) return true;
  return rest != 0 && (static_cast<uint8_t>(nulls[whole]) & ((1u << rest) - 1)) != 0;
}

Status RowColumns::decode_at(std::string_view bytes, size_t row) const {
  using enum Step::Action;
  if (parts_.empty()) return {};
  if (bytes.size() < null_bytes_) return cut_row();
  const std::string_view nulls = bytes.substr(0, null_bytes_);
  bytes.remove_prefix(null_bytes_);
  ValueReader in(bytes);
  if (has_nulls(nulls)) {
    for (size_t i = 0; i < parts_.size() && in.ok(); ++i)
      if (((static_cast<uint8_t>(nulls[i / 8]) >> (i % 8)) & 1) == 0)
        read_value(in, parts_[i].kind, parts_[i].column, row);
    return in.ok() ? Status{} : cut_row();
  }
  for (const Step& step : steps_) {
    if (step.action == Read)
      read_value(in, step.part.kind, step.part.column, row);
    else if (step.action == SkipBytes)
      in.bytes(step.bytes);
    else if (step.action == SkipVarint)
      in.skip_varint();
    else
      in.bytes(in.varint());
    if (!in.ok()) return cut_row();
  }
  return {};
}

}  // namespace engine
