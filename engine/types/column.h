// A typed vector of values. Operators, expressions and formats exchange columns.
#pragma once
#include <cassert>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/types/type.h"
#include "engine/types/value.h"

namespace engine {

// One bit for each row. In a column, a set bit means that the row has a value.
class Bitmap {
 public:
  Bitmap() = default;
  Bitmap(size_t size, bool value) { resize(size, value); }
  size_t size() const { return size_; }
  bool test(size_t row) const { return (words_[row >> 6] >> (row & 63)) & 1; }
  void set(size_t row) { words_[row >> 6] |= uint64_t{1} << (row & 63); }
  void clear(size_t row) { words_[row >> 6] &= ~(uint64_t{1} << (row & 63)); }
  void assign(size_t row, bool value) { value ? set(row) : clear(row); }
  void push_back(bool value);
  // Changes the number of rows. New rows get `value`; bits past the end stay zero.
  void resize(size_t size, bool value);
  void reserve(size_t size) { words_.reserve((size + 63) / 64); }
  bool all() const;
  bool none() const;
  size_t count() const;
  std::span<uint64_t> words() { return words_; }
  std::span<const uint64_t> words() const { return words_; }
  // Clears the bits that are not set in `other`.
  void intersect(const Bitmap& other);

 private:
  std::vector<uint64_t> words_;
  size_t size_ = 0;
};

// Holds the bytes of a column's strings. A heap grows in blocks that never move.
class StringHeap {
 public:
  // Returns a copy of `bytes` that lives as long as the heap.
  std::string_view add(std::string_view bytes) {
    char* to = allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }
  // Returns memory for `size` bytes, not initialised.
  char* allocate(size_t size) {
    if (size > left_) grow(size);
    char* at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }

 private:
  void grow(size_t size);
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

// Returns whether columns of the kind are arrays of T.
template <class T>
inline constexpr bool fits_kind(TypeKind kind) {
  switch (kind) {
    case TypeKind::Boolean:
      return std::is_same_v<T, uint8_t>;
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return std::is_same_v<T, int32_t>;
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return std::is_same_v<T, int64_t>;
    case TypeKind::Double:
      return std::is_same_v<T, double>;
    case TypeKind::Decimal:
      return std::is_same_v<T, Int128>;
    case TypeKind::String:
    case TypeKind::Bytes:
      return std::is_same_v<T, std::string_view>;
    case TypeKind::Array:
    case TypeKind::Map:
      return std::is_same_v<T, uint32_t>;  // the offsets of ARRAY and MAP
    default:
      return false;
  }
}

// The layout depends on the kind. Scalars are an array of one of the types above (DECIMAL: unscaled
// 128-bit integers; STRING and BYTES: 16-byte views). ARRAY and MAP have size()+1 offsets into
// their children (the elements; the keys and values). A STRUCT has one child for each field, with
// as many rows as the column. The values of null rows are zero, so that kernels can compute with
// them without a check.
//
// Invariants: validity has size() bits; children are as long as the offsets or the size require.
// Threads:    not thread-safe; a column that several threads share is `const`.
// Strings:    point into heap(), or into memory kept by keep(). A view into memory of another
//             owner is valid only as long as that owner guarantees, for example for one iteration
//             of the event loop. To live longer, it must be copied. (See Column::keep for memory
//             that should live longer.)
class Column {
 public:
  explicit Column(SqlType type);

  const SqlType& type() const { return type_; }
  size_t size() const { return size_; }
  bool is_null(size_t row) const { return !validity_.test(row); }
  const Bitmap& validity() const { return validity_; }
  Bitmap& validity() { return validity_; }
  bool has_nulls() const { return !validity_.all(); }

  template <class T>
  std::span<const T> data() const {
    assert(fits_kind<T>(type_.kind()));
    return {reinterpret_cast<const T*>(data_.data()), data_.size() / sizeof(T)};
  }
  template <class T>
  std::span<T> data() {
    assert(fits_kind<T>(type_.kind()));
    return {reinterpret_cast<T*>(data_.data()), data_.size() / sizeof(T)};
  }
  std::span<const uint32_t> offsets() const { return data<uint32_t>(); }
  // Returns the bytes of data(), for code that derives the layout from the kind.
  char* raw_data() { return data_.data(); }
  const Column& child(size_t index) const { return *children_[index]; }
  Column& child(size_t index) { return *children_[index]; }
  size_t child_count() const { return children_.size(); }

  // Resizes the column to `size` rows. New rows are null and have the value zero; to give them
  // values, set their data and bits. New rows of ARRAY and MAP are empty, and the children are
  // unchanged. The children of a STRUCT grow, too.
  void resize(size_t size);
  void reserve(size_t size);
  void clear() { resize(0); }

  // --- Functions that append one row
  void append_null();
  template <class T>
  void append(T value) {  // appends a scalar of this column's layout; strings are not copied
    assert(fits_kind<T>(type_.kind()) && !type_.is_nested());
    const size_t at = data_.size();
    data_.resize(at + sizeof(T));
    std::memcpy(data_.data() + at, &value, sizeof(T));
    validity_.push_back(true);
    ++size_;
  }
  void append_copy(std::string_view bytes) { append(heap().add(bytes)); }
  // Ends one ARRAY or MAP row. Its elements are those that were appended to the children since the
  // end of the previous row.
  void close_list(bool valid = true);
  // Ends one STRUCT row, after one value was appended to each child.
  void close_struct(bool valid = true);
  // Appends one row of another column of the same type; strings are copied into this heap.
  void append_from(const Column& other, size_t row);
  // Appends a dynamic value of this column's type (or NULL).
  void append_value(const Value& value);

  Value value_at(size_t row) const;
  // Returns whether two rows have the same value (null equals null). Both columns have the same
  // type.
  bool same(size_t row, const Column& other, size_t other_row) const;

  // Returns the given rows, in the given order. Strings share their bytes with this column.
  Column gather(std::span<const uint32_t> rows) const;

  // Returns all rows. Strings share their bytes with this column.
  Column clone() const;

  // Returns all rows, with copies of their strings. Rows that share a large string share its copy.
  Column copy() const;

  // A row of one of several columns with the same type. merge() takes a list of such rows and
  // returns them in this order; their strings share the bytes of the sources.
  struct SourceRow {
    uint32_t source, row;
  };
  static Column merge(std::span<const Column* const> sources, std::span<const SourceRow> rows);

  StringHeap& heap();
  // Keeps `owner` alive as long as this column and all columns that share its strings.
  void keep(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }
  // Allows this column to contain views into the strings of `other`. Their memory then lives as
  // long as this column.
  void share_strings_of(const Column& other);

 private:
  void own_strings();

  SqlType type_;
  size_t size_ = 0;
  Bitmap validity_;
  std::vector<char> data_;
  std::vector<std::unique_ptr<Column>> children_;
  std::shared_ptr<StringHeap> heap_;
  std::vector<std::shared_ptr<const void>> owners_;
};

using ColumnPtr = std::shared_ptr<const Column>;

// Returns whether the type contains STRING or BYTES at any depth.
bool holds_strings(const SqlType& type);
// Returns the size of one element of the kind's array in bytes; 0 for STRUCT.
size_t element_size(TypeKind kind);
// Returns a column in which every row is `value`.
ColumnPtr constant_column(const SqlType& type, const Value& value, size_t rows);

}  // namespace engine
