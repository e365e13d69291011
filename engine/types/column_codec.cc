#include "engine/types/column_codec.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace engine {

namespace {

static_assert(std::endian::native == std::endian::little);  // numbers are copied without conversion

constexpr uint8_t kNoNulls = 0, kHasNulls = 1;

// Returns whether the values of a column of the type take no bytes. The null bits of such a column
// are always written, so that a damaged block cannot state more rows than it has bits for.
bool has_no_values(const SqlType& type) {
  return type.kind() == TypeKind::Null ||
         (type.kind() == TypeKind::Struct && type.fields().empty());
}

// ---- numbers: the smallest number, then each number's difference to it, in 1, 2, 4 or 8 bytes

template <class T>
void append_differences(std::span<const int64_t> numbers, uint64_t base, std::string& out) {
  const size_t at = out.size();
  out.resize(at + numbers.size() * sizeof(T));
  char* to = out.data() + at;
  for (const int64_t number : numbers) {
    const auto difference = static_cast<T>(static_cast<uint64_t>(number) - base);
    std::memcpy(to, &difference, sizeof difference);
    to += sizeof difference;
  }
}

size_t width_of(uint64_t largest) {
  if (largest <= UINT8_MAX) return 1;
  if (largest <= UINT16_MAX) return 2;
  return largest <= UINT32_MAX ? 4 : 8;
}

// Numbers in their encoded form.
struct PackedNumbers {
  uint64_t base = 0;
  size_t width = 0;
  std::string_view bytes;

  // Calls `take` with each number, in order.
  template <class Take>
  void each(Take take) const {
    switch (width) {
      case 1:
        return each_of<uint8_t>(take);
      case 2:
        return each_of<uint16_t>(take);
      case 4:
        return each_of<uint32_t>(take);
      default:
        return each_of<uint64_t>(take);
    }
  }

 private:
  template <class T, class Take>
  void each_of(Take& take) const {
    for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
      T difference;
      std::memcpy(&difference, bytes.data() + at, sizeof difference);
      take(static_cast<int64_t>(base + difference));
    }
  }
};

PackedNumbers read_numbers(ByteReader& in, size_t count) {
  PackedNumbers numbers;
  numbers.base = static_cast<uint64_t>(in.signed_varint());
  numbers.width = in.be<uint8_t>();
  if (!std::has_single_bit(numbers.width) || numbers.width > 8) {
    in.fail();
    return numbers;
  }
  if (count > in.rest().size() / numbers.width) {
    in.fail();
    return numbers;
  }
  numbers.bytes = in.bytes(count * numbers.width);
  return numbers;
}

template <class T>
void encode_integers(const Column& column, std::span<const uint32_t> rows, std::string& out) {
  const auto values = column.data<T>();
  std::vector<int64_t> numbers(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) numbers[i] = values[rows[i]];
  encode_numbers(numbers, out);
}

template <class T>
void decode_integers(ByteReader& in, size_t rows, Column& out) {
  const PackedNumbers numbers = read_numbers(in, rows);
  if (!in.ok()) return;
  const size_t first = out.size();
  out.resize(first + rows);
  T* to = out.data<T>().data() + first;
  numbers.each([&](int64_t number) { *to++ = static_cast<T>(number); });
}

// ---- values that are copied without conversion

template <class T>
void encode_plain(const Column& column, std::span<const uint32_t> rows, std::string& out) {
  const auto values = column.data<T>();
  const size_t at = out.size();
  out.resize(at + rows.size() * sizeof(T));
  char* to = out.data() + at;
  for (const uint32_t row : rows) {
    std::memcpy(to, &values[row], sizeof(T));
    to += sizeof(T);
  }
}

template <class T>
void decode_plain(ByteReader& in, size_t rows, Column& out) {
  if (rows > in.rest().size() / sizeof(T)) return in.fail();
  const std::string_view bytes = in.bytes(rows * sizeof(T));
  const size_t first = out.size();
  out.resize(first + rows);
  if (!bytes.empty()) std::memcpy(out.data<T>().data() + first, bytes.data(), bytes.size());
}

void decode_booleans(ByteReader& in, size_t rows, Column& out) {
  const std::string_view bytes = in.bytes(rows);
  if (!in.ok()) return;
  const size_t first = out.size();
  out.resize(first + rows);
  uint8_t* to = out.data<uint8_t>().data() + first;
  for (const char byte : bytes) *to++ = byte != 0;
}

// ---- strings: their sizes, then their bytes

void encode_strings(const Column& column, std::span<const uint32_t> rows, std::string& out) {
  const auto values = column.data<std::string_view>();
  std::vector<int64_t> sizes(rows.size());
  size_t all = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    sizes[i] = static_cast<int64_t>(values[rows[i]].size());
    all += values[rows[i]].size();
  }
  encode_numbers(sizes, out);
  const size_t at = out.size();
  out.resize(at + all);
  char* to = out.data() + at;
  for (const uint32_t row : rows) {
    const std::string_view text = values[row];
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    to += text.size();
  }
}

void decode_strings(ByteReader& in, size_t rows, Column& out) {
  const PackedNumbers sizes = read_numbers(in, rows);
  if (!in.ok()) return;
  uint64_t all = 0;
  bool is_fine = true;
  const uint64_t most = in.rest().size();
  sizes.each([&](int64_t size) {
    is_fine &= static_cast<uint64_t>(size) <= most;
    all += static_cast<uint64_t>(size);
    is_fine &= all <= most;
  });
  if (!is_fine) return in.fail();
  const char* at = in.bytes(all).data();
  const size_t first = out.size();
  out.resize(first + rows);
  std::string_view* to = out.data<std::string_view>().data() + first;
  sizes.each([&](int64_t size) {
    *to++ = std::string_view(at, static_cast<size_t>(size));
    at += size;
  });
}

// ---- lists: the number of items of each, then a column (two for a MAP) of all items

void encode_lists(const Column& column, std::span<const uint32_t> rows, std::string& out) {
  const auto ends = column.offsets();
  std::vector<int64_t> counts;
  std::vector<uint32_t> items;
  for (const uint32_t row : rows) {
    counts.push_back(ends[row + 1] - ends[row]);
    for (uint32_t item = ends[row]; item < ends[row + 1]; ++item) items.push_back(item);
  }
  encode_numbers(counts, out);
  for (size_t part = 0; part < column.child_count(); ++part)
    encode_column(column.child(part), items, out);
}

void decode_lists(ByteReader& in, size_t rows, Column& out) {
  const PackedNumbers counts = read_numbers(in, rows);
  if (!in.ok()) return;
  const uint64_t before = out.child(0).size();
  uint64_t items = 0;
  bool is_fine = true;
  counts.each([&](int64_t count) {
    is_fine &= count >= 0 && count <= std::numeric_limits<uint32_t>::max();
    items += is_fine ? static_cast<uint64_t>(count) : 0;
  });
  if (!is_fine || before + items > std::numeric_limits<uint32_t>::max()) return in.fail();
  for (size_t part = 0; part < out.child_count() && in.ok(); ++part)
    decode_column(in, items, out.child(part));
  if (!in.ok()) return;
  const size_t first = out.size();
  out.resize(first + rows);
  uint32_t* to = out.data<uint32_t>().data() + first;
  auto end = static_cast<uint32_t>(before);
  counts.each([&](int64_t count) { *++to = end += static_cast<uint32_t>(count); });
}

// ---- columns

void encode_values(const Column& column, std::span<const uint32_t> rows, std::string& out) {
  switch (column.type().kind()) {
    case TypeKind::Boolean:
      return encode_plain<uint8_t>(column, rows, out);
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return encode_integers<int32_t>(column, rows, out);
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return encode_integers<int64_t>(column, rows, out);
    case TypeKind::Double:
      return encode_plain<double>(column, rows, out);
    case TypeKind::Decimal:
      return encode_plain<Int128>(column, rows, out);
    case TypeKind::String:
    case TypeKind::Bytes:
      return encode_strings(column, rows, out);
    case TypeKind::Array:
    case TypeKind::Map:
      return encode_lists(column, rows, out);
    case TypeKind::Struct:
      for (size_t part = 0; part < column.child_count(); ++part)
        encode_column(column.child(part), rows, out);
      return;
    case TypeKind::Null:
      return;
  }
}

// Decodes the values of a column. The types are from the schema, and the parser bounds their depth,
// so the recursion is safe.
void decode_values(ByteReader& in, size_t rows, Column& out) {
  switch (out.type().kind()) {
    case TypeKind::Boolean:
      return decode_booleans(in, rows, out);
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return decode_integers<int32_t>(in, rows, out);
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return decode_integers<int64_t>(in, rows, out);
    case TypeKind::Double:
      return decode_plain<double>(in, rows, out);
    case TypeKind::Decimal:
      return decode_plain<Int128>(in, rows, out);
    case TypeKind::String:
    case TypeKind::Bytes:
      return decode_strings(in, rows, out);
    case TypeKind::Array:
    case TypeKind::Map:
      return decode_lists(in, rows, out);
    case TypeKind::Struct: {
      const size_t size = out.size() + rows;
      for (size_t part = 0; part < out.child_count() && in.ok(); ++part)
        decode_column(in, rows, out.child(part));
      if (in.ok()) out.resize(size);
      return;
    }
    case TypeKind::Null:
      return out.resize(out.size() + rows);
  }
}

// Sets the value of a null row to zero, as Column requires, because the encoded bytes may be
// different.
void clear_value(Column& column, size_t row) {
  const size_t width = element_size(column.type().kind());
  const TypeKind kind = column.type().kind();
  if (kind == TypeKind::Array || kind == TypeKind::Map || width == 0) return;
  std::memset(column.raw_data() + row * width, 0, width);
}

}  // namespace

void encode_numbers(std::span<const int64_t> numbers, std::string& out) {
  const auto [least, most] = std::ranges::minmax_element(numbers);
  const auto base = numbers.empty() ? 0 : static_cast<uint64_t>(*least);
  const size_t width = numbers.empty() ? 1 : width_of(static_cast<uint64_t>(*most) - base);
  append_varint(out, zigzag(static_cast<int64_t>(base)));
  out += static_cast<char>(width);
  switch (width) {
    case 1:
      return append_differences<uint8_t>(numbers, base, out);
    case 2:
      return append_differences<uint16_t>(numbers, base, out);
    case 4:
      return append_differences<uint32_t>(numbers, base, out);
    default:
      return append_differences<uint64_t>(numbers, base, out);
  }
}

void decode_numbers(ByteReader& in, size_t count, std::vector<int64_t>& out) {
  const PackedNumbers numbers = read_numbers(in, count);
  if (!in.ok()) return;
  out.reserve(out.size() + count);
  numbers.each([&](int64_t number) { out.push_back(number); });
}

void encode_bits(const Bitmap& bits, std::span<const uint32_t> rows, std::string& out) {
  const size_t at = out.size();
  out.resize(at + (rows.size() + 7) / 8);
  for (size_t i = 0; i < rows.size(); ++i)
    if (bits.test(rows[i]))
      out[at + i / 8] = static_cast<char>(static_cast<uint8_t>(out[at + i / 8]) | (1U << (i % 8)));
}

void decode_bits(ByteReader& in, size_t rows, Bitmap& out) {
  const std::string_view bytes = in.bytes(rows / 8 + (rows % 8 != 0));
  if (!in.ok()) return;
  const size_t first = out.size();
  out.resize(first + rows, false);
  for (size_t i = 0; i < rows; ++i)
    if (((static_cast<uint8_t>(bytes[i / 8]) >> (i % 8)) & 1) != 0) out.set(first + i);
}

void encode_column(const Column& column, std::span<const uint32_t> rows, std::string& out) {
  const bool has_nulls = column.has_nulls() && std::ranges::any_of(rows, [&](const uint32_t row) {
                           return column.is_null(row);
                         });
  const bool has_bits = has_nulls || has_no_values(column.type());
  out += static_cast<char>(has_bits ? kHasNulls : kNoNulls);
  if (has_bits) encode_bits(column.validity(), rows, out);
  encode_values(column, rows, out);
}

void decode_column(ByteReader& in, size_t rows, Column& out) {
  const auto nulls = in.be<uint8_t>();
  if (nulls > kHasNulls || (nulls == kNoNulls && has_no_values(out.type()))) in.fail();
  Bitmap is_there;
  if (nulls == kHasNulls) decode_bits(in, rows, is_there);
  if (!in.ok()) return;
  const size_t first = out.size();
  decode_values(in, rows, out);
  if (!in.ok()) return;
  if (nulls == kNoNulls) {
    out.validity().resize(first, false);
    out.validity().resize(first + rows, true);
    return;
  }
  for (size_t i = 0; i < rows; ++i)
    is_there.test(i) ? out.validity().set(first + i) : clear_value(out, first + i);
}

}  // namespace engine
