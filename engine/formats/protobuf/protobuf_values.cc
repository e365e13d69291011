#include "engine/formats/protobuf/protobuf_values.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "engine/formats/avro/big_integer.h"
#include "engine/formats/protobuf/protobuf_columns.h"
#include "engine/formats/protobuf/protobuf_wire.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

constexpr uint32_t kSmallNumbers = 128;

bool is_text(ProtobufKind kind) {
  return kind == ProtobufKind::String || kind == ProtobufKind::Bytes;
}

bool is_floating(ProtobufKind kind) {
  return kind == ProtobufKind::Double || kind == ProtobufKind::Float;
}

// Returns whether values of the kind fit into a 32-bit column.
bool is_small_whole(ProtobufKind kind) {
  return kind == ProtobufKind::Int32 || kind == ProtobufKind::Sint32 ||
         kind == ProtobufKind::Sfixed32;
}

// Decodes the bits of a whole number.
int64_t whole_of(ProtobufKind kind, uint64_t raw) {
  switch (kind) {
    case ProtobufKind::Sint32:
    case ProtobufKind::Sint64:
      return unzigzag(raw);
    case ProtobufKind::Int32:
    case ProtobufKind::Sfixed32:
    case ProtobufKind::Enum:
      return static_cast<int32_t>(raw);
    case ProtobufKind::Uint32:
    case ProtobufKind::Fixed32:
      return static_cast<uint32_t>(raw);
    case ProtobufKind::Bool:
      return raw != 0;
    default:
      return static_cast<int64_t>(raw);
  }
}

double double_of(ProtobufKind kind, uint64_t raw) {
  if (kind == ProtobufKind::Float)
    return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(raw)));
  return std::bit_cast<double>(raw);
}

std::string enum_name(const ProtobufEnum& enumeration, int64_t number) {
  const auto found = std::ranges::find(enumeration.values, number, [](const auto& value) {
    return static_cast<int64_t>(value.first);
  });
  return found == enumeration.values.end() ? std::to_string(number) : found->second;
}

// Returns the days since 1970 of a date in the Gregorian calendar (Howard Hinnant's days_from_civil).
int64_t days_of(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

// Reads the first four fields of a message of whole numbers. Returns false for malformed bytes.
bool read_numbers(std::string_view bytes, int64_t (&numbers)[4]) {
  ByteReader in(bytes);
  while (!in.at_end()) {
    const uint64_t tag = in.varint();
    const uint64_t field = tag >> 3;
    if ((tag & 7) == kWireVarint && field >= 1 && field <= 4)
      numbers[field - 1] = static_cast<int64_t>(in.varint());
    else if (!skip_protobuf(in, static_cast<unsigned>(tag & 7)))
      return false;
  }
  return in.ok();
}

}  // namespace

ProtobufMessageReader::ProtobufMessageReader(const ProtobufMessage& from,
                                             std::span<const Field> columns,
                                             const std::vector<bool>& needed,
                                             const std::string& path) {
  std::vector<std::string> names;
  for (const Field& column : columns) names.push_back(column.name);
  const std::vector<int> fields = match_protobuf_fields(from, names);
  std::vector<bool> taken(from.fields.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!needed[i]) continue;
    if (fields[i] < 0 && columns[i].type.kind() == TypeKind::Struct)
      if (const ProtobufOneof* oneof = match_protobuf_oneof(from, columns[i].name))
        bind_oneof(from, *oneof, columns[i].type,
                   path.empty() ? columns[i].name : path + "." + columns[i].name, i);
    if (fields[i] < 0 || taken[static_cast<size_t>(fields[i])]) continue;
    taken[static_cast<size_t>(fields[i])] = true;
    const ProtobufField& field = from.fields[static_cast<size_t>(fields[i])];
    const SqlType& type = columns[i].type;
    const std::string name = path.empty() ? columns[i].name : path + "." + columns[i].name;
    Bound bound{.number = field.number, .column = i, .values = {}};
    if (field.is_map && type.kind() == TypeKind::Map) {
      bound.values.push_back(bind(field.message->fields[0], type.key(), name + "{}"));
      bound.values.push_back(bind(field.message->fields[1], type.value(), name + "{}"));
    } else if (field.is_repeated && !field.is_map && type.kind() == TypeKind::Array) {
      bound.values.push_back(bind(field, type.element(), name + "[]"));
    } else {
      bound.values.push_back(bind(field, type, name));
      if (field.is_repeated)
        bound.values.back().way = Way::Mismatch;
      else
        bound.plain = plain_of(field, type);
    }
    add(std::move(bound));
  }
}

void ProtobufMessageReader::add(Bound bound) {
  if (bound.number < kSmallNumbers) {
    by_number_.resize(std::max<size_t>(by_number_.size(), bound.number + 1), -1);
    by_number_[bound.number] = static_cast<int>(bound_.size());
  }
  bound_.push_back(std::move(bound));
}

// Binds each field of the oneof to the STRUCT. A record's field is read like a message that only has this field. A
// field that also has its own column is read into that column.
void ProtobufMessageReader::bind_oneof(const ProtobufMessage& from, const ProtobufOneof& oneof,
                                       const SqlType& to, const std::string& path, size_t column) {
  for (const size_t member : oneof.fields) {
    const ProtobufField& field = from.fields[member];
    if (find(field.number) != nullptr) continue;
    Value value{&field, to, path, Way::Member};
    value.message.emplace_back(from, to.fields(), std::vector<bool>(to.fields().size(), true),
                               path);
    Bound bound{.number = field.number, .column = column, .values = {}};
    bound.values.push_back(std::move(value));
    add(std::move(bound));
  }
}

ProtobufMessageReader::Value ProtobufMessageReader::bind(const ProtobufField& from,
                                                         const SqlType& to, std::string path) {
  Value value{&from, to, std::move(path)};
  value.way = choose(from, to);
  if (value.way == Way::Message)
    value.message.emplace_back(*from.message, to.fields(),
                               std::vector<bool>(to.fields().size(), true), value.path);
  if (value.way == Way::List) {
    const Field column{from.message->fields[0].name, to};
    value.message.emplace_back(*from.message, std::span(&column, 1), std::vector<bool>{true},
                               value.path);
  }
  if (value.way == Way::Wrapper)
    value.wrapped.push_back(bind(from.message->fields[0], to, value.path));
  return value;
}

ProtobufMessageReader::Way ProtobufMessageReader::choose(const ProtobufField& from,
                                                         const SqlType& to) {
  const bool is_message = from.kind == ProtobufKind::Message;
  if (is_message) {
    switch (from.message->meaning) {
      case ProtobufMeaning::Timestamp:
        return to.kind() == TypeKind::Timestamp ? Way::Timestamp : Way::Mismatch;
      case ProtobufMeaning::Date:
        return to.kind() == TypeKind::Date ? Way::Date : Way::Mismatch;
      case ProtobufMeaning::TimeOfDay:
        return to.kind() == TypeKind::Time ? Way::TimeOfDay : Way::Mismatch;
      case ProtobufMeaning::Decimal:
        return to.kind() == TypeKind::Decimal ? Way::Decimal : Way::Mismatch;
      case ProtobufMeaning::Wrapper:
        return Way::Wrapper;
      case ProtobufMeaning::Plain:
        break;
    }
    if (to.kind() == TypeKind::Struct) return Way::Message;
    const bool is_list = to.kind() == TypeKind::Array || to.kind() == TypeKind::Map;
    const bool holds_list = from.message->fields.size() == 1 && from.message->fields[0].is_repeated;
    return is_list && holds_list ? Way::List : Way::Mismatch;
  }
  switch (to.kind()) {
    case TypeKind::Boolean:
      return from.kind == ProtobufKind::Bool ? Way::Number : Way::Mismatch;
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return is_small_whole(from.kind) ? Way::Number : Way::Mismatch;
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return is_text(from.kind) || is_floating(from.kind) || from.kind == ProtobufKind::Bool ||
                     from.kind == ProtobufKind::Enum
                 ? Way::Mismatch
                 : Way::Number;
    case TypeKind::Double:
      return is_floating(from.kind) ? Way::Number : Way::Mismatch;
    case TypeKind::String:
      if (from.kind == ProtobufKind::String) return Way::Text;
      return from.kind == ProtobufKind::Bytes ? Way::Mismatch : Way::AsText;
    case TypeKind::Bytes:
      return is_text(from.kind) ? Way::Text : Way::Mismatch;
    default:
      return Way::Mismatch;
  }
}

bool ProtobufMessageReader::mismatch(const Value& value, std::string& error) {
  error = "column " + value.path + ": expected " + value.to.to_string() + ", got Protobuf's ";
  error += value.from->kind == ProtobufKind::Message
               ? std::string_view(value.from->message->full_name)
               : protobuf_kind_name(value.from->kind);
  if (value.from->is_repeated) error += ", repeated";
  return false;
}

const ProtobufMessageReader::Bound* ProtobufMessageReader::find(uint32_t number) const {
  if (number < by_number_.size())
    return by_number_[number] < 0 ? nullptr : &bound_[static_cast<size_t>(by_number_[number])];
  if (number < kSmallNumbers) return nullptr;
  for (const Bound& bound : bound_)
    if (bound.number == number) return &bound;
  return nullptr;
}

bool ProtobufMessageReader::read(std::string_view bytes, std::span<Column* const> columns,
                                 size_t row, std::string& error) const {
  ByteReader in(bytes);
  while (!in.at_end()) {
    const std::string_view field = in.rest();
    const uint64_t tag = in.varint();
    const auto wire = static_cast<unsigned>(tag & 7);
    const Bound* bound = tag >> 3 > UINT32_MAX ? nullptr : find(static_cast<uint32_t>(tag >> 3));
    if (bound == nullptr) {
      if (!skip_protobuf(in, wire)) return false;
    } else if (bound->values[0].way == Way::Member) {
      if (!skip_protobuf(in, wire)) return false;
      if (!read_member(bound->values[0], field.substr(0, field.size() - in.rest().size()),
                       *columns[bound->column], row, error))
        return false;
    } else if (Column& column = *columns[bound->column];
               !read_plain(bound->plain, wire, in, column, row) &&
               !read_field(*bound, wire, in, column, row, error)) {
      return false;
    }
  }
  return in.ok() && complete(columns, row);
}

ProtobufMessageReader::Plain ProtobufMessageReader::plain_of(const ProtobufField& from,
                                                             const SqlType& to) {
  if (from.kind == ProtobufKind::Int32 && to.kind() == TypeKind::Integer) return Plain::Whole32;
  if (from.kind == ProtobufKind::Int64 &&
      (to.kind() == TypeKind::Bigint || to.kind() == TypeKind::Timestamp))
    return Plain::Whole64;
  if (from.kind == ProtobufKind::String && to.kind() == TypeKind::String) return Plain::Text;
  return Plain::No;
}

// Reads the value of a field whose wire type and column type make a conversion unnecessary (Plain). A truncated value
// is detected at the end of the message, by in.ok().
inline bool ProtobufMessageReader::read_plain(Plain plain, unsigned wire, ByteReader& in,
                                              Column& column, size_t row) {
  if (plain == Plain::No || column.size() != row) return false;
  if (wire != (plain == Plain::Text ? kWireBytes : kWireVarint)) return false;
  ColumnSlot slot{&column};
  if (plain == Plain::Whole32)
    slot.put(static_cast<int32_t>(in.varint()));
  else if (plain == Plain::Whole64)
    slot.put(static_cast<int64_t>(in.varint()));
  else
    put_text(in.bytes(in.varint()), true, slot);
  return true;
}

void ProtobufMessageReader::put_text(std::string_view bytes, bool is_string, ColumnSlot& slot) {
  if (is_string && !is_utf8(bytes))
    slot.put(slot.column->heap().add(repaired_utf8(bytes)));
  else
    slot.put(bytes);
}

bool ProtobufMessageReader::read_field(const Bound& bound, unsigned wire, ByteReader& in,
                                       Column& column, size_t row, std::string& error) const {
  const Value& value = bound.values[0];
  if (bound.values.size() == 2) {
    if (wire != kWireBytes) return false;
    return read_entry(bound, in.bytes(in.varint()), column, error) && in.ok();
  }
  if (!value.from->is_repeated) {
    // if a field occurs several times, its last value counts
    if (column.size() > row) truncate(column, row);
    return read_value(value, wire, in, {&column}, error);
  }
  if (value.way == Way::Mismatch) return mismatch(value, error);
  const ColumnSlot element{&column.child(0)};
  const unsigned plain_wire = wire_of(value.from->kind);
  if (wire != kWireBytes || plain_wire == kWireBytes)
    return read_value(value, wire, in, element, error);
  ByteReader packed(in.bytes(in.varint()));
  while (!packed.at_end())
    if (!read_value(value, plain_wire, packed, element, error)) return false;
  return in.ok() && packed.ok();
}

// Reads a field of a oneof into the STRUCT. `field` includes its tag. The last of several fields counts.
bool ProtobufMessageReader::read_member(const Value& value, std::string_view field, Column& column,
                                        size_t row, std::string& error) {
  if (column.size() > row) truncate(column, row);
  ColumnSlot slot{&column};
  return read_nested(value, field, slot, error);
}

bool ProtobufMessageReader::read_entry(const Bound& bound, std::string_view bytes, Column& map,
                                       std::string& error) const {
  ByteReader in(bytes);
  const size_t entry = map.child(0).size();
  while (!in.at_end()) {
    const uint64_t tag = in.varint();
    const auto wire = static_cast<unsigned>(tag & 7);
    const uint64_t half = (tag >> 3) - 1;
    if (half > 1) {
      if (!skip_protobuf(in, wire)) return false;
      continue;
    }
    Column& child = map.child(half);
    if (child.size() > entry) truncate(child, entry);
    if (!read_value(bound.values[half], wire, in, {&child}, error)) return false;
  }
  for (size_t half = 0; half < 2; ++half)
    if (map.child(half).size() == entry) put_default(bound.values[half], {&map.child(half)});
  return in.ok();
}

bool ProtobufMessageReader::read_value(const Value& value, unsigned wire, ByteReader& in,
                                       ColumnSlot slot, std::string& error) {
  if (value.way == Way::Mismatch) return mismatch(value, error);
  if (wire != wire_of(value.from->kind)) return false;
  if (wire != kWireBytes) {
    const uint64_t raw = read_raw(in, wire);
    return in.ok() && read_number(value, raw, slot, error);
  }
  const std::string_view bytes = in.bytes(in.varint());
  if (!in.ok()) return false;
  if (value.way != Way::Text) return read_meaning(value, bytes, slot, error);
  put_text(bytes, value.to.kind() == TypeKind::String, slot);
  return true;
}

bool ProtobufMessageReader::read_number(const Value& value, uint64_t raw, ColumnSlot& slot,
                                        std::string& error) {
  const ProtobufKind kind = value.from->kind;
  switch (value.to.kind()) {
    case TypeKind::Boolean:
      slot.put(static_cast<uint8_t>(raw != 0));
      return true;
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time: {
      const int64_t whole = whole_of(kind, raw);
      if (value.to.kind() == TypeKind::Time && (whole < 0 || whole >= kMsPerDay)) {
        error = "column " + value.path + ": " + std::to_string(whole) + " is out of range for TIME";
        return false;
      }
      slot.put(static_cast<int32_t>(whole));
      return true;
    }
    case TypeKind::Double:
      slot.put(double_of(kind, raw));
      return true;
    case TypeKind::String: {
      std::string text;
      if (kind == ProtobufKind::Enum)
        text = enum_name(*value.from->enumeration, whole_of(kind, raw));
      else if (kind == ProtobufKind::Bool)
        text = raw != 0 ? "true" : "false";
      else if (is_floating(kind))
        append_double(text, double_of(kind, raw));
      else
        append_bigint(text, whole_of(kind, raw));
      slot.put(slot.column->heap().add(text));
      return true;
    }
    default:
      slot.put(whole_of(kind, raw));
      return true;
  }
}

bool ProtobufMessageReader::read_meaning(const Value& value, std::string_view bytes,
                                         ColumnSlot& slot, std::string& error) {
  if (value.way == Way::Decimal) return read_decimal(value, bytes, slot, error);
  if (value.way == Way::Message || value.way == Way::List)
    return read_nested(value, bytes, slot, error);
  if (value.way == Way::Wrapper) {
    const Value& inner = value.wrapped.front();
    ByteReader in(bytes);
    bool is_read = false;
    while (!in.at_end()) {
      const uint64_t tag = in.varint();
      const auto wire = static_cast<unsigned>(tag & 7);
      if (tag >> 3 != 1 || is_read) {
        if (!skip_protobuf(in, wire)) return false;
        continue;
      }
      if (!read_value(inner, wire, in, slot, error)) return false;
      is_read = true;
    }
    if (!is_read) put_default(inner, slot);
    return in.ok();
  }
  int64_t numbers[4] = {};
  if (!read_numbers(bytes, numbers)) return false;
  const auto out_of_range = [&] {
    error = "column " + value.path + ": the value is out of range for " + value.to.to_string();
    return false;
  };
  switch (value.way) {
    case Way::Timestamp: {
      constexpr int64_t kMaxSeconds = std::numeric_limits<int64_t>::max() / 1000 - 1;
      if (numbers[0] > kMaxSeconds || numbers[0] < -kMaxSeconds) return out_of_range();
      slot.put(numbers[0] * 1000 + static_cast<int32_t>(numbers[1]) / 1'000'000);
      return true;
    }
    case Way::Date: {
      constexpr int64_t kMaxYear = 5'000'000;
      if (numbers[0] < -kMaxYear || numbers[0] > kMaxYear || numbers[1] < 1 || numbers[1] > 12 ||
          numbers[2] < 1 || numbers[2] > 31)
        return out_of_range();
      slot.put(static_cast<int32_t>(days_of(numbers[0], numbers[1], numbers[2])));
      return true;
    }
    default: {
      for (const int64_t number : numbers)
        if (number < 0 || number > 999'999'999) return out_of_range();
      const int64_t ms =
          (numbers[0] * 3600 + numbers[1] * 60 + numbers[2]) * 1000 + numbers[3] / 1'000'000;
      if (ms >= kMsPerDay) return out_of_range();
      slot.put(static_cast<int32_t>(ms));
      return true;
    }
  }
}

bool ProtobufMessageReader::read_decimal(const Value& value, std::string_view bytes,
                                         ColumnSlot& slot, std::string& error) {
  ByteReader in(bytes);
  std::string_view unscaled_bytes;
  int scale = 0;
  while (!in.at_end()) {
    const uint64_t tag = in.varint();
    if (tag == (1 << 3 | kWireBytes))
      unscaled_bytes = in.bytes(in.varint());
    else if (tag == (3 << 3 | kWireVarint))
      scale = static_cast<int32_t>(in.varint());
    else if (!skip_protobuf(in, static_cast<unsigned>(tag & 7)))
      return false;
  }
  if (!in.ok()) return false;
  const std::optional<Int128> unscaled = big_integer(unscaled_bytes);
  if (unscaled && scale >= 0 && scale <= kMaxDecimalPrecision) {
    const auto rescaled =
        rescale({*unscaled, scale}, value.to.precision(), value.to.scale(), Rounding::Exact);
    if (rescaled) {
      slot.put(*rescaled);
      return true;
    }
  }
  error = "column " + value.path + ": the number does not fit " + value.to.to_string();
  return false;
}

bool ProtobufMessageReader::read_nested(const Value& value, std::string_view bytes,
                                        ColumnSlot& slot, std::string& error) {
  Column& column = *slot.column;
  const size_t row = column.size();
  if (value.way == Way::List) {
    Column* const only[] = {&column};
    return value.message.front().read(bytes, only, row, error);
  }
  std::vector<Column*> children;
  children.reserve(column.child_count());
  for (size_t i = 0; i < column.child_count(); ++i) children.push_back(&column.child(i));
  if (!value.message.front().read(bytes, children, row, error)) return false;
  column.close_struct();
  return true;
}

// Stores the value of an absent field.
void ProtobufMessageReader::put_default(const Value& value, ColumnSlot slot) {
  switch (value.way) {
    case Way::Number:
      switch (value.to.kind()) {
        case TypeKind::Boolean:
          return slot.put(uint8_t{0});
        case TypeKind::Integer:
        case TypeKind::Date:
        case TypeKind::Time:
          return slot.put(int32_t{0});
        case TypeKind::Double:
          return slot.put(0.0);
        default:
          return slot.put(int64_t{0});
      }
    case Way::Text:
      return slot.put(std::string_view());
    case Way::AsText: {
      std::string ignored;
      read_number(value, 0, slot, ignored);
      return;
    }
    default:
      slot.put_null();
  }
}

// Completes the columns of fields that the message did not contain.
bool ProtobufMessageReader::complete(std::span<Column* const> columns, size_t row) const {
  for (const Bound& bound : bound_) {
    Column& column = *columns[bound.column];
    if (column.size() > row) continue;
    const Value& value = bound.values[0];
    if (bound.values.size() == 2) {
      drop_duplicate_keys(column, column.offsets()[row]);
      column.close_list();
    } else if (value.from->is_repeated && value.way != Way::Mismatch) {
      column.close_list();
    } else if (value.from->has_presence || value.way == Way::Mismatch) {
      column.append_null();
    } else {
      put_default(value, {&column});
    }
  }
  for (Column* column : columns)
    if (column != nullptr && column->size() == row) column->append_null();
  return true;
}

}  // namespace engine
